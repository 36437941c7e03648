"""Add, list, replace and remove ways to pay; the recharge follows, and may go on with a new one (S33, S37 to S39)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from talktime.core.credit import method_changes
from talktime.core.credit.buying.agreements import Agreement
from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.method_changes import Replacement
from talktime.core.credit.recharging import concluding
from talktime.core.credit.recharging import settings as recharge_settings
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.credit.recharging.watching import CreditWatch, Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import evaluate_again, keep
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization

PURCHASE_ORDER_CHARACTERS_MAX = 50


@frozen
class AddCard:
    """A card that its gateway has read already; it takes the place of `replaces`, if that is stated."""

    organization: str
    gateway: str
    card: Card
    at: datetime
    replaces: int | None = None


@frozen
class UseAgreement:
    """An agreement to pay with, and the purchase order for what is bought from now on, if there is one (S39)."""

    organization: str
    agreement_number: str
    at: datetime
    purchase_order: str = ""


@frozen
class ChangePurchaseOrder:
    """The purchase order of what an agreement buys from now on; empty for none (complaint #4497)."""

    organization: str
    method_id: int
    purchase_order: str
    at: datetime


@frozen
class RemoveMethod:
    """A way to pay that is to go; `instead` pays the recharges that it paid."""

    organization: str
    method_id: int
    at: datetime
    instead: int | None = None


@frozen
class MethodShown:
    """A way to pay, its agreement where it has one, and whether recharges use it."""

    method: PaymentMethod
    agreement: Agreement | None = None
    pays_recharges: bool = False
    is_fallback: bool = False


@frozen
class MethodsShown:
    """The ways to pay of an organization."""

    organization: Organization
    at: datetime
    methods: tuple[MethodShown, ...]


@frozen
class MethodKept:
    """A way to pay as it is now, and whether a paused recharge goes on by it."""

    organization: Organization
    method: PaymentMethod
    is_resumed: bool = False


def list_methods(tx: Transaction, request: LookAt) -> MethodsShown:
    """Return the ways to pay; raise NotFound for the organization."""
    organization = find_organization(tx, request.name)
    policy = tx.purchases.watch(organization.organization_id).policy
    methods = tx.payments.methods(organization.organization_id)
    known = {agreement.number: agreement for agreement in tx.agreements.agreements(organization.organization_id)}
    return MethodsShown(organization, request.at, tuple(_shown(methods, known, policy)))


def add_card(tx: Transaction, request: AddCard) -> MethodKept:
    """Keep a card; in the place of another it pays the recharges too, and a new one ends a decline's pause.

    Raise NotFound for what it is to replace.
    """
    organization = lock_organization(tx, request.organization)
    old = None if request.replaces is None else _method(tx, organization, request.replaces)
    new = _add(tx, organization, MethodKind.CARD, request.at, gateway=request.gateway, card=request.card)
    if old is None:
        return MethodKept(organization, new)
    return MethodKept(organization, new, _replace(tx, organization, Replacement(old, new), request.at))


def use_agreement(tx: Transaction, request: UseAgreement) -> MethodKept:
    """Let an agreement pay; raise NotFound where none of that number is registered, Conflict where it pays already."""
    organization = lock_organization(tx, request.organization)
    number, order = request.agreement_number.strip(), _purchase_order(request.purchase_order)
    if tx.agreements.agreement(organization.organization_id, number) is None:
        message = f"{organization.name} has no agreement {number!r}: the operator registers it (`talktime agreements`)"
        raise NotFound(message, code="agreement_not_found")
    for method in tx.payments.methods(organization.organization_id):
        if (method.agreement_number, method.purchase_order) == (number, order):
            message = f"{method.label} is payment method {method.method_id} already"
            raise Conflict(message, code="method_exists")
    kept = _add(tx, organization, MethodKind.AGREEMENT, request.at, agreement_number=number, purchase_order=order)
    return MethodKept(organization, kept)


def change_purchase_order(tx: Transaction, request: ChangePurchaseOrder) -> MethodKept:
    """Set the purchase order of what is bought from now on; what was bought keeps its own (S39).

    Raise NotFound, Invalid for a card, and Conflict where it is that already.
    """
    organization = lock_organization(tx, request.organization)
    old, order = _method(tx, organization, request.method_id), _purchase_order(request.purchase_order)
    if old.kind is not MethodKind.AGREEMENT:
        raise Invalid(f"{old.label} is a card: purchase orders belong to agreements", code="method_is_card")
    if old.purchase_order == order:
        raise Conflict(f"{old.label}: that is its purchase order already", code="purchase_order_unchanged")
    new = _add(tx, organization, old.kind, request.at, agreement_number=old.agreement_number, purchase_order=order)
    return MethodKept(organization, new, _replace(tx, organization, Replacement(old, new), request.at))


def remove_method(tx: Transaction, request: RemoveMethod) -> MethodKept:
    """Remove a way to pay; raise NotFound, or Conflict while recharges use it and nothing is named instead."""
    organization = lock_organization(tx, request.organization)
    old = _method(tx, organization, request.method_id)
    watch = tx.purchases.watch(organization.organization_id)
    if request.instead is not None:
        if request.instead == request.method_id:
            raise Invalid("what pays instead must be another payment method", code="method_is_same")
        new = _method(tx, organization, request.instead)
        return MethodKept(organization, old, _replace(tx, organization, Replacement(old, new), request.at))
    if method_changes.is_named(watch.policy, old.method_id):
        message = (
            f"recharges are paid by {old.label}: name what pays instead (`--instead NUMBER`), replace it, or switch"
            " auto-recharge off"
        )
        raise Conflict(message, code="method_in_use")
    tx.payments.remove_method(organization.organization_id, old.method_id)
    forgotten = replace(watch, policy=method_changes.forgets(watch.policy, old.method_id))
    if forgotten != watch:
        tx.purchases.save_watch(organization.organization_id, forgotten)
    return MethodKept(organization, old)


def _add(
    tx: Transaction,
    organization: Organization,
    kind: MethodKind,
    at: datetime,
    *,
    gateway: str = "",
    card: Card | None = None,
    agreement_number: str = "",
    purchase_order: str = "",
) -> PaymentMethod:
    method_id = tx.payments.next_method_id(organization.organization_id)
    method = PaymentMethod(
        organization.organization_id, method_id, kind, gateway, card, agreement_number, purchase_order
    )
    tx.payments.add_method(method, at)
    return method


def _replace(tx: Transaction, organization: Organization, it: Replacement, at: datetime) -> bool:
    """Let one way to pay stand in for another; tell whether a paused recharge goes on by that."""
    organization_id = organization.organization_id
    tx.payments.remove_method(organization_id, it.old.method_id)
    before = tx.purchases.watch(organization_id)
    policy = method_changes.follows(before.policy, it)
    if policy == before.policy:
        return False
    after = _given_up(tx, organization, before, it, at)
    pays = tx.payments.method(organization_id, policy.method_id) if policy.method_id is not None else None
    progress = recharge_settings.ready(after.progress, None, pays, organization.zone)
    told = Telling(
        organization,
        replace(after, policy=policy, progress=progress),
        tx.credit.credit(organization_id).balance_micros,
        at,
    )
    is_resumed = before.progress.paused is not None and progress.paused is None
    if is_resumed:
        told.tell(EventKind.RECHARGE_RESUMED, ("reason", "method_replaced"), ("method", it.new.label))
    keep(tx, organization, after, told.watched())
    evaluate_again(tx, organization, at)
    return is_resumed


def _given_up(
    tx: Transaction, organization: Organization, before: CreditWatch, it: Replacement, at: datetime
) -> CreditWatch:
    """Withdraw the open recharge where it waits for what was replaced, and return the watch after that."""
    purchase = tx.purchases.open_recharge(organization.organization_id)
    given_up = method_changes.gives_up(purchase, before.policy, it, at)
    if purchase is None or given_up is None:
        return before
    tx.purchases.save(given_up)
    credit = tx.credit.credit(organization.organization_id)
    conclusion = Conclusion(purchase, given_up, it.old, at)
    keep(tx, organization, before, concluding.after_withdrawal(organization, before, conclusion, credit))
    return tx.purchases.watch(organization.organization_id)


def _method(tx: Transaction, organization: Organization, method_id: int) -> PaymentMethod:
    method = tx.payments.method(organization.organization_id, method_id)
    if method is None or method.is_removed:
        message = f"{organization.name} has no payment method {method_id}: `talktime payment-methods` lists them"
        raise NotFound(message, code="method_not_found")
    return method


def _purchase_order(text: str) -> str:
    order = text.strip()
    if len(order) > PURCHASE_ORDER_CHARACTERS_MAX or not order.isprintable():
        message = f"a purchase order number has at most {PURCHASE_ORDER_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="purchase_order")
    return order


def _shown(
    methods: Iterable[PaymentMethod], known: dict[str, Agreement], policy: RechargePolicy
) -> Iterable[MethodShown]:
    for method in methods:
        yield MethodShown(
            method,
            known.get(method.agreement_number),
            pays_recharges=policy.is_on and policy.method_id == method.method_id,
            is_fallback=policy.is_on and policy.fallback_method_id == method.method_id,
        )
