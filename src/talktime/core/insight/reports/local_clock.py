"""How far a zone's clock is from UTC over a period: what lets a database without time zones tell local days apart."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period

_SECOND = timedelta(seconds=1)


@frozen
class Offset:
    """From an instant on, a zone's clock shows UTC and so many seconds more."""

    starts_at: datetime
    seconds: int


def offsets(zone: ZoneInfo, period: Period) -> tuple[Offset, ...]:
    """Return the offset at the period's start, and each later one in it, to the second; clocks change once a day."""
    found = [Offset(period.starts_at, _offset_seconds(zone, period.starts_at))]
    for day_at in _days(period):
        if _offset_seconds(zone, day_at) != found[-1].seconds:
            changed_at = _change_between(zone, day_at - DAY, day_at)
            found.append(Offset(changed_at, _offset_seconds(zone, changed_at)))
    return tuple(found)


def _days(period: Period) -> Iterator[datetime]:
    at = period.starts_at
    while at < period.ends_at:
        at = min(at + DAY, period.ends_at)
        yield at


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first second at which the clock shows what it shows at `after`."""
    earlier, later = before.replace(microsecond=0), after.replace(microsecond=0)
    wanted = _offset_seconds(zone, after)
    while later - earlier > _SECOND:
        middle = earlier + (later - earlier) // 2
        middle = middle.replace(microsecond=0)
        earlier, later = (earlier, middle) if _offset_seconds(zone, middle) == wanted else (middle, later)
    return later


def _offset_seconds(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _SECOND
