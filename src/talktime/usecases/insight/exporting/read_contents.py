"""Open the contents of an export as of one instant: read as often as a file wants them, some rows at a time."""

from collections.abc import Callable, Iterator
from datetime import datetime

from talktime.core.insight.exporting.contents import UsageContents
from talktime.core.insight.exporting.exports import Export, MadeFile
from talktime.core.insight.privacy.masking import hidden_digits
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.reports.watermarks import snapshot_id, watermark_of
from talktime.core.insight.usage import LAYOUTS, ReportedUsage
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class ReadContents:
    """Which export, as of when, and who writes it down while the transaction is open."""

    export: Export
    at: datetime
    write: Callable[[UsageContents], MadeFile]


def read_contents(tx: Transaction, request: ReadContents) -> MadeFile:
    """Hand the contents to the writer, all as of the same instant."""
    tx.insight.books.begin_snapshot()
    return request.write(contents_of(tx, request.export, request.at))


def contents_of(tx: Transaction, export: Export, at: datetime) -> UsageContents:
    """Return the contents; they can be read while the transaction is open."""
    owner, shown = export.organization_id, export.request.shown
    organization = tx.organizations.with_ids({owner})[owner]
    hidden = hidden_digits(organization.country)
    pages = tx.insight.usage_pages

    def sums(by: GroupBy | None) -> list[UsageSum]:
        return pages.sums(owner, shown, by, zone=organization.zone, hidden_digits=hidden)

    def rows() -> Iterator[ReportedUsage]:
        return pages.stream(owner, shown, hidden_digits=hidden)

    def people() -> dict[int, str]:
        users = (each.group for each in sums(GroupBy.USER))
        return tx.insight.user_names(owner, [user for user in users if isinstance(user, int)])

    watermark = watermark_of(tx.insight.reporting.pending(owner), shown.period, at)
    totals = sums(None)
    return UsageContents(
        organization,
        shown,
        watermark,
        snapshot_id(owner, shown, watermark, totals),
        LAYOUTS[export.request.layout],
        export.request.money_decimals,
        sum(each.rows for each in totals),
        rows,
        sums,
        people,
    )
