"""Credit lots: what was bought at once, spent in order, held for calls, and lost after twelve months (S34)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account, Posting
from talktime.core.values.periods import end_of_day_months_later

LIFETIME_MONTHS = 12


class LotKind(IntEnum):
    """Why the money is there; the lower number is spent first (money.md, case 42)."""

    PROMOTIONAL = 0
    PURCHASED = 1


class Slice(NamedTuple):
    """The part of a hold that rests on one lot."""

    lot_id: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class CreditLot:
    """Credit bought at once: granted = spent + held + expired + refunded + disputed + available, each ≥ 0."""

    lot_id: int
    kind: LotKind
    granted_micros: int
    purchased_at: datetime
    expires_at: datetime
    spent_micros: int = 0
    held_micros: int = 0
    expired_micros: int = 0
    refunded_micros: int = 0
    disputed_micros: int = 0

    def __post_init__(self) -> None:
        """No lot gives more than it was granted."""
        assert self.spent_micros >= 0
        assert self.held_micros >= 0
        assert self.remaining_micros >= self.held_micros

    @property
    def remaining_micros(self) -> int:
        """Return what is still owed to the organization from this lot, held or not."""
        gone = self.spent_micros + self.expired_micros + self.refunded_micros + self.disputed_micros
        return self.granted_micros - gone

    def available_micros(self, at: datetime) -> int:
        """Return what can be held or spent at an instant: nothing once the lot has expired."""
        return self.remaining_micros - self.held_micros if at < self.expires_at else 0


@dataclass(frozen=True, slots=True)
class Credit:
    """What an organization can spend: its lots in spending order, and what it owes after an overrun."""

    lots: tuple[CreditLot, ...] = ()
    receivable_micros: int = 0

    @property
    def balance_micros(self) -> int:
        """Return the posted balance: what remains in the lots, held or not, less the receivable."""
        return sum(lot.remaining_micros for lot in self.lots) - self.receivable_micros

    def available_micros(self, at: datetime) -> int:
        """Return what a new hold can take at an instant: posted less held, never below zero."""
        return max(0, sum(lot.available_micros(at) for lot in self.lots) - self.receivable_micros)

    def held_micros(self) -> int:
        """Return what open calls have been promised."""
        return sum(lot.held_micros for lot in self.lots)


def expires_at(purchased_at: datetime, zone: ZoneInfo) -> datetime:
    """Return when a purchase is forfeited: 24:00 of the day twelve months later, in the organization's zone (S34)."""
    return end_of_day_months_later(purchased_at, LIFETIME_MONTHS, zone)


def spending_order(lot: CreditLot) -> tuple[int, datetime, datetime, int]:
    """Sort promotional lots first, then by expiry, then by age, then by id (money.md, case 42)."""
    return lot.kind, lot.expires_at, lot.purchased_at, lot.lot_id


def hold(credit: Credit, amount_micros: int, at: datetime) -> tuple[Credit, tuple[Slice, ...]]:
    """Promise an amount that is available to a call; return the credit after it and the slices, in spending order."""
    lots = list(credit.lots)
    slices: list[Slice] = []
    missing = amount_micros
    for index, lot in enumerate(lots):
        if missing == 0:
            break
        taken = min(missing, lot.available_micros(at))
        if taken > 0:
            lots[index] = replace(lot, held_micros=lot.held_micros + taken)
            slices.append(Slice(lot.lot_id, taken))
            missing -= taken
    assert missing == 0, "a hold never exceeds what is available"
    return replace(credit, lots=tuple(lots)), tuple(slices)


def settle(
    credit: Credit, slices: tuple[Slice, ...], cost_micros: int, at: datetime
) -> tuple[Credit, tuple[Posting, ...], int]:
    """Pay a cost from a hold, release the rest, take what the hold lacks from available credit.

    Return the credit after it, the postings, and what nothing covered (booked as receivable). What is released to a lot
    that has expired meanwhile is breakage (money.md, case 30).
    """
    lots = {lot.lot_id: lot for lot in credit.lots}
    postings: list[Posting] = []
    unpaid = cost_micros
    for lot_id, held in slices:
        paid = min(unpaid, held)
        unpaid -= paid
        lots[lot_id], moved = _capture(lots[lot_id], held=held, paid=paid, at=at)
        postings += moved
    after, drawn, uncovered = _draw(replace(credit, lots=tuple(lots.values())), unpaid, at)
    postings += drawn
    if uncovered > 0:
        postings.append(Posting(Account.RECEIVABLE, Account.REVENUE, uncovered))
        after = replace(after, receivable_micros=after.receivable_micros + uncovered)
    after, repaid = repay(after, at)
    return after, (*postings, *repaid), uncovered


def grant(credit: Credit, lot: CreditLot, at: datetime) -> tuple[Credit, tuple[Posting, ...]]:
    """Add a purchased lot; it first repays what the organization owes."""
    lots = tuple(sorted((*credit.lots, lot), key=spending_order))
    funded = Posting(Account.CASH_CLEARING, Account.LOT, lot.granted_micros, lot.lot_id)
    after, repaid = repay(replace(credit, lots=lots), at)
    return after, (funded, *repaid)


def repay(credit: Credit, at: datetime) -> tuple[Credit, tuple[Posting, ...]]:
    """Pay the receivable from available credit, as far as that reaches."""
    owed = credit.receivable_micros
    if owed == 0:
        return credit, ()
    after, drawn, still_owed = _draw(credit, owed, at, Account.RECEIVABLE)
    return replace(after, receivable_micros=still_owed), tuple(drawn)


def expire(credit: Credit, at: datetime) -> tuple[Credit, tuple[Posting, ...]]:
    """Book the available part of every expired lot as breakage; what is held survives until its call ends."""
    postings: list[Posting] = []
    lots: list[CreditLot] = []
    for lot in credit.lots:
        lapsed = lot.remaining_micros - lot.held_micros if at >= lot.expires_at else 0
        if lapsed > 0:
            postings.append(Posting(Account.LOT, Account.BREAKAGE, lapsed, lot.lot_id))
            lots.append(replace(lot, expired_micros=lot.expired_micros + lapsed))
        else:
            lots.append(lot)
    return replace(credit, lots=tuple(lots)), tuple(postings)


def _capture(lot: CreditLot, *, held: int, paid: int, at: datetime) -> tuple[CreditLot, list[Posting]]:
    postings = [Posting(Account.LOT, Account.REVENUE, paid, lot.lot_id)] if paid > 0 else []
    released = held - paid
    lapsed = released if at >= lot.expires_at else 0
    if lapsed > 0:
        postings.append(Posting(Account.LOT, Account.BREAKAGE, lapsed, lot.lot_id))
    after = replace(
        lot,
        held_micros=lot.held_micros - held,
        spent_micros=lot.spent_micros + paid,
        expired_micros=lot.expired_micros + lapsed,
    )
    return after, postings


def _draw(
    credit: Credit, amount_micros: int, at: datetime, pays: Account = Account.REVENUE
) -> tuple[Credit, list[Posting], int]:
    """Spend from available credit without a hold; return what was missing as the third value."""
    if amount_micros == 0:
        return credit, [], 0
    lots: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in credit.lots:
        taken = min(missing, lot.available_micros(at))
        missing -= taken
        if taken > 0:
            postings.append(Posting(Account.LOT, pays, taken, lot.lot_id))
        lots.append(replace(lot, spent_micros=lot.spent_micros + taken) if taken > 0 else lot)
    return replace(credit, lots=tuple(lots)), postings, missing
