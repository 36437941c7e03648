"""The journal: every movement of money, as postings that cannot be unbalanced."""

from datetime import datetime
from enum import Enum

from talktime.core.values.frozen import frozen


class Account(Enum):
    """Where money can be; each posting moves it from one account to another."""

    CASH_CLEARING = "cash_clearing"
    LOT = "lot"
    REVENUE = "revenue"
    BREAKAGE = "breakage"
    REFUND = "refund"
    # What the organization owes after an overrun or a chargeback.
    RECEIVABLE = "receivable"
    # What an organization that pays after use has used, and was not billed yet (S41).
    ACCRUED = "accrued"
    # What invoices under an agreement still owe.
    INVOICED = "invoiced"
    TAX = "tax"
    # What credit costs us that nobody paid for: given away, or corrected by an operator.
    PROMOTION = "promotion"
    ADJUSTMENT = "adjustment"
    DISPUTED = "disputed"
    FEE = "fee"
    # Between two organizations, or from another system: what left the one arrived at the other.
    TRANSFER = "transfer"
    ROUNDING = "rounding"


@frozen
class Posting:
    """An amount that leaves `debit` (what we owe shrinks, what we own grows) for `credit`; `lot_id` names the lot."""

    debit: Account
    credit: Account
    amount_micros: int
    lot_id: int | None = None

    def __post_init__(self) -> None:
        """A posting moves something, and says which lot where a lot is concerned."""
        assert self.amount_micros > 0
        assert (self.lot_id is not None) == (Account.LOT in (self.debit, self.credit))


@frozen
class JournalEntry:
    """One business fact and its postings.

    `entry_id` follows from the fact (`call:…`, `grant:…`, `expiry:…`), so booking it twice is a conflict of keys and
    not a second charge.
    """

    organization_id: int
    entry_id: str
    occurred_at: datetime
    postings: tuple[Posting, ...]
