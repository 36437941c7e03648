"""What Stripe can answer and localstripe cannot, in the shapes of Stripe's documentation, over a real socket."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from talktime.core.credit.buying.payments import Charged, Declined, NeedsAction, Refunded, RefundFailed, Unknown
from talktime.core.values.errors import Invalid, Unavailable
from talktime.gateways.payments.stripe import StripeAccess, StripeGateway
from tests.gateways.payments.orders import AT, TWO_HUNDRED, order, refund_order
from tests.gateways.payments.stripe_servers import SECRET_KEY, Scripted, scripted_server

TOKEN = "cus_1/pm_1"
WANTED = order(TOKEN)


def card_error(**error: object) -> tuple[int, object]:
    return 402, {"error": {"type": "card_error", **error}}


def intent(**fields: object) -> dict[str, object]:
    return {"id": "pi_1", "object": "payment_intent", "amount": 20_000, "currency": "usd", **fields}


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def gateway(server: Scripted) -> StripeGateway:
    return StripeGateway(StripeAccess(SECRET_KEY, address=server.address))


def test_a_charge_is_asked_for_once_with_everything_that_makes_it_safe(
    server: Scripted, gateway: StripeGateway
) -> None:
    server.answer = 200, intent(status="succeeded", amount_received=20_000)

    answer = gateway.charge(WANTED)

    assert answer == Charged("pi_1", TWO_HUNDRED)
    asked = server.asked.get_nowait()
    assert server.asked.empty()
    assert asked.path == "/v1/payment_intents"
    assert asked.headers["idempotency-key"] == WANTED.idempotency_key
    assert asked.headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert asked.headers["stripe-version"] >= "2026-09-30"
    assert "telemetry_id" not in asked.headers["x-stripe-client-user-agent"]
    assert asked.fields == {
        "amount": "20000",
        "currency": "usd",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "allowed_payment_method_types[0]": "card",
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        "description": WANTED.description,
        "metadata[talktime_organization_id]": "7",
        "metadata[talktime_purchase_id]": "r-1",
        "metadata[talktime_attempt]": "1",
        "metadata[talktime_key]": WANTED.idempotency_key,
    }


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (card_error(code="card_declined", decline_code="insufficient_funds"), "insufficient_funds"),
        (card_error(code="card_declined", decline_code="lost_card"), "lost_card"),
        (card_error(code="card_declined"), "generic_decline"),
        (card_error(code="expired_card"), "expired_card"),
        (card_error(code="incorrect_cvc", decline_code="incorrect_cvc"), "incorrect_cvc"),
        (card_error(code="authentication_required"), "authentication_required"),
    ],
)
def test_case_16_a_decline_keeps_the_banks_code(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object], code: str
) -> None:
    server.answer = answer

    declined = gateway.charge(WANTED)

    assert isinstance(declined, Declined)
    assert declined.code == code


@pytest.mark.parametrize(
    "answer",
    [
        card_error(code="authentication_required", payment_intent=intent(status="requires_payment_method")),
        card_error(
            code="card_declined",
            decline_code="authentication_required",
            payment_intent=intent(status="requires_payment_method"),
        ),
        (200, intent(status="requires_action", next_action={"type": "use_stripe_sdk"})),
        (
            200,
            intent(status="requires_payment_method", last_payment_error={"code": "authentication_required"}),
        ),
    ],
)
def test_case_17_both_shapes_of_a_demand_for_authentication_are_one_answer(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object]
) -> None:
    server.answer = answer

    assert gateway.charge(WANTED) == NeedsAction("pi_1", "")


def test_the_banks_own_page_is_preferred_to_the_operators(server: Scripted) -> None:
    gateway = StripeGateway(StripeAccess(SECRET_KEY, address=server.address, action_page="https://pay.example"))
    redirect = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}}
    server.answer = 200, intent(status="requires_action", next_action=redirect)

    assert gateway.charge(WANTED) == NeedsAction("pi_1", "https://bank.example/3ds")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "did not answer in time"),
        ((500, {"error": {"type": "api_error"}}), "HTTP 500"),
        ((503, "<html>maintenance</html>"), "HTTP 503"),
        ((502, ""), "HTTP 502"),
        ((409, {"error": {"code": "idempotency_key_in_use", "type": "invalid_request_error"}}), "HTTP 409"),
        ((429, {"error": {"code": "rate_limit"}}), "no more requests"),
        ((200, intent(status="processing")), "payment pi_1 is processing"),
        ((200, intent(status="canceled")), "canceled at Stripe"),
        ((200, {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}), "how much"),
        ((200, intent(status="succeeded", currency="lyd")), "how much"),
        ((200, {}), "has not finished"),
        ((200, "[]"), "has not finished"),
        ((200, "no JSON"), "HTTP 200"),
    ],
)
def test_case_10_what_is_no_answer_is_unknown(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object] | None, why: str
) -> None:
    server.answer = answer

    unknown = gateway.charge(WANTED)

    assert isinstance(unknown, Unknown)
    assert why in unknown.why
    assert server.asked.qsize() == 1, "nothing is retried behind the protocol's back"


def test_case_10_an_answer_that_comes_too_late_is_unknown(server: Scripted) -> None:
    gateway = StripeGateway(StripeAccess(SECRET_KEY, address=server.address, read_seconds=0.1))
    server.may_answer.clear()

    assert isinstance(gateway.charge(WANTED), Unknown)


def test_case_24_a_gateway_that_nobody_reaches_is_unknown_to_every_question(server: Scripted) -> None:
    with scripted_server() as closed:
        address = closed.address
    gateway = StripeGateway(StripeAccess(SECRET_KEY, address=address))

    answers = [
        gateway.charge(WANTED),
        gateway.find(WANTED),
        gateway.withdraw(WANTED),
        gateway.refund(refund_order("pi_1")),
    ]

    assert [type(answer) for answer in answers] == [Unknown] * 4
    with pytest.raises(Unavailable):
        gateway.add_card("pm_1")


@pytest.mark.parametrize(
    ("answer", "kind", "why"),
    [
        ((401, {"error": {"message": f"Invalid API Key provided: {SECRET_KEY}"}}), "AuthenticationError", "secret key"),
        ((403, {"error": {"message": "no permission"}}), "PermissionError", "write access"),
        ((400, {"error": {"type": "idempotency_error", "message": "…"}}), "IdempotencyError", "different request"),
        ((400, {"error": {"code": "parameter_unknown", "param": "confirm"}}), "InvalidRequestError", "the log"),
    ],
)
def test_what_only_the_operator_can_mend_is_unknown_and_logged_without_a_secret(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object], kind: str, why: str
) -> None:
    server.answer = answer

    with capture_logs() as logs:
        unknown = gateway.charge(WANTED)

    assert isinstance(unknown, Unknown)
    assert why in unknown.why
    (line,) = logs
    assert (line["event"], line["log_level"], line["kind"], line["request_id"]) == (
        "stripe_refuses_us",
        "error",
        kind,
        "req_test",
    )
    assert SECRET_KEY not in repr((logs, unknown))
    assert "pm_1" not in repr(logs)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "amount_too_small", "param": "amount"}, "invalid_amount"),
        ({"param": "currency"}, "currency_not_supported"),
        ({"code": "resource_missing", "param": "payment_method"}, "invalid_account"),
        ({"code": "resource_missing", "param": "customer"}, "invalid_account"),
    ],
)
def test_a_card_or_an_amount_that_stripe_refuses_took_no_money(
    server: Scripted, gateway: StripeGateway, error: dict[str, object], code: str
) -> None:
    server.answer = 400, {"error": {"type": "invalid_request_error", "message": "no", **error}}

    assert gateway.charge(WANTED) == Declined(code, "no")


def test_case_49_an_amount_finer_than_its_currency_is_declined_before_anything_is_sent(
    server: Scripted, gateway: StripeGateway
) -> None:
    yen = replace(WANTED, amount_micros=1_500_000, currency="JPY")

    answers = [gateway.charge(yen), gateway.charge(replace(WANTED, currency="LYD"))]

    assert [answer.code for answer in answers if isinstance(answer, Declined)] == [
        "invalid_amount",
        "currency_not_supported",
    ]
    assert server.asked.empty()


@pytest.mark.parametrize("ask", ["find", "withdraw"])
@pytest.mark.parametrize("answer", [(500, {}), (401, {}), None, (404, {"error": {"param": "customer"}})])
def test_a_search_that_fails_proves_nothing(
    server: Scripted, gateway: StripeGateway, ask: str, answer: tuple[int, object] | None
) -> None:
    server.answer = answer

    assert isinstance(getattr(gateway, ask)(WANTED), Unknown)


def test_case_15_a_list_that_fails_is_no_empty_list(server: Scripted, gateway: StripeGateway) -> None:
    server.answer = 500, {}

    with pytest.raises(Unavailable):
        list(gateway.charges_since(AT))


@pytest.mark.parametrize("status", ["succeeded", "pending"])
def test_a_refund_on_its_way_is_given_back(server: Scripted, gateway: StripeGateway, status: str) -> None:
    server.answer = 200, {"id": "re_1", "object": "refund", "status": status}

    answer = gateway.refund(refund_order("pi_1", "key-1"))

    asked = server.asked.get_nowait()
    assert answer == Refunded("re_1")
    assert asked.headers["idempotency-key"] == "key-1"
    assert asked.fields == {"payment_intent": "pi_1", "amount": "20000"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((400, {"error": {"code": "charge_already_refunded"}}), "charge_already_refunded"),
        ((400, {"error": {"code": "charge_disputed"}}), "charge_disputed"),
        ((400, {"error": {"message": "amount"}}), "refund_refused"),
        (
            (200, {"object": "refund", "status": "failed", "failure_reason": "lost_or_stolen_card"}),
            "lost_or_stolen_card",
        ),
        ((200, {"object": "refund", "status": "canceled"}), "canceled"),
    ],
)
def test_case_44_a_refund_that_stripe_refuses_failed(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object], code: str
) -> None:
    server.answer = answer

    failed = gateway.refund(refund_order("pi_1"))

    assert isinstance(failed, RefundFailed)
    assert failed.code == code


@pytest.mark.parametrize("answer", [None, (500, {}), (200, {}), (401, {})])
def test_a_refund_without_an_answer_is_unknown(
    server: Scripted, gateway: StripeGateway, answer: tuple[int, object] | None
) -> None:
    server.answer = answer

    assert isinstance(gateway.refund(refund_order("pi_1")), Unknown)


@pytest.mark.parametrize(
    ("card", "label"),
    [
        ({"brand": "amex", "fingerprint": "f"}, "American Express •••• 0005"),
        ({"brand": "mastercard", "fingerprint": None}, "Mastercard •••• 0005"),
    ],
)
def test_a_card_is_called_as_people_call_it(
    server: Scripted, gateway: StripeGateway, card: dict[str, object], label: str
) -> None:
    stored = {"id": "pm_1", "object": "payment_method", "customer": "cus_1"}
    server.answer = 200, {**stored, "card": {"last4": "0005", "exp_year": 2028, "exp_month": 2, **card}}

    kept = gateway.add_card("pm_1")

    assert f"{kept.brand} •••• {kept.last4}" == label
    assert kept.token == TOKEN
    assert kept.fingerprint == (card["fingerprint"] or "pm_1")
    assert kept.expires_on.isoformat() == "2028-02-29"


def test_a_bank_account_is_no_card(server: Scripted, gateway: StripeGateway) -> None:
    server.answer = 200, {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "type": "sepa_debit"}

    with pytest.raises(Invalid) as refused:
        gateway.add_card("pm_1")

    assert refused.value.code == "card_unreadable"


@pytest.mark.parametrize("key", ["", "pk_test_1", "whsec_1"])
def test_a_key_that_is_no_secret_key_is_refused_at_once_and_not_repeated(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        StripeGateway(StripeAccess(key))

    assert refused.value.code == "stripe_key"
    assert not key or key not in refused.value.message


def test_no_secret_is_shown_by_accident() -> None:
    assert "sk_" not in repr(StripeAccess("sk_live_1", webhook_secret="whsec_1"))
    assert "whsec_" not in repr(StripeAccess("sk_live_1", webhook_secret="whsec_1"))
