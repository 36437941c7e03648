"""List usage details page by page, in any order, with what all of them come to where that is asked."""

from collections.abc import Callable, Iterator

from talktime.core.insight.privacy.masking import hidden_digits
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.paging import (
    IN_TIME,
    PAGE_ROWS_MAX,
    UsageOrder,
    cursor_of,
    place_of,
)
from talktime.core.insight.reports.usage_details import DETAILS
from talktime.core.insight.reports.watermarks import snapshot_id
from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.insight.reports.asking import Asked, Conditions, ask, narrowed

ROWS_SHOWN = 50


@frozen
class ListUsage:
    """Which rows, in which order, from which page on; the sums look at every row, so a page can go without them."""

    conditions: Conditions
    order: UsageOrder = IN_TIME
    cursor: str = ""
    rows_max: int = ROWS_SHOWN
    has_sums: bool = True
    is_uncovered: bool = False
    # Gets the details of all rows in their order, one at a time, while the transaction is open.
    write_all: Callable[[Iterator[tuple[object, ...]]], object] | None = None


@frozen
class UsageListed:
    """A page; `next_cursor` is empty where there is no more, `sums` and `snapshot` where they were not asked for."""

    asked: Asked
    rows: tuple[ReportedUsage, ...]
    next_cursor: str
    sums: tuple[UsageSum, ...]
    snapshot: str


def list_usage(tx: Transaction, request: ListUsage) -> UsageListed:
    """Return a page of rows as of one instant; raise Invalid for a cursor of another order, and as `ask` does."""
    if not 0 < request.rows_max <= PAGE_ROWS_MAX:
        message = f"a page has 1 to {PAGE_ROWS_MAX:,} rows, not {request.rows_max:,}"
        raise Invalid(message, code="limit")
    after = place_of(request.cursor, request.order) if request.cursor else None
    asked = narrowed(ask(tx, request.conditions), is_uncovered=request.is_uncovered)
    owner, hidden = asked.organization.organization_id, hidden_digits(asked.organization.country)
    pages = tx.insight.usage_pages
    page = pages.page(owner, asked.shown, request.order, after=after, rows_max=request.rows_max, hidden_digits=hidden)
    if request.write_all is not None:
        rows = pages.stream(owner, asked.shown, request.order, hidden_digits=hidden)
        request.write_all(DETAILS.cells(row, asked.organization.country) for row in rows)
    sums = tuple(pages.sums(owner, asked.shown, None, hidden_digits=hidden)) if request.has_sums else ()
    return UsageListed(
        asked,
        page.rows,
        "" if page.last is None else cursor_of(page.last, request.order),
        sums,
        snapshot_id(owner, asked.shown, asked.watermark, sums) if request.has_sums else "",
    )
