"""Rates calls in columns, a block at a time: no loop over calls, and on every row what the scalar core says.

The words are those of core/rates/rating.py: a step's started increments count whole, the price is that in force when
an increment begins, the fee that at the answer, and a charge is rounded once.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from talktime.bulk.calendars import YEARS, Timeline, timeline, years_of
from talktime.bulk.columns import DIGITS, CallColumns, Int8, Int32, Int64
from talktime.bulk.plans import (
    NO_RATE,
    NO_RATE_DECK,
    NUMBER_NOT_E164,
    RATED,
    DeckPlan,
    RatingPlan,
)
from talktime.bulk.tariffs import Tariffs
from talktime.core.rates.rated_calls import RatedCall, RecordedUse, rate_call
from talktime.core.rates.rating import SECONDS_PER_MINUTE
from talktime.core.values.numbers import E164_DIGITS_MAX, E164_DIGITS_MIN
from talktime.store.instants import to_micros

# So many rows of every column stay in a core's cache.
BLOCK_ROWS = 32_768
MICROS_PER_SECOND = 1_000_000
_FIRST_E164 = 10 ** (DIGITS - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MICROS = to_micros(datetime(YEARS[0], 1, 1, tzinfo=UTC))
_END_MICROS = to_micros(datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class RatedColumns:
    """What became of each call: RATED or why not, the rate among the plan's, what is billed, and its cost."""

    reason: Int8
    rate: Int32
    billed_seconds: Int64
    cost_micros: Int64

    def __len__(self) -> int:
        """Return how many calls there are."""
        return len(self.reason)


def rate_columns(plan: RatingPlan, calls: CallColumns, *, threads: int = 1) -> RatedColumns:
    """Rate calls, on so many cores; raise Invalid for a cost beyond all measure (money.md 53)."""
    count = len(calls)
    rated = _no_columns(count)

    def rate_block(rows: slice) -> None:
        _rate_block(plan, calls.at(rows), _at(rated, rows))

    if threads == 1:
        for rows in _blocks(count):
            rate_block(rows)
        return rated
    # numpy lets go of the interpreter while it searches, takes and multiplies.
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(rate_block, _blocks(count)):
            pass
    return rated


def _no_columns(count: int) -> RatedColumns:
    """Return columns in which nothing is written yet."""
    wide = np.empty((2, count), dtype=np.int64)
    return RatedColumns(np.empty(count, dtype=np.int8), np.empty(count, dtype=np.int32), wide[0], wide[1])


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, min(first + BLOCK_ROWS, count)) for first in range(0, count, BLOCK_ROWS))


def _at(rated: RatedColumns, rows: slice) -> RatedColumns:
    return RatedColumns(rated.reason[rows], rated.rate[rows], rated.billed_seconds[rows], rated.cost_micros[rows])


def _rate_block(plan: RatingPlan, calls: CallColumns, rated: RatedColumns) -> None:
    reign = plan.starts.searchsorted(calls.started_at_micros, "right")
    first = int(reign[0])
    if (reign == first).all():
        _rate_by(plan, first, calls, rated)
    else:
        for number in np.unique(reign):
            rows = np.flatnonzero(reign == number)
            part = _no_columns(len(rows))
            _rate_by(plan, int(number), calls.take(rows), part)
            _put(rated, rows, part)
    is_e164 = (calls.called >= _FIRST_E164) & (calls.called_digits >= E164_DIGITS_MIN)
    is_e164 &= calls.called_digits <= E164_DIGITS_MAX
    if not is_e164.all():
        _put_none(rated, np.flatnonzero(~is_e164), NUMBER_NOT_E164)


