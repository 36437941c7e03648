"""The hours of the week: when people call, and when it costs."""

from collections.abc import Iterable
from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period

HOURS, WEEKDAYS = 24, 7


class Measure(Enum):
    """What the size of a bar or the shade of a cell means; minutes are kept as seconds."""

    COST = "cost"
    MINUTES = "minutes"
    CALLS = "calls"


def measured(measure: Measure, each: UsageSum) -> int:
    """Return micros, seconds or calls."""
    if measure is Measure.COST:
        return each.cost_micros
    return each.used_seconds if measure is Measure.MINUTES else each.calls


@frozen
class WeekRhythm:
    """What calls came to in each hour of the week, Monday's first: 7 times 24 numbers of a measure."""

    period: Period
    zone: ZoneInfo
    currency: str
    measure: Measure
    hours: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """Return what all hours came to."""
        return sum(map(sum, self.hours))

    @property
    def busiest(self) -> tuple[int, int]:
        """Return weekday (Monday is 0) and hour of the largest number, the first of them."""
        places = ((weekday, hour) for weekday in range(WEEKDAYS) for hour in range(HOURS))
        return max(places, key=lambda place: self.hours[place[0]][place[1]])

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing in any hour."""
        return not any(map(any, self.hours))

    def twin(self) -> TableTwin:
        """Return the hours that had calls as a table; weekdays by their ISO numbers, Monday is 1."""
        kind = ColumnKind.MONEY if self.measure is Measure.COST else ColumnKind.WHOLE
        columns = (
            Column("Weekday", ColumnKind.WHOLE),
            Column("Hour", ColumnKind.WHOLE),
            Column(_NAMES[self.measure], kind),
        )
        rows = (
            (weekday + 1, hour, amount)
            for weekday, of_day in enumerate(self.hours)
            for hour, amount in enumerate(of_day)
            if amount
        )
        return TableTwin(columns, tuple(rows))


_NAMES = {Measure.COST: "Cost", Measure.MINUTES: "Seconds", Measure.CALLS: "Calls"}


def week_rhythm(
    sums: Iterable[UsageSum], period: Period, zone: ZoneInfo, *, currency: str, measure: Measure
) -> WeekRhythm:
    """Put the sums of the hours of the week in their order."""
    hours = [[0] * HOURS for _ in range(WEEKDAYS)]
    for each in sums:
        assert isinstance(each.group, tuple)
        weekday, hour = each.group
        # A correction may take back more than its hour has.
        hours[weekday][hour] = max(0, measured(measure, each))
    return WeekRhythm(period, zone, currency, measure, tuple(map(tuple, hours)))
