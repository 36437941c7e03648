"""Give the unused part of a lot back: it leaves the lot at once, so that it is not spent as well (money.md 43, 44)."""

from datetime import datetime

from talktime.core.credit import refunds, returning
from talktime.core.credit.billing import taxes
from talktime.core.credit.billing.taxes import Taxed
from talktime.core.credit.buying.payments import MethodKind, Refunded
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.disputes import DisputeState
from talktime.core.credit.lots import Credit, LotKind
from talktime.core.credit.refunds import Refund
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.money_requests import check_reference, hash_of
from talktime.usecases.credit.moving_credit import Movement, move
from talktime.usecases.credit.returning.pay_refunds import conclude, method_of, next_refund_id, stored
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class RefundCredit:
    """Give back of one lot; `amount_micros` before tax, None for all that is unused. `reference` makes it unique."""

    organization: str
    lot_id: int
    reference: str
    reason: str
    at: datetime
    amount_micros: int | None = None


def refund_credit(tx: Transaction, request: RefundCredit) -> Refund:
    """Take what is given back from its lot, in the transaction that evaluates the trigger on what that leaves.

    Raise NotFound for a lot that is not there, Conflict for one of which nothing, or not so much, can be given back.
    What needs no gateway is concluded at once: an agreement's invoice is credited, other credit is paid back by hand.
    """
    organization = lock_organization(tx, request.organization)
    organization_id, reference = organization.organization_id, request.reference
    check_reference(reference, request.reason)
    input_hash = hash_of("refund", request.lot_id, request.amount_micros)
    known = tx.credit.answer_of(organization_id, reference, input_hash)
    if known is not None:
        return stored(tx, organization_id, known)
    refund = _refund(tx, organization, request)
    tx.lot_life.add_refund(refund)
    tx.credit.keep_answer(organization_id, reference, input_hash=input_hash, answer=refund.refund_id, at=request.at)
    before = tx.credit.credit(organization_id)
    after, postings = returning.refund(before, request.lot_id, refund.net_micros, request.at)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}", postings), request.at)
    method = method_of(tx, organization_id, refund.purchase_id)
    if method is not None and method.kind is MethodKind.CARD:
        return refund
    how = "paid back by hand" if method is None else f"credited under {method.label}"
    return conclude(tx, organization, refund, Refunded(how), request.at)


def _refund(tx: Transaction, organization: Organization, request: RefundCredit) -> Refund:
    organization_id, at = organization.organization_id, request.at
    credit = tx.credit.credit(organization_id)
    lot = next((each for each in credit.lots if each.lot_id == request.lot_id), None)
    if lot is None:
        message = f"{organization.name} has no lot {request.lot_id}: `talktime credit lots` lists them"
        raise NotFound(message, code="lot_not_found")
    if lot.kind is LotKind.PROMOTIONAL:
        message = f"lot {lot.lot_id} is promotional: nobody paid for it; take it back with `talktime credit adjust`"
        raise Conflict(message, code="lot_promotional")
    purchase = tx.purchases.of_lot(organization_id, lot.lot_id)
    purchase_id = "" if purchase is None else purchase.purchase_id
    _refuse_meanwhile(tx, organization_id, purchase_id)
    net_micros = _amount_micros(organization, credit, request)
    return Refund(
        organization_id,
        next_refund_id(tx, organization_id, purchase_id or f"lot-{lot.lot_id}"),
        purchase_id,
        lot.lot_id,
        net_micros,
        0 if purchase is None else _tax_micros(tx, purchase, net_micros),
        organization.currency,
        request.reason,
        at,
        next_step_at=at,
        from_lot_micros=net_micros,
    )


def _amount_micros(organization: Organization, credit: Credit, request: RefundCredit) -> int:
    most = returning.returnable_micros(credit, request.lot_id, request.at)
    if most == 0:
        message = (
            f"nothing of lot {request.lot_id} can be given back: it is spent, promised to calls in progress, or expired"
        )
        raise Conflict(message, code="nothing_to_refund")
    if request.amount_micros is None:
        return most
    if request.amount_micros <= 0:
        raise Invalid("what is given back is more than 0: leave the amount away for all of it", code="amount")
    if request.amount_micros > most:
        message = (
            f"{format_micros(request.amount_micros)} {organization.currency} cannot be given back:"
            f" {format_micros(most)} of lot {request.lot_id} is unused, not promised and not expired"
        )
        raise Conflict(message, code="refund_too_large")
    return request.amount_micros


def _refuse_meanwhile(tx: Transaction, organization_id: int, purchase_id: str) -> None:
    if not purchase_id:
        return
    under_way = [each for each in tx.lot_life.refunds_of(organization_id, purchase_id) if each.is_open]
    if under_way:
        message = f"{under_way[0].refund_id} is still under way: once it is decided, more can be given back"
        raise Conflict(message, code="refund_open")
    dispute = tx.lot_life.dispute(organization_id, purchase_id)
    if dispute is not None and dispute.state is not DisputeState.WON:
        message = f"the payment of {purchase_id} is disputed: its money is at the card's bank, not here"
        raise Conflict(message, code="purchase_disputed")


def _tax_micros(tx: Transaction, purchase: Purchase, net_micros: int) -> int:
    """Return the tax to give back, pro rata over all parts: the last one brings them to what was charged."""
    given_back = refunds.given_back(tx.lot_life.refunds_of(purchase.organization_id, purchase.purchase_id))
    charged = Taxed(purchase.amount_micros, purchase.tax_micros or 0)
    return taxes.refund_tax_micros(charged, given_back, net_micros, purchase.currency)
