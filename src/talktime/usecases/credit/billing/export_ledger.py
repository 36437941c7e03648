"""Export the books: the general ledger of one organization or of all, streamed, with balances to check it against."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import (
    Balances,
    ChartedAccount,
    Moved,
    TrialLine,
    added,
    balances_of,
    brought_forward,
    total_moved,
    trial_balance,
)
from talktime.core.insight.ledger_entries import Detail, LedgerEntry, LedgerOf, summarized
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period, add_months, start_of_day
from talktime.store.transaction import Transaction

UTC = ZoneInfo("UTC")
# Days outside are a slip, and their instants may be more than a date can say.
FIRST_YEAR, LAST_YEAR = 1970, 9998


class Clock(Enum):
    """Whose days date the books."""

    ORGANIZATION = "organization"
    UTC = "utc"


@frozen
class Scope:
    """Which books: of one organization, or of all where none is named; from a first day to a last, both included."""

    organization: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    clock: Clock = Clock.ORGANIZATION


@frozen
class ExportLedger:
    """What to export, one by one or summed up, and who writes it."""

    scope: Scope
    write: Callable[["OpenLedger"], object]
    detail: Detail = Detail.ENTRY


@frozen
class Difference:
    """An account of an organization that comes to one balance by its entries, and to another by the tables."""

    organization: str
    currency: str
    account: ChartedAccount
    entries_micros: int
    tables_micros: int


@frozen
class TrialBalance:
    """The accounts of all organizations that keep their books in a currency, over the period."""

    currency: str
    organizations_count: int
    lines: tuple[TrialLine, ...]


@frozen
class LedgerShown:
    """What the books come to; the days are the first and the last of any organization, None where there are no books.

    Where there are differences the books are damaged: the audit tells more.
    """

    scope: Scope
    organizations_count: int
    entries_count: int
    first_on: date | None
    last_on: date | None
    trial_balances: tuple[TrialBalance, ...]
    differences: tuple[Difference, ...]


def export_ledger(tx: Transaction, request: ExportLedger) -> LedgerShown:
    """Hand the books to a writer, as of one instant; raise NotFound, or Invalid for a period that there is not."""
    tx.insight.books.begin_snapshot()
    ledger = OpenLedger(tx, _organizations(tx, request.scope), request.scope, request.detail)
    request.write(ledger)
    return ledger.shown()


def show_balances(tx: Transaction, scope: Scope) -> LedgerShown:
    """Return what the accounts come to, added up by the database."""
    tx.insight.books.begin_snapshot()
    sums = _Sums(scope)
    for organization in _organizations(tx, scope):
        ledger = _ledger_of(tx, organization, scope)
        if ledger is not None:
            sums.add(ledger, ledger.moved, 0)
    return sums.shown()


class OpenLedger:
    """Books that can be read once while their transaction is open, one organization after the other.

    The entries are added up as they go by, and compared with what the tables say.
    """

    def __init__(self, tx: Transaction, organizations: list[Organization], scope: Scope, detail: Detail) -> None:
        """Read nothing before `ledgers`."""
        self.scope = scope
        self.currencies = tuple(sorted({each.currency for each in organizations}))
        self._tx = tx
        self._organizations = organizations
        self._detail = detail
        self._sums = _Sums(scope)

    def ledgers(self) -> Iterator[LedgerOf]:
        """Yield the ledger of each organization that has books; its entries are to be read before the next one."""
        for organization in self._organizations:
            ledger = _ledger_of(self._tx, organization, self.scope)
            if ledger is None:
                continue
            read = _Read()
            yield replace(ledger, entries=summarized(read.entries(ledger.entries), self._detail))
            self._sums.add(ledger, read.moved, read.count)

    def shown(self) -> LedgerShown:
        """Return what was read so far."""
        return self._sums.shown()


class _Read:
    """What went by of one organization."""

    def __init__(self) -> None:
        self.count = 0
        self.moved: dict[tuple[Account, Account], int] = {}

    def entries(self, entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
        for entry in entries:
            self.count += 1
            for posting in entry.postings:
                pair = posting.debit, posting.credit
                self.moved[pair] = self.moved.get(pair, 0) + posting.amount_micros
            yield entry


class _Sums:
    """What the books of several organizations come to, by currency."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._entries_count = 0
        self._days: list[date] = []
        self._by_currency: dict[str, tuple[int, Balances, Moved]] = {}
        self._differences: list[Difference] = []

    def add(self, ledger: LedgerOf, moved: Moved, entries_count: int) -> None:
        """Add an organization's books, and compare what was moved with what the tables say."""
        self._entries_count += entries_count
        last_on = ledger.ends_on - DAY
        self._days = [min([*self._days, ledger.begins_on]), max([*self._days, last_on])]
        count, opening, before = self._by_currency.get(ledger.currency, (0, {}, {}))
        self._by_currency[ledger.currency] = (count + 1, added(opening, ledger.opening), total_moved((before, moved)))
        by_entries = added(ledger.opening, balances_of(moved))
        self._differences += [
            Difference(ledger.organization, ledger.currency, account, by_entries.get(account, 0), tables_micros)
            for account, tables_micros in ledger.closing.items()
            if by_entries.get(account, 0) != tables_micros
        ]

    def shown(self) -> LedgerShown:
        balances = tuple(
            TrialBalance(currency, count, trial_balance(opening, moved))
            for currency, (count, opening, moved) in sorted(self._by_currency.items(), key=lambda item: item[0])
        )
        return LedgerShown(
            self._scope,
            sum(each.organizations_count for each in balances),
            self._entries_count,
            self._days[0] if self._days else None,
            self._days[1] if self._days else None,
            balances,
            tuple(self._differences),
        )


