"""Metrics in Prometheus' text format: what each process has counted, translated when somebody asks.

A process's numbers are a `Snapshot`, plain enough for a file: so whichever of several processes is asked tells for all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from talktime.telemetry.batches import SIZE_BOUNDS, STAGE_BOUNDS_SECONDS
from talktime.telemetry.requests import LATENCY_BOUNDS_SECONDS

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "talktime_"
PROCESS = "process"


class Kind(Enum):
    """What kind of metric a family is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """What a metric means; `is_of_all` is the same for all processes, as it is read from their database."""

    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    bounds: Sequence[float] = ()
    is_of_all: bool = False


FAMILIES: dict[str, Family] = {
    "requests": Family(
        Kind.COUNTER,
        "Requests answered, by operation and outcome; an error's reason is its code.",
        ("operation", "result", "reason"),
    ),
    "request_seconds": Family(
        Kind.HISTOGRAM, "From a request's arrival to its answer.", ("operation",), LATENCY_BOUNDS_SECONDS
    ),
    "requests_unread": Family(Kind.COUNTER, "What arrived and could not be read as a request.", ("code",)),
    "unknown_fields": Family(Kind.COUNTER, "Fields that switches sent and this version does not know."),
    "requests_waiting": Family(Kind.GAUGE, "Requests that wait for their answer now."),
    "requests_held_back": Family(Kind.GAUGE, "Of these, those whose organization another transaction holds."),
    "batches": Family(Kind.COUNTER, "Transactions of charging, by how they ended.", ("result",)),
    "batch_requests": Family(Kind.HISTOGRAM, "Requests that were committed together.", (), SIZE_BOUNDS),
    "batch_seconds": Family(
        Kind.HISTOGRAM, "How long a stage of a committed batch took.", ("stage",), STAGE_BOUNDS_SECONDS
    ),
    "silent_calls_closed": Family(Kind.COUNTER, "Calls closed because their switch fell silent."),
    "emergency_calls_unrecorded": Family(Kind.GAUGE, "Calls for help that were allowed and are not recorded yet."),
    "deck_versions_loaded": Family(Kind.GAUGE, "Versions of rate decks in memory."),
    "connections": Family(Kind.GAUGE, "HTTP connections open now."),
    "slow_connections_closed": Family(Kind.COUNTER, "Connections closed because a request on them did not come."),
    "log_lines_dropped": Family(Kind.COUNTER, "Lines of the request log that nobody took in time."),
    "ready": Family(Kind.GAUGE, "1 where the process is ready, 0 where /ready says why not."),
    "clock_difference_seconds": Family(Kind.GAUGE, "The database's clock minus this machine's."),
    "process_cpu_seconds": Family(Kind.COUNTER, "Processor time of the process."),
    "process_resident_bytes": Family(Kind.GAUGE, "Memory of the process."),
    "process_open_files": Family(Kind.GAUGE, "Files and connections of the process."),
    "process_started_seconds": Family(Kind.GAUGE, "When the process began to serve, in seconds since 1970."),
    "snapshot_seconds": Family(Kind.GAUGE, "When the process counted what stands here, in seconds since 1970."),
    "build_info": Family(Kind.GAUGE, "1, and what runs here.", ("version", "schema")),
    "open_calls": Family(Kind.GAUGE, "Calls open now, of all processes.", ("currency",), is_of_all=True),
    "held_micros": Family(
        Kind.GAUGE, "Credit and overage held for open calls, in millionths.", ("currency",), is_of_all=True
    ),
    "oldest_open_call_seconds": Family(Kind.GAUGE, "The age of the call that is open longest.", is_of_all=True),
    "parked_reports": Family(Kind.GAUGE, "Reports kept for an operator, counted up to 10,000.", is_of_all=True),
    "database_look_seconds": Family(Kind.GAUGE, "How long it took to read these four.", is_of_all=True),
}


class Sample(msgspec.Struct, array_like=True):
    """One value of a family by its labels; a histogram's are its places, each for itself, and `value` is their sum."""

    family: str
    labels: list[str]
    value: float
    places: list[int] = []


class Snapshot(msgspec.Struct):
    """What a process had counted at an instant (seconds since 1970)."""

    process: str
    at: float
    samples: list[Sample]


def exposition(snapshots: Iterable[Snapshot]) -> bytes:
    """Return the metrics of all these processes as text; what is of all is taken from the newest that tells it."""
    registry = CollectorRegistry()
    registry.register(_Snapshots(list(snapshots)))
    return generate_latest(registry)


class _Snapshots(Collector):
    """Translates snapshots into families."""

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = sorted(snapshots, key=lambda each: each.at, reverse=True)

    def collect(self) -> Iterator[Metric]:
        for name, family in FAMILIES.items():
            metric = _metric(name, family)
            for snapshot in self._snapshots:
                found = [sample for sample in snapshot.samples if sample.family == name]
                process = [] if family.is_of_all else [snapshot.process]
                for sample in found:
                    _add(metric, family, [*process, *sample.labels], sample)
                if found and family.is_of_all:
                    break
            yield metric


def _metric(name: str, family: Family) -> Metric:
    labels = family.labels if family.is_of_all else (PROCESS, *family.labels)
    match family.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(f"{PREFIX}{name}", family.about, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(f"{PREFIX}{name}", family.about, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(f"{PREFIX}{name}", family.about, labels=labels)


def _add(metric: Metric, family: Family, labels: list[str], sample: Sample) -> None:
    if isinstance(metric, HistogramMetricFamily):
        bounds = [*(f"{bound:g}" for bound in family.bounds), "+Inf"]
        metric.add_metric(labels, list(zip(bounds, accumulate(sample.places), strict=True)), sample.value)
    elif isinstance(metric, CounterMetricFamily | GaugeMetricFamily):
        metric.add_metric(labels, sample.value)
