"""The minute pools of a month as bars: what is unused, and what domestic and international calls have used."""

from datetime import date
from enum import Enum
from typing import NamedTuple

from talktime.core.calls.counting.pools import INTERNATIONAL
from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.pool_report import OwnMinutes, PoolLine, PoolReport
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.frozen import frozen

SHOWN_MAX = 16


class Minutes(Enum):
    """For which calls a pool's minutes are."""

    DOMESTIC = "domestic"
    INTERNATIONAL = "international"
    CONFERENCE = "conference"


class PoolBar(NamedTuple):
    """A pool; `country` is empty where it is the whole organization's. More may be used than there is."""

    country: str
    plan_name: str
    minutes: Minutes
    total_minutes: int
    used_minutes: int
    held_minutes: int

    @property
    def unused_minutes(self) -> int:
        """Return what neither was used nor is held."""
        return max(0, self.total_minutes - self.used_minutes - self.held_minutes)


@frozen
class PoolBars:
    """The pools of a month, the largest share used first; `hidden_count` have no room in the picture."""

    first_day: date
    bars: tuple[PoolBar, ...]
    all_bars: tuple[PoolBar, ...]

    @property
    def hidden_count(self) -> int:
        """Return how many pools stand in the table only."""
        return len(self.all_bars) - len(self.bars)

    @property
    def is_empty(self) -> bool:
        """Tell whether no license brings minutes, and no call used any."""
        return not self.all_bars

    def twin(self) -> TableTwin:
        """Return all pools as a table."""
        columns = (
            Column("Country", ColumnKind.TEXT),
            Column("Plan", ColumnKind.TEXT),
            Column("Minutes for", ColumnKind.TEXT),
            Column("Total minutes", ColumnKind.WHOLE),
            Column("Used", ColumnKind.WHOLE),
            Column("Held", ColumnKind.WHOLE),
            Column("Unused", ColumnKind.WHOLE),
        )
        return TableTwin(
            columns, tuple((*bar[:2], bar.minutes.value, *bar[3:], bar.unused_minutes) for bar in self.all_bars)
        )


def pool_bars(report: PoolReport, first_day: date) -> PoolBars:
    """Return the bars of a month's report, those of which most is used first."""
    bars = [_bar(line) for line in report.lines]
    if report.own is not None:
        bars.append(_own_bar(report.own))
    in_order = tuple(sorted(bars, key=_order))
    return PoolBars(first_day, in_order[:SHOWN_MAX], in_order)


def _order(bar: PoolBar) -> tuple[int, int, str, str, str]:
    # Whole parts per million, so that the order does not hang on a rounding.
    share = bar.used_minutes * 1_000_000 // max(1, bar.total_minutes)
    return -share, -bar.total_minutes, bar.country, bar.plan_name, bar.minutes.value


def _bar(line: PoolLine) -> PoolBar:
    minutes = Minutes.INTERNATIONAL if line.pool.counter == INTERNATIONAL else Minutes.DOMESTIC
    if not line.pool.country:
        minutes = Minutes.CONFERENCE
    return PoolBar(line.pool.country, line.plan_name, minutes, line.total_minutes, line.used_minutes, line.held_minutes)


def _own_bar(own: OwnMinutes) -> PoolBar:
    return PoolBar("", own.plan_name, Minutes.DOMESTIC, own.total_minutes, own.used_minutes, own.held_minutes)
