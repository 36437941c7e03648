"""Report usage: the rows of an organization and a period, streamed to whoever writes them down."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from datetime import date

from talktime.core.insight.usage import ORIGINAL, Layout, period_of, rounded
from talktime.core.insight.usage_totals import UsageTotal, UsageTotals
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization


class OpenReport:
    """A report that can be read while its transaction is open, as often as needed, one row at a time."""

    def __init__(
        self, tx: Transaction, organization: Organization, period: Period, layout: Layout, *, money_decimals: int | None
    ) -> None:
        """Count the rows; nothing is read before `rows`."""
        self.organization = organization
        self.period = period
        self.layout = layout
        self.rows_count = tx.insight.usage_count(organization.organization_id, *period)
        self.totals = UsageTotals()
        self._tx = tx
        self._cells = layout.cells if money_decimals is None else rounded(layout, money_decimals).cells

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the cells of each usage row, and begin the totals anew."""
        self.totals = UsageTotals()
        for reported in self._tx.insight.usage(self.organization.organization_id, *self.period):
            self.totals.add(reported.row)
            yield self._cells(reported, self.organization.country)


@frozen
class ReportUsage:
    """Which usage, local days from the first to the last, and who writes it: each gets the report to read once."""

    organization: str
    starts_on: date | None = None
    ends_on: date | None = None
    layout: Layout = ORIGINAL
    # Rounds the money of each row; the totals stay exact.
    money_decimals: int | None = None
    writers: Sequence[Callable[[OpenReport], object]] = field(default_factory=tuple)


@frozen
class UsageReported:
    """What was reported, what it comes to, and when the organization's calls began, first to last, of all times."""

    organization: Organization
    period: Period
    rows_count: int
    totals: tuple[UsageTotal, ...]
    span: Period | None


def report_usage(tx: Transaction, request: ReportUsage) -> UsageReported:
    """Hand the report to its writers, all as of the same instant; raise NotFound, or Invalid for an empty period."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    if request.starts_on is not None and request.ends_on is not None and request.ends_on < request.starts_on:
        message = f"the period ends on {request.ends_on}, before it begins on {request.starts_on}"
        raise Invalid(message, code="period")
    period = period_of(request.starts_on, request.ends_on, organization.zone)
    report = OpenReport(tx, organization, period, request.layout, money_decimals=request.money_decimals)
    for write in request.writers:
        write(report)
    span = tx.insight.usage_span(organization.organization_id)
    return UsageReported(organization, period, report.rows_count, report.totals.all(), span)
