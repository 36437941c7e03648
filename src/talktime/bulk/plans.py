"""Decks, made ready to rate many calls: prefixes as intervals, prices as columns, publications as instants."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from talktime.bulk.columns import CallColumns, Int8, Int32, Int64
from talktime.bulk.prefixes import NO_PREFIX, PrefixIntervals, prefix_intervals
from talktime.bulk.tariffs import NO_TARIFF, Tariffs, tariffs_of
from talktime.core.rates.rate_decks import DeckPublication, Rate, RateDeck
from talktime.core.rates.rated_calls import NotRated, RatesInForce
from talktime.core.rates.rating import SECONDS_PER_MINUTE, Price
from talktime.core.values.money import MICRO_DECIMALS, NANOS_PER_MICRO, Rounding
from talktime.store.instants import to_micros

# In a column of reasons; the others are those of NotRated, in their order, from 1 on.
RATED = 0
REASONS = tuple(NotRated)
NUMBER_NOT_E164, NO_RATE_DECK, NOT_RATED, BLOCKED = range(1, len(REASONS) + 1)
# The first of all rates: none.
NO_RATE = 0


@dataclass(frozen=True, slots=True)
class DeckPlan:
    """One version of a deck; its rates are counted from `first_rate` on, in the order of their prefixes."""

    version_id: int
    called: PrefixIntervals
    origins: "Origins | None"
    rates: Sequence[Rate]
    first_rate: int
    tariff: Int32
    reason: Int8
    tariffs: Tariffs
    # A charge is a multiple of this.
    unit_micros: int
    rounds_up: bool

    @property
    def unit_nanos_times_60(self) -> int:
        """Return what a charge is rounded to, as costs are added up: in nanos, sixtyfold."""
        return SECONDS_PER_MINUTE * NANOS_PER_MICRO * self.unit_micros

    def match(self, calls: CallColumns) -> Int32:
        """Return the rate of each call by its place in this version, counted from 1; NO_RATE where there is none."""
        prefixes = self.called.longest(calls.called, calls.called_digits)
        return prefixes if self.origins is None else self.origins.choose(prefixes, self.called.parents, calls)


@dataclass(frozen=True, slots=True)
class Origins:
    """Which of a prefix's rates fits the caller; `keys` are prefix × origin, in the order of the rates."""

    intervals: PrefixIntervals
    keys: Int64

    def choose(self, prefixes: Int32, shorter: Int32, calls: CallColumns) -> Int32:
        """Return the rate of the longest prefix whose origin fits, and of its origins the longest."""
        chosen = np.zeros(len(prefixes), dtype=np.int32)
        narrowest = self.intervals.longest(calls.caller, calls.caller_digits)
        rows = np.flatnonzero(prefixes)
        prefix, origin = prefixes.take(rows).astype(np.int64), narrowest.take(rows)
        while len(rows):
            key = prefix * len(self.intervals.parents) + origin
            place = self.keys.searchsorted(key)
            is_there = self.keys.take(place, mode="clip") == key
            chosen[rows[is_there]] = place[is_there] + 1
            left = ~is_there
            rows, prefix, origin = rows[left], prefix[left], origin[left]
            is_last = origin == NO_PREFIX
            prefix = np.where(is_last, shorter.take(prefix), prefix)
            origin = np.where(is_last, narrowest.take(rows), self.intervals.parents.take(origin))
            left = prefix != NO_PREFIX
            rows, prefix, origin = rows[left], prefix[left], origin[left]
        return chosen


@dataclass(frozen=True, slots=True)
class RatingPlan:
    """The versions that rate the calls of a direction, and from which microsecond on which of them is in force.

    `rates` names every rate of every version once; its first row is no rate.
    """

    in_force: RatesInForce
    starts: Int64
    versions: tuple[int, ...]
    decks: Mapping[int, DeckPlan]
    rates: tuple[tuple[int, Rate] | None, ...]


def rating_plan(in_force: RatesInForce) -> RatingPlan:
    """Make the decks ready; raise Invalid for one that bulk rating cannot hold."""
    starts, versions = _reigns(in_force.publications)
    rates: list[tuple[int, Rate] | None] = [None]
    decks = {}
    for version_id in dict.fromkeys(versions):
        plan = _deck_plan(in_force, in_force.decks[version_id], len(rates))
        decks[version_id] = plan
        rates += [(version_id, rate) for rate in plan.rates]
    return RatingPlan(in_force, np.array(starts, dtype=np.int64), tuple(versions), decks, tuple(rates))


def _reigns(publications: Iterable[DeckPublication]) -> tuple[list[int], list[int]]:
    """Return when another version comes into force, and which; of two for one instant the later one does."""
    latest = {to_micros(each.published_from): each.version_id for each in publications}
    starts = sorted(latest)
    return starts, [latest[start] for start in starts]


def _deck_plan(in_force: RatesInForce, deck: RateDeck, first_rate: int) -> DeckPlan:
    by_prefix: dict[str, list[Rate]] = {}
    for rate in deck.rates():
        if rate.direction is in_force.direction:
            by_prefix.setdefault(rate.prefix, []).append(rate)
    # Charging asks for prefixes of a digit or more.
    by_prefix.pop("", None)
    origins = sorted({rate.origin_prefix for rates in by_prefix.values() for rate in rates} - {""})
    number_of = {origin: number for number, origin in enumerate(["", *origins])}
    for rates in by_prefix.values():
        rates.sort(key=lambda rate: number_of[rate.origin_prefix])
    prefixes = sorted(by_prefix)
    ordered = [rate for prefix in prefixes for rate in by_prefix[prefix]]
    keys = [
        number * (len(origins) + 1) + number_of[rate.origin_prefix]
        for number, prefix in enumerate(prefixes, start=1)
        for rate in by_prefix[prefix]
    ]
    unit_micros = int(10 ** (MICRO_DECIMALS - deck.terms.charge_decimals))
    tariff_of, distinct = _distinct(ordered)
    return DeckPlan(
        deck.version_id,
        prefix_intervals(prefixes),
        Origins(prefix_intervals(origins), np.array(keys, dtype=np.int64)) if origins else None,
        ordered,
        first_rate,
        np.array([NO_TARIFF, *tariff_of], dtype=np.int32),
        np.array([NOT_RATED, *(BLOCKED if rate.blocked else RATED for rate in ordered)], dtype=np.int8),
        tariffs_of(distinct, deck.terms.zone, SECONDS_PER_MINUTE * NANOS_PER_MICRO * unit_micros),
        unit_micros,
        deck.terms.rounding is Rounding.UP,
    )


def _distinct(rates: Sequence[Rate]) -> tuple[list[int], list[tuple[Price, ...]]]:
    """Number the prices of the rates, equal ones alike, from 1 on; what is blocked has none."""
    numbers: dict[tuple[Price, ...], int] = {}
    tariffs = [NO_TARIFF if rate.blocked else numbers.setdefault(rate.prices, len(numbers) + 1) for rate in rates]
    return tariffs, list(numbers)
