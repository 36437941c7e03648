"""Stripe's webhooks, signed as Stripe signs them, in the shapes of Stripe's documentation."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest

from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind, PurchaseKey
from talktime.core.values.errors import Forbidden, Invalid
from talktime.gateways.payments.stripe import StripeAccess, StripeGateway
from talktime.gateways.payments.stripe_events import EVENT_NAMES
from tests.gateways.payments.stripe_servers import SECRET_KEY, WEBHOOK_SECRET

METADATA = {"talktime_organization_id": "7", "talktime_purchase_id": "r-1", "talktime_attempt": "2"}
INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 20_000, "currency": "usd", "metadata": METADATA}
CHARGE = {**INTENT, "id": "ch_1", "object": "charge", "payment_intent": "pi_1"}
REFUND = {"id": "re_1", "object": "refund", "amount": 5_000, "currency": "usd", "payment_intent": "pi_1"}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 20_000,
    "currency": "usd",
    "payment_intent": "pi_1",
    "charge": "ch_1",
    "reason": "fraudulent",
}
CREATED = 1_795_262_400


@pytest.fixture
def gateway() -> StripeGateway:
    access = StripeAccess(SECRET_KEY, webhook_secret=WEBHOOK_SECRET, action_page="https://pay.example")
    return StripeGateway(access)


def body_of(name: str, told: dict, before: dict | None = None) -> bytes:
    data = {"object": told, **({"previous_attributes": before} if before else {})}
    event = {"id": "evt_1", "object": "event", "created": CREATED, "type": name, "data": data}
    return json.dumps(event).encode()


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, stamp: int | None = None) -> dict[str, str]:
    # The SDK reads the clock itself.
    stamp = int(time.time()) if stamp is None else stamp
    digest = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={digest}"}


def read(gateway: StripeGateway, name: str, told: dict, before: dict | None = None) -> GatewayEvent:
    body = body_of(name, told, before)
    return gateway.read_event(body, signed(body))


def test_a_charge_names_its_purchase_its_attempt_and_what_moved(gateway: StripeGateway) -> None:
    event = read(gateway, "payment_intent.succeeded", {**INTENT, "amount_received": 20_000})

    assert event == GatewayEvent(
        gateway="stripe",
        event_id="evt_1",
        kind=GatewayEventKind.CHARGED,
        occurred_at=datetime.fromtimestamp(CREATED, UTC),
        purchase=PurchaseKey(7, "r-1"),
        attempt=2,
        charge_id="pi_1",
        amount_micros=200_000_000,
        currency="USD",
        name="payment_intent.succeeded",
    )


def test_a_decline_tells_the_banks_code_and_moves_nothing(gateway: StripeGateway) -> None:
    error = {"code": "card_declined", "decline_code": "lost_card"}

    event = read(gateway, "payment_intent.payment_failed", {**INTENT, "last_payment_error": error})

    assert (event.kind, event.code, event.amount_micros) == (GatewayEventKind.DECLINED, "lost_card", 0)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("payment_intent.requires_action", {"status": "requires_action"}),
        ("payment_intent.payment_failed", {"last_payment_error": {"code": "authentication_required"}}),
    ],
)
def test_case_17_a_demand_for_authentication_tells_where(gateway: StripeGateway, name: str, fields: dict) -> None:
    event = read(gateway, name, {**INTENT, **fields})

    assert (event.kind, event.code) == (GatewayEventKind.NEEDS_ACTION, "authentication_required")
    assert event.url == "https://pay.example?payment_intent=pi_1"
    assert event.purchase == PurchaseKey(7, "r-1")


def test_a_failed_authentication_is_a_decline(gateway: StripeGateway) -> None:
    error = {"code": "payment_intent_authentication_failure"}

    event = read(gateway, "payment_intent.payment_failed", {**INTENT, "last_payment_error": error})

    assert (event.kind, event.code) == (GatewayEventKind.DECLINED, "authentication_required")


def test_case_45_a_refund_is_told_in_all_so_far_under_the_name_of_its_charge(gateway: StripeGateway) -> None:
    event = read(gateway, "charge.refunded", {**CHARGE, "amount_refunded": 7_000})

    assert (event.kind, event.amount_micros) == (GatewayEventKind.REFUNDED, 70_000_000)
    assert (event.charge_id, event.purchase) == ("pi_1", PurchaseKey(7, "r-1"))


def test_case_44_a_refund_that_failed_tells_its_own_amount_and_why(gateway: StripeGateway) -> None:
    event = read(gateway, "refund.failed", {**REFUND, "failure_reason": "expired_or_canceled_card"})

    assert (event.kind, event.amount_micros) == (GatewayEventKind.REFUND_FAILED, 50_000_000)
    assert (event.charge_id, event.code) == ("pi_1", "expired_or_canceled_card")


@pytest.mark.parametrize(
    ("name", "status", "before", "kind"),
    [
        ("charge.dispute.created", "needs_response", None, GatewayEventKind.DISPUTE_OPENED),
        # An inquiry takes no money back, unless it becomes a dispute.
        ("charge.dispute.created", "warning_needs_response", None, GatewayEventKind.OTHER),
        (
            "charge.dispute.updated",
            "needs_response",
            {"status": "warning_under_review"},
            GatewayEventKind.DISPUTE_OPENED,
        ),
        ("charge.dispute.updated", "under_review", {"status": "needs_response"}, GatewayEventKind.OTHER),
        ("charge.dispute.updated", "needs_response", None, GatewayEventKind.OTHER),
        ("charge.dispute.closed", "won", None, GatewayEventKind.DISPUTE_WON),
        ("charge.dispute.closed", "lost", None, GatewayEventKind.DISPUTE_LOST),
        ("charge.dispute.closed", "warning_closed", None, GatewayEventKind.OTHER),
    ],
)
def test_case_46_a_dispute_is_told_once_when_money_is_taken_back_and_once_when_it_is_decided(
    gateway: StripeGateway, name: str, status: str, before: dict | None, kind: GatewayEventKind
) -> None:
    event = read(gateway, name, {**DISPUTE, "status": status}, before)

    assert event.kind is kind
    assert (event.charge_id, event.amount_micros, event.code) == ("pi_1", 200_000_000, "fraudulent")


def test_a_charge_is_named_by_its_payment_however_that_is_told(gateway: StripeGateway) -> None:
    expanded = read(gateway, "charge.dispute.closed", {**DISPUTE, "status": "won", "payment_intent": INTENT})
    without = read(gateway, "charge.dispute.closed", {**DISPUTE, "status": "won", "payment_intent": None})

    assert (expanded.charge_id, without.charge_id) == ("pi_1", "ch_1")


@pytest.mark.parametrize("name", ["payment_method.automatically_updated", "payment_method.updated"])
def test_a_card_that_its_bank_replaced_is_named_by_its_token(gateway: StripeGateway, name: str) -> None:
    event = read(gateway, name, {"id": "pm_1", "object": "payment_method", "customer": "cus_1"})

    assert (event.kind, event.charge_id) == (GatewayEventKind.CARD_UPDATED, "cus_1/pm_1")


@pytest.mark.parametrize("metadata", [None, {}, {"talktime_organization_id": "x", "talktime_purchase_id": "r-1"}])
def test_case_14_a_payment_that_is_not_ours_names_no_purchase(gateway: StripeGateway, metadata: dict | None) -> None:
    event = read(gateway, "payment_intent.succeeded", {**INTENT, "metadata": metadata})

    assert (event.kind, event.purchase, event.attempt) == (GatewayEventKind.CHARGED, None, None)


@pytest.mark.parametrize("name", ["payout.paid", "payment_intent.canceled", "invented.tomorrow"])
def test_an_event_that_we_have_no_use_for_is_other(gateway: StripeGateway, name: str) -> None:
    event = read(gateway, name, INTENT)

    assert (event.kind, event.name, event.charge_id) == (GatewayEventKind.OTHER, name, "pi_1")


@pytest.mark.parametrize("currency", ["jpy", "isk"])
def test_case_49_amounts_are_counted_as_the_currency_is(gateway: StripeGateway, currency: str) -> None:
    event = read(gateway, "payment_intent.succeeded", {**INTENT, "amount": 500, "currency": currency})

    assert event.amount_micros == {"jpy": 500_000_000, "isk": 5_000_000}[currency]


def test_case_13_a_replayed_event_reads_the_same(gateway: StripeGateway) -> None:
    assert read(gateway, "payment_intent.succeeded", INTENT) == read(gateway, "payment_intent.succeeded", INTENT)


def test_case_13_a_signature_by_another_secret_is_refused_and_the_body_is_not_repeated(
    gateway: StripeGateway,
) -> None:
    body = body_of("payment_intent.succeeded", INTENT)

    with pytest.raises(Forbidden) as refused:
        gateway.read_event(body, signed(body, secret="whsec_other"))

    assert refused.value.code == "signature_wrong"
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_case_13_a_signature_of_long_ago_is_refused(gateway: StripeGateway) -> None:
    body = body_of("payment_intent.succeeded", INTENT)

    with pytest.raises(Forbidden):
        gateway.read_event(body, signed(body, stamp=CREATED - 400 * 86_400))


@pytest.mark.parametrize(
    "headers", [{}, {"Stripe-Signature": ""}, {"Stripe-Signature": "t=x"}, {"Stripe-Signature": "t=1,v0=00"}]
)
def test_case_13_what_is_not_signed_is_refused(gateway: StripeGateway, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        gateway.read_event(body_of("payment_intent.succeeded", INTENT), headers)


def test_without_our_secret_nothing_is_believed() -> None:
    body = body_of("payment_intent.succeeded", INTENT)

    with pytest.raises(Forbidden, match="TALKTIME_STRIPE_WEBHOOK_SECRET"):
        StripeGateway(StripeAccess(SECRET_KEY)).read_event(body, signed(body, secret=""))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"id": "evt_1", "type": "payout.paid", "created": "x", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "payout.paid", "created": 99999999999999999999, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "charge.refunded", "created": 1, "data": {"object": null}}',
        b'{"id": "evt_1", "type": "payout.paid", "created": 1, "data": []}',
    ],
)
def test_what_is_signed_and_no_event_is_invalid(gateway: StripeGateway, body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        gateway.read_event(body, signed(body))

    assert refused.value.code == "event_unreadable"


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_the_page_for_operators_names_every_event_that_we_read(name: str, request: pytest.FixtureRequest) -> None:
    repository = request.getfixturevalue("repository")

    assert f"`{name}`" in (repository / "docs/operate/payments.md").read_text("utf-8")
