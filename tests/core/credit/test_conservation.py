"""Whatever is done to credit in whatever order, nothing is lost, and the journal alone tells every column."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit import lots
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind, Slice

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

AMOUNTS = st.integers(0, 400)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.integers(1, 300), st.integers(-1, 30), st.sampled_from(LotKind)),
        st.tuples(st.just("hold"), AMOUNTS),
        st.tuples(st.just("settle"), st.integers(0, 5), AMOUNTS),
        st.tuples(st.just("expire")),
        st.tuples(st.just("wait"), st.integers(1, 10)),
    ),
    max_size=40,
)


@dataclass
class Books:
    """Credit, the holds of its calls, and what was posted."""

    now: datetime = NOON
    credit: Credit = field(default_factory=Credit)
    holds: list[tuple[Slice, ...]] = field(default_factory=list)
    journal: list[Posting] = field(default_factory=list)
    charged: int = 0

    def grant(self, amount: int, hours: int, kind: LotKind) -> None:
        lot = CreditLot(len(self.credit.lots) + 1, kind, amount, self.now, self.now + hours * HOUR)
        self.credit, postings = lots.grant(self.credit, lot, self.now)
        self.journal += postings

    def hold(self, amount: int) -> None:
        wanted = min(amount, self.credit.available_micros(self.now))
        self.credit, slices = lots.hold(self.credit, wanted, self.now)
        assert sum(part.amount_micros for part in slices) == wanted
        self.holds.append(slices)

    def settle(self, index: int, cost: int) -> None:
        if not self.holds:
            return
        slices = self.holds.pop(index % len(self.holds))
        owed_before, available = self.credit.receivable_micros, self.credit.available_micros(self.now)
        self.credit, postings, uncovered = lots.settle(self.credit, slices, cost, self.now)
        self.journal += postings
        self.charged += cost
        held = sum(part.amount_micros for part in slices)
        # Only what neither the hold nor available credit covers is owed; what is released repays older debts.
        assert uncovered == max(0, cost - held - (available if owed_before == 0 else 0))

    def expire(self) -> None:
        self.credit, postings = lots.expire(self.credit, self.now)
        self.journal += postings

    def wait(self, hours: int) -> None:
        self.now += hours * HOUR


@given(OPERATIONS)
def test_nothing_is_lost_and_the_journal_tells_every_column(operations: list[tuple[object, ...]]) -> None:
    books = Books()

    for name, *arguments in operations:
        getattr(books, str(name))(*arguments)

        for lot in books.credit.lots:
            assert_conserved(lot, books.now)
            assert_told_by(books.journal, lot)
        assert books.credit.held_micros() == sum(part.amount_micros for each in books.holds for part in each)
        assert books.credit.receivable_micros == moved(books.journal, debit=Account.RECEIVABLE) - moved(
            books.journal, credit=Account.RECEIVABLE
        )
        assert moved(books.journal, credit=Account.REVENUE) == books.charged
        assert books.credit.receivable_micros == 0 or books.credit.available_micros(books.now) == 0
        assert list(books.credit.lots) == sorted(books.credit.lots, key=lots.spending_order)


def assert_conserved(lot: CreditLot, at: datetime) -> None:
    lapsed = 0 if at < lot.expires_at else lot.remaining_micros - lot.held_micros
    parts = (
        lot.spent_micros,
        lot.held_micros,
        lot.expired_micros,
        lot.refunded_micros,
        lot.disputed_micros,
        lot.available_micros(at),
        lapsed,
    )
    assert min(parts) >= 0
    assert sum(parts) == lot.granted_micros


def assert_told_by(journal: Iterable[Posting], lot: CreditLot) -> None:
    own = [posting for posting in journal if posting.lot_id == lot.lot_id]
    spent = moved(own, debit=Account.LOT, credit=Account.REVENUE) + moved(
        own, debit=Account.LOT, credit=Account.RECEIVABLE
    )
    assert moved(own, debit=Account.CASH_CLEARING, credit=Account.LOT) == lot.granted_micros
    assert spent == lot.spent_micros
    assert moved(own, debit=Account.LOT, credit=Account.BREAKAGE) == lot.expired_micros
    assert moved(own, credit=Account.LOT) - moved(own, debit=Account.LOT) == lot.remaining_micros


def moved(journal: Iterable[Posting], *, debit: Account | None = None, credit: Account | None = None) -> int:
    return sum(
        posting.amount_micros
        for posting in journal
        if debit in (None, posting.debit) and credit in (None, posting.credit)
    )
