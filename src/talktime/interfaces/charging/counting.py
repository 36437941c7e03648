"""What this process has counted, gathered into a snapshot when somebody asks."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from talktime import __version__
from talktime.bootstrap import Charging
from talktime.group_commit import GroupCommitter
from talktime.interfaces.charging.door import ChargingDoor
from talktime.interfaces.charging.readiness import Readiness
from talktime.store.schema import SCHEMA_REVISION
from talktime.telemetry.batches import BatchCounts
from talktime.telemetry.metrics import Sample, Snapshot
from talktime.telemetry.outcomes import OPERATIONS
from talktime.telemetry.request_log import RequestLog
from talktime.telemetry.requests import RequestCounts
from talktime.usecases.calls.count_open_calls import OpenCallsCounted

# What is open is read so often, but not so that reading takes more than a hundredth of the time.
LOOK_SECONDS = 5.0
LOOK_SHARE = 100
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

log = structlog.get_logger()


class OpenCallsLook:
    """What was found open, and when to look again."""

    def __init__(self, read: Callable[[], OpenCallsCounted]) -> None:
        """Look by `read`."""
        self.counted: OpenCallsCounted | None = None
        self.took_seconds = 0.0
        self._read = read
        self._next = 0.0

    def look(self) -> None:
        """Look, where it is time to."""
        began = time.monotonic()
        if began < self._next:
            return
        self.counted = self._read()
        self.took_seconds = time.monotonic() - began
        self._next = began + max(LOOK_SECONDS, LOOK_SHARE * self.took_seconds)


@dataclass(slots=True)
class Counted:
    """Where the numbers of a process stand; `sources` are those of others, such as what listens."""

    requests: RequestCounts
    charging: Charging
    committer: GroupCommitter
    door: ChargingDoor
    readiness: Readiness
    open_calls: OpenCallsLook
    request_log: RequestLog | None
    silent_calls_closed: int = 0
    started_at: float = field(default_factory=time.time)
    sources: list[Callable[[], list[Sample]]] = field(default_factory=list)

    def snapshot(self, process: str) -> Snapshot:
        """Return what has been counted so far."""
        now = time.time()
        samples = [
            *_of_requests(self.requests),
            *_of_batches(self.charging.counts),
            *self._of_charging(),
            *_of_process(),
            *_of_open_calls(self.open_calls),
            *(sample for source in self.sources for sample in source()),
            Sample("process_started_seconds", [], self.started_at),
            Sample("snapshot_seconds", [], now),
            Sample("build_info", [__version__, SCHEMA_REVISION], 1),
        ]
        return Snapshot(process, now, samples)

    def _of_charging(self) -> Iterator[Sample]:
        yield Sample("requests_waiting", [], self.committer.waiting_count)
        yield Sample("requests_held_back", [], self.committer.held_count)
        yield Sample("emergency_calls_unrecorded", [], self.committer.unrecorded_count)
        yield Sample("silent_calls_closed", [], self.silent_calls_closed)
        yield Sample("deck_versions_loaded", [], self.charging.deck_versions_count)
        yield Sample("unknown_fields", [], self.door.unknown_fields_count)
        yield Sample("log_lines_dropped", [], 0 if self.request_log is None else self.request_log.dropped_count)
        yield Sample("ready", [], int(self.readiness.is_ready))
        checked = self.readiness.checked
        if checked is not None and checked.clock_difference is not None:
            yield Sample("clock_difference_seconds", [], checked.clock_difference.total_seconds())
        for code, count in self.door.unread_counts.items():
            yield Sample("requests_unread", [code], count)


def _of_requests(counts: RequestCounts) -> Iterator[Sample]:
    for kind, tally in counts.tallies.items():
        operation = OPERATIONS[kind]
        for (result, reason), count in tally.outcomes.items():
            yield Sample("requests", [operation, result, reason], count)
        if tally.outcomes:
            yield Sample("request_seconds", [operation], tally.seconds, tally.places)


def _of_batches(counts: BatchCounts) -> Iterator[Sample]:
    for result, count in counts.results.copy().items():
        yield Sample("batches", [result.value], count)
    yield Sample("batch_requests", [], counts.requests_count, counts.size_places)
    for stage, seconds in counts.stage_seconds.items():
        yield Sample("batch_seconds", [stage], seconds, counts.stage_places[stage])


def _of_process() -> Iterator[Sample]:
    yield Sample("process_cpu_seconds", [], time.process_time())
    own = Path("/proc/self")
    if own.exists():
        resident_pages = int((own / "statm").read_text("ascii").split()[1])
        yield Sample("process_resident_bytes", [], resident_pages * _PAGE_BYTES)
        yield Sample("process_open_files", [], sum(1 for _ in (own / "fd").iterdir()))


def _of_open_calls(look: OpenCallsLook) -> Iterator[Sample]:
    counted = look.counted
    if counted is None:
        return
    for currency, each in counted.by_currency.items():
        yield Sample("open_calls", [currency], each.calls_count)
        yield Sample("held_micros", [currency], each.held_micros)
    oldest = counted.oldest_started_at
    age_seconds = 0.0 if oldest is None else (datetime.now(UTC) - oldest).total_seconds()
    yield Sample("oldest_open_call_seconds", [], age_seconds)
    yield Sample("parked_reports", [], counted.parked_reports_count)
    yield Sample("database_look_seconds", [], look.took_seconds)
