"""Measure quotes: the longest prefix of a number and what a call to it costs, in memory, on one core."""

import statistics
import time
from datetime import UTC, datetime
from random import Random

from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction, RateDeck
from talktime.interfaces.cli.bench.measuring import lines
from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.bench.world.deck import SEED, TERMS, generated_rates
from talktime.interfaces.cli.bench.world.people import called_number, caller_number

NUMBERS_COUNT = 10_000
QUOTED_SECONDS = 61
# What the field's Go engine quotes in process on two cores; measured elsewhere.
PEER = {"name": "the field's Go engine, measured elsewhere on 2 cores", "value": 66_000, "unit": "quotes/s"}


def quotes(seconds: float, prefixes: int) -> Line:
    """Return the line of quotes."""
    deck = RateDeck(version_id=1, terms=TERMS, rates=generated_rates(prefixes))
    dice, caller = Random(SEED), caller_number(1, 0)  # noqa: S311 -- repeatable chance is the point
    numbers = [called_number(dice) for _ in range(NUMBERS_COUNT)]
    samples, cpu, ends_at = [], time.process_time(), time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends_at:
        _quote_all(deck, numbers, caller)
        samples.append((time.perf_counter() - began) / NUMBERS_COUNT)
    rate, count = round(1 / statistics.fmean(samples)), len(samples) * NUMBERS_COUNT
    return {
        "name": "quote.inprocess",
        "value": rate,
        "unit": "quotes/s",
        "p50_ms": round(statistics.median(samples) * 1_000, 5),
        "p99_ms": round(sorted(samples)[len(samples) * 99 // 100] * 1_000, 5),
        **lines.against(rate, PEER),
        "durable": "nothing to keep",
        "cpu_us": {"server": lines.cpu_us(time.process_time() - cpu, count), "database": None, "load": None},
        "load_average": lines.load_average(),
        "load": {"prefixes": prefixes},
    }


def _quote_all(deck: RateDeck, numbers: list[str], caller: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in numbers:
        matched = deck.match(Direction.OUTBOUND, number, caller)
        assert matched is not None
        rating.cost_micros(matched.tariff, at, QUOTED_SECONDS)
