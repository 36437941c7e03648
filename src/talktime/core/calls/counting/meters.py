"""What is counted in a period beside the credit: pool minutes, money under a cap, overage, calls in an hour."""

from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.values.periods import add_months

# What a meter counts is the first word of its name, the period the last.
POOL, USER, DEPARTMENT, OVERAGE, CALLS = "pool", "user", "department", "overage", "calls"
KINDS = frozenset({POOL, USER, DEPARTMENT, OVERAGE, CALLS})
_SEPARATOR = "/"


class Meter(NamedTuple):
    """So much was used in the period, so much is promised to open calls; minutes, micros or calls, by its name."""

    used: int = 0
    held: int = 0

    def left(self, limit: int) -> int:
        """Return what neither was used nor is promised of the limit; 0 where the limit has shrunk below it."""
        return max(0, limit - self.used - self.held)

    def grown(self, amount: int) -> "Meter":
        """Return the meter with this much more promised."""
        return Meter(self.used, self.held + amount)

    def settled(self, held: int, used: int) -> "Meter":
        """Return the meter with a promise taken back, and what was really used counted."""
        return Meter(self.used + used, self.held - held)


UNUSED = Meter()


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """Return the calendar month of an instant in the organization's zone; a call belongs to the one of its start."""
    local = at.astimezone(zone)
    return f"{local.year:04d}-{local.month:02d}"


def first_day_after(month: str) -> date:
    """Return the day on which the next month's minutes begin."""
    return add_months(date.fromisoformat(f"{month}-01"), 1)


def user_meter(user_id: int, month: str) -> str:
    """Name the money that a user's calls cost in a month."""
    return _SEPARATOR.join((USER, str(user_id), month))


def department_meter(department: str, month: str) -> str:
    """Name the money that a department's calls cost in a month; its name stands on one line."""
    return _SEPARATOR.join((DEPARTMENT, department, month))


def overage_meter(month: str) -> str:
    """Name the money that an organization owes for a month that it pays after use."""
    return _SEPARATOR.join((OVERAGE, month))


def calls_meter(user_id: int, at: datetime) -> str:
    """Name the calls that a user began in a clock hour."""
    return _SEPARATOR.join((CALLS, str(user_id), hour_of(at)))


def hour_of(at: datetime) -> str:
    """Return the clock hour (UTC) as these names write it; hours sort as their texts do."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"


def kind_of(name: str) -> str:
    """Return what a meter counts."""
    return name[: name.index(_SEPARATOR)]


def month_named(name: str) -> str:
    """Return the month, such as 2026-06, at the end of a meter's name."""
    return name[name.rindex(_SEPARATOR) + 1 :]


def subject_of(name: str) -> str:
    """Return whose meter it is: a user's number, or a department's name, between kind and period."""
    return name[name.index(_SEPARATOR) + 1 : name.rindex(_SEPARATOR)]
