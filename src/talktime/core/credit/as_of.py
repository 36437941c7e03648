"""The credit of another instant: of a past one as the journal tells it, of a coming one by what is known to expire."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import Credit, CreditLot

# What the journal moved up to an instant, by lot, debit and credit account.
Moved = Mapping[tuple[int | None, Account, Account], int]
_FUNDING = (
    Account.CASH_CLEARING,
    Account.INVOICED,
    Account.PROMOTION,
    Account.ADJUSTMENT,
    Account.TRANSFER,
)
_GIVEN_BACK = (Account.REFUND, Account.ADJUSTMENT, Account.TRANSFER)


class Basis(Enum):
    """What a balance is judged by."""

    NOW = "now"
    # Of a past instant: what was posted by then. What calls held then is in no journal.
    JOURNAL = "journal"
    # Of a coming one: as if nothing were bought or spent until then.
    EXPIRIES = "expiries"


def basis_of(at: datetime, now: datetime) -> Basis:
    """Tell how the balance of an instant is known."""
    if at == now:
        return Basis.NOW
    return Basis.JOURNAL if at < now else Basis.EXPIRIES


def as_of(credit: Credit, moved: Moved) -> Credit:
    """Return the lots and the debt as the journal had them; lots that were granted later are not there."""
    lots = tuple(then for lot in credit.lots if (then := _lot_as_of(lot, moved)).granted_micros > 0)
    owed = sum(
        amount if debit is Account.RECEIVABLE else -amount
        for (_, debit, to), amount in moved.items()
        if Account.RECEIVABLE in (debit, to)
    )
    return Credit(lots, owed)


def _lot_as_of(lot: CreditLot, moved: Moved) -> CreditLot:
    def left_for(*accounts: Account) -> int:
        return sum(
            moved.get((lot.lot_id, Account.LOT, account), 0) - moved.get((lot.lot_id, account, Account.LOT), 0)
            for account in accounts
        )

    granted = sum(moved.get((lot.lot_id, account, Account.LOT), 0) for account in _FUNDING)
    corrected = sum(moved.get((lot.lot_id, Account.LOT, account), 0) for account in _GIVEN_BACK)
    return CreditLot(
        lot.lot_id,
        lot.kind,
        granted,
        lot.purchased_at,
        lot.expires_at,
        spent_micros=left_for(Account.REVENUE, Account.RECEIVABLE),
        expired_micros=left_for(Account.BREAKAGE),
        refunded_micros=corrected - moved.get((lot.lot_id, Account.REFUND, Account.LOT), 0),
        disputed_micros=left_for(Account.DISPUTED),
    )
