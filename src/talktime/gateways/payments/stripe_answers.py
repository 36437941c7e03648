"""What Stripe says of a charge, as one of our answers; read from plain JSON, so that no version's shape surprises us.

A demand for authentication comes in two shapes: as an error that carries the intent, or as an intent that requires
action. Both are `NeedsAction`: nothing moved, and the card's owner may still make it move.
"""

from collections.abc import Mapping
from typing import Any

import stripe
import structlog

from talktime.core.credit.buying.payments import (
    Charged,
    ChargeResult,
    Declined,
    NeedsAction,
    PurchaseKey,
    Refunded,
    RefundFailed,
    RefundResult,
    Unknown,
)
from talktime.core.values.errors import Invalid
from talktime.gateways.payments.minor_units import from_minor

Json = Mapping[str, Any]

ORGANIZATION_FIELD = "talktime_organization_id"
PURCHASE_FIELD = "talktime_purchase_id"
ATTEMPT_FIELD = "talktime_attempt"
KEY_FIELD = "talktime_key"

AUTHENTICATION_REQUIRED = "authentication_required"
# The owner was asked, and failed: the card will not do.
_AUTHENTICATION_FAILED = "payment_intent_authentication_failure"
_WAITING = frozenset({"requires_action", "requires_source_action"})
_REFUND_MOVES = frozenset({"succeeded", "pending", "requires_action"})

log = structlog.get_logger()


def read_intent(intent: Json, action_page: str) -> ChargeResult | None:
    """Return what became of a PaymentIntent; None where it was canceled and can move nothing any more."""
    status = intent.get("status")
    intent_id = str(intent.get("id", ""))
    if status == "succeeded":
        return _charged(intent, intent_id)
    if status in _WAITING:
        return NeedsAction(intent_id, action_url(intent, action_page))
    if status == "canceled":
        return None
    error = intent.get("last_payment_error")
    if status == "requires_payment_method" and error:
        return read_card_error({**error, "payment_intent": intent}, action_page)
    return Unknown(f"Stripe has not finished: payment {intent_id} is {status}")


def _charged(intent: Json, intent_id: str) -> ChargeResult:
    try:
        minor = int(intent.get("amount_received", intent["amount"]))
        return Charged(intent_id, from_minor(minor, str(intent["currency"]).upper()))
    except (KeyError, TypeError, ValueError, Invalid):
        return Unknown(f"Stripe does not say how much payment {intent_id} moved")


def read_card_error(error: Json, action_page: str) -> ChargeResult:
    """Return what a card error means: declined, or that the card's owner must authenticate."""
    code = decline_code(error)
    intent = error.get("payment_intent") or {}
    if code == AUTHENTICATION_REQUIRED and error.get("code") != _AUTHENTICATION_FAILED and intent.get("id"):
        return NeedsAction(str(intent["id"]), action_url(intent, action_page))
    return Declined(code, str(error.get("message") or ""))


def decline_code(error: Json) -> str:
    """Return the bank's code where Stripe tells it, else Stripe's own."""
    code = str(error.get("decline_code") or error.get("code") or "")
    if code == _AUTHENTICATION_FAILED:
        return AUTHENTICATION_REQUIRED
    return "generic_decline" if code in {"", "card_declined"} else code


def action_url(intent: Json, action_page: str) -> str:
    """Return where the card's owner authenticates: the bank's page, or the operator's with the payment's id."""
    redirect = (intent.get("next_action") or {}).get("redirect_to_url") or {}
    if redirect.get("url"):
        return str(redirect["url"])
    return f"{action_page}?payment_intent={intent.get('id', '')}" if action_page else ""


def purchase_of(metadata: Json | None) -> tuple[PurchaseKey | None, int | None]:
    """Return the purchase and the attempt that metadata name; None for a payment that is none of ours."""
    told = metadata or {}
    organization, purchase_id = str(told.get(ORGANIZATION_FIELD, "")), str(told.get(PURCHASE_FIELD, ""))
    attempt = str(told.get(ATTEMPT_FIELD, ""))
    if not organization.isdecimal() or not purchase_id:
        return None, None
    return PurchaseKey(int(organization), purchase_id), int(attempt) if attempt.isdecimal() else None


def failed_charge(failure: stripe.StripeError, action_page: str) -> ChargeResult:
    """Return what an error says of a charge: declined only where Stripe says that it took nothing."""
    error = error_of(failure)
    if isinstance(failure, stripe.CardError):
        return read_card_error(error, action_page)
    if isinstance(failure, stripe.InvalidRequestError):
        refusal = _REFUSED_PARAMETER.get(str(failure.param).partition("[")[0])
        if refusal is not None:
            return Declined(refusal, str(error.get("message") or ""))
    return Unknown(why_unknown(failure, "charge"))


def failed_refund(failure: stripe.StripeError) -> RefundResult:
    """Return what an error says of a refund."""
    if isinstance(failure, stripe.InvalidRequestError | stripe.CardError):
        error = error_of(failure)
        return RefundFailed(str(error.get("code") or "refund_refused"), str(error.get("message") or ""))
    return Unknown(why_unknown(failure, "refund"))


def read_refund(refund: Json) -> RefundResult:
    """Return what became of a Refund: one that is pending counts as given, and is reported if it fails later."""
    status = refund.get("status")
    if status in _REFUND_MOVES:
        return Refunded(str(refund["id"]))
    if status in {"failed", "canceled"}:
        return RefundFailed(str(refund.get("failure_reason") or status))
    return Unknown(f"Stripe does not say what became of the refund: its status is {status}")


def why_unknown(failure: stripe.StripeError, what: str) -> str:
    """Say why nobody can tell, and tell the operator in the log where only he can help; no key and no token in it."""
    for kind, why, is_ours in _REASONS:
        if isinstance(failure, kind):
            if is_ours:
                log.error(
                    "stripe_refuses_us",
                    what=what,
                    kind=kind.__name__,
                    status=failure.http_status,
                    code=failure.code,
                    request_id=failure.request_id,
                )
            return why
    status = f" (HTTP {failure.http_status})" if failure.http_status else ""
    return f"Stripe failed{status}; whether money moved is not known yet"


def error_of(failure: stripe.StripeError) -> Json:
    """Return the error object of an answer, empty where there was no answer."""
    body = failure.json_body
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


# What a request was refused for, before any money moved; other refusals are our mistake, and looked into.
_REFUSED_PARAMETER = {
    "amount": "invalid_amount",
    "currency": "currency_not_supported",
    "customer": "invalid_account",
    "payment_method": "invalid_account",
}

_REASONS: tuple[tuple[type[stripe.StripeError], str, bool], ...] = (
    (
        stripe.AuthenticationError,
        "Stripe does not accept our secret key: the operator must set TALKTIME_STRIPE_SECRET_KEY right",
        True,
    ),
    (
        stripe.PermissionError,
        "our Stripe key may not do this: the operator must give it write access to payments and refunds",
        True,
    ),
    (stripe.IdempotencyError, "Stripe knows this key from a different request: the operator must look at both", True),
    (stripe.InvalidRequestError, "Stripe does not understand our request: the operator must look at the log", True),
    (stripe.RateLimitError, "Stripe takes no more requests at the moment", False),
    (stripe.APIConnectionError, "Stripe did not answer in time; whether money moved is not known yet", False),
)
