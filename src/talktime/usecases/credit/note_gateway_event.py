"""Take a gateway's word for what became of a purchase: once, in any order, never silently (money.md 13, 14)."""

from datetime import datetime
from enum import Enum

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import (
    Charged,
    ChargeResult,
    Declined,
    GatewayEvent,
    GatewayEventKind,
    NeedsAction,
)
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude
from talktime.usecases.credit.returning.dispute_credit import FEE_MICROS, note_dispute
from talktime.usecases.credit.returning.note_refunds import note_refund


@frozen
class NoteGatewayEvent:
    """A verified webhook, and when it came."""

    event: GatewayEvent
    at: datetime
    dispute_fee_micros: int = FEE_MICROS


class Noting(Enum):
    """What became of a gateway's event."""

    DONE = "done"
    # It came before, or tells what we know; nothing changed.
    REPEATED = "repeated"
    # It explains nothing of ours: kept with the reason, and told to the operator.
    PARKED = "parked"
    # A kind of event that changes nothing here.
    IGNORED = "ignored"


@frozen
class EventNoted:
    """What became of an event; `reason` says why it was parked."""

    noting: Noting
    reason: str = ""


def note_gateway_event(tx: Transaction, request: NoteGatewayEvent) -> EventNoted:
    """Apply an event to its purchase and keep it, in one transaction; the same event again changes nothing."""
    event = request.event
    if event.kind in _IGNORED:
        return EventNoted(Noting.IGNORED)
    purchase = _purchase_of(tx, event)
    if tx.purchases.is_noted(event):
        return EventNoted(Noting.REPEATED)
    applied = _applied(tx, purchase, request)
    tx.purchases.note_event(event, request.at, applied.reason)
    if applied.noting is Noting.PARKED:
        _tell_operator(tx, purchase, request, applied.reason)
    return applied


_IGNORED = frozenset({GatewayEventKind.OTHER, GatewayEventKind.CARD_UPDATED})
_REFUNDS = frozenset({GatewayEventKind.REFUNDED, GatewayEventKind.REFUND_FAILED})
_DISPUTES = frozenset({GatewayEventKind.DISPUTE_OPENED, GatewayEventKind.DISPUTE_WON, GatewayEventKind.DISPUTE_LOST})


def _applied(tx: Transaction, purchase: Purchase | None, request: NoteGatewayEvent) -> EventNoted:
    event = request.event
    misfit = _misfit(purchase, event)
    if purchase is None or misfit:
        return EventNoted(Noting.PARKED, misfit)
    if event.kind in _REFUNDS | _DISPUTES:
        organization = tx.organizations.lock_id(purchase.organization_id)
        if event.kind in _REFUNDS:
            reason = note_refund(tx, organization, purchase, event, request.at)
        else:
            fee = request.dispute_fee_micros
            reason = note_dispute(tx, organization, purchase, event, request.at, fee_micros=fee)
        return EventNoted(Noting.PARKED, reason) if reason else EventNoted(Noting.DONE)
    is_vague = event.attempt is None and event.charge_id != purchase.charge_id
    if is_vague and event.kind is GatewayEventKind.DECLINED:
        return EventNoted(Noting.PARKED, f"it names no attempt, and charge {event.charge_id} is not the purchase's own")
    attempt = purchase.attempt if event.attempt is None else event.attempt
    after = conclude(tx, Outcome(purchase.key, attempt, None, _result_of(event), request.at))
    return EventNoted(Noting.REPEATED if after == purchase else Noting.DONE)


def _purchase_of(tx: Transaction, event: GatewayEvent) -> Purchase | None:
    named = None if event.purchase is None else tx.purchases.purchase(purchases.key_of(event.purchase))
    found = named or tx.purchases.of_charge(event.charge_id)
    if found is None:
        return None
    # Locked, then read again: of two deliveries at once, the second one sees what the first one did.
    tx.organizations.lock_id(found.organization_id)
    return tx.purchases.purchase(found.key)


def _misfit(purchase: Purchase | None, event: GatewayEvent) -> str:
    """Tell why an event cannot be applied; empty where it can."""
    if purchase is None:
        amount = f"{format_micros(event.amount_micros)} {event.currency}".strip()
        return f"no purchase of ours is known by this: charge {event.charge_id or 'unnamed'}, {amount}"
    if event.currency and event.currency != purchase.currency:
        return f"the purchase is in {purchase.currency}, the event in {event.currency}"
    if event.purchase is not None and event.purchase != purchase.gateway_key:
        return "a purchase of the same name, by another installation or from before a backup was restored"
    is_second = purchase.state is PurchaseState.SETTLED and event.charge_id != purchase.charge_id
    if event.kind is GatewayEventKind.CHARGED and is_second:
        return f"the purchase was paid by {purchase.charge_id} already: this is a second charge, to be given back"
    return ""


def _result_of(event: GatewayEvent) -> ChargeResult:
    match event.kind:
        case GatewayEventKind.CHARGED:
            return Charged(event.charge_id, event.amount_micros)
        case GatewayEventKind.NEEDS_ACTION:
            return NeedsAction(event.charge_id, event.url)
        case _:
            return Declined(event.code)


def _tell_operator(tx: Transaction, purchase: Purchase | None, request: NoteGatewayEvent, reason: str) -> None:
    """Tell of an event that explains nothing of ours, whether or not it names an organization that we have."""
    event = request.event
    named = 0 if event.purchase is None else event.purchase.organization_id
    told = Event(
        named if purchase is None else purchase.organization_id,
        f"unexplained:{event.gateway}:{event.event_id}",
        EventKind.PAYMENT_UNEXPLAINED,
        request.at,
        0 if purchase is None else tx.credit.credit(purchase.organization_id).balance_micros,
        (
            ("reason", reason),
            ("gateway", event.gateway),
            ("charge", event.charge_id),
            ("amount_micros", str(event.amount_micros)),
            ("currency", event.currency),
        ),
    )
    tx.notifications.tell((told,))
