"""Stripe's webhooks as our events; what was refunded is told in all so far, as Stripe does (money.md 45)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind, NeedsAction
from talktime.core.values.errors import Invalid
from talktime.gateways.payments.minor_units import from_minor
from talktime.gateways.payments.stripe_answers import (
    Json,
    action_url,
    decline_code,
    purchase_of,
    read_card_error,
)

NAME = "stripe"


@dataclass(frozen=True, slots=True)
class _Told:
    """An event's object, what it was before, and what every event of ours begins with."""

    object: Json
    before: Json
    event: GatewayEvent
    action_page: str


def event_from(body: Json, action_page: str) -> GatewayEvent:
    """Return a verified webhook as an event; raise Invalid where it has not the shape of one."""
    try:
        name, data = str(body["type"]), body["data"]
        told = _Told(
            data["object"],
            data.get("previous_attributes") or {},
            GatewayEvent(
                gateway=NAME,
                event_id=str(body["id"]),
                kind=GatewayEventKind.OTHER,
                occurred_at=datetime.fromtimestamp(int(body["created"]), UTC),
                name=name,
            ),
            action_page,
        )
        return _READERS.get(name, _other)(told)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as failure:
        message = f"the body has not the shape of an event of Stripe: {failure!r}"
        raise Invalid(message, code="event_unreadable") from failure


def event_of_charge(intent: Json) -> GatewayEvent:
    """Return a payment that moved money as the event that its webhook would have told, under an id of its own."""
    listed = {"id": f"listed_{intent['id']}", "type": "payment_intent.succeeded", "created": intent["created"]}
    return event_from({**listed, "data": {"object": intent}}, "")


def _intent(told: _Told, kind: GatewayEventKind, amount_field: str, code: str = "", url: str = "") -> GatewayEvent:
    purchase, attempt = purchase_of(told.object.get("metadata"))
    amount = told.object.get(amount_field, told.object["amount"]) if amount_field else 0
    return replace(
        told.event,
        kind=kind,
        purchase=purchase,
        attempt=attempt,
        charge_id=str(told.object["id"]),
        **_money(told.object, amount),
        code=code,
        url=url,
    )


def _succeeded(told: _Told) -> GatewayEvent:
    return _intent(told, GatewayEventKind.CHARGED, "amount_received")


def _requires_action(told: _Told) -> GatewayEvent:
    url = action_url(told.object, told.action_page)
    return _intent(told, GatewayEventKind.NEEDS_ACTION, "", "authentication_required", url)


def _payment_failed(told: _Told) -> GatewayEvent:
    error = {**(told.object.get("last_payment_error") or {}), "payment_intent": told.object}
    result = read_card_error(error, told.action_page)
    if isinstance(result, NeedsAction):
        return _requires_action(told)
    return _intent(told, GatewayEventKind.DECLINED, "", decline_code(error))


def _refunded(told: _Told) -> GatewayEvent:
    """Read a Charge: its amount refunded is the sum of all its refunds."""
    purchase, attempt = purchase_of(told.object.get("metadata"))
    return replace(
        told.event,
        kind=GatewayEventKind.REFUNDED,
        purchase=purchase,
        attempt=attempt,
        charge_id=_charge_id(told.object, told.object["id"]),
        **_money(told.object, told.object["amount_refunded"]),
    )


def _refund_failed(told: _Told) -> GatewayEvent:
    """Read a Refund: its amount is that of this refund alone."""
    return replace(
        told.event,
        kind=GatewayEventKind.REFUND_FAILED,
        charge_id=_charge_id(told.object, told.object.get("charge")),
        **_money(told.object, told.object["amount"]),
        code=str(told.object.get("failure_reason") or ""),
    )


def _dispute(told: _Told, kind: GatewayEventKind) -> GatewayEvent:
    return replace(
        told.event,
        kind=kind,
        charge_id=_charge_id(told.object, told.object.get("charge")),
        **_money(told.object, told.object["amount"]),
        code=str(told.object.get("reason") or ""),
    )


def _dispute_created(told: _Told) -> GatewayEvent:
    """An inquiry takes no money back: it is a dispute only if it becomes one."""
    is_inquiry = _is_inquiry(told.object["status"])
    return _dispute(told, GatewayEventKind.OTHER if is_inquiry else GatewayEventKind.DISPUTE_OPENED)


def _dispute_updated(told: _Told) -> GatewayEvent:
    was_inquiry = _is_inquiry(told.before.get("status", ""))
    is_opened = was_inquiry and not _is_inquiry(told.object["status"])
    return _dispute(told, GatewayEventKind.DISPUTE_OPENED if is_opened else GatewayEventKind.OTHER)


def _dispute_closed(told: _Told) -> GatewayEvent:
    kinds = {"won": GatewayEventKind.DISPUTE_WON, "lost": GatewayEventKind.DISPUTE_LOST}
    return _dispute(told, kinds.get(told.object["status"], GatewayEventKind.OTHER))


def _card_updated(told: _Told) -> GatewayEvent:
    """Name the card by its token: `add_card` with it tells how the card is now."""
    token = f"{told.object['customer']}/{told.object['id']}"
    return replace(told.event, kind=GatewayEventKind.CARD_UPDATED, charge_id=token)


def _other(told: _Told) -> GatewayEvent:
    purchase, attempt = purchase_of(told.object.get("metadata"))
    return replace(told.event, purchase=purchase, attempt=attempt, charge_id=str(told.object.get("id") or ""))


_READERS: dict[str, Callable[[_Told], GatewayEvent]] = {
    "payment_intent.succeeded": _succeeded,
    "payment_intent.payment_failed": _payment_failed,
    "payment_intent.requires_action": _requires_action,
    "charge.refunded": _refunded,
    "refund.failed": _refund_failed,
    "charge.dispute.created": _dispute_created,
    "charge.dispute.updated": _dispute_updated,
    "charge.dispute.closed": _dispute_closed,
    "payment_method.automatically_updated": _card_updated,
    "payment_method.updated": _card_updated,
}
# What an operator must let Stripe send.
EVENT_NAMES = tuple(_READERS)


def _money(told: Json, minor: int) -> dict[str, Any]:
    currency = str(told["currency"]).upper()
    return {"amount_micros": from_minor(minor, currency), "currency": currency}


def _charge_id(told: Json, otherwise: object) -> str:
    """Name a charge as `charge` named it: by its PaymentIntent."""
    intent = told.get("payment_intent")
    if isinstance(intent, dict):
        return str(intent["id"])
    return str(intent or otherwise or "")


def _is_inquiry(status: str) -> bool:
    return status.startswith("warning_")
