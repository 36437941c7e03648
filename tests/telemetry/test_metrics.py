"""Metrics: what is counted, and how Prometheus reads it; of one process and of several."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from prometheus_client.parser import text_string_to_metric_families

from talktime.core.calls.calls import CallKey, DenialReason, PaysFrom
from talktime.core.calls.requests import Denied, EndCall, Granted, Request, StartCall
from talktime.telemetry.batches import BatchCounts, BatchResult, StageSeconds
from talktime.telemetry.metrics import FAMILIES, Sample, Snapshot, exposition
from talktime.telemetry.outcomes import OPERATIONS
from talktime.telemetry.requests import LATENCY_BOUNDS_SECONDS, RequestCounts
from talktime.telemetry.snapshots import Place

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = CallKey("sbc1", "a")
GRANTED = Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT)


def read(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read metrics as Prometheus does: name and labels to value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_kind_of_request_has_a_name() -> None:
    assert set(OPERATIONS) == set(get_args(Request))
    assert len(set(OPERATIONS.values())) == len(OPERATIONS)


def test_requests_are_counted_by_operation_outcome_and_time() -> None:
    counts = RequestCounts()
    start = StartCall(KEY, AT, caller="1", called="2")

    counts.answered((start, start), (GRANTED, Denied(DenialReason.CREDIT_EXHAUSTED)), time.monotonic() - 0.003)
    counts.answered((EndCall(KEY, AT, 1),), (ValueError("what"),), time.monotonic() - 60)

    started, ended = counts.tallies[StartCall], counts.tallies[EndCall]
    assert started.outcomes == {("allow", ""): 1, ("deny", "credit_exhausted"): 1}
    assert ended.outcomes == {("error", "internal"): 1}
    assert started.places[LATENCY_BOUNDS_SECONDS.index(0.005)] == 2
    assert ended.places[-1] == 1


def test_batches_are_counted_by_size_and_the_time_of_their_stages() -> None:
    counts = BatchCounts()

    counts.committed(3, StageSeconds(load=0.002, decide=0.0001, save=0.002, commit=2.0))
    counts.ended(BatchResult.UNAVAILABLE)

    assert counts.results == {BatchResult.COMMITTED: 1, BatchResult.UNAVAILABLE: 1}
    assert counts.size_places == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert (counts.stage_places["decide"][0], counts.stage_places["commit"][-1]) == (1, 1)


def test_prometheus_reads_what_a_process_has_counted() -> None:
    places = [0] * (len(LATENCY_BOUNDS_SECONDS) + 1)
    places[1] = places[3] = 1
    samples = [
        Sample("requests", ["start", "deny", "credit_exhausted"], 7),
        Sample("request_seconds", ["start"], 0.006, places),
        Sample("held_micros", ["EUR"], 12_345_678),
    ]

    metrics = read(exposition([Snapshot("1", 1.0, samples)]))

    counted = {"process": "1", "operation": "start", "result": "deny", "reason": "credit_exhausted"}
    assert metrics["talktime_requests_total", frozenset(counted.items())] == 7
    bucket = {"process": "1", "operation": "start"}.items()
    in_bucket = {
        bound: metrics["talktime_request_seconds_bucket", frozenset({*bucket, ("le", bound)})]
        for bound in ("0.0005", "0.001", "0.0025", "0.005", "+Inf")
    }
    assert in_bucket == {"0.0005": 0, "0.001": 1, "0.0025": 1, "0.005": 2, "+Inf": 2}
    assert metrics["talktime_request_seconds_count", frozenset(bucket)] == 2
    # The same for all processes, and so without one.
    assert metrics["talktime_held_micros", frozenset({("currency", "EUR")})] == 12_345_678


def test_several_processes_are_told_apart_and_what_is_of_all_is_told_once(tmp_path: Path) -> None:
    first, second = Place(1, 3, tmp_path), Place(2, 3, tmp_path)
    counted = [Sample("requests_waiting", [], 3), Sample("open_calls", ["EUR"], 5)]
    first.write(Snapshot("1", 10.0, counted))
    second.write(Snapshot("2", 11.0, [Sample("requests_waiting", [], 4), Sample("open_calls", ["EUR"], 6)]))

    metrics = read(exposition([Snapshot("2", 12.0, [Sample("requests_waiting", [], 9)]), *second.others()]))

    assert metrics == {
        ("talktime_requests_waiting", frozenset({("process", "1")})): 3,
        ("talktime_requests_waiting", frozenset({("process", "2")})): 9,
        ("talktime_open_calls", frozenset({("currency", "EUR")})): 5,
    }


def test_a_process_that_is_alone_tells_nobody_and_asks_nobody() -> None:
    alone = Place()

    alone.write(Snapshot("1", 1.0, []))

    assert alone.others() == []


def test_the_page_of_metrics_names_each_of_them(repository: Path) -> None:
    page = (repository / "docs" / "operate" / "metrics.md").read_text("utf-8")

    named = re.findall(r"^\| `talktime_(\w+?)(?:_total)?` \|", page, re.MULTILINE)

    assert sorted(named) == sorted(FAMILIES)
