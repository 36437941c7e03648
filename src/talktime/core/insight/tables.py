"""A report before it becomes a file: columns of four kinds, and what a cell of each may hold."""

from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from talktime.core.values.frozen import frozen

_T = TypeVar("_T")


class ColumnKind(Enum):
    """What the cells of a column hold; any of them may be None, for "nothing to say"."""

    TEXT = "text"  # str: words, ids, phone numbers
    WHOLE = "whole"  # int: seconds, minutes, counts
    MONEY = "money"  # int: micros, 10⁻⁶ of the currency unit
    INSTANT = "instant"  # datetime: aware, UTC


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
    return instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Write an aware instant as ISO 8601 in UTC, a fraction only if there is one: `2026-11-21T08:00:00Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
