"""Let an operator decide what nobody else can: whether an uncertain charge moved money (money.md 11)."""

from datetime import datetime

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import Charged, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.credit.recharging import concluding
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import keep
from talktime.usecases.credit.paying.conclude_purchases import method_of, settle
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class ResolvePurchase:
    """What the operator found at the gateway: the charge that moved the money, or why none did; one of the two."""

    organization: str
    purchase_id: str
    at: datetime
    charge_id: str = ""
    not_charged_because: str = ""


def resolve_purchase(tx: Transaction, request: ResolvePurchase) -> Purchase:
    """Settle or cancel a purchase on an operator's word; raise NotFound, or Conflict where it is closed already.

    Settling ends the pause of a recharge that waited for this certainty, and one that a payment disproves; after
    canceling, a paused recharge stays so until an admin resumes it.
    """
    if bool(request.charge_id) == bool(request.not_charged_because.strip()):
        raise Invalid("say which charge moved the money, or why none did: one of the two", code="resolution")
    organization = lock_organization(tx, request.organization)
    key = PurchaseKey(organization.organization_id, request.purchase_id)
    before = tx.purchases.purchase(key)
    if before is None:
        message = f"{organization.name} has no purchase {request.purchase_id}"
        raise NotFound(message, code="purchase_not_found")
    if not before.is_open:
        message = f"{before.purchase_id} is {before.state.value} already"
        raise Conflict(message, code="purchase_closed")
    if before.state is PurchaseState.INVOICED:
        message = (
            f"{before.purchase_id} waits for its invoice to be paid: `talktime invoices` says which, and"
            " `talktime agreements settle` records its payment"
        )
        raise Conflict(message, code="purchase_invoiced")
    if request.charge_id:
        return settle(tx, organization, before, Charged(request.charge_id, before.charged_micros), request.at)
    after = purchases.canceled(before, f"the operator: {request.not_charged_because.strip()}", request.at)
    tx.purchases.save(after)
    it = Conclusion(before, after, method_of(tx, before), request.at)
    watch, credit = tx.purchases.watch(key.organization_id), tx.credit.credit(key.organization_id)
    keep(tx, organization, watch, concluding.after_withdrawal(organization, watch, it, credit))
    return after
