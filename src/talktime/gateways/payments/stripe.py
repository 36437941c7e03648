"""Cards through Stripe: off-session PaymentIntents by the official SDK, each once for its key.

A card's token is `cus_…/pm_…`: Stripe charges a stored card only for the customer that it is attached to.
Nothing is retried here: the recharge protocol asks again, with the same key, when that is right.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import stripe

from talktime.core.credit.buying.payments import (
    Card,
    ChargeOrder,
    ChargeResult,
    Declined,
    FoundResult,
    GatewayEvent,
    RefundFailed,
    RefundOrder,
    RefundResult,
    Unknown,
)
from talktime.core.values.errors import Forbidden, Invalid, Unavailable
from talktime.gateways.payments import stripe_answers
from talktime.gateways.payments.finding import HeldAttempt, became, stem
from talktime.gateways.payments.minor_units import to_minor
from talktime.gateways.payments.stripe_answers import ATTEMPT_FIELD, KEY_FIELD, ORGANIZATION_FIELD, PURCHASE_FIELD, Json
from talktime.gateways.payments.stripe_events import event_from, event_of_charge

SIGNATURE_HEADER = "stripe-signature"
PAGE = 100
# Together well below the lease of a purchase, within which the outcome must be told.
CONNECT_SECONDS = 5
READ_SECONDS = 60
# As the SDK proposes: an older signature is a replay.
SIGNATURE_TOLERANCE_SECONDS = 300

_BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}

# It would write an id of this machine into the home folder and send it along.
stripe.enable_telemetry = False


@dataclass(frozen=True, slots=True)
class StripeAccess:
    """How to reach Stripe; `address` is empty for Stripe itself, `action_page` is where card owners authenticate."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(default="", repr=False)
    address: str = ""
    action_page: str = ""
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    # So many of a customer's payments are looked through, the newest first, before the search index is asked.
    listed_max: int = 1_000


