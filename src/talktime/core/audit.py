"""The invariants of the books: what must hold between lots, journal, calls, usage rows and decks."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from talktime.core.calls.calls import PaysFrom
from talktime.core.credit.billing.overage import BILLS
from talktime.core.credit.ledger import Account
from talktime.core.insight import call_findings
from talktime.core.insight.books import (
    NOTHING_PENDING,
    CallBooks,
    DeckBooks,
    Finding,
    LicenseBooks,
    LotBooks,
    LotColumns,
    MeterBooks,
    Movements,
    Pending,
    PostedRow,
    Rule,
    Unreadable,
)
from talktime.core.insight.call_findings import FindRate, time_findings
from talktime.core.insight.meter_findings import MeterSums
from talktime.core.insight.statements import TAX_ENTRIES
from talktime.core.organizations.licenses import License
from talktime.core.values.money import format_micros

_LOT, _REVENUE, _RECEIVABLE = Account.LOT.value, Account.REVENUE.value, Account.RECEIVABLE.value
_BREAKAGE, _REFUND, _ACCRUED = Account.BREAKAGE.value, Account.REFUND.value, Account.ACCRUED.value
_TAX, _INVOICED = Account.TAX.value, Account.INVOICED.value
_ADJUSTMENT, _TRANSFER, _DISPUTED = Account.ADJUSTMENT.value, Account.TRANSFER.value, Account.DISPUTED.value
# What can pay for a lot: money, an invoice, ourselves, another organization.
_FUNDING = tuple(
    account.value
    for account in (
        Account.CASH_CLEARING,
        Account.INVOICED,
        Account.PROMOTION,
        Account.ADJUSTMENT,
        Account.TRANSFER,
    )
)
_money = format_micros
_OURS = "a row that Talktime writes"
_LICENSES = {license_.value: license_.name for license_ in License}
_ACCOUNTS = frozenset(account.value for account in Account)


class Audit:
    """Checks the books as they stream by: all calls, then all meters and lots, then all organizations.

    What the parts must add up to is kept between them: sums per meter, one per lot with holds, a few per
    organization.
    """

    def __init__(
        self,
        organizations: Collection[int],
        find_rate: FindRate,
        at: datetime,
    ) -> None:
        """Audit the books of these organizations as of an instant; `find_rate` gives a row of a stored deck version."""
        self._organizations = organizations
        self._find_rate = find_rate
        self._at = at
        self._held: Counter[tuple[int, int]] = Counter()
        self._costs: Counter[int] = Counter()
        self._accrued: Counter[int] = Counter()
        self._meters = MeterSums()
        self._remaining: Counter[int] = Counter()
        self._taxed: Counter[int] = Counter()
        self._balances: dict[int, Counter[str]] = {}

    def call(self, books: CallBooks) -> Iterator[Finding]:
        """Check one call against its usage rows, its price and the journal."""
        yield from self._organization_known(books.organization_id, f"calls {books.call_key}")
        for row in books.usage:
            self._costs[books.organization_id] += row.cost_micros
            if row.paid_by is PaysFrom.OVERAGE:
                self._accrued[books.organization_id] += row.cost_micros
        for name, problem in books.unreadable:
            yield Finding(Rule.ROW_READABLE, books.organization_id, name, _OURS, problem)
        call = books.call
        if call is None:
            yield from () if books.unreadable else call_findings.orphans(books)
            return
        for slice_ in call.hold.slices:
            self._held[books.organization_id, slice_.lot_id] += slice_.amount_micros
        self._meters.count(call, books.usage)
        yield from call_findings.findings_of(books, call, self._find_rate, self._at)

    def meter(self, books: MeterBooks) -> Iterator[Finding]:
        """Check a meter against the calls that went before and name it."""
        yield from self._organization_known(books.organization_id, f"meters {books.name}")
        yield from self._meters.findings(books)

    def uncounted_meters(self) -> Iterator[Finding]:
        """After all meters: what calls have used or hold of meters that are not there."""
        yield from self._meters.left()

    def other_posting(self, organization_id: int, posting: PostedRow | Unreadable) -> Iterator[Finding]:
        """Check a posting that belongs to no call: a grant, an expiry."""
        if isinstance(posting, Unreadable):
            yield Finding(Rule.ROW_READABLE, organization_id, posting.row, _OURS, posting.problem)
            return
        if (posting.debit, posting.credit) == (_REVENUE, _TAX) and posting.entry_id.startswith(TAX_ENTRIES):
            self._taxed[organization_id] += posting.amount_micros
        if (posting.debit, posting.credit) == (_INVOICED, _ACCRUED) and posting.entry_id.startswith(BILLS):
            self._accrued[organization_id] -= posting.amount_micros
        yield from time_findings(organization_id, posting, posting.occurred_at)

    def lot(self, books: LotBooks) -> Iterator[Finding]:
        """Check one lot against the journal, and against the holds of the calls that went before."""
        balances = self._balances.setdefault(books.organization_id, Counter())
        for (debit, credit), amount in books.movements.items():
            balances[debit] -= amount
            balances[credit] += amount
        if books.lot_id is None:
            return
        name = f"credit_lots {books.lot_id}"
        yield from self._organization_known(books.organization_id, name)
        held = self._held.pop((books.organization_id, books.lot_id), 0)
        if books.unreadable is not None:
            yield Finding(Rule.ROW_READABLE, books.organization_id, name, _OURS, books.unreadable.problem)
            return
        if books.columns is None:
            yield Finding(Rule.LOT_KNOWN, books.organization_id, name, "the lot that the journal moves", "none")
            return
        self._remaining[books.organization_id] += books.columns.available_micros + books.columns.held_micros
        yield from _lot_findings(books, books.columns, held, self._at)

    def unknown_held_lots(self) -> Iterator[Finding]:
        """After all lots: what calls hold on lots that are not there."""
        for (organization_id, lot_id), amount in sorted(self._held.items()):
            name = f"credit_lots {lot_id}"
            yield Finding(
                Rule.LOT_KNOWN, organization_id, name, f"the lot on which calls hold {_money(amount)}", "none"
            )

    def organization(
        self, organization_id: int, receivable_micros: int, pending: Pending = NOTHING_PENDING
    ) -> Iterator[Finding]:
        """Check what an organization owes and earned, after its calls and lots, and what is on its way."""
        balances = self._balances.get(organization_id, Counter())
        name = "organizations"
        owed = -balances[_RECEIVABLE]
        if receivable_micros != owed:
            expected, found = f"receivable {_money(owed)} (journal)", _money(receivable_micros)
            yield Finding(Rule.RECEIVABLE_EQUALS_JOURNAL, organization_id, name, expected, found)
        for account, tables, what in (
            (
                _REVENUE,
                self._costs[organization_id] - self._taxed[organization_id],
                "the cost of all usage rows, less its tax",
            ),
            (_LOT, self._remaining[organization_id], "what remains in all lots"),
            (_ACCRUED, -self._accrued[organization_id], "the cost of all overage, less what was billed"),
            (_REFUND, pending.refunding_micros, "refunds under way"),
            (_DISPUTED, -pending.contested_micros, "what open disputes took beyond their lots"),
        ):
            if balances[account] != tables:
                expected, found = f"{account} {_money(tables)} ({what})", _money(balances[account])
                yield Finding(Rule.TRIAL_BALANCE, organization_id, "postings", expected, found)
        for account in sorted(balances.keys() - _ACCOUNTS):
            yield Finding(Rule.TRIAL_BALANCE, organization_id, "postings", "an account of ours", repr(account))
        total = sum(balances[account] for account in _ACCOUNTS)
        if total != 0:
            yield Finding(Rule.TRIAL_BALANCE, organization_id, "postings", "all accounts add up to 0", _money(total))

    def journal_of_unknown_organizations(self) -> Iterator[Finding]:
        """After all lots: journal rows of organizations that are not there."""
        for organization_id in sorted(self._balances):
            yield from self._organization_known(organization_id, "postings")

    def _organization_known(self, organization_id: int, row: str) -> Iterator[Finding]:
        if organization_id not in self._organizations:
            yield Finding(Rule.ORGANIZATION_KNOWN, organization_id, row, "an organization of this id", "none")


def deck_findings(deck: DeckBooks) -> Iterator[Finding]:
    """Check that a published version is complete, and a complete one has the rates that it says."""
    name = f"deck_versions {deck.deck} version {deck.number}"
    if deck.is_published and not deck.is_complete:
        yield Finding(Rule.DECK_COMPLETE, None, name, "a published version is complete", "still being staged")
    if deck.is_complete and deck.rates_stated != deck.rates_count:
        expected = f"{deck.rates_stated} rates"
        yield Finding(Rule.DECK_COMPLETE, None, name, expected, f"{deck.rates_count} rates")


def license_findings(books: Iterable[LicenseBooks]) -> Iterator[Finding]:
    """Check that the counts by which pools grow are those of the users."""
    for each in books:
        if each.counted != each.held:
            row = f"license_counts {_LICENSES.get(each.license, each.license)} {each.country}"
            expected, found = f"{each.held} users, as they are licensed", f"{each.counted}"
            yield Finding(Rule.LICENSES_COUNTED, each.organization_id, row, expected, found)


def guard_findings(guards: Mapping[str, bool]) -> Iterator[Finding]:
    """Check that every trigger that makes the journal insert-only is there and at work."""
    for name, is_active in guards.items():
        if not is_active:
            yield Finding(Rule.JOURNAL_INSERT_ONLY, None, f"trigger {name}", "it refuses changes", "absent or disabled")


def _lot_findings(books: LotBooks, lot: LotColumns, held_by_calls: int, at: datetime) -> Iterator[Finding]:
    name = f"credit_lots {books.lot_id}"
    moved = books.movements
    for column, stated, booked in (
        ("granted", lot.granted_micros, sum(moved.get((account, _LOT), 0) for account in _FUNDING)),
        (
            "spent",
            lot.spent_micros,
            _left_for(moved, _REVENUE, _RECEIVABLE)
            - moved.get((_REVENUE, _LOT), 0)
            - moved.get((_RECEIVABLE, _LOT), 0),
        ),
        ("expired", lot.expired_micros, _left_for(moved, _BREAKAGE) - moved.get((_BREAKAGE, _LOT), 0)),
        (
            "refunded",
            lot.refunded_micros,
            _left_for(moved, _REFUND, _ADJUSTMENT, _TRANSFER) - moved.get((_REFUND, _LOT), 0),
        ),
        ("disputed", lot.disputed_micros, _left_for(moved, _DISPUTED) - moved.get((_DISPUTED, _LOT), 0)),
    ):
        if stated != booked:
            expected, found = f"{column} {_money(booked)} (journal)", _money(stated)
            yield Finding(Rule.LOT_EQUALS_JOURNAL, books.organization_id, name, expected, found)
    if lot.held_micros != held_by_calls:
        expected, found = f"held {_money(held_by_calls)} (open calls)", _money(lot.held_micros)
        yield Finding(Rule.LOT_HELD_BY_CALLS, books.organization_id, name, expected, found)
    if min(lot[:-1]) < 0 or lot.available_micros < 0:
        parts = ", ".join(f"{field.removesuffix('_micros')} {_money(part)}" for field, part in _parts(lot))
        yield Finding(Rule.LOT_FITS, books.organization_id, name, "no part below 0, in all at most granted", parts)
    if at >= lot.expires_at and lot.available_micros > 0:
        expected = f"nothing available after its end at {lot.expires_at}"
        found = f"{_money(lot.available_micros)}; the expiry has not run yet, it cannot be spent"
        yield Finding(Rule.EXPIRED_CREDIT_SWEPT, books.organization_id, name, expected, found)


def _left_for(moved: Movements, *accounts: str) -> int:
    return sum(moved.get((_LOT, account), 0) for account in accounts)


def _parts(lot: LotColumns) -> list[tuple[str, int]]:
    return [(field, getattr(lot, field)) for field in lot._fields if field.endswith("_micros")]