def _rate_by(plan: RatingPlan, reign: int, calls: CallColumns, rated: RatedColumns) -> None:
    """Rate calls that began in one reign: the versions count from 1, and in reign 0 none was in force yet."""
    if reign == 0:
        _put_none(rated, slice(None), NO_RATE_DECK)
        return
    deck = plan.decks[plan.versions[reign - 1]]
    rate = deck.match(calls)
    tariff = deck.tariff.take(rate)
    rated.reason[:] = deck.reason.take(rate)
    np.add(rate, deck.first_rate - 1, out=rated.rate)
    _price(deck, tariff, calls, rated)
    if rated.reason.any():
        is_rated = rated.reason == RATED
        rated.rate[rate == NO_RATE] = NO_RATE
        np.multiply(rated.billed_seconds, is_rated, out=rated.billed_seconds)
        np.multiply(rated.cost_micros, is_rated, out=rated.cost_micros)
    _rate_one_by_one(plan, calls, rated, _one_by_one(deck, tariff, calls))


def _price(deck: DeckPlan, tariff: Int32, calls: CallColumns, rated: RatedColumns) -> None:
    tariffs = deck.tariffs
    used = np.minimum(calls.used_seconds, max(0, tariffs.used_seconds_max))
    np.maximum(used, 0, out=used)
    billed, exact = _by_steps(tariffs, tariff, used)
    if tariffs.calendars:
        _by_calendars(tariffs, tariff, calls, used, billed, exact)
    rated.billed_seconds[:] = billed
    # A call of 0 seconds costs nothing, not even the fee.
    exact *= used > 0
    _round(deck, exact, rated.cost_micros)


def _by_steps(tariffs: Tariffs, tariff: Int32, used: Int64) -> tuple[Int64, Int64]:
    """Return billed seconds, and sixtyfold nanos, of calls that have one price of one step or two."""
    if not tariffs.has_second_steps:
        billed = _started(used, tariffs.increment_seconds.take(tariff))
        exact = tariffs.nanos_per_minute.take(tariff)
        exact *= billed
    else:
        first = np.minimum(used, tariffs.second_from.take(tariff))
        billed = _started(first, tariffs.increment_seconds.take(tariff))
        exact = tariffs.nanos_per_minute.take(tariff)
        exact *= billed
        rest = _started(used - first, tariffs.second_increment_seconds.take(tariff))
        billed += rest
        rest *= tariffs.second_nanos_per_minute.take(tariff)
        exact += rest
    if tariffs.has_fees:
        exact += tariffs.fee_nanos.take(tariff) * SECONDS_PER_MINUTE
    return billed, exact


def _started(seconds: Int64, increment_seconds: Int64) -> Int64:
    """Return how many seconds the started increments have; each counts whole."""
    billed = seconds + increment_seconds
    billed -= 1
    billed //= increment_seconds
    billed *= increment_seconds
    return billed


def _by_calendars(
    tariffs: Tariffs, tariff: Int32, calls: CallColumns, used: Int64, billed: Int64, exact: Int64
) -> None:
    """Write what calls of the other tariffs are billed and cost: their price depends on when an increment begins."""
    number_of = tariffs.calendar.take(tariff)
    for number, hours in enumerate(tariffs.calendars, start=1):
        rows = np.flatnonzero(number_of == number)
        if not len(rows):
            continue
        starts = calls.answered_at_micros.take(rows) // MICROS_PER_SECOND
        years = years_of(np.array([starts.min(), starts.max()]))
        line = timeline(hours, *(int(year) for year in np.clip(years, YEARS[0], YEARS[-1])))
        first_price = tariffs.first_price.take(tariff.take(rows))
        billed[rows], exact[rows] = _by_increments(tariffs, line, first_price, starts, used.take(rows))


