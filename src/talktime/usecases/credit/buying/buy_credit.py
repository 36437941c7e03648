"""Buy credit: review the order, place it once, charge it outside the transaction, and see what became of it (S36)."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from talktime.core.credit import orders
from talktime.core.credit.buying import agreements
from talktime.core.credit.buying.agreements import AgreementRefusal, Standing
from talktime.core.credit.buying.payments import MethodKind, PaymentMethod, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.buying.refusals import RefusalReason, Refused
from talktime.core.credit.lots import CreditLot
from talktime.core.credit.orders import Buyer, OrderForm, Review
from talktime.core.credit.recharging.simulating import usual_day_micros
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.paying.charge_purchases import charge_purchase
from talktime.usecases.credit.paying.pay_by_agreement import open_case, pay_by_agreement, standing_of
from talktime.usecases.organizations.manage_organizations import lock_organization
from talktime.usecases.ports import PaymentGateway, Transact

KEY_CHARACTERS_MAX = 200
USAGE_LOOKED_AT = timedelta(days=30)


@frozen
class PlaceOrder:
    """A reviewed form; `request_key` makes it one order, however often it is sent. Large ones must be confirmed."""

    form: OrderForm
    request_key: str
    is_confirmed: bool = False


@frozen
class OrderPlaced:
    """The purchase that an order became. `is_repeated` where it had been placed before under its key."""

    organization_id: int
    purchase_id: str
    amount_micros: int
    tax_micros: int
    currency: str
    method: str
    is_repeated: bool = False

    @property
    def key(self) -> PurchaseKey:
        """Return what names the purchase everywhere."""
        return PurchaseKey(self.organization_id, self.purchase_id)


@frozen
class OrderShown:
    """How an order stands: its purchase, how it is paid, and its lot once it is settled."""

    organization: Organization
    purchase: Purchase
    method: PaymentMethod
    lot: CreditLot | None
    balance_micros: int


def review_order(tx: Transaction, form: OrderForm) -> Review | Refused:
    """Return exactly what an order would do, or why it cannot be placed; a refusal by region opens its case (S40)."""
    return _reviewed(tx, lock_organization(tx, form.organization), form)


def place_order(tx: Transaction, request: PlaceOrder) -> OrderPlaced | Refused:
    """Place an order once for each key; under an agreement it is paid here, by card when it is charged.

    The same key with the same form is answered as before, refusals too (money.md 71); raise Conflict where the form
    differs. A missing confirmation is asked again and again: it decides nothing.
    """
    organization = lock_organization(tx, request.form.organization)
    _check_key(request.request_key)
    organization_id, input_hash = organization.organization_id, _input_hash(request.form)
    known = tx.credit.answer_of(organization_id, request.request_key, input_hash)
    if known is not None:
        return _answer_from(known)
    reviewed = _reviewed(tx, organization, request.form)
    if isinstance(reviewed, Review) and reviewed.needs_confirmation and not request.is_confirmed:
        message = "an order as large as this must be confirmed: look at the review once more, then repeat it confirmed"
        return Refused(RefusalReason.NOT_CONFIRMED.value, message)
    answer = reviewed if isinstance(reviewed, Refused) else _place(tx, request.form, reviewed)
    tx.credit.keep_answer(
        organization_id, request.request_key, input_hash=input_hash, answer=_text_of(answer), at=request.form.at
    )
    return answer


def charge_order(
    run: Transact, gateways: Mapping[str, PaymentGateway], key: PurchaseKey, clock: Callable[[], datetime]
) -> OrderShown:
    """Charge a placed order, if that is still to be done, and return how it stands."""
    charge_purchase(run, gateways, key, clock)
    return run(show_order, key)


def show_order(tx: Transaction, key: PurchaseKey) -> OrderShown:
    """Return how an order stands; raise NotFound."""
    purchase = tx.purchases.purchase(key)
    organization = tx.organizations.with_ids([key.organization_id]).get(key.organization_id)
    if purchase is None or organization is None:
        message = f"there is no order {key.purchase_id}"
        raise NotFound(message, code="order_not_found")
    method = tx.payments.method(key.organization_id, purchase.method_id)
    assert method is not None, "a purchase names a way to pay that was there, and none is ever deleted"
    credit = tx.credit.credit(key.organization_id)
    lot = None if purchase.lot_id is None else credit.lot(purchase.lot_id)
    return OrderShown(organization, purchase, method, lot, credit.balance_micros)


def _reviewed(tx: Transaction, organization: Organization, form: OrderForm) -> Review | Refused:
    buyer = _buyer(tx, organization, form.at)
    refused = orders.ineligible(buyer, form.terms) or orders.impossible(form, buyer)
    if refused is not None:
        return refused
    method = orders.method_of(form, buyer)
    if isinstance(method, Refused):
        return method
    if method.kind is MethodKind.CARD:
        return orders.review(form, buyer, method, None)
    standing = _agreed(tx, form, buyer, method)
    return standing if isinstance(standing, Refused) else orders.review(form, buyer, method, standing)


def _agreed(tx: Transaction, form: OrderForm, buyer: Buyer, method: PaymentMethod) -> Standing | Refused:
    organization = buyer.organization
    standing = standing_of(tx, organization, method, form.at)
    charged_micros = form.amount_micros + orders.tax_of(form.amount_micros, buyer)
    refused = agreements.refusal(standing, charged_micros, organization.currency, organization.country, form.at)
    if refused is None:
        return standing
    message = agreements.explain(refused, standing, charged_micros)
    if refused is not AgreementRefusal.OTHER_REGION:
        return Refused(refused.value, message)
    case = open_case(tx, organization, standing.agreement, form.at)
    return Refused(refused.value, f"{message}; ask support for case {case.number}", case.number)


def _buyer(tx: Transaction, organization: Organization, at: datetime) -> Buyer:
    organization_id = organization.organization_id
    spent_micros = tx.insight.spent_micros(organization_id, at - USAGE_LOOKED_AT, at)
    return Buyer(
        organization,
        tx.organizations.licenses_in_use(organization_id),
        tx.credit.credit(organization_id),
        tx.purchases.watch(organization_id),
        tuple(tx.payments.methods(organization_id)),
        usual_day_micros(spent_micros, USAGE_LOOKED_AT),
        tuple(purchase.purchase_id for purchase in tx.purchases.open_orders(organization_id)),
        tx.documents.tax_rule_of(organization, at),
        tx.countries.in_force(at).of(organization.country).has_credits,
    )


def _place(tx: Transaction, form: OrderForm, reviewed: Review) -> OrderPlaced:
    organization, method = reviewed.organization, reviewed.method
    number = tx.purchases.orders_count(organization.organization_id) + 1
    purchase = orders.placed(form, reviewed, number)
    tx.purchases.add(purchase)
    if method.kind is MethodKind.AGREEMENT:
        pay_by_agreement(tx, organization, purchase, method, form.at)
    return OrderPlaced(
        organization.organization_id,
        purchase.purchase_id,
        reviewed.amount_micros,
        reviewed.tax_micros,
        organization.currency,
        method.label,
    )


def _check_key(request_key: str) -> None:
    if not request_key.strip() or len(request_key) > KEY_CHARACTERS_MAX:
        message = f"a request key of 1 to {KEY_CHARACTERS_MAX} characters is needed: it makes the order unique"
        raise Invalid(message, code="request_key")


def _input_hash(form: OrderForm) -> str:
    """What makes two requests the same: not the clock, nor the operator's terms."""
    wish = None if form.recharge is None else asdict(form.recharge)
    stated = ("place_order", form.amount_micros, form.currency.upper(), form.method_id, wish)
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


def _text_of(answer: OrderPlaced | Refused) -> str:
    kind = "refused" if isinstance(answer, Refused) else "placed"
    return json.dumps({kind: asdict(answer)})


def _answer_from(text: str) -> OrderPlaced | Refused:
    kept = json.loads(text)
    if "refused" in kept:
        return Refused(**kept["refused"])
    return replace(OrderPlaced(**kept["placed"]), is_repeated=True)
