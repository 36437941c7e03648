"""The spend of a period, bar by bar, by what paid for it."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period

_DAYS_PER_WEEK = 7
# More bars than these are too thin to be told apart: then they stand for weeks, then for months.
DAY_BARS_MAX, WEEK_BARS_MAX = 62, 60


class Step(Enum):
    """How much time a bar stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Spend(NamedTuple):
    """What the calls of some local days cost, by what paid; `included_seconds` are those that licenses paid."""

    first_day: date
    credit_micros: int = 0
    overage_micros: int = 0
    uncovered_micros: int = 0
    included_seconds: int = 0

    @property
    def cost_micros(self) -> int:
        """Return all the money."""
        return self.credit_micros + self.overage_micros + self.uncovered_micros


@frozen
class PaidSums:
    """The sums of local days, apart by what paid: credit (and what it did not cover), the bill, licenses."""

    credit: tuple[UsageSum, ...] = ()
    overage: tuple[UsageSum, ...] = ()
    included: tuple[UsageSum, ...] = ()


@frozen
class SpendHistory:
    """The spend of a period, bar by bar without a gap, and day by day."""

    period: Period
    zone: ZoneInfo
    currency: str
    step: Step
    bars: tuple[Spend, ...]
    days: tuple[Spend, ...]

    @property
    def total(self) -> Spend:
        """Return what the whole period came to."""
        return _added(self.days, self.days[0].first_day)

    @property
    def dearest(self) -> Spend:
        """Return the day that cost most, the first of them."""
        return max(self.days, key=lambda day: day.cost_micros)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was paid, by money or by licenses."""
        return all(not any(day[1:]) for day in self.days)

    def twin(self) -> TableTwin:
        """Return the days as a table."""
        columns = (
            Column("Day", ColumnKind.TEXT),
            Column("Credit", ColumnKind.MONEY),
            Column("Overage", ColumnKind.MONEY),
            Column("Uncovered", ColumnKind.MONEY),
            Column("Included seconds", ColumnKind.WHOLE),
        )
        return TableTwin(columns, tuple((day.first_day.isoformat(), *day[1:]) for day in self.days))


def spend_history(sums: PaidSums, period: Period, zone: ZoneInfo, currency: str) -> SpendHistory:
    """Put the sums in a currency in order, with every local day of the period, and into the bars that show them.

    What no credit covered is no part of what credit paid.
    """
    first = period.starts_at.astimezone(zone).date()
    last = (period.ends_at - datetime.resolution).astimezone(zone).date()
    days = {day: Spend(day) for day in (first + number * DAY for number in range((last - first) // DAY + 1))}
    parts = [Spend(_day(each), each.cost_micros - each.uncovered_micros) for each in sums.credit]
    parts += [Spend(_day(each), 0, each.cost_micros - each.uncovered_micros) for each in sums.overage]
    parts += [Spend(_day(each), 0, 0, each.uncovered_micros) for each in (*sums.credit, *sums.overage)]
    parts += [Spend(_day(each), 0, 0, 0, each.used_seconds) for each in sums.included]
    for part in parts:
        days[part.first_day] = _added((days[part.first_day], part), part.first_day)
    in_order = tuple(days.values())
    step = step_for(len(in_order))
    bars: dict[date, list[Spend]] = {}
    for spend in in_order:
        bars.setdefault(_first_day(step, spend.first_day), []).append(spend)
    # The first week or month begins where the period does.
    stacked = tuple(_added(each, each[0].first_day) for each in bars.values())
    return SpendHistory(period, zone, currency, step, stacked, in_order)


def step_for(days_count: int) -> Step:
    """Return how much a bar stands for, so that bars can be told apart."""
    if days_count <= DAY_BARS_MAX:
        return Step.DAY
    return Step.WEEK if days_count <= WEEK_BARS_MAX * _DAYS_PER_WEEK else Step.MONTH


def _first_day(step: Step, day: date) -> date:
    """Return the first day of the day, week (from Monday) or month that a day is in."""
    if step is Step.WEEK:
        return day - day.weekday() * DAY
    return day.replace(day=1) if step is Step.MONTH else day


def _day(each: UsageSum) -> date:
    assert isinstance(each.group, date)
    return each.group


def _added(spends: Iterable[Spend], first_day: date) -> Spend:
    sums = [sum(column) for column in zip(*(spend[1:] for spend in spends), strict=True)]
    return Spend(first_day, *sums)
