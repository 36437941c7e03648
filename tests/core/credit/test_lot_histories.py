"""Whatever happens to lots after they were bought, in whatever order: a small model says what each step may change."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from talktime.core.credit import as_of, expiring, lots, returning
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind, Slice

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AMOUNTS = st.integers(1, 300)
PICKS = st.integers(0, 9)
FUNDING = (Account.CASH_CLEARING, Account.PROMOTION, Account.ADJUSTMENT, Account.TRANSFER)


@dataclass
class Part:
    """A lot as the model knows it; `free` is neither spent nor held nor gone, expired or not."""

    kind: LotKind
    ends: int
    granted: int
    bought: int
    free: int
    spent: int = 0
    held: int = 0
    expired: int = 0
    given_back: int = 0
    disputed: int = 0


class Lots(RuleBasedStateMachine):
    """Buy, call, report late, refund, dispute, correct, sweep, wait."""

    def __init__(self) -> None:
        super().__init__()
        self.credit = Credit()
        self.journal: list[tuple[datetime, Posting]] = []
        self.hours = 0
        self.parts: dict[int, Part] = {}
        self.owed = 0
        self.holds: list[tuple[Slice, ...]] = []
        self.refunding: list[tuple[int, int]] = []
        self.disputing: list[tuple[int, int]] = []

    @property
    def now(self) -> datetime:
        """The clock."""
        return NOON + self.hours * HOUR

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────

    @rule(hours=st.integers(1, 12))
    def wait(self, hours: int) -> None:
        self.hours += hours

    @rule(amount=AMOUNTS, lifetime=st.integers(1, 40), kind=st.sampled_from(LotKind), pays=st.sampled_from(FUNDING))
    def grant(self, amount: int, lifetime: int, kind: LotKind, pays: Account) -> None:
        lot_id = len(self.parts) + 1
        lot = CreditLot(lot_id, kind, amount, self.now, self.now + lifetime * HOUR)
        after, postings = lots.grant(self.credit, lot, self.now, pays=pays)

        self.parts[lot_id] = Part(kind, self.hours + lifetime, amount, self.hours, amount)
        self._repay()
        self._keep(after, postings)

    @rule(amount=AMOUNTS)
    def hold(self, amount: int) -> None:
        wanted = min(amount, self._available())
        if wanted == 0:
            return
        self.credit, slices = lots.hold(self.credit, wanted, self.now)

        assert dict(slices) == self._take(wanted, "held")
        self.holds.append(slices)

    @rule(pick=PICKS, cost=AMOUNTS, used_before=st.one_of(st.none(), st.integers(0, 30)))
    def settle(self, pick: int, cost: int, used_before: int | None) -> None:
        if not self.holds:
            return
        slices = self.holds.pop(pick % len(self.holds))
        used = None if used_before is None else self.hours - used_before
        used_at = None if used is None else NOON + used * HOUR
        after, postings, uncovered = lots.settle(self.credit, slices, cost, self.now, used_at=used_at)

        missing = self._capture(dict(slices), cost)
        missing = missing if used is None else self._spend_as_of(missing, used)
        missing -= sum(self._take(missing, "spent").values())
        self.owed += missing
        assert uncovered == missing
        self._repay()
        self._keep(after, postings)

    @rule()
    def sweep(self) -> None:
        found = list(expiring.expiries(self.credit, self.now))

        assert {each.lot.lot_id: each.posting.amount_micros for each in found} == {
            lot_id: part.free for lot_id, part in self.parts.items() if part.ends <= self.hours and part.free
        }
        for part in self.parts.values():
            if part.ends <= self.hours:
                part.expired, part.free = part.expired + part.free, 0
        self._keep(found[-1].after if found else self.credit, tuple(each.posting for each in found))
        assert list(expiring.expiries(self.credit, self.now)) == []

    @rule(pick=PICKS, amount=AMOUNTS)
    def refund(self, pick: int, amount: int) -> None:
        lot_id = self._pick(pick)
        wanted = 0 if lot_id is None else min(amount, returning.returnable_micros(self.credit, lot_id, self.now))
        if lot_id is None or wanted == 0:
            return
        after, postings = returning.refund(self.credit, lot_id, wanted, self.now)

        part = self.parts[lot_id]
        assert wanted <= part.free
        assert self.hours < part.ends
        part.free, part.given_back = part.free - wanted, part.given_back + wanted
        self.refunding.append((lot_id, wanted))
        self._keep(after, postings)

    @rule(pick=PICKS)
    def refund_fails(self, pick: int) -> None:
        if not self.refunding:
            return
        lot_id, amount = self.refunding.pop(pick % len(self.refunding))
        after, postings = returning.reopen(self.credit, lot_id, amount, self.now)

        part = self.parts[lot_id]
        part.free, part.given_back = part.free + amount, part.given_back - amount
        self._repay()
        self._keep(after, postings)

    @rule(pick=PICKS, amount=AMOUNTS)
    def dispute(self, pick: int, amount: int) -> None:
        lot_id = self._pick(pick)
        if lot_id is None:
            return
        others = [lot for lot in self.credit.lots if lot.lot_id != lot_id]
        after, postings = returning.claw_back(self.credit, lot_id, amount, self.now)

        part = self.parts[lot_id]
        taken = min(amount, part.free) if self.hours < part.ends else 0
        part.free, part.disputed = part.free - taken, part.disputed + taken
        assert sum(posting.amount_micros for posting in postings) == taken
        assert [lot for lot in after.lots if lot.lot_id != lot_id] == others
        if taken:
            self.disputing.append((lot_id, taken))
        self._keep(after, postings)

    @rule(pick=PICKS)
    def win(self, pick: int) -> None:
        if not self.disputing:
            return
        lot_id, amount = self.disputing.pop(pick % len(self.disputing))
        after, postings = returning.restore(self.credit, lot_id, amount, self.now)

        part = self.parts[lot_id]
        part.free, part.disputed = part.free + amount, part.disputed - amount
        self._repay()
        self._keep(after, postings)

    @rule(pick=PICKS, shortfall=AMOUNTS)
    def lose(self, pick: int, shortfall: int) -> None:
        if not self.disputing:
            return
        self.disputing.pop(pick % len(self.disputing))
        after, postings = returning.owe(self.credit, shortfall, self.now, Account.DISPUTED)

        self.owed += shortfall
        self._repay()
        self._keep(after, postings)

    @rule(amount=AMOUNTS, to=st.sampled_from([Account.ADJUSTMENT, Account.TRANSFER]))
    def withdraw(self, amount: int, to: Account) -> None:
        wanted = min(amount, self._available())
        if wanted == 0:
            return
        after, postings = returning.withdraw(self.credit, wanted, self.now, to)

        assert {posting.lot_id: posting.amount_micros for posting in postings} == self._take(wanted, "given_back")
        self._keep(after, postings)

    @rule()
    def forfeit(self) -> None:
        if self.holds:
            return
        after, postings = returning.forfeit(self.credit)

        for part in self.parts.values():
            part.expired, part.free = part.expired + part.free, 0
        self._keep(after, postings)

    # ── what holds after each of them ───────────────────────────────────────────────────────────────────────

    @invariant()
    def every_lot_is_as_the_model_has_it(self) -> None:
        assert {lot.lot_id: _columns(lot) for lot in self.credit.lots} == {
            lot_id: (part.spent, part.held, part.expired, part.given_back, part.disputed)
            for lot_id, part in self.parts.items()
        }
        for part in self.parts.values():
            gone = part.spent + part.held + part.expired + part.given_back + part.disputed
            assert part.free >= 0
            assert gone + part.free == part.granted
        assert self.credit.receivable_micros == self.owed

    @invariant()
    def whoever_owes_has_nothing_to_spend(self) -> None:
        assert self.owed == 0 or all(lot.available_micros(self.now) == 0 for lot in self.credit.lots)
        assert self.credit.available_micros(self.now) == self._available()

    @invariant()
    def the_journal_alone_tells_every_column(self) -> None:
        moved: dict[tuple[int | None, Account, Account], int] = {}
        for _, posting in self.journal:
            key = posting.lot_id, posting.debit, posting.credit
            moved[key] = moved.get(key, 0) + posting.amount_micros
        told = as_of.as_of(self.credit, moved)
        assert [_columns(lot)[0:1] + _columns(lot)[2:] for lot in told.lots] == [
            _columns(lot)[0:1] + _columns(lot)[2:] for lot in self.credit.lots
        ]
        assert told.receivable_micros == self.owed

    @invariant()
    def lots_stand_in_spending_order(self) -> None:
        assert list(self.credit.lots) == sorted(self.credit.lots, key=lots.spending_order)

    # ── the model ───────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, after: Credit, postings: tuple[Posting, ...]) -> None:
        change = sum(_balance_change(posting) for posting in postings)
        assert after.balance_micros - self.credit.balance_micros == change
        self.journal += [(self.now, posting) for posting in postings]
        self.credit = after

    def _in_order(self) -> list[Part]:
        ordered = sorted(self.parts.items(), key=lambda item: (item[1].kind, item[1].ends, item[1].bought, item[0]))
        return [part for _, part in ordered]

    def _available(self) -> int:
        return max(0, sum(part.free for part in self.parts.values() if self.hours < part.ends) - self.owed)

    def _take(self, amount: int, column: str) -> dict[int, int]:
        """Move what is free, in spending order, into a column; what is missing stays missing."""
        ids = {id(part): lot_id for lot_id, part in self.parts.items()}
        taken_of = {}
        for part in self._in_order():
            taken = min(amount, part.free) if self.hours < part.ends else 0
            if taken:
                part.free -= taken
                setattr(part, column, getattr(part, column) + taken)
                taken_of[ids[id(part)]] = taken
                amount -= taken
        return taken_of

    def _repay(self) -> None:
        self.owed -= sum(self._take(self.owed, "spent").values())

    def _capture(self, held: dict[int, int], cost: int) -> int:
        """Pay from the hold and release the rest: to the lot, or to nobody if that has ended."""
        ids = {id(part): lot_id for lot_id, part in self.parts.items()}
        for part in self._in_order():
            promised = held.get(ids[id(part)], 0)
            paid = min(promised, cost)
            cost -= paid
            part.held -= promised
            part.spent += paid
            if part.ends <= self.hours:
                part.expired += promised - paid
            else:
                part.free += promised - paid
        return cost

    def _spend_as_of(self, amount: int, used: int) -> int:
        """Spend from what was there then, lapsed since or not; return what is missing."""
        for part in self._in_order():
            if not part.bought <= used < part.ends:
                continue
            unbooked = min(amount, part.free)
            lapsed = min(amount - unbooked, part.expired) if part.ends <= self.hours else 0
            part.free, part.expired = part.free - unbooked, part.expired - lapsed
            part.spent += unbooked + lapsed
            amount -= unbooked + lapsed
        return amount

    def _pick(self, pick: int) -> int | None:
        return 1 + pick % len(self.parts) if self.parts else None


def _columns(lot: CreditLot) -> tuple[int, int, int, int, int]:
    return lot.spent_micros, lot.held_micros, lot.expired_micros, lot.refunded_micros, lot.disputed_micros


def _balance_change(posting: Posting) -> int:
    ours = {Account.LOT, Account.RECEIVABLE}
    came = posting.amount_micros if posting.credit in ours else 0
    went = posting.amount_micros if posting.debit in ours else 0
    return came - went


TestLots = Lots.TestCase
TestLots.settings = settings(stateful_step_count=40)
