"""The order of a report's rows, and the place in it where a page ends: pages by key, which no new row can shift."""

import base64
import binascii
import json
from enum import Enum

from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

PAGE_ROWS_MAX = 1_000


class SortKey(Enum):
    """By what rows can be sorted; equals stand in the order in which their calls began."""

    START = "start"
    COST = "cost"
    DURATION = "duration"
    DESTINATION = "destination"
    USER = "user"


@frozen
class UsageOrder:
    """By what the rows are sorted, and whether the largest stands first."""

    key: SortKey = SortKey.START
    is_descending: bool = False


IN_TIME = UsageOrder()


@frozen
class UsagePlace:
    """A row's place in an order: the value that it is sorted by, its start in microseconds since 1970, its key."""

    value: int | str
    started_micros: int
    call_key: str
    line: int


@frozen
class UsagePage:
    """Rows of a report in their order, and where the next page begins after; None where there is no more."""

    rows: tuple[ReportedUsage, ...]
    last: UsagePlace | None


def cursor_of(place: UsagePlace, order: UsageOrder) -> str:
    """Write a place as one word that fits into a URL, and that only the same order understands."""
    written = json.dumps(
        [order.key.value, order.is_descending, place.value, place.started_micros, place.call_key, place.line],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def place_of(cursor: str, order: UsageOrder) -> UsagePlace:
    """Read what `cursor_of` wrote; raise Invalid for anything else, and for the cursor of another order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key, is_descending, *place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error) as failure:
        raise _unreadable() from failure
    if [key, is_descending] != [order.key.value, order.is_descending]:
        message = "this cursor belongs to another order of rows: sort as before, or begin without it"
        raise Invalid(message, code="cursor")
    return _checked(place, order)


def _checked(place: list[object], order: UsageOrder) -> UsagePlace:
    is_text = order.key in {SortKey.DESTINATION, SortKey.USER}
    # A bool is an int to Python, and half a surrogate is a str: a database holds neither.
    if any(isinstance(each, bool) or (isinstance(each, str) and not _is_text(each)) for each in place):
        raise _unreadable()
    match place:
        case [int() | str() as value, int() as started, str() as call_key, int() as line]:
            if isinstance(value, str) == is_text:
                return UsagePlace(value, started, call_key, line)
        case _:
            pass
    raise _unreadable()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unreadable() -> Invalid:
    return Invalid("this is no cursor that a page gave: begin without one", code="cursor")
