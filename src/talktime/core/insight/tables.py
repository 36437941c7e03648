"""A report before it becomes a file: columns of four kinds, and what a cell of each may hold."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from talktime.core.values.frozen import frozen

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ColumnKind(Enum):
    """What the cells of a column hold; any of them may be None, for "nothing to say"."""

    TEXT = "text"  # str: words, ids, phone numbers
    WHOLE = "whole"  # int: seconds, minutes, counts
    MONEY = "money"  # int: micros, 10⁻⁶ of the currency unit
    INSTANT = "instant"  # datetime: aware, UTC
    LOCAL = "local"  # datetime: aware, as the clock of its zone shows it


@frozen
class Column:
    """One column of a report: the name in its header and the kind of its cells."""

    name: str
    kind: ColumnKind


def checked(cell: object, expected: type[_T], *, column: Column) -> _T:
    """Return the cell as what its kind of column promises; raise TypeError, naming the column, if not."""
    # bool is an int to Python, but "True seconds" is a mistake.
    if isinstance(cell, bool) or not isinstance(cell, expected):
        message = f"column {column.name!r} holds {column.kind.value}, not {type(cell).__name__}"
        raise TypeError(message)
    return cell


def checked_instant(cell: object, *, column: Column) -> datetime:
    """Return the cell as an instant in UTC; raise TypeError if it is none, ValueError without a time zone."""
    instant = checked(cell, datetime, column=column)
    if instant.tzinfo is None:
        message = f"column {column.name!r} holds instants, and one of them has no time zone"
        raise ValueError(message)
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def checked_local(cell: object, *, column: Column) -> datetime:
    """Return the cell as an instant on its own clock; raise TypeError if it is none, ValueError without a time zone."""
    checked_instant(cell, column=column)
    return checked(cell, datetime, column=column)


def format_instant(instant: datetime) -> str:
    """Write an aware instant as ISO 8601 in UTC, a fraction only if there is one: `2026-11-21T08:00:00Z`."""
    since = instant - _EPOCH
    if since.microseconds:
        return instant.astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"
    return f"{_day(since.days)}T{_time_of_day(since.seconds)}Z"


# A million rows have few days and many of the same seconds: to look them up takes a quarter of the time.
@lru_cache(maxsize=4_096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).date().isoformat()


@lru_cache(maxsize=86_400)
def _time_of_day(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
