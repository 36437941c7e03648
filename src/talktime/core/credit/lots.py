"""Credit lots: what was bought at once, spent in order, held for calls, and lost after twelve months (S34)."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account, Posting
from talktime.core.values.frozen import frozen
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


@frozen
class CreditLot:
    """Credit bought at once: granted = spent + held + expired + refunded + disputed + available, each ≥ 0.

    `refunded` is what was given back or away: in money, by a correction, to another organization.
    """

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

    def moved(self, *, spent: int = 0, held: int = 0, expired: int = 0) -> "CreditLot":
        """Return the lot after so many more micros were spent, held (less than zero: released) or expired."""
        # Written out, because `replace` takes twice as long and every call comes by here.
        return CreditLot(
            self.lot_id,
            self.kind,
            self.granted_micros,
            self.purchased_at,
            self.expires_at,
            self.spent_micros + spent,
            self.held_micros + held,
            self.expired_micros + expired,
            self.refunded_micros,
            self.disputed_micros,
        )


@frozen
class Credit:
    """What an organization can spend: its lots in spending order, and what it owes after an overrun."""

    lots: tuple[CreditLot, ...] = ()
    receivable_micros: int = 0

    @property
    def balance_micros(self) -> int:
        """Return the posted balance: what remains in the lots, held or not, less the receivable."""
        return sum([lot.remaining_micros for lot in self.lots]) - self.receivable_micros

    def available_micros(self, at: datetime) -> int:
        """Return what a new hold can take at an instant: posted less held, never below zero."""
        return max(0, self.spendable_micros(at))

    def spendable_micros(self, at: datetime) -> int:
        """Return what is available at an instant less what is owed: below zero after an overrun; triggers see this."""
        # A loop over plain sums, because every call comes by here several times.
        spendable = -self.receivable_micros
        for lot in self.lots:
            if at < lot.expires_at:
                spendable += (
                    lot.granted_micros
                    - lot.spent_micros
                    - lot.held_micros
                    - lot.expired_micros
                    - lot.refunded_micros
                    - lot.disputed_micros
                )
        return spendable

    def lot(self, lot_id: int) -> CreditLot:
        """Return one of the lots, which must be there."""
        return next(lot for lot in self.lots if lot.lot_id == lot_id)

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
            lots[index] = lot.moved(held=taken)
            slices.append(Slice(lot.lot_id, taken))
            missing -= taken
    assert missing == 0, "a hold never exceeds what is available"
    return Credit(tuple(lots), credit.receivable_micros), tuple(slices)


def settle(
    credit: Credit, slices: tuple[Slice, ...], cost_micros: int, at: datetime, *, used_at: datetime | None = None
) -> tuple[Credit, tuple[Posting, ...], int]:
    """Pay a cost from a hold, release the rest, take what the hold lacks from available credit.

    Return the credit after it, the postings, and what nothing covered (booked as receivable). What is released to a lot
    that has expired meanwhile is breakage (money.md, case 30). `used_at` is stated for late usage within its grace: the
    lots of then pay first, and what was booked as breakage since is taken back for it (case 31).
    """
    lots = list(credit.lots)
    postings: list[Posting] = []
    unpaid = cost_micros
    held = dict(slices)
    # In the order of the lots, not of the slices: a hold that grew may have come to an older lot last.
    for index, lot in enumerate(lots):
        if not held:
            break
        promised = held.pop(lot.lot_id, 0)
        if promised:
            paid = min(unpaid, promised)
            unpaid -= paid
            lots[index], moved = _capture(lot, held=promised, paid=paid, at=at)
            postings += moved
    assert not held, "a hold rests on lots that are there"
    after = Credit(tuple(lots), credit.receivable_micros)
    if used_at is not None and unpaid > 0:
        after, late, unpaid = _draw_as_of(after, unpaid, used_at, at)
        postings += late
    uncovered = 0
    if unpaid > 0:
        after, drawn, uncovered = _draw(after, unpaid, at)
        postings += drawn
        if uncovered > 0:
            postings.append(Posting(Account.RECEIVABLE, Account.REVENUE, uncovered))
            after = Credit(after.lots, after.receivable_micros + uncovered)
    after, repaid = repay(after, at)
    return after, (*postings, *repaid), uncovered


def grant(
    credit: Credit, lot: CreditLot, at: datetime, *, pays: Account = Account.CASH_CLEARING
) -> tuple[Credit, tuple[Posting, ...]]:
    """Add a lot that an account pays for; it first repays what the organization owes."""
    lots = tuple(sorted((*credit.lots, lot), key=spending_order))
    funded = Posting(pays, Account.LOT, lot.granted_micros, lot.lot_id)
    after, repaid = repay(Credit(lots, credit.receivable_micros), at)
    return after, (funded, *repaid)


def repay(credit: Credit, at: datetime) -> tuple[Credit, tuple[Posting, ...]]:
    """Pay the receivable from available credit, as far as that reaches."""
    owed = credit.receivable_micros
    if owed == 0:
        return credit, ()
    after, drawn, still_owed = _draw(credit, owed, at, Account.RECEIVABLE)
    return Credit(after.lots, still_owed), tuple(drawn)


def expire(credit: Credit, at: datetime) -> tuple[Credit, tuple[Posting, ...]]:
    """Book the available part of every expired lot as breakage; what is held survives until its call ends."""
    return lapse(credit, lambda lot: at >= lot.expires_at)


def lapse(credit: Credit, ends: Callable[[CreditLot], bool]) -> tuple[Credit, tuple[Posting, ...]]:
    """Book as breakage what is not held of the lots that end."""
    postings: list[Posting] = []
    lots: list[CreditLot] = []
    for lot in credit.lots:
        lapsed = lot.remaining_micros - lot.held_micros if ends(lot) else 0
        if lapsed > 0:
            postings.append(Posting(Account.LOT, Account.BREAKAGE, lapsed, lot.lot_id))
            lots.append(lot.moved(expired=lapsed))
        else:
            lots.append(lot)
    return Credit(tuple(lots), credit.receivable_micros), tuple(postings)


def _capture(lot: CreditLot, *, held: int, paid: int, at: datetime) -> tuple[CreditLot, list[Posting]]:
    postings = [Posting(Account.LOT, Account.REVENUE, paid, lot.lot_id)] if paid > 0 else []
    released = held - paid
    lapsed = released if at >= lot.expires_at else 0
    if lapsed > 0:
        postings.append(Posting(Account.LOT, Account.BREAKAGE, lapsed, lot.lot_id))
    return lot.moved(held=-held, spent=paid, expired=lapsed), postings


def _draw(
    credit: Credit, amount_micros: int, at: datetime, pays: Account = Account.REVENUE
) -> tuple[Credit, list[Posting], int]:
    """Spend from available credit without a hold; return what was missing as the third value."""
    lots: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in credit.lots:
        taken = min(missing, lot.available_micros(at))
        missing -= taken
        if taken > 0:
            postings.append(Posting(Account.LOT, pays, taken, lot.lot_id))
        lots.append(lot.moved(spent=taken) if taken > 0 else lot)
    return Credit(tuple(lots), credit.receivable_micros), postings, missing


def _draw_as_of(
    credit: Credit, amount_micros: int, used_at: datetime, at: datetime
) -> tuple[Credit, list[Posting], int]:
    """Spend from the lots of an earlier instant, those that have expired since too; return what was missing."""
    lots: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in credit.lots:
        was_there = lot.purchased_at <= used_at < lot.expires_at
        taken = min(missing, lot.remaining_micros - lot.held_micros) if was_there else 0
        returned = min(missing - taken, lot.expired_micros) if was_there and at >= lot.expires_at else 0
        missing -= taken + returned
        if returned > 0:
            postings.append(Posting(Account.BREAKAGE, Account.LOT, returned, lot.lot_id))
        if taken + returned > 0:
            postings.append(Posting(Account.LOT, Account.REVENUE, taken + returned, lot.lot_id))
            lot = lot.moved(spent=taken + returned, expired=-returned)  # noqa: PLW2901 -- the lot after it
        lots.append(lot)
    return Credit(tuple(lots), credit.receivable_micros), postings, missing
