"""Move the money of purchases: lease one, ask the gateway outside every transaction, record what became of it.

The three parts may be cut apart by a crash anywhere: a lease ends, the next worker asks with the same key, and a lot is
keyed by its purchase (money.md, exactly-once recharge).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import ChargeOrder, FoundResult, MethodKind, PaymentMethod, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, Step
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.store.work import DuePurchase
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude, method_of
from talktime.usecases.credit.paying.pay_by_agreement import pay_by_agreement
from talktime.usecases.credit.paying.tax_purchases import with_tax
from talktime.usecases.ports import PaymentGateway, Transact

DUE_MAX = 100


@frozen
class At:
    """A purchase, looked at at an instant, by one whom these gateways answer; None: whichever it needs."""

    key: PurchaseKey
    at: datetime
    gateways: Collection[str] | None = None


@frozen
class Leased:
    """A purchase in our hands: what to ask of which gateway."""

    purchase: Purchase
    step: Step
    gateway: str
    order: ChargeOrder


def due_purchases(tx: Transaction, at: datetime) -> list[DuePurchase]:
    """Return the purchases about which something must be done now, at most a hundred, the longest waiting first."""
    return tx.work.due_purchases(at, most=DUE_MAX)


def charge_purchase(
    run: Transact, gateways: Mapping[str, PaymentGateway], key: PurchaseKey, clock: Callable[[], datetime]
) -> None:
    """Do what is due about a purchase, if anything; calling it twice, at once or after a crash, is harmless."""
    leased = run(lease, At(key, clock(), gateways.keys()))
    # A process that was frozen until its lease was over asks nothing any more: by then its key may be forgotten.
    if leased is None or not purchases.is_leased(leased.purchase, clock()):
        return
    result = _asked(gateways[leased.gateway], leased)
    run(conclude, Outcome(key, leased.purchase.attempt, leased.purchase.fence, result, clock()))


def lease(tx: Transaction, request: At) -> Leased | None:
    """Take a purchase whose step is due, for one worker; None where nothing is. Raise NotFound."""
    organization = tx.organizations.lock_id(request.key.organization_id)
    purchase = tx.purchases.purchase(request.key)
    if purchase is None:
        message = f"there is no purchase {request.key.purchase_id} of {organization.name}"
        raise NotFound(message, code="purchase_not_found")
    step = purchases.step_of(purchase, request.at)
    if step is None:
        return None
    method = method_of(tx, purchase)
    if method.kind is MethodKind.AGREEMENT:
        pay_by_agreement(tx, organization, purchase, method, request.at)
        return None
    if request.gateways is not None and method.gateway not in request.gateways:
        # Not ours to ask: it stays due, and `talktime worker status` shows it.
        return None
    taken = purchases.leased(with_tax(tx, organization, purchase, request.at), step, request.at)
    tx.purchases.save(taken)
    return Leased(taken, step, method.gateway, _order(taken, method))


def _order(purchase: Purchase, method: PaymentMethod) -> ChargeOrder:
    assert method.card is not None
    return ChargeOrder(
        purchase.gateway_key,
        purchase.attempt,
        purchase.idempotency_key,
        purchase.charged_micros,
        purchase.currency,
        method.card.token,
        # Nothing that can change between two asks with one key: the gateway would see another request.
        "Communications Credits",
    )


def _asked(gateway: PaymentGateway, leased: Leased) -> FoundResult:
    match leased.step:
        case Step.CHARGE:
            return gateway.charge(leased.order)
        case Step.SEARCH:
            return gateway.find(leased.order)
        case Step.WITHDRAW:
            return gateway.withdraw(leased.order)
