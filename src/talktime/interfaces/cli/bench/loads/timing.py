"""The measured time of a load: when it begins and ends, what it cost this process, and how latencies are counted.

Instants are nanoseconds of `clock`.
"""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Iterable

from talktime.interfaces.cli.bench.measuring.reports import LoadOrder, LoadReport, announce, rounded

NANOSECONDS = 1_000_000_000
# A server that answers nothing for so long is not measured any further.
SILENCE_SECONDS_MAX = 30.0

clock = time.perf_counter_ns


def span(order: LoadOrder, began: int) -> tuple[int, int]:
    """Return when the measured time begins and ends, of a load that began at an instant."""
    begins_at = began + int(order.warm_up_seconds * NANOSECONDS)
    return begins_at, begins_at + int(order.seconds * NANOSECONDS)


def patience_seconds(order: LoadOrder) -> float:
    """Return how long a load may take before it is given up."""
    return order.warm_up_seconds + order.seconds + SILENCE_SECONDS_MAX


def collect_no_garbage() -> None:
    """Keep what lives, and collect nothing from now on: a load ends before that matters."""
    gc.collect()
    gc.freeze()
    gc.disable()


async def measure(report: LoadReport, begins_at: int, ends_at: int) -> None:
    """Announce the measured time, and note how long it really was and what it cost us."""
    await asyncio.sleep(max(0, begins_at - clock()) / NANOSECONDS)
    announce("begin")
    cpu, began = time.process_time(), clock()
    await asyncio.sleep(max(0, ends_at - clock()) / NANOSECONDS)
    report.cpu_seconds, report.seconds = time.process_time() - cpu, (clock() - began) / NANOSECONDS
    announce("end")


def counted(latencies: Iterable[int]) -> Counter[int]:
    """Count latencies, in nanoseconds, as a report has them."""
    return Counter(rounded(latency // 1_000) for latency in latencies)
