"""What the rates of a deck charge, as columns: a rate's prices stand once, however many rates share them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from talktime.bulk.calendars import WeeklyHours
from talktime.bulk.columns import Int32, Int64
from talktime.core.rates.rating import CALL_MAX_SECONDS, SECONDS_PER_MINUTE, Price
from talktime.core.values.errors import Invalid

# The first tariff is that of rates that price nothing: blocked ones, and none at all.
NO_TARIFF = 0
# Later than any call ends.
_NEVER = CALL_MAX_SECONDS * 1_000
_INT64_MAX = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Tariffs:
    """By tariff: its first step and its second, if it has one price of at most two steps, or else its calendar.

    Those have `calendar` 0; the others one of `calendars`, counted from 1, and their prices follow each other from
    `first_price` on. By price: the fee, and the first of its steps, which follow each other, too.
    """

    calendar: Int32
    fee_nanos: Int64
    increment_seconds: Int64
    nanos_per_minute: Int64
    second_from: Int64
    second_increment_seconds: Int64
    second_nanos_per_minute: Int64
    first_price: Int32
    price_fee_nanos: Int64
    price_first_step: Int32
    step_to: Int64
    step_increment_seconds: Int64
    step_nanos_per_minute: Int64
    calendars: tuple[WeeklyHours, ...]
    steps_max: int
    has_fees: bool
    has_second_steps: bool
    # Of longer calls an amount might not fit into int64, or they are none that charging grants: one by one.
    used_seconds_max: int


def tariffs_of(tariffs: Sequence[tuple[Price, ...]], zone: ZoneInfo, unit_nanos_times_60: int) -> Tariffs:
    """Return tariffs as columns, NO_TARIFF before them; `unit` is what charges are rounded to."""
    made = _Columns(zone)
    for prices in tariffs:
        made.add(prices)
    fee, increment, nanos, second_from, second_increment, second_nanos = _columns(made.plain)
    price_fee, price_first_step = _columns(made.prices or [(0, 0)])
    step_to, step_increment, step_nanos = _columns(made.steps or [(0, 1, 0)])
    return Tariffs(
        calendar=np.array(made.calendar, dtype=np.int32),
        fee_nanos=fee,
        increment_seconds=increment,
        nanos_per_minute=nanos,
        second_from=second_from,
        second_increment_seconds=second_increment,
        second_nanos_per_minute=second_nanos,
        first_price=np.array(made.first_price, dtype=np.int32),
        price_fee_nanos=price_fee,
        price_first_step=price_first_step.astype(np.int32),
        step_to=step_to,
        step_increment_seconds=step_increment,
        step_nanos_per_minute=step_nanos,
        calendars=tuple(made.calendars),
        steps_max=made.steps_max,
        has_fees=bool(fee.any()),
        has_second_steps=bool((second_from < _NEVER).any()),
        used_seconds_max=_used_seconds_max(tariffs, unit_nanos_times_60),
    )


def _columns(rows: Sequence[tuple[int, ...]]) -> list[Int64]:
    if any(number > _INT64_MAX for row in rows for number in row):
        message = f"the deck has a price beyond {_INT64_MAX:,} billionths, which bulk rating cannot hold"
        raise Invalid(message, code="bulk_price")
    return [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]


def _used_seconds_max(tariffs: Sequence[tuple[Price, ...]], unit: int) -> int:
    """Return for how long a call `2 × (fee + increments × price) + unit` fits into int64, with the dearest of all."""
    steps = [step for prices in tariffs for price in prices for step in price.steps]
    dearest = max((step.nanos_per_minute for step in steps), default=0)
    fee = max((price.connection_fee_nanos for prices in tariffs for price in prices), default=0)
    longest_increment = max((step.increment_seconds for step in steps), default=1)
    room = (_INT64_MAX - unit) // 2 - fee * SECONDS_PER_MINUTE
    return min(CALL_MAX_SECONDS, room // max(1, dearest) - longest_increment)


@dataclass(slots=True)
class _Columns:
    zone: ZoneInfo
    calendar: list[int] = field(default_factory=lambda: [0])
    plain: list[tuple[int, ...]] = field(default_factory=lambda: [(0, 1, 0, _NEVER, 1, 0)])
    first_price: list[int] = field(default_factory=lambda: [0])
    prices: list[tuple[int, int]] = field(default_factory=list)
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    calendars: dict[WeeklyHours, int] = field(default_factory=dict)
    steps_max: int = 1

    def add(self, prices: tuple[Price, ...]) -> None:
        if len(prices) == 1 and len(prices[0].steps) <= 2:  # noqa: PLR2004 -- as price lists are written: 30/6
            self._add_plain(prices[0])
            return
        hours = WeeklyHours(self.zone, tuple(price.profile.windows for price in prices))
        self.calendar.append(self.calendars.setdefault(hours, len(self.calendars) + 1))
        self.plain.append(self.plain[NO_TARIFF])
        self.first_price.append(len(self.prices))
        for price in prices:
            self.prices.append((price.connection_fee_nanos, len(self.steps)))
            self.steps_max = max(self.steps_max, len(price.steps))
            ends = [*(step.from_second for step in price.steps[1:]), _NEVER]
            self.steps += [
                (end, step.increment_seconds, step.nanos_per_minute)
                for step, end in zip(price.steps, ends, strict=True)
            ]

    def _add_plain(self, price: Price) -> None:
        first, *more = price.steps
        second = (more[0].from_second, more[0].increment_seconds, more[0].nanos_per_minute) if more else (_NEVER, 1, 0)
        self.calendar.append(0)
        self.plain.append((price.connection_fee_nanos, first.increment_seconds, first.nanos_per_minute, *second))
        self.first_price.append(0)
