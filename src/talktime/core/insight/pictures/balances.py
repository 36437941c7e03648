"""The balance over time: what calls took, what was bought, where the trigger lies, and what may come."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.insight.advice.balance_forecast import BalanceForecast
from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period, start_of_day

# More points than a screen has columns show nothing more.
SLICES_MAX = 480


class BalanceChange(NamedTuple):
    """By how much the balance moved in a quarter of an hour, and what of it was bought; micros."""

    at: datetime
    moved_micros: int
    bought_micros: int = 0


class BalancePoint(NamedTuple):
    """What the balance was from an instant on."""

    at: datetime
    balance_micros: int


class Bought(NamedTuple):
    """Credit that was bought, and what the balance was then."""

    at: datetime
    amount_micros: int
    balance_micros: int


class BalanceDay(NamedTuple):
    """A local day of the balance; `lowest_micros` is the least that it was in that day."""

    day: date
    opening_micros: int
    bought_micros: int
    lowest_micros: int
    closing_micros: int

    @property
    def spent_micros(self) -> int:
        """Return what the day took without what it brought: calls, expiry, refunds, corrections."""
        return self.opening_micros + self.bought_micros - self.closing_micros


@frozen
class BalanceHistory:
    """The balance of a period, up to `seen_until`, and what may come after it; `points` are as many as can be seen."""

    period: Period
    zone: ZoneInfo
    currency: str
    seen_until: datetime
    points: tuple[BalancePoint, ...]
    days: tuple[BalanceDay, ...]
    bought: tuple[Bought, ...] = ()
    trigger_micros: int | None = None
    forecast: BalanceForecast | None = None

    @property
    def closing_micros(self) -> int:
        """Return the last balance that is known."""
        return self.points[-1].balance_micros

    @property
    def lowest(self) -> BalancePoint:
        """Return when the balance was least, the first time."""
        return min(self.points, key=lambda point: (point.balance_micros, point.at))

    @property
    def bought_micros(self) -> int:
        """Return what was bought in all."""
        return sum(each.amount_micros for each in self.bought)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing ever moved, and nothing was there to begin with."""
        return not self.bought and all(point.balance_micros == 0 for point in self.points)

    def twin(self) -> TableTwin:
        """Return the days as a table."""
        columns = (
            Column("Day", ColumnKind.TEXT),
            Column("Opening", ColumnKind.MONEY),
            Column("Bought", ColumnKind.MONEY),
            Column("Used or expired", ColumnKind.MONEY),
            Column("Lowest", ColumnKind.MONEY),
            Column("Closing", ColumnKind.MONEY),
        )
        rows = (
            (
                day.day.isoformat(),
                day.opening_micros,
                day.bought_micros,
                day.spent_micros,
                day.lowest_micros,
                day.closing_micros,
            )
            for day in self.days
        )
        return TableTwin(columns, tuple(rows))


def balance_history(
    opening_micros: int,
    changes: Iterable[BalanceChange],
    period: Period,
    seen_until: datetime,
    *,
    zone: ZoneInfo,
    currency: str,
) -> BalanceHistory:
    """Follow the balance, change by change in time, from the period's start to its end or to `seen_until`."""
    until = max(period.starts_at, min(period.ends_at, seen_until))
    moved = [change for change in changes if period.starts_at <= change.at < until]
    return BalanceHistory(
        period=period,
        zone=zone,
        currency=currency,
        seen_until=until,
        points=_points(opening_micros, moved, Period(period.starts_at, until)),
        days=_days(opening_micros, moved, Period(period.starts_at, until), zone),
        bought=_bought(opening_micros, moved),
    )


def _bought(opening_micros: int, moved: Sequence[BalanceChange]) -> tuple[Bought, ...]:
    balances = accumulate((change.moved_micros for change in moved), initial=opening_micros)
    next(balances)
    return tuple(
        Bought(change.at, change.bought_micros, balance)
        for change, balance in zip(moved, balances, strict=True)
        if change.bought_micros > 0
    )


def _points(opening_micros: int, moved: Sequence[BalanceChange], period: Period) -> tuple[BalancePoint, ...]:
    """Return the balance where it changed; of each slice of the period no more than can be told apart."""
    width = (period.ends_at - period.starts_at) // SLICES_MAX
    points, slice_ = [BalancePoint(period.starts_at, opening_micros)], list[BalancePoint]()
    balance, number = opening_micros, 0
    for change in moved:
        balance += change.moved_micros
        in_slice = (change.at - period.starts_at) // width if width else 0
        if in_slice != number:
            points += _seen(slice_)
            slice_, number = [], in_slice
        slice_.append(BalancePoint(change.at, balance))
    return (*points, *_seen(slice_), BalancePoint(period.ends_at, balance))


def _seen(points: Sequence[BalancePoint]) -> list[BalancePoint]:
    """Return the lowest, the highest and the last of some points, in the order of time."""
    if not points:
        return []
    lowest = min(points, key=lambda point: point.balance_micros)
    highest = max(points, key=lambda point: point.balance_micros)
    return sorted({lowest, highest, points[-1]})


def _days(
    opening_micros: int, moved: Sequence[BalanceChange], period: Period, zone: ZoneInfo
) -> tuple[BalanceDay, ...]:
    days, balance, index = list[BalanceDay](), opening_micros, 0
    day = period.starts_at.astimezone(zone).date()
    while start_of_day(day, zone) < period.ends_at:
        ends_at, opening, lowest, bought = start_of_day(day + DAY, zone), balance, balance, 0
        while index < len(moved) and moved[index].at < ends_at:
            balance += moved[index].moved_micros
            bought += moved[index].bought_micros
            lowest = min(lowest, balance)
            index += 1
        days.append(BalanceDay(day, opening, bought, lowest, balance))
        day += DAY
    return tuple(days)