def _by_increments(
    tariffs: Tariffs, line: Timeline, first_price: Int32, starts: Int64, used: Int64
) -> tuple[Int64, Int64]:
    """Walk calls of one calendar from one change of price or step to the next, as `rating.blocks` walks one.

    Starts are whole seconds since 1970: no price begins within one. Return billed seconds and sixtyfold nanos.
    """
    number, changes_at = line.at(starts)
    price = first_price + number
    exact = tariffs.price_fee_nanos.take(price) * SECONDS_PER_MINUTE
    billed = np.zeros(len(exact), dtype=np.int64)
    rows = np.arange(len(exact))
    second, until = np.zeros(len(exact), dtype=np.int64), changes_at - starts
    left = np.flatnonzero(used)
    while len(left):
        if len(left) < len(rows):
            rows, second, until = rows.take(left), second.take(left), until.take(left)
            price, used = price.take(left), used.take(left)
        changed = np.flatnonzero(second >= until)
        if len(changed):
            places = rows.take(changed)
            number, changes_at = line.at(starts.take(places) + second.take(changed))
            price[changed], until[changed] = first_price.take(places) + number, changes_at - starts.take(places)
        step = tariffs.price_first_step.take(price)
        for _ in range(tariffs.steps_max - 1):
            step += tariffs.step_to.take(step) <= second
        ends = np.minimum(used, until)
        np.minimum(ends, tariffs.step_to.take(step), out=ends)
        ends -= second
        started = _started(ends, tariffs.step_increment_seconds.take(step))
        second += started
        billed[rows] = second
        started *= tariffs.step_nanos_per_minute.take(step)
        exact[rows] += started
        left = np.flatnonzero(second < used)
    return billed, exact


def _round(deck: DeckPlan, exact: Int64, cost_micros: Int64) -> None:
    """Round once per call, to the deck's decimals; nothing here is below zero."""
    unit = deck.unit_nanos_times_60
    if deck.rounds_up:
        exact += unit - 1
        exact //= unit
    else:
        exact *= 2
        exact += unit
        exact //= 2 * unit
    np.multiply(exact, deck.unit_micros, out=cost_micros)


def _one_by_one(deck: DeckPlan, tariff: Int32, calls: CallColumns) -> NDArray[np.intp]:
    """Return the few calls of which the columns cannot tell the price: far too long, or of years without a calendar."""
    are = calls.used_seconds > deck.tariffs.used_seconds_max
    if deck.tariffs.calendars:
        is_outside = (calls.answered_at_micros < _FIRST_MICROS) | (calls.answered_at_micros >= _END_MICROS)
        if is_outside.any():
            are |= is_outside & (deck.tariffs.calendar.take(tariff) > 0)
    return np.flatnonzero(are)


def _rate_one_by_one(plan: RatingPlan, calls: CallColumns, rated: RatedColumns, rows: NDArray[np.intp]) -> None:
    for row in rows:
        answer = rate_call(plan.in_force, _recorded(calls, row))
        if isinstance(answer, RatedCall):
            rated.billed_seconds[row], rated.cost_micros[row] = answer.billed_seconds, answer.cost_micros


def _recorded(calls: CallColumns, row: np.intp) -> RecordedUse:
    return RecordedUse(
        _digits(calls.caller[row], calls.caller_digits[row]),
        _digits(calls.called[row], calls.called_digits[row]),
        _EPOCH + timedelta(microseconds=int(calls.started_at_micros[row])),
        int(calls.used_seconds[row]),
        _EPOCH + timedelta(microseconds=int(calls.answered_at_micros[row])),
    )


def _digits(padded: np.int64, digits: np.int8) -> str:
    return f"{padded:0{DIGITS}d}"[:digits]


def _put(rated: RatedColumns, rows: NDArray[np.intp], part: RatedColumns) -> None:
    rated.reason[rows] = part.reason
    rated.rate[rows] = part.rate
    rated.billed_seconds[rows] = part.billed_seconds
    rated.cost_micros[rows] = part.cost_micros


def _put_none(rated: RatedColumns, rows: NDArray[np.intp] | slice, reason: int) -> None:
    rated.reason[rows] = reason
    rated.rate[rows] = NO_RATE
    rated.billed_seconds[rows] = 0
    rated.cost_micros[rows] = 0
