"""When which price of a tariff is in force, as instants: weekly hours laid out over years, clock changes too."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from talktime.bulk.columns import Int32, Int64
from talktime.core.rates.rating import SECONDS_PER_DAY, Window

# Calls of other years are rated one by one: theirs is a mistyped date, and a calendar of all of time fills the memory.
YEARS = range(1970, 2101)
_PROBE = timedelta(hours=6)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# A call may begin on the last evening of a year.
_MARGIN = 2 * _DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The windows of each price of a tariff, on the clock of a zone; they cover the week. No prices, no boundaries."""

    zone: ZoneInfo
    windows: tuple[tuple[Window, ...], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """From each of these seconds since 1970 on, until the next, this price of the tariff is in force."""

    starts: Int64
    prices: Int32

    def at(self, seconds: Int64) -> tuple[Int32, Int64]:
        """Return the price in force at each second, and the second at which another one is."""
        place = self.starts.searchsorted(seconds, "right")
        return self.prices.take(place - 1), self.starts.take(place)


ALWAYS = Timeline(np.array([-_NEVER, _NEVER], dtype=np.int64), np.zeros(2, dtype=np.int32))


@lru_cache(maxsize=64)
def timeline(hours: WeeklyHours, first_year: int, last_year: int) -> Timeline:
    """Return the timeline of some years, their last days' calls included."""
    if len(hours.windows) < 2:  # noqa: PLR2004 -- one price has nothing to change to
        return ALWAYS
    starts: list[int] = []
    prices: list[int] = []
    known_to = -_NEVER
    for year in range(first_year, last_year + 1):
        for start, price in _of_year(hours, year):
            if start >= known_to and (not prices or prices[-1] != price):
                starts.append(start)
                prices.append(price)
        known_to = _ends(year)
    return Timeline(np.array([*starts, _NEVER], dtype=np.int64), np.array([*prices, prices[-1]], dtype=np.int32))


# A year is laid out once, whatever years it stands beside.
@lru_cache(maxsize=1_024)
def _of_year(hours: WeeklyHours, year: int) -> tuple[tuple[int, int], ...]:
    """Return from which second on which price is in force, wherever another may be, and two days around the year."""
    begins, ends = datetime(year, 1, 1, tzinfo=UTC) - _MARGIN, datetime(year + 1, 1, 1, tzinfo=UTC) + _MARGIN
    instants = {begins, *_clock_changes(hours.zone, begins, ends), *_wall_clock_edges(hours, begins, ends)}
    return tuple(((at - _EPOCH) // _SECOND, _price_at(hours, at)) for at in sorted(instants) if begins <= at < ends)


def _ends(year: int) -> int:
    return (datetime(year + 1, 1, 1, tzinfo=UTC) + _MARGIN - _EPOCH) // _SECOND


def _price_at(hours: WeeklyHours, at: datetime) -> int:
    local = at.astimezone(hours.zone)
    second = local.hour * 3_600 + local.minute * 60 + local.second
    return next(
        number
        for number, windows in enumerate(hours.windows)
        for window in windows
        if window.weekday == local.weekday() and window.from_second <= second < window.to_second
    )


def _wall_clock_edges(hours: WeeklyHours, begins: datetime, ends: datetime) -> Iterator[datetime]:
    """Yield when the clock on the wall shows that another price begins: twice where an hour comes twice."""
    edges = {
        (window.weekday, edge)
        for windows in hours.windows
        for window in windows
        for edge in (window.from_second, window.to_second % SECONDS_PER_DAY)
    }
    # A window that ends at midnight is an edge of the day after.
    by_weekday = [sorted({edge for day, edge in edges if day == weekday or edge == 0}) for weekday in range(7)]
    day = datetime(begins.year, begins.month, begins.day)  # noqa: DTZ001 -- the wall's own clock
    for _ in range((ends - begins).days + 2):
        for edge in by_weekday[day.weekday()]:
            wall = day + timedelta(seconds=edge)
            for fold in (0, 1):
                yield wall.replace(tzinfo=hours.zone, fold=fold).astimezone(UTC)
        day += _DAY


def _clock_changes(zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[datetime]:
    at = begins
    while at < ends:
        following = at + _PROBE
        if _offset(zone, at) != _offset(zone, following):
            yield _change_between(zone, at, following)
        at = following


def _change_between(zone: ZoneInfo, before: datetime, changed: datetime) -> datetime:
    """Return the first second whose offset is another one."""
    offset = _offset(zone, before)
    while changed - before > _SECOND:
        middle = before + (changed - before) // 2 // _SECOND * _SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            changed = middle
    return changed


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def years_of(starts: Int64) -> Int64:
    """Return the years of seconds since 1970, each within YEARS."""
    return starts.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + _EPOCH.year
