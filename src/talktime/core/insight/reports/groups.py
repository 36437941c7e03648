"""What usage rows come to, group by group."""

from enum import Enum

from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.values.frozen import frozen

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class GroupBy(Enum):
    """By what rows are added up; what the group of a sum holds."""

    DESTINATION = "destination"  # str: the name of the deck's row
    USER = "user"  # int | None: the user's number
    DEPARTMENT = "department"  # str: the name of today, empty for none
    DAY = "day"  # date, on the organization's clock
    PAID_BY = "paid_by"  # PaysFrom
    KIND = "kind"  # CallKind
    CAPABILITY = "capability"  # str: as reports name it
    HOUR = "hour"  # tuple[int, int]: weekday from Monday (0), and hour, on the organization's clock


# A call has a row for each source that paid, and only conditions on these can tell its rows apart.
_APART = frozenset({GroupBy.PAID_BY, GroupBy.CAPABILITY})


@frozen
class UsageSum:
    """What the rows of a group come to in a currency; a call with several rows in the group counts once."""

    group: object
    currency: str
    calls: int
    rows: int
    used_seconds: int
    billed_seconds: int
    cost_micros: int
    uncovered_micros: int


def tells_rows_of_a_call_apart(shown: UsageFilter, by: GroupBy | None) -> bool:
    """Tell whether a call's first row may be in another group than its others, or filtered away."""
    has_costs = shown.cost_min_micros is not None or shown.cost_max_micros is not None
    return by in _APART or has_costs or shown.is_uncovered or bool(shown.paid_by or shown.capabilities)
