"""What a test card makes of a charge: decisions about values, without file or clock."""

from dataclasses import replace
from datetime import date, datetime

from talktime.core.credit.buying.payments import (
    Charged,
    ChargeOrder,
    ChargeResult,
    Declined,
    GatewayEventKind,
    NeedsAction,
    RefundFailed,
    RefundOrder,
    Unknown,
)
from talktime.core.values.errors import Conflict, Invalid
from talktime.gateways.payments.minor_units import to_minor
from talktime.gateways.payments.sandbox_cards import Behavior, SandboxCard, card_of
from talktime.gateways.payments.sandbox_folder import (
    ChargeState,
    Dispute,
    Report,
    SandboxCharge,
    SandboxRefund,
    charge_id_of,
)

# A slow charge is done when it was asked for so often.
LOOKS_UNTIL_DONE = 3


def begun(order: ChargeOrder, at: datetime) -> SandboxCharge:
    """Return the charge that an order makes when its key is new."""
    charge = SandboxCharge(order, charge_id_of(order.idempotency_key), ChargeState.LOST)
    known = card_of(order.token)
    if known is None:
        return _declined(charge, "invalid_account", at)
    card, expires_on = known
    refusal = _refusal(order, expires_on, at.date())
    if refusal:
        return _declined(charge, refusal, at)
    match card.behavior:
        case Behavior.DECLINES:
            return _declined(charge, card.code, at)
        case Behavior.DECLINES_ONCE if order.attempt == 1:
            return _declined(charge, card.code, at)
        case Behavior.NEEDS_ACTION | Behavior.NEEDS_ACTION_DECLINES:
            waiting = replace(charge, state=ChargeState.NEEDS_ACTION)
            return _reporting(waiting, GatewayEventKind.NEEDS_ACTION, at, code="authentication_required")
        case Behavior.LOSES_REQUEST:
            return charge
        case Behavior.STORES_ERROR:
            return replace(charge, state=ChargeState.BROKEN)
        case Behavior.SLOW:
            return replace(charge, state=ChargeState.PROCESSING)
        case _:
            return _charged(charge, card, at)


def asked_again(charge: SandboxCharge, at: datetime) -> SandboxCharge:
    """Return the charge after its key came once more: only a request that was lost is new to the gateway."""
    if charge.state is ChargeState.LOST:
        return _charged(charge, _card(charge), at)
    return looked_at(charge, at)


def looked_at(charge: SandboxCharge, at: datetime) -> SandboxCharge:
    """Return the charge after somebody asked what became of it: a slow one is done some day."""
    if charge.state is not ChargeState.PROCESSING:
        return charge
    looked = replace(charge, looked_count=charge.looked_count + 1)
    return looked if looked.looked_count < LOOKS_UNTIL_DONE else _charged(looked, _card(charge), at)


def authenticated(charge: SandboxCharge, at: datetime, *, succeeds: bool) -> SandboxCharge:
    """Return the charge after its card's owner authenticated, or failed to; raise Conflict if nobody asked him to."""
    if charge.state is not ChargeState.NEEDS_ACTION:
        message = f"charge {charge.charge_id} waits for nobody: it is {charge.state.value}"
        raise Conflict(message, code="charge_not_waiting")
    card = _card(charge)
    if not succeeds:
        return _declined(charge, "authentication_required", at)
    if card.behavior is Behavior.NEEDS_ACTION_DECLINES:
        return _declined(charge, card.code, at)
    return _charged(charge, card, at)


def withdrawn(charge: SandboxCharge) -> SandboxCharge:
    """Return the charge canceled, where it waits for its card's owner; what is being processed cannot be stopped."""
    return replace(charge, state=ChargeState.WITHDRAWN) if charge.state is ChargeState.NEEDS_ACTION else charge


def refunded(charge: SandboxCharge, order: RefundOrder, at: datetime) -> SandboxCharge | RefundFailed:
    """Return the charge with money given back, or why it is not."""
    left = charge.order.amount_micros - charge.refunded_micros
    if charge.state is not ChargeState.CHARGED:
        return RefundFailed("charge_not_refundable", f"nothing was charged: it is {charge.state.value}")
    if charge.dispute is not Dispute.NONE and charge.dispute is not Dispute.WON:
        return RefundFailed("charge_disputed", "the card's bank holds the money of this charge, or took it back")
    if order.currency != charge.order.currency or not 0 < order.amount_micros <= left:
        code = "amount_too_large" if left else "charge_already_refunded"
        return RefundFailed(code, "the gateway gives back no more than was charged, in the same currency")
    card = _card(charge)
    fails_later = card.behavior is Behavior.REFUND_FAILS
    refund = SandboxRefund(
        order.idempotency_key, f"refund_{charge_id_of(order.idempotency_key)}", order.amount_micros, fails_later
    )
    after = replace(charge, refunds=(*charge.refunds, refund))
    if fails_later:
        return _reporting(after, GatewayEventKind.REFUND_FAILED, at, amount_micros=order.amount_micros, code=card.code)
    return _reporting(after, GatewayEventKind.REFUNDED, at, amount_micros=after.refunded_micros)


