"""A dispute: the card's bank takes a payment back, and gives it again or keeps it (money.md 46, complaint 24).

While it is open, what of its lot is unused is taken back, and what was spent stands in the account of disputed money:
no other lot is touched. Won, exactly those entries are reversed; lost, what was spent is owed like an overrun, and the
bank's fee is booked.
"""

from datetime import datetime
from enum import Enum

from talktime.core.credit.ledger import Account, Posting
from talktime.core.values.frozen import frozen


class DisputeState(Enum):
    """How a dispute stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@frozen
class Dispute:
    """The dispute of one purchase's charge; a charge is disputed once."""

    organization_id: int
    purchase_id: str
    charge_id: str
    lot_id: int
    # What the bank took, tax included, and what of the lot was unused then.
    amount_micros: int
    taken_back_micros: int
    currency: str
    reason: str
    opened_at: datetime
    state: DisputeState = DisputeState.OPEN
    closed_at: datetime | None = None
    # What of the tax is not owed, because its credit was taken back; fixed when the dispute is lost.
    tax_micros: int = 0
    fee_micros: int = 0

    @property
    def shortfall_micros(self) -> int:
        """Return what had been spent, and is owed if the dispute is lost."""
        return self.amount_micros - self.taken_back_micros - self.tax_micros


def opening(dispute: Dispute) -> tuple[Posting, ...]:
    """Return how the money that the bank took leaves us."""
    return (Posting(Account.DISPUTED, Account.CASH_CLEARING, dispute.amount_micros),)


def winning(dispute: Dispute) -> tuple[Posting, ...]:
    """Return how it comes back."""
    return (Posting(Account.CASH_CLEARING, Account.DISPUTED, dispute.amount_micros),)


def losing(dispute: Dispute) -> tuple[Posting, ...]:
    """Return what becomes of tax and fee; the shortfall is owed besides."""
    postings = []
    if dispute.tax_micros:
        postings.append(Posting(Account.TAX, Account.DISPUTED, dispute.tax_micros))
    if dispute.fee_micros:
        postings.append(Posting(Account.FEE, Account.CASH_CLEARING, dispute.fee_micros))
    return tuple(postings)


def entry_id(purchase_id: str, state: DisputeState) -> str:
    """Return the id of the entry that brings a dispute into a state: each once."""
    return f"dispute:{purchase_id}:{state.value}"
