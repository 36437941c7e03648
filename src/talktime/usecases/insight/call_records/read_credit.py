"""Read an organization's credit for a program: balance, lots, recharges."""

from datetime import datetime

from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.lots import CreditLot
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.show_credit import CreditShown, show_credit
from talktime.usecases.organizations.manage_organizations import LookAt


@frozen
class ReadCredit:
    """Whose credit, at an instant."""

    organization: Organization
    at: datetime


@frozen
class Balance:
    """The credit at an instant, and the purchases that have not become credit yet, the oldest first."""

    shown: CreditShown
    pending: tuple[Purchase, ...]


@frozen
class ReadLots:
    """Lots in the order of their numbers, behind a lot's number."""

    organization: Organization
    at: datetime
    rows_max: int
    after: int = 0


@frozen
class LotsPage:
    """Lots, the credit that they are of, and behind which number there are more; None where there are not."""

    shown: CreditShown
    lots: tuple[CreditLot, ...]
    last: int | None


@frozen
class ReadRecharges:
    """Recharges, the newest first, of epochs before one; None begins with the newest."""

    organization: Organization
    rows_max: int
    before_epoch: int | None = None


@frozen
class RechargesPage:
    """Recharges, and before which epoch there are more; None where there are not."""

    recharges: tuple[Purchase, ...]
    last: int | None


def read_balance(tx: Transaction, request: ReadCredit) -> Balance:
    """Return what can be spent, what is promised, and what is being bought."""
    organization_id = request.organization.organization_id
    shown = show_credit(tx, LookAt(request.organization.name, request.at))
    recharge = tx.purchases.open_recharge(organization_id)
    pending = [*tx.purchases.open_orders(organization_id), *([] if recharge is None else [recharge])]
    return Balance(shown, tuple(sorted(pending, key=lambda purchase: (purchase.created_at, purchase.purchase_id))))


def read_lots(tx: Transaction, request: ReadLots) -> LotsPage:
    """Return a page of lots, exhausted and expired ones too."""
    shown = show_credit(tx, LookAt(request.organization.name, request.at))
    lots = sorted((lot for lot in shown.credit.lots if lot.lot_id > request.after), key=lambda lot: lot.lot_id)
    page = tuple(lots[: request.rows_max])
    return LotsPage(shown, page, page[-1].lot_id if len(lots) > len(page) else None)


def read_recharges(tx: Transaction, request: ReadRecharges) -> RechargesPage:
    """Return a page of recharges, whatever became of them."""
    found = tx.call_records.recharges(request.organization.organization_id, request.before_epoch, request.rows_max + 1)
    page = tuple(found[: request.rows_max])
    return RechargesPage(page, page[-1].epoch if len(found) > len(page) else None)
