"""A charge that comes back to the lots that paid it, and is taken from them again.

Money comes back in the reverse of the order in which it was spent (money.md 36): first what is owed, then the lot that
was spent last. A lot that has ended meanwhile keeps nothing of it: what comes back to it lapses at once, as it would
have lapsed had it never been spent.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, repay

# Micros by lot id.
Amounts = Mapping[int, int]
Postings = tuple[Posting, ...]


class Spent(NamedTuple):
    """What a charge has taken of each lot, and what of it has come back so far."""

    paid: Amounts
    returned: Amounts


def spent(postings: Iterable[Posting]) -> Spent:
    """Tell from the postings of a charge, in their order, what it has taken and what has come back."""
    paid, returned = dict[int, int](), dict[int, int]()
    for posting in postings:
        match posting.debit, posting.credit:
            case Account.LOT, Account.REVENUE:
                again = min(posting.amount_micros, returned.get(_lot_of(posting), 0))
                _add(returned, posting, -again)
                _add(paid, posting, posting.amount_micros)
            case Account.REVENUE, Account.LOT:
                _add(returned, posting, posting.amount_micros)
                _add(paid, posting, -posting.amount_micros)
            case Account.RECEIVABLE, Account.LOT:
                # What had repaid the charge when it was owed.
                _add(returned, posting, posting.amount_micros)
            case _:
                pass
    return Spent(paid, returned)


def repaid(postings: Iterable[Posting]) -> dict[int, int]:
    """Tell from postings what each lot has repaid of what was owed; less than zero where it got some back."""
    found = dict[int, int]()
    for posting in postings:
        if (posting.debit, posting.credit) == (Account.LOT, Account.RECEIVABLE):
            _add(found, posting, posting.amount_micros)
        if (posting.debit, posting.credit) == (Account.RECEIVABLE, Account.LOT):
            _add(found, posting, -posting.amount_micros)
    return found


def give_back(credit: Credit, paid: Amounts, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Give an amount back to the lots that paid it, the one that was spent last first; it repays first what is owed."""
    after, postings = _returned(credit, paid, amount_micros, at, Account.REVENUE)
    after, repaid_ = repay(after, at)
    return after, (*postings, *repaid_)


def forgive(credit: Credit, repaid: Amounts, amount_micros: int, at: datetime) -> tuple[Credit, Postings]:
    """Let an amount be owed no more; what lots have repaid of it since comes back to them."""
    if amount_micros == 0:
        return credit, ()
    still_owed = min(amount_micros, credit.receivable_micros)
    after = Credit(credit.lots, credit.receivable_micros - still_owed)
    after, postings = _returned(after, repaid, amount_micros - still_owed, at, Account.RECEIVABLE)
    return after, (Posting(Account.REVENUE, Account.RECEIVABLE, amount_micros), *postings)


def take_again(credit: Credit, returned: Amounts, amount_micros: int, at: datetime) -> tuple[Credit, Postings, int]:
    """Take up to an amount of what had come back to lots, as far as it is there; what lapsed with them counts too.

    Return what was missing as the third value.
    """
    lots: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in credit.lots:
        wanted = min(missing, returned.get(lot.lot_id, 0))
        taken = min(wanted, lot.remaining_micros - lot.held_micros)
        revived = min(wanted - taken, lot.expired_micros) if at >= lot.expires_at else 0
        missing -= taken + revived
        if revived:
            postings.append(Posting(Account.BREAKAGE, Account.LOT, revived, lot.lot_id))
        if taken + revived:
            postings.append(Posting(Account.LOT, Account.REVENUE, taken + revived, lot.lot_id))
        lots.append(lot.moved(spent=taken + revived, expired=-revived) if taken + revived else lot)
    return Credit(tuple(lots), credit.receivable_micros), tuple(postings), missing


def _returned(
    credit: Credit, shares: Amounts, amount_micros: int, at: datetime, account: Account
) -> tuple[Credit, Postings]:
    lots: list[CreditLot] = []
    postings: list[Posting] = []
    missing = amount_micros
    for lot in reversed(credit.lots):
        amount = max(0, min(missing, shares.get(lot.lot_id, 0)))
        missing -= amount
        lapsed = amount if at >= lot.expires_at else 0
        if amount:
            postings.append(Posting(account, Account.LOT, amount, lot.lot_id))
        if lapsed:
            postings.append(Posting(Account.LOT, Account.BREAKAGE, lapsed, lot.lot_id))
        lots.append(lot.moved(spent=-amount, expired=lapsed) if amount else lot)
    assert missing == 0, "no more comes back than was paid"
    return Credit(tuple(reversed(lots)), credit.receivable_micros), tuple(postings)


def _add(amounts: dict[int, int], posting: Posting, amount_micros: int) -> None:
    lot_id = _lot_of(posting)
    amounts[lot_id] = amounts.get(lot_id, 0) + amount_micros


def _lot_of(posting: Posting) -> int:
    assert posting.lot_id is not None
    return posting.lot_id
