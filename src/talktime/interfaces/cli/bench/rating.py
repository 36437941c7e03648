"""Measure bulk rating: calls in columns in memory, next to the scalar core in the same run, and from a file."""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rated_calls import RatedCall, RatesInForce, RecordedUse, rate_call
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.rates.time_profiles import complement, parse_profile
from talktime.interfaces.cli.bench.measuring import lines
from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.bench.world.deck import SEED, TERMS, generated_rates
from talktime.interfaces.cli.bench.world.people import called_number, caller_number
from talktime.samples.seeded import generator

if TYPE_CHECKING:
    from talktime.bulk.columns import CallColumns
    from talktime.bulk.plans import RatingPlan

CALLS_COUNT = 3_000_000
# Different calls; the others are these again, in another order.
DISTINCT_COUNT = 100_000
FILE_CALLS_COUNT = 1_000_000
CORES = 2
ROUNDS = 3
_STARTS_AT = datetime(2026, 3, 1, tzinfo=UTC)
_DAYS = 60
_LONGEST_SECONDS = 3_600
_CALLERS = 300


@dataclass(frozen=True, slots=True)
class Extent:
    """How many prefixes the deck has, and how many calls are rated, in memory and from a file."""

    prefixes: int
    calls: int = CALLS_COUNT
    distinct: int = DISTINCT_COUNT
    file_calls: int = FILE_CALLS_COUNT


Measure = Callable[[Extent], Line]


def simple(extent: Extent) -> Line:
    """Return the line of a deck of one price and one increment a prefix."""
    return _in_a_process(_simple, extent)


def with_profiles(extent: Extent) -> Line:
    """Return the line of a deck with time profiles, price steps and origins."""
    return _in_a_process(_with_profiles, extent)


