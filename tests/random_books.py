"""Books of an organization after any movements in any order, by the functions of the core, and in its tables.

books = RandomBooks(organization)
books.do(operations)             each is a name and its arguments, as MOVEMENTS draws them
app.run(books.save, None)
"""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import insert

from talktime.core.credit import lots, returning
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind, Slice
from talktime.core.organizations.organizations import Organization
from talktime.store import schema
from talktime.store.instants import to_micros
from talktime.store.transaction import Transaction

# An hour before the clocks go forward in Europe, and a month that ends soon.
BEGINS_AT = datetime(2026, 3, 29, 0, 0, 0, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)

_AMOUNTS = st.one_of(st.integers(1, 3_000), st.integers(1, 10**15))
_INDICES = st.integers(0, 20)
MOVEMENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("grant"),
            _AMOUNTS,
            st.integers(1, 9_000),
            st.sampled_from(
                (
                    Account.CASH_CLEARING,
                    Account.INVOICED,
                    Account.PROMOTION,
                    Account.ADJUSTMENT,
                    Account.TRANSFER,
                )
            ),
            st.integers(0, 50),
        ),
        st.tuples(st.just("hold"), _AMOUNTS),
        st.tuples(st.just("settle"), _INDICES, _AMOUNTS),
        st.tuples(st.just("call"), _AMOUNTS, _AMOUNTS),
        st.tuples(st.just("expire")),
        st.tuples(st.just("refund"), _INDICES, _AMOUNTS),
        st.tuples(st.just("dispute"), _INDICES, _AMOUNTS),
        st.tuples(st.just("withdraw"), _AMOUNTS, st.sampled_from((Account.ADJUSTMENT, Account.TRANSFER))),
        st.tuples(st.just("wait"), st.integers(1, 3_000)),
    ),
    min_size=1,
    max_size=25,
)


class RandomBooks:
    """Credit that moves, its holds, the journal of it and what calls have cost."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.at = BEGINS_AT
        self.credit = Credit()
        self.journal: list[JournalEntry] = []
        self.costs: dict[str, int] = {}
        self._holds: list[tuple[Slice, ...]] = []

    def do(self, operations: list[tuple[object, ...]]) -> None:
        for name, *arguments in operations:
            getattr(self, str(name))(*arguments)

    def grant(self, amount: int, hours: int, pays: Account, tax_percent: int) -> None:
        kind = LotKind.PROMOTIONAL if pays is Account.PROMOTION else LotKind.PURCHASED
        lot = CreditLot(len(self.credit.lots) + 1, kind, amount, self.at, self.at + hours * HOUR)
        self.credit, postings = lots.grant(self.credit, lot, self.at, pays=pays)
        tax = amount * tax_percent // 100
        self._post("grant", (*postings, *((Posting(pays, Account.TAX, tax),) if tax else ())))

    def hold(self, amount: int) -> None:
        wanted = min(amount, self.credit.available_micros(self.at))
        self.credit, slices = lots.hold(self.credit, wanted, self.at)
        self._holds.append(slices)

    def settle(self, index: int, cost: int) -> None:
        if not self._holds:
            return
        slices = self._holds.pop(index % len(self._holds))
        self.credit, postings, _ = lots.settle(self.credit, slices, cost, self.at)
        self.costs[f"call {len(self.journal)}"] = cost
        self._post("call", postings)

    def call(self, held: int, cost: int) -> None:
        self.hold(held)
        self.settle(len(self._holds) - 1, cost)

    def expire(self) -> None:
        self.credit, postings = lots.expire(self.credit, self.at)
        self._post("expiry", postings)

    def refund(self, index: int, amount: int) -> None:
        if not self.credit.lots:
            return
        lot_id = self.credit.lots[index % len(self.credit.lots)].lot_id
        given_back = min(amount, returning.returnable_micros(self.credit, lot_id, self.at))
        if given_back > 0:
            self.credit, postings = returning.refund(self.credit, lot_id, given_back, self.at)
            self._post("refund", (*postings, Posting(Account.REFUND, Account.CASH_CLEARING, given_back)))

    def dispute(self, index: int, amount: int) -> None:
        """The bank takes a payment back and keeps it, with a fee."""
        if not self.credit.lots:
            return
        lot_id = self.credit.lots[index % len(self.credit.lots)].lot_id
        after, taken = returning.claw_back(self.credit, lot_id, amount, self.at)
        shortfall = amount - sum(posting.amount_micros for posting in taken)
        owed: returning.Postings = ()
        if shortfall > 0:
            after, owed = returning.owe(after, shortfall, self.at, Account.DISPUTED)
        self.credit = after
        fee = Posting(Account.FEE, Account.CASH_CLEARING, 15_000_000)
        self._post("dispute", (Posting(Account.DISPUTED, Account.CASH_CLEARING, amount), *taken, *owed, fee))

    def withdraw(self, amount: int, to: Account) -> None:
        taken = min(amount, self.credit.available_micros(self.at))
        if taken > 0:
            self.credit, postings = returning.withdraw(self.credit, taken, self.at, to)
            self._post("adjustment", postings)

    def wait(self, hours: int) -> None:
        self.at += hours * HOUR

    def save(self, tx: Transaction, _: None) -> None:
        """Write the organization with its lots, its journal, and usage rows that cost what its calls have cost."""
        organization_id = self.organization.organization_id
        tx.organizations.add(self.organization, BEGINS_AT)
        for lot in self.credit.lots:
            tx.credit.add_lot(organization_id, lot, f"order {lot.lot_id}")
        tx.credit.save(organization_id, Credit(self.credit.lots), self.credit)
        for entry in self.journal:
            tx.credit.post(entry)
        for call_key, cost in self.costs.items():
            tx.credit._connection.execute(insert(schema.usage_rows), self._usage_row(call_key, cost))

    def _post(self, kind: str, postings: tuple[Posting, ...]) -> None:
        entry_id = f"call:call {len(self.journal)}:0" if kind == "call" else f"{kind}:{len(self.journal)}"
        if postings:
            self.journal.append(JournalEntry(self.organization.organization_id, entry_id, self.at, postings))

    def _usage_row(self, call_key: str, cost: int) -> dict[str, object]:
        unsaid = dict.fromkeys(("conference_id", "caller", "called", "prefix", "paid_by", "ending"), "")
        numbers = dict.fromkeys(
            ("line", "used_seconds", "billed_seconds", "connection_fee_micros", "uncovered_micros", "flags"), 0
        )
        return {
            **unsaid,
            **numbers,
            "organization_id": self.organization.organization_id,
            "call_key": call_key,
            "kind": "user_out",
            "destination": '法国 "mobile"',
            "started_at": to_micros(self.at),
            "ended_at": to_micros(self.at),
            "cost_micros": cost,
            "currency": self.organization.currency,
        }
