"""Calendar arithmetic in the organization's time zone; nowhere else (money.md, cases 38 to 41)."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MONTHS_PER_YEAR = 12
DAY = timedelta(days=1)


class Period(NamedTuple):
    """A half-open span of time: `starts_at` belongs to it, `ends_at` does not."""

    starts_at: datetime
    ends_at: datetime

    def contains(self, instant: datetime) -> bool:
        """Tell whether the instant lies in the period."""
        return self.starts_at <= instant < self.ends_at


def add_months(day: date, months: int) -> date:
    """Add calendar months; a day that the target month lacks becomes its last one (29 Feb + 12 → 28 Feb)."""
    month_index = day.year * MONTHS_PER_YEAR + day.month - 1 + months
    year, month = divmod(month_index, MONTHS_PER_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant (UTC) of a local day; where midnight does not exist, the first that does."""
    # fold=0 reads a midnight inside a gap with the offset before it: exactly the instant when clocks sprang forward.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def end_of_day_months_later(instant: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return 24:00 local time of the day that lies `months` calendar months after the instant's local day (S34)."""
    day = add_months(instant.astimezone(zone).date(), months)
    return start_of_day(day + DAY, zone)


def month_of(instant: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar month, in the zone, that contains the instant."""
    first = instant.astimezone(zone).date().replace(day=1)
    return Period(start_of_day(first, zone), start_of_day(add_months(first, 1), zone))