def dispute_closed(charge: SandboxCharge, at: datetime, *, is_won: bool) -> SandboxCharge:
    """Return the charge after its dispute was decided; raise Conflict where none is open."""
    if charge.dispute is not Dispute.OPEN:
        message = f"no dispute of charge {charge.charge_id} is open"
        raise Conflict(message, code="dispute_not_open")
    decided = replace(charge, dispute=Dispute.WON if is_won else Dispute.LOST)
    kind = GatewayEventKind.DISPUTE_WON if is_won else GatewayEventKind.DISPUTE_LOST
    return _reporting(decided, kind, at, amount_micros=charge.order.amount_micros, code=_card(charge).code)


def answer(charge: SandboxCharge) -> ChargeResult | None:
    """Return what the gateway says of a charge; None where it holds nothing that could ever move money."""
    match charge.state:
        case ChargeState.CHARGED:
            return Charged(charge.charge_id, charge.order.amount_micros)
        case ChargeState.DECLINED:
            return Declined(charge.code, f"the sandbox declines this card: {charge.code}")
        case ChargeState.NEEDS_ACTION:
            return NeedsAction(charge.charge_id, action_url(charge))
        case ChargeState.PROCESSING:
            return Unknown("the sandbox is still at it")
        case ChargeState.LOST | ChargeState.BROKEN | ChargeState.WITHDRAWN:
            return None


def first_answer(charge: SandboxCharge) -> ChargeResult:
    """Return what whoever asks first is told: some answers are lost on their way."""
    card = card_of(charge.order.token)
    if charge.state is ChargeState.CHARGED and card and card[0].behavior is Behavior.LOSES_ANSWER:
        return Unknown("the sandbox did not answer in time")
    return later_answer(charge)


def later_answer(charge: SandboxCharge) -> ChargeResult:
    """Return what whoever asks again with the same key is told."""
    return answer(charge) or Unknown(_NO_ANSWER[charge.state])


def action_url(charge: SandboxCharge) -> str:
    """Return where its card's owner would authenticate; who tests calls `SandboxGateway.authenticate` instead."""
    return f"sandbox://authenticate/{charge.charge_id}"


_NO_ANSWER = {
    ChargeState.LOST: "the sandbox did not answer in time",
    ChargeState.BROKEN: "the sandbox failed (500), and keeps that answer for this key",
    ChargeState.WITHDRAWN: "this charge was withdrawn",
}


def _refusal(order: ChargeOrder, expires_on: date, today: date) -> str:
    try:
        to_minor(order.amount_micros, order.currency)
    except Invalid as failure:
        return "currency_not_supported" if failure.code == "currency_not_supported" else "invalid_amount"
    if order.amount_micros <= 0:
        return "invalid_amount"
    return "expired_card" if expires_on < today else ""


def _card(charge: SandboxCharge) -> SandboxCard:
    known = card_of(charge.order.token)
    assert known is not None, "a charge of no test card is declined at once"
    return known[0]


def _charged(charge: SandboxCharge, card: SandboxCard, at: datetime) -> SandboxCharge:
    amount_micros = charge.order.amount_micros
    moved = replace(charge, state=ChargeState.CHARGED)
    told = _reporting(moved, GatewayEventKind.CHARGED, at, amount_micros=amount_micros)
    if card.behavior is not Behavior.DISPUTED:
        return told
    disputed = replace(told, dispute=Dispute.OPEN)
    return _reporting(disputed, GatewayEventKind.DISPUTE_OPENED, at, amount_micros=amount_micros, code=card.code)


def _declined(charge: SandboxCharge, code: str, at: datetime) -> SandboxCharge:
    declined = replace(charge, state=ChargeState.DECLINED, code=code)
    return _reporting(declined, GatewayEventKind.DECLINED, at, code=code)


def _reporting(
    charge: SandboxCharge, kind: GatewayEventKind, at: datetime, *, amount_micros: int = 0, code: str = ""
) -> SandboxCharge:
    event_id = f"event_{charge.charge_id}_{len(charge.reports) + 1}"
    return replace(charge, reports=(*charge.reports, Report(event_id, kind, at, amount_micros, code)))