class StripeGateway:
    """Stripe behind our port; every method may be called from any thread."""

    def __init__(self, access: StripeAccess) -> None:
        """Keep how to reach Stripe; raise Invalid without a secret key. Nothing is sent yet."""
        if not access.secret_key.startswith(("sk_", "rk_")):
            message = "set TALKTIME_STRIPE_SECRET_KEY to a secret key of Stripe's: it begins with sk_ or rk_"
            raise Invalid(message, code="stripe_key")
        self._access = access
        self._client = stripe.StripeClient(
            access.secret_key,
            base_addresses={"api": access.address} if access.address else None,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=(access.connect_seconds, access.read_seconds)),
        )

    def add_card(self, reference: str) -> Card:
        """Keep a card that Stripe's form has stored: `pm_…`, or `cus_…/pm_…` for a customer that is there already.

        Without a customer one is made, or the card's own taken. Raise Invalid for no card, Unavailable without Stripe.
        """
        customer_id, _, method_id = reference.strip().rpartition("/")
        if not method_id.startswith("pm_") or not (customer_id == "" or customer_id.startswith("cus_")):
            message = "name a stored card as Stripe does: pm_…, or cus_…/pm_… for a card of a known customer"
            raise Invalid(message, code="card_unreadable")
        try:
            return self._attached(customer_id, method_id)
        except (stripe.CardError, stripe.InvalidRequestError) as failure:
            code = stripe_answers.decline_code(stripe_answers.error_of(failure))
            message = f"Stripe does not take this card ({code}): use another one"
            raise Invalid(message, code="card_refused") from failure
        except stripe.StripeError as failure:
            message = f"{stripe_answers.why_unknown(failure, 'add_card')}; try again later"
            raise Unavailable(message, code="stripe_unavailable") from failure

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Create and confirm a PaymentIntent without the card's owner, once for each key."""
        customer_id, _, method_id = order.token.rpartition("/")
        try:
            amount = to_minor(order.amount_micros, order.currency)
        except Invalid as failure:
            code = failure.code if failure.code == "currency_not_supported" else "invalid_amount"
            return Declined(code, failure.message)
        try:
            intent = self._client.v1.payment_intents.create(
                {
                    "amount": amount,
                    "currency": order.currency.lower(),
                    "customer": customer_id,
                    "payment_method": method_id,
                    # Other ways to pay would want a page to return to.
                    "allowed_payment_method_types": ["card"],
                    "confirm": True,
                    "off_session": True,
                    "error_on_requires_action": True,
                    "description": order.description,
                    "metadata": _metadata(order),
                },
                {"idempotency_key": order.idempotency_key},
            )
        except stripe.StripeError as failure:
            return stripe_answers.failed_charge(failure, self._access.action_page)
        return self._read(_plain(intent)) or Unknown("this payment was canceled at Stripe")

    def find(self, order: ChargeOrder) -> FoundResult:
        """Look through the customer's payments for all attempts of a purchase.

        Stripe's search index lags behind: what it does not know proves nothing, so the list comes first.
        """
        try:
            intents = self._intents(order)
        except stripe.StripeError as failure:
            return Unknown(stripe_answers.why_unknown(failure, "find"))
        return became(order, [self._held(intent) for intent in intents])

    def withdraw(self, order: ChargeOrder) -> FoundResult:
        """Cancel the payments that wait for the card's owner, then tell what became of the purchase."""
        try:
            for intent in self._intents(order):
                if intent.get("status") in _CANCELABLE:
                    self._cancel(str(intent["id"]))
        except stripe.StripeError as failure:
            return Unknown(stripe_answers.why_unknown(failure, "withdraw"))
        return self.find(order)

    def refund(self, order: RefundOrder) -> RefundResult:
        """Give money back, once for each key."""
        try:
            refund = self._client.v1.refunds.create(
                {"payment_intent": order.charge_id, "amount": to_minor(order.amount_micros, order.currency)},
                {"idempotency_key": order.idempotency_key},
            )
        except stripe.StripeError as failure:
            return stripe_answers.failed_refund(failure)
        except Invalid as failure:
            return RefundFailed(failure.code, failure.message)
        return stripe_answers.read_refund(_plain(refund))

    def charges_since(self, since: datetime) -> Iterator[GatewayEvent]:
        """Yield every payment of ours that was begun since an instant and moved money; raise Unavailable."""
        try:
            listed = self._client.v1.payment_intents.list({"created": {"gte": int(since.timestamp())}, "limit": PAGE})
            for intent in map(_plain, listed.auto_paging_iter()):
                is_ours = stripe_answers.purchase_of(intent.get("metadata"))[0] is not None
                if is_ours and intent.get("status") == "succeeded":
                    yield event_of_charge(intent)
        except stripe.StripeError as failure:
            message = f"{stripe_answers.why_unknown(failure, 'charges_since')}; try again later"
            raise Unavailable(message, code="stripe_unavailable") from failure

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Verify and read a webhook; raise Forbidden for its signature, Invalid for its content."""
        lowered = {name.lower(): value for name, value in headers.items()}
        if not self._access.webhook_secret:
            message = "no webhook can be verified: set TALKTIME_STRIPE_WEBHOOK_SECRET to the endpoint's whsec_…"
            raise Forbidden(message, code="webhook_secret_missing")
        try:
            stripe.WebhookSignature.verify_header(
                body, lowered.get(SIGNATURE_HEADER), self._access.webhook_secret, SIGNATURE_TOLERANCE_SECONDS
            )
            event = json.loads(body)
        except stripe.SignatureVerificationError:
            # Without its cause: that carries the body, which belongs into no log.
            message = "the Stripe-Signature header does not fit the body, or is older than five minutes"
            raise Forbidden(message, code="signature_wrong") from None
        except ValueError as failure:
            message = "the body is no JSON text"
            raise Invalid(message, code="event_unreadable") from failure
        return event_from(event if isinstance(event, dict) else {}, self._access.action_page)

    def _attached(self, customer_id: str, method_id: str) -> Card:
        method = self._client.v1.payment_methods.retrieve(method_id).to_dict()
        owner = customer_id or str(method.get("customer") or "") or self._new_customer(method_id)
        if method.get("customer") != owner:
            method = self._client.v1.payment_methods.attach(method_id, {"customer": owner}).to_dict()
        card = method.get("card")
        if not card:
            message = f"{method_id} is no card, but {method.get('type')}"
            raise Invalid(message, code="card_unreadable")
        brand = str(card.get("brand", "card"))
        return Card(
            f"{owner}/{method['id']}",
            str(card.get("fingerprint") or method["id"]),
            _BRANDS.get(brand, brand.capitalize()),
            str(card["last4"]),
            _last_day(int(card["exp_year"]), int(card["exp_month"])),
        )

    def _new_customer(self, method_id: str) -> str:
        customer = self._client.v1.customers.create(
            {"description": "Talktime"}, {"idempotency_key": f"talktime-customer-of-{method_id}"}
        )
        return customer.id

    def _intents(self, order: ChargeOrder) -> list[Json]:
        """Return the payments of a purchase; raise StripeError."""
        customer_id = order.token.rpartition("/")[0]
        listed = self._client.v1.payment_intents.list({"customer": customer_id, "limit": PAGE})
        newest = [_plain(intent) for intent in islice(listed.auto_paging_iter(), self._access.listed_max)]
        if len(newest) == self._access.listed_max and not any(_is_of(intent, order) for intent in newest):
            # So many payments ago that the index must have caught up.
            searched = self._client.v1.payment_intents.search({"query": _query(order), "limit": PAGE})
            newest = [_plain(intent) for intent in searched.data]
        return [intent for intent in newest if _is_of(intent, order)]

    def _held(self, intent: Json) -> HeldAttempt:
        attempt = stripe_answers.purchase_of(intent.get("metadata"))[1]
        return HeldAttempt(attempt or 0, str(intent["currency"]).upper(), self._read(intent))

    def _read(self, intent: Json) -> ChargeResult | None:
        return stripe_answers.read_intent(intent, self._access.action_page)

    def _cancel(self, intent_id: str) -> None:
        try:
            self._client.v1.payment_intents.cancel(intent_id)
        except stripe.InvalidRequestError:
            # It has moved on meanwhile; how, the search that follows tells.
            return


_CANCELABLE = frozenset({"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"})


def _plain(answer: object) -> Json:
    """Return an answer as JSON; what is no object at all tells nothing."""
    return answer.to_dict() if isinstance(answer, stripe.StripeObject) else {}


def _metadata(order: ChargeOrder) -> dict[str, str]:
    return {
        ORGANIZATION_FIELD: str(order.purchase.organization_id),
        PURCHASE_FIELD: order.purchase.purchase_id,
        ATTEMPT_FIELD: str(order.attempt),
        KEY_FIELD: order.idempotency_key,
    }


def _query(order: ChargeOrder) -> str:
    wanted = {
        ORGANIZATION_FIELD: str(order.purchase.organization_id),
        PURCHASE_FIELD: order.purchase.purchase_id,
    }
    return " AND ".join(f"metadata[{json.dumps(name)}]:{json.dumps(value)}" for name, value in wanted.items())


def _is_of(intent: Mapping[str, Any], order: ChargeOrder) -> bool:
    """Tell whether a payment is an attempt of this purchase, and not of another installation's of the same name."""
    metadata = intent.get("metadata") or {}
    purchase, attempt = stripe_answers.purchase_of(metadata)
    if purchase != order.purchase or attempt is None:
        return False
    return stem(str(metadata.get(KEY_FIELD, "")), attempt) == stem(order.idempotency_key, order.attempt)


def _last_day(year: int, month: int) -> date:
    next_month = date(year + month // 12, month % 12 + 1, 1)
    return next_month - timedelta(days=1)
