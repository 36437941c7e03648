"""The statement of a month: computed as of now, or issued once the month is over and never changed again."""

from datetime import date, datetime, timedelta

from talktime.core.credit.billing.taxes import rule_on
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.insight import statements
from talktime.core.insight.statements import Statement, StatementFacts
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period, add_months, start_of_day
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization
from talktime.usecases.ports import Transact

# The last instant of a month: what a statement books belongs to the month that it tells of.
_MICROSECOND = timedelta(microseconds=1)


@frozen
class OfMonth:
    """A month of an organization, by its first day, seen at an instant."""

    organization: str
    month: date
    at: datetime


@frozen
class StatementShown:
    """A statement, and whether it was issued: then it is what it was."""

    organization: Organization
    statement: Statement
    is_issued: bool


@frozen
class MonthTold:
    """A month of an organization in a list: `closing_micros` as issued, None where it was not yet."""

    month: date
    statement: Statement | None


@frozen
class _Kept:
    """A statement that was composed, to be kept."""

    organization: str
    statement: Statement
    at: datetime


def issue_statement(read: Transact, run: Transact, request: OfMonth) -> Statement:
    """Return the statement of a month that is over, issued now unless it was before.

    The books are added up by `read`, without a lock, because that takes seconds where there are a million calls; `run`
    keeps what they came to. What is booked in between is told as a correction by the next month. Raise Invalid for a
    month that is not over, Conflict where an earlier one was not issued: each opens with what the one before closed
    with.
    """
    shown = read(_show_issuable, request)
    return shown.statement if shown.is_issued else run(_keep, _Kept(request.organization, shown.statement, request.at))


def show_statement(tx: Transaction, request: OfMonth) -> StatementShown:
    """Return the statement of a month as it was issued, else as the books stand; raise Invalid for one to come."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    known = tx.documents.statement(organization.organization_id, request.month)
    if known is not None:
        return StatementShown(organization, known, is_issued=True)
    return StatementShown(organization, _composed(tx, organization, request), is_issued=False)


def list_statements(tx: Transaction, request: LookAt) -> tuple[Organization, list[MonthTold]]:
    """Return the months in which an organization had books, the newest first, each with its statement if it has one."""
    organization = find_organization(tx, request.name)
    first = _first_month(tx, organization)
    if first is None:
        return organization, []
    months: list[date] = []
    month = request.at.astimezone(organization.zone).date().replace(day=1)
    while month >= first:
        months.append(month)
        month = statements.month_before(month)
    return organization, [
        MonthTold(each, tx.documents.statement(organization.organization_id, each)) for each in months
    ]


def statements_due(tx: Transaction, at: datetime) -> list[OfMonth]:
    """Return every month of every organization that is over and was not told of, the oldest first."""
    due: list[OfMonth] = []
    for organization in tx.organizations.all():
        told = tx.documents.statement_months(organization.organization_id)
        month = add_months(told[-1], 1) if told else _first_month(tx, organization)
        while month is not None and month_period(organization, month).ends_at <= at:
            due.append(OfMonth(organization.name, month, at))
            month = add_months(month, 1)
    return due


def month_period(organization: Organization, month: date) -> Period:
    """Return from when to when a month lasts where the organization is."""
    return Period(start_of_day(month, organization.zone), start_of_day(add_months(month, 1), organization.zone))


def _show_issuable(tx: Transaction, request: OfMonth) -> StatementShown:
    """Return what is to be issued, or was."""
    shown = show_statement(tx, request)
    organization, month = shown.organization, request.month
    if shown.is_issued:
        return shown
    if shown.statement.is_preliminary:
        message = f"{month:%B %Y} is not over for {organization.name}: its statement can be shown, not issued"
        raise Invalid(message, code="month_not_over")
    first, before = _first_month(tx, organization), statements.month_before(month)
    if first is None or before < first or tx.documents.statement(organization.organization_id, before) is not None:
        return shown
    message = f"the statement of {before:%B %Y} was not issued: issue the months of {organization.name} in their order"
    raise Conflict(message, code="month_before_not_issued")


def _keep(tx: Transaction, request: _Kept) -> Statement:
    """Keep a statement and book the tax that its use contains, once: whoever comes second gets the first one's."""
    organization = lock_organization(tx, request.organization)
    statement = request.statement
    known = tx.documents.statement(organization.organization_id, statement.month)
    if known is not None:
        return known
    tx.documents.add_statement(statement, request.at)
    if statement.included_tax_micros:
        taxed = Posting(Account.REVENUE, Account.TAX, statement.included_tax_micros)
        entry_id, booked_at = statements.tax_entry_id(statement.month), statement.ends_at - _MICROSECOND
        tx.credit.post(JournalEntry(organization.organization_id, entry_id, booked_at, (taxed,)))
    return statement


def _composed(tx: Transaction, organization: Organization, request: OfMonth) -> Statement:
    period = month_period(organization, request.month)
    if request.at < period.starts_at:
        message = f"{request.month:%B %Y} has not begun for {organization.name}: choose an earlier month"
        raise Invalid(message, code="month_to_come")
    organization_id, journal = organization.organization_id, tx.documents.journal
    before = tx.documents.statement(organization_id, statements.month_before(request.month))
    return statements.statement_of(
        StatementFacts(
            organization_id=organization_id,
            month=request.month,
            period=period,
            currency=organization.currency,
            time_zone=organization.zone.key,
            at=request.at,
            opening_micros=journal.balance(organization_id, period.starts_at),
            closing_micros=journal.balance(organization_id, period.ends_at),
            moved=journal.moved(organization_id, period),
            purchased=journal.purchased(organization_id, period),
            used=journal.used(organization_id, period),
            accrued=journal.accrued(organization_id, period),
            told_micros=None if before is None else before.closing_micros,
            rule=rule_on(tx.documents.tax_rules(organization.country), request.month),
            open_since=journal.open_since(organization_id),
            seller=tx.documents.seller(),
            buyer=tx.documents.buyer(organization),
        )
    )


def _first_month(tx: Transaction, organization: Organization) -> date | None:
    began_at = tx.documents.journal.began_at(organization.organization_id)
    return None if began_at is None else began_at.astimezone(organization.zone).date().replace(day=1)
