"""What leaves a lot other than by use or at its end, and comes back to it: refunds, disputes, corrections, transfers.

Only what is neither spent nor held nor expired can leave (money.md 43); each function returns the credit after it and
the postings between. What comes back repays first what the organization owes.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, lapse, repay

Postings = tuple[Posting, ...]


def returnable_micros(credit: Credit, lot_id: int, at: datetime) -> int:
    """Return how much of a lot can be given back at an instant, after what the organization owes is set aside."""
    return min(credit.lot(lot_id).available_micros(at), credit.available_micros(at))


def refund(credit: Credit, lot_id: int, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Take from a lot what is given back in money."""
    assert 0 < amount_micros <= returnable_micros(credit, lot_id, at)
    after = _changed(credit, lot_id, lambda lot: _given_back(lot, amount_micros))
    return after, (Posting(Account.LOT, Account.REFUND, amount_micros, lot_id),)


def reopen(credit: Credit, lot_id: int, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Give a lot back what could not be refunded."""
    after = _changed(credit, lot_id, lambda lot: _given_back(lot, -amount_micros))
    after, repaid = repay(after, at)
    return after, (Posting(Account.REFUND, Account.LOT, amount_micros, lot_id), *repaid)


def claw_back(credit: Credit, lot_id: int, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Take from a lot, as far as it reaches, what its payer's bank took back; other lots stay (money.md 46)."""
    taken = min(amount_micros, credit.lot(lot_id).available_micros(at))
    if taken == 0:
        return credit, ()
    after = _changed(credit, lot_id, lambda lot: replace(lot, disputed_micros=lot.disputed_micros + taken))
    return after, (Posting(Account.LOT, Account.DISPUTED, taken, lot_id),)


def restore(credit: Credit, lot_id: int, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Give a lot back what a dispute had taken from it, once that is won."""
    after = _changed(credit, lot_id, lambda lot: replace(lot, disputed_micros=lot.disputed_micros - amount_micros))
    after, repaid = repay(after, at)
    return after, (Posting(Account.DISPUTED, Account.LOT, amount_micros, lot_id), *repaid)


def withdraw(credit: Credit, amount_micros: int, at: datetime, to: Account) -> tuple[Credit, Postings]:
    """Take what is available from the lots, in spending order, for a correction or a transfer."""
    assert 0 < amount_micros <= credit.available_micros(at)
    kept: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in credit.lots:
        taken = min(missing, lot.available_micros(at))
        missing -= taken
        if taken > 0:
            postings.append(Posting(Account.LOT, to, taken, lot.lot_id))
        kept.append(_given_back(lot, taken) if taken > 0 else lot)
    return Credit(tuple(kept), credit.receivable_micros), tuple(postings)


def forfeit(credit: Credit) -> tuple[Credit, Postings]:
    """Let all that is not held lapse, before its time: the organization closes (money.md 64)."""
    return lapse(credit, lambda _: True)


def owe(credit: Credit, amount_micros: int, at: datetime, to: Account) -> tuple[Credit, Postings]:
    """Let the organization owe what was given back and had been spent; available credit repays it at once."""
    owing = Credit(credit.lots, credit.receivable_micros + amount_micros)
    after, repaid = repay(owing, at)
    return after, (Posting(Account.RECEIVABLE, to, amount_micros), *repaid)


def _given_back(lot: CreditLot, amount_micros: int) -> CreditLot:
    return replace(lot, refunded_micros=lot.refunded_micros + amount_micros)


def _changed(credit: Credit, lot_id: int, change: Callable[[CreditLot], CreditLot]) -> Credit:
    lots = tuple(change(lot) if lot.lot_id == lot_id else lot for lot in credit.lots)
    return Credit(lots, credit.receivable_micros)