def _organizations(tx: Transaction, scope: Scope) -> list[Organization]:
    days = [day for day in (scope.starts_on, scope.ends_on) if day is not None]
    if any(not FIRST_YEAR <= day.year <= LAST_YEAR for day in days):
        message = f"the books are of the years {FIRST_YEAR} to {LAST_YEAR}: choose days between"
        raise Invalid(message, code="period")
    if scope.starts_on is not None and scope.ends_on is not None and scope.ends_on < scope.starts_on:
        message = f"the period ends on {scope.ends_on}, before it begins on {scope.starts_on}"
        raise Invalid(message, code="period")
    if scope.organization:
        return [tx.organizations.named(scope.organization)]
    return sorted(tx.organizations.all(), key=lambda each: each.organization_id)


def _ledger_of(tx: Transaction, organization: Organization, scope: Scope) -> LedgerOf | None:
    """Return an organization's ledger of the period; None where it had no books yet, or has none at all."""
    organization_id, rows = organization.organization_id, tx.insight.ledger
    zone = UTC if scope.clock is Clock.UTC else organization.zone
    kept, span = rows.kept(organization_id), rows.span(organization_id)
    if span is None and not any(kept.values()):
        return None
    # Without a journal, what the tables say is a difference of today.
    first, last = _days_of(span, zone) or (scope.starts_on or scope.ends_on or date(FIRST_YEAR, 1, 1),) * 2
    begins_on = max(first, scope.starts_on or first)
    if scope.ends_on is not None and scope.ends_on < begins_on:
        return None
    ends_on = (scope.ends_on or max(last, begins_on)) + DAY
    days = [begins_on, *_months_between(begins_on, min(ends_on, last + DAY)), ends_on]
    before, *moved = rows.moved(organization_id, [start_of_day(day, zone) for day in days])
    opening, balances = _balances(before, moved, kept)
    period = Period(start_of_day(begins_on, zone), start_of_day(ends_on, zone))
    return LedgerOf(
        organization_id=organization_id,
        organization=organization.name,
        currency=organization.currency,
        zone=zone,
        begins_on=begins_on,
        ends_on=ends_on,
        opening=opening,
        moved=total_moved(moved[:-1]),
        # Of a period that begins with nothing, the first day would say nothing.
        months=tuple(zip(days[:-1], balances, strict=False))[0 if opening else 1 :],
        closing=balances[-1],
        entries=rows.entries(organization_id, period, zone),
    )


def _balances(before: Moved, moved: list[Moved], kept: Balances) -> tuple[Balances, list[Balances]]:
    """Return the opening balances, and those at each boundary of a period: as the tables say where they know.

    The tables say how it is today; what was moved since then is taken away again. `moved` ends with what came later.
    """
    earlier = balances_of(before)
    opening = brought_forward(earlier)
    shifted = added(opening, {account: -micros for account, micros in earlier.items()})
    touched = opening.keys() | balances_of(total_moved(moved[:-1])).keys()
    boundaries: list[Balances] = []
    until, since = opening, balances_of(total_moved(moved))
    for part in moved:
        by_tables = {
            account: micros - since.get(account, 0) + shifted.get(account, 0) for account, micros in kept.items()
        }
        named = touched | {account for account, micros in by_tables.items() if micros}
        known = until | by_tables
        boundaries.append({account: known.get(account, 0) for account in sorted(named, key=lambda each: each.number)})
        changes = balances_of(part)
        until = added(until, changes)
        since = added(since, {account: -micros for account, micros in changes.items()})
    return opening, boundaries


def _days_of(span: Period | None, zone: ZoneInfo) -> tuple[date, date] | None:
    return None if span is None else (span.starts_at.astimezone(zone).date(), span.ends_at.astimezone(zone).date())


def _months_between(first: date, end: date) -> Iterator[date]:
    """Yield the first days of months after the one and before the other."""
    month = add_months(first.replace(day=1), 1)
    while month < end:
        yield month
        month = add_months(month, 1)