def _in_a_process(measure: Measure, extent: Extent) -> Line:
    """Measure in a fresh process, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, extent).result()


def _simple(extent: Extent) -> Line:
    return _line("rating.bulk", _in_force(generated_rates(extent.prefixes), TERMS), extent)


def _with_profiles(extent: Extent) -> Line:
    terms = DeckTerms("USD", ZoneInfo("Europe/London"))
    return _line("rating.bulk.profiles", _in_force(_rich_rates(extent.prefixes), terms), extent)


def _in_force(rates: Sequence[Rate], terms: DeckTerms) -> RatesInForce:
    deck = RateDeck(version_id=1, terms=terms, rates=rates)
    return RatesInForce(Direction.OUTBOUND, (DeckPublication(1, _STARTS_AT),), {1: deck})


def _rich_rates(prefixes: int) -> list[Rate]:
    """Return rates of 30/6 with a fee, dearer by day; under every other prefix dearer from some origins, too."""
    peak = parse_profile("peak=Mon-Fri 08:00-18:00; Sat 09:00-12:00")
    profiles = (peak, 2), (complement(peak, "offpeak"), 1)
    made: list[Rate] = []
    for number, rate in enumerate(generated_rates(prefixes)):
        nanos = rate.prices[0].steps[0].nanos_per_minute
        for origin, factor in (("", 1), ("1", 2), ("1212", 3)) if number % 2 else (("", 1),):
            prices = tuple(
                Price(
                    10_000_000,
                    (PriceStep(0, 30, nanos * factor * share), PriceStep(30, 6, nanos * factor)),
                    profile,
                )
                for profile, share in profiles
            )
            made.append(Rate(rate.direction, rate.prefix, origin, rate.destination, prices))
    return made


def _line(name: str, in_force: RatesInForce, extent: Extent) -> Line:
    from talktime.bulk.plans import rating_plan

    began = time.perf_counter()
    plan = rating_plan(in_force)
    prepared_ms = round((time.perf_counter() - began) * 1_000)
    recorded = _recorded(extent.distinct)
    scalar_rate = _scalar_rate(in_force, recorded)
    columns = _columns(recorded)
    _must_agree(plan, columns, in_force, recorded)
    calls = _repeated(columns, extent.calls)
    one_core, cpu_ns = _calls_per_second(plan, calls, 1)
    both_cores, _ = _calls_per_second(plan, calls, CORES)
    peak_mb = _peak_mb()
    return {
        "name": name,
        "value": both_cores,
        "unit": "calls/s",
        **lines.against(both_cores, {"name": "the scalar core, on one core", "value": scalar_rate, "unit": "calls/s"}),
        "one_core": one_core,
        "one_core_ratio": round(one_core / scalar_rate, 1),
        "from_csv_file": _file_rate(in_force, recorded, extent.file_calls),
        "prepared_ms": prepared_ms,
        "peak_mb": peak_mb,
        "durable": "nothing to keep",
        "cpu_us": {"server": round(cpu_ns / 1_000, 3), "database": None, "load": None},
        "load_average": lines.load_average(),
        "load": {"prefixes": extent.prefixes, "calls": extent.calls, "equal_to_scalar": len(recorded)},
    }


def _recorded(count: int) -> list[RecordedUse]:
    dice = generator(SEED, "bulk rating")
    callers = [caller_number(1 + number // 3, number % 3) for number in range(_CALLERS)]
    return [_call(dice, callers) for _ in range(count)]


def _call(dice: Random, callers: Sequence[str]) -> RecordedUse:
    started_at = _STARTS_AT + timedelta(seconds=dice.randrange(_DAYS * 86_400))
    return RecordedUse(dice.choice(callers), called_number(dice), started_at, dice.randrange(_LONGEST_SECONDS))


def _scalar_rate(in_force: RatesInForce, recorded: Sequence[RecordedUse]) -> int:
    began = time.perf_counter()
    for call in recorded:
        rate_call(in_force, call)
    return round(len(recorded) / (time.perf_counter() - began))


def _columns(recorded: Sequence[RecordedUse]) -> "CallColumns":
    import pyarrow as pa  # type: ignore[import-untyped]

    from talktime.bulk.columns import call_columns

    names = ("caller", "called", "started_at", "used_seconds")
    return call_columns(
        pa.RecordBatch.from_pydict({name: [getattr(call, name) for call in recorded] for name in names})
    )


def _must_agree(
    plan: "RatingPlan", columns: "CallColumns", in_force: RatesInForce, recorded: Sequence[RecordedUse]
) -> None:
    """A figure of a wrong result is none."""
    from talktime.bulk.kernel import rate_columns

    rated = rate_columns(plan, columns)
    for row, call in enumerate(recorded):
        answer = rate_call(in_force, call)
        expected = (answer.billed_seconds, answer.cost_micros) if isinstance(answer, RatedCall) else (0, 0)
        assert (rated.billed_seconds[row], rated.cost_micros[row]) == expected, f"the kernel differs: {call}"


def _repeated(columns: "CallColumns", count: int) -> "CallColumns":
    import numpy as np

    return columns.take(np.random.default_rng(SEED).integers(0, len(columns), count))


def _calls_per_second(plan: "RatingPlan", calls: "CallColumns", cores: int) -> tuple[int, float]:
    """Return the best of some rounds, and the processor's nanoseconds for each call in the best of them."""
    from talktime.bulk.kernel import rate_columns

    walls, cpus = [], []
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time_ns()
        rate_columns(plan, calls, threads=cores)
        cpus.append((time.process_time_ns() - cpu) / len(calls))
        walls.append(time.perf_counter() - began)
    return round(len(calls) / min(walls)), min(cpus)


def _file_rate(in_force: RatesInForce, recorded: Sequence[RecordedUse], count: int) -> int:
    """Return calls a second from the first byte of a CSV file to the last sum."""
    from talktime.bulk.engines.local import LocalEngine
    from talktime.imports.call_columns import open_call_columns
    from talktime.usecases.insight.rate_in_bulk import ChosenRates, RatedSums, rate_in_bulk

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.csv"
        _write(path, recorded, count)
        began, sums = time.perf_counter(), RatedSums()
        calls = open_call_columns(path, None, in_force.direction)
        chosen = ChosenRates("generated", None, TERMS.currency, in_force)
        for _ in rate_in_bulk(LocalEngine(), chosen, None, (batch.calls for batch in calls.batches), sums):
            pass
        return round(sums.calls / (time.perf_counter() - began))


def _write(path: Path, recorded: Sequence[RecordedUse], count: int) -> None:
    written = [
        f"{call.caller},{call.called},{call.started_at:%Y-%m-%dT%H:%M:%SZ},{call.used_seconds}\n" for call in recorded
    ]
    with path.open("w", encoding="utf-8") as stream:
        stream.write("caller,called,started_at,used_seconds\n")
        for first in range(0, count, len(written)):
            stream.writelines(written[: count - first])


def _peak_mb() -> int:
    # Linux tells kilobytes, macOS bytes.
    unit = 1_024 if sys.platform == "linux" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 1_000_000
