"""What a load tells of itself: how many operations were answered when, how, and at what cost of its own."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MICROSECONDS = 1_000_000
# What is told of answers that nobody expected: enough to see what went wrong.
SAMPLES_MAX = 5
# The charge of an end whose protocol tells none.
NOT_TOLD = -1
# Latencies are kept to three digits.
_SIGNIFICANT = 1_000


@dataclass(slots=True)
class LoadReport:
    """One load, of `seconds` between its warm-up and its end; latencies in microseconds, counted."""

    seconds: float = 0.0
    operations: int = 0
    cpu_seconds: float = 0.0
    latencies: Counter[int] = field(default_factory=Counter)
    # Asked again, because the server had no time: a switch does so, and is answered alike.
    repeated: int = 0
    unexpected: int = 0
    samples: list[str] = field(default_factory=list)
    # Of the whole load, with its warm-up.
    acknowledged: dict[str, int] = field(default_factory=dict)

    def surprise(self, answer: bytes) -> None:
        """Count an answer that nobody expected."""
        self.unexpected += 1
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(answer[-400:].decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What a load is told: how long, how many at once, and by which URL and names."""

    url: str
    # What the calls' switch is called, and what chance is made of: another one for each measurement.
    switch: str
    seconds: float
    warm_up_seconds: float
    organizations: int
    connections: int
    # Calls that each connection has open at a time; of a batch, its size.
    calls_each: int
    # Operations a second of an open loop; 0 is a closed one.
    rate: float = 0.0
    is_batch: bool = False
    is_hot: bool = False


def rounded(microseconds: int) -> int:
    """Return a latency with three digits: how it is counted."""
    unit = 1
    while microseconds >= _SIGNIFICANT * unit:
        unit *= 10
    return microseconds // unit * unit


def percentile_ms(latencies: Counter[int], share: float) -> float:
    """Return the latency, in milliseconds, that such a share of the operations did not exceed."""
    wanted, seen = share * latencies.total(), 0
    for latency in sorted(latencies):
        seen += latencies[latency]
        if seen >= wanted:
            return latency / 1_000
    return 0.0


def announce(moment: str) -> None:
    """Tell whoever started this process that the measured time begins, or ends."""
    print(moment, flush=True)


def read_order() -> tuple[LoadOrder, Path]:
    """Return what this process is to do, and where its report goes; it comes on standard input."""
    told = json.load(sys.stdin)
    path = Path(told.pop("report"))
    return LoadOrder(**told), path


def write_report(path: Path, report: LoadReport) -> None:
    """Write the report for whoever started this process."""
    path.write_text(json.dumps({name: getattr(report, name) for name in LoadReport.__dataclass_fields__}), "utf-8")


def report_of(told: dict[str, Any]) -> LoadReport:
    """Return what `write_report` wrote."""
    latencies = Counter({int(latency): count for latency, count in told.pop("latencies").items()})
    return LoadReport(latencies=latencies, **told)
