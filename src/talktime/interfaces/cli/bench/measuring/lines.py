"""One measurement as a line: what was found, next to what, how durable, at what cost, and what else ran."""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from talktime.interfaces.cli.bench.measuring.reports import LoadReport, percentile_ms

Line = dict[str, Any]
MICROSECONDS = 1_000_000


def latencies_ms(latencies: Counter[int]) -> Line:
    """Return the percentiles of counted latencies."""
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    told: Line = {name: percentile_ms(latencies, share) for name, share in shares.items()}
    return {**told, "max_ms": max(latencies, default=0) / 1_000}


def cpu_us(seconds: float | None, operations: int) -> float | None:
    """Return processor time for each operation; None where it could not be read."""
    return None if seconds is None or operations == 0 else round(seconds * MICROSECONDS / operations, 1)


def against(rate: int, baseline: Mapping[str, object] | None) -> Line:
    """Return the baseline and the ratio to it."""
    value = baseline.get("value") if baseline else None
    return {"baseline": baseline, "ratio": round(rate / value, 2) if isinstance(value, int) and value else None}


def rate_of(report: LoadReport) -> int:
    """Return the operations a second of a load."""
    return round(report.operations / report.seconds) if report.seconds else 0


def load_average() -> float:
    """Return how many processes wanted to run in the last minute."""
    return round(os.getloadavg()[0], 2)
