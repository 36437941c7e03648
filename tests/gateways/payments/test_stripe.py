"""Stripe's own SDK against localstripe, over a real socket."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest

from talktime.core.credit.buying.payments import (
    Ambiguous,
    Charged,
    Declined,
    GatewayEventKind,
    NeedsAction,
    NothingFound,
    Refunded,
    RefundFailed,
    Unknown,
)
from talktime.core.values.errors import Invalid
from talktime.gateways.payments.stripe import PAGE, StripeAccess, StripeGateway
from tests.gateways.payments.orders import AT, TWO_HUNDRED, next_attempt, order, refund_order
from tests.gateways.payments.stripe_servers import SECRET_KEY, Localstripe, localstripe

GOOD = "4242424242424242"
# localstripe stores this one and declines its charges; the others it declines when they are added.
DECLINED = "4000000000000341"
AUTHENTICATES = "4000002500003155"


@pytest.fixture(scope="module")
def server() -> Iterator[Localstripe]:
    with localstripe() as running:
        yield running


@pytest.fixture
def gateway(server: Localstripe) -> StripeGateway:
    return StripeGateway(StripeAccess(SECRET_KEY, address=server.address, action_page="https://pay.example/confirm"))


@pytest.fixture
def token(server: Localstripe, gateway: StripeGateway) -> Callable[[str], str]:
    return lambda number: gateway.add_card(server.stored_card(number)).token


def moved(server: Localstripe, token: str) -> list[int]:
    """Count the money that moved at Stripe, in cents, whatever we were told."""
    payments = server.payments(token.partition("/")[0])
    return [payment["amount"] for payment in payments if payment["status"] == "succeeded"]


def test_a_good_card_is_charged_and_its_charge_is_found(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(GOOD))

    charged = gateway.charge(wanted)

    assert isinstance(charged, Charged)
    assert charged.charge_id.startswith("pi_")
    assert charged.amount_micros == TWO_HUNDRED
    assert gateway.find(wanted) == charged
    assert moved(server, wanted.token) == [20_000]


def test_the_same_key_charges_once(server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(GOOD), "same-key")

    answers = {gateway.charge(wanted) for _ in range(3)}

    assert len(answers) == 1
    assert moved(server, wanted.token) == [20_000]


def test_case_71_the_same_key_with_another_body_is_a_conflict_and_moves_nothing(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(GOOD), "conflict")
    gateway.charge(wanted)

    answer = gateway.charge(replace(wanted, amount_micros=2 * TWO_HUNDRED))

    assert isinstance(answer, Unknown)
    assert "knows this key from a different request" in answer.why
    assert moved(server, wanted.token) == [20_000]


def test_case_16_a_declined_card_moves_nothing_and_says_so_again(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(DECLINED), "declined")

    answers = [gateway.charge(wanted), gateway.charge(wanted), gateway.find(wanted)]

    assert answers == [Declined("generic_decline", "Your card was declined.")] * 3
    assert moved(server, wanted.token) == []


def test_an_attempt_after_a_decline_is_not_mistaken_for_it(gateway: StripeGateway, token: Callable[[str], str]) -> None:
    first = order(token(DECLINED), "second-attempt")
    gateway.charge(first)

    assert gateway.find(next_attempt(first)) == NothingFound()


@pytest.mark.parametrize("number", ["4000000000000002", "4000000000009995", "4000000000000069"])
def test_a_card_that_its_bank_refuses_when_it_is_added_is_not_taken(
    server: Localstripe, gateway: StripeGateway, number: str
) -> None:
    with pytest.raises(Invalid) as refused:
        gateway.add_card(server.stored_card(number))

    assert refused.value.code == "card_refused"
    assert "generic_decline" in refused.value.message


def test_case_17_a_demand_for_authentication_waits_for_the_owner_and_is_no_retry(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(AUTHENTICATES), "authentication")

    waiting = gateway.charge(wanted)

    assert isinstance(waiting, NeedsAction)
    assert waiting.url == f"https://pay.example/confirm?payment_intent={waiting.charge_id}"
    assert gateway.find(wanted) == waiting
    assert moved(server, wanted.token) == []

    server.authenticate(waiting.charge_id, succeeds=True)

    assert gateway.find(wanted) == Charged(waiting.charge_id, TWO_HUNDRED)
    assert moved(server, wanted.token) == [20_000]


def test_an_owner_who_fails_to_authenticate_is_declined(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(AUTHENTICATES), "authentication-fails")
    waiting = gateway.charge(wanted)
    assert isinstance(waiting, NeedsAction)

    server.authenticate(waiting.charge_id, succeeds=False)
    found = gateway.find(wanted)

    assert isinstance(found, Declined)
    assert found.code == "authentication_required"


def test_a_withdrawn_charge_can_never_move_money(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(AUTHENTICATES), "withdrawn")
    gateway.charge(wanted)

    assert gateway.withdraw(wanted) == NothingFound()

    (payment,) = server.payments(wanted.token.partition("/")[0])
    assert payment["status"] == "canceled"
    assert gateway.withdraw(wanted) == NothingFound()


def test_what_moved_before_it_was_withdrawn_is_told(gateway: StripeGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(GOOD), "too-late")
    charged = gateway.charge(wanted)

    assert gateway.withdraw(wanted) == charged


def test_case_10_what_was_charged_is_found_by_who_never_got_the_answer(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    wanted = order(token(GOOD), "never-answered")
    before = gateway.find(wanted)
    charged = gateway.charge(wanted)
    restarted = StripeGateway(StripeAccess(SECRET_KEY, address=server.address))

    assert before == NothingFound()
    assert restarted.find(wanted) == charged


def test_case_15_what_no_webhook_told_is_listed_with_its_purchase(
    gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    good, declined = order(token(GOOD), "listed"), order(token(DECLINED), "listed-declined")
    charged = gateway.charge(good)
    gateway.charge(declined)
    assert isinstance(charged, Charged)

    listed = {event.purchase: event for event in gateway.charges_since(AT.replace(year=2020))}
    later = list(gateway.charges_since(AT.replace(year=2100)))

    assert declined.purchase not in listed
    event = listed[good.purchase]
    assert (event.kind, event.charge_id, event.amount_micros) == (
        GatewayEventKind.CHARGED,
        charged.charge_id,
        TWO_HUNDRED,
    )
    assert later == []


def test_an_older_purchase_than_the_list_reaches_is_searched_for(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    card = token(GOOD)
    old, new = order(card, "old"), order(card, "new")
    charged = gateway.charge(old)
    gateway.charge(new)
    short_sighted = StripeGateway(StripeAccess(SECRET_KEY, address=server.address, listed_max=1))

    assert short_sighted.find(old) == charged
    assert short_sighted.find(order(card, "never")) == NothingFound()


def test_a_purchase_is_found_beyond_the_first_page_of_the_list(
    gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    card = token(GOOD)
    answers = [gateway.charge(order(card, f"paged-{number}")) for number in range(PAGE + 1)]

    assert gateway.find(order(card, "paged-0")) == answers[0]


def test_another_installations_purchase_of_the_same_name_is_not_ours(
    gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    theirs = replace(order(token(GOOD), "shared"), idempotency_key="talktime-7-shared-1700000000-1")
    gateway.charge(theirs)

    assert gateway.find(order(theirs.token, "shared")) == NothingFound()


def test_case_11_two_charges_for_one_purchase_are_for_a_person_to_look_at(
    gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    first = order(token(GOOD), "twice")
    gateway.charge(first)
    gateway.charge(next_attempt(first))

    assert isinstance(gateway.find(first), Ambiguous)


def test_money_is_given_back_once_for_each_key(
    server: Localstripe, gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    charged = gateway.charge(order(token(GOOD), "refunded"))
    assert isinstance(charged, Charged)
    part = refund_order(charged.charge_id, "part", amount_micros=150_000_000)

    first, again = gateway.refund(part), gateway.refund(part)
    rest = gateway.refund(refund_order(charged.charge_id, "rest", amount_micros=50_000_000))

    assert isinstance(first, Refunded)
    assert again == first
    assert isinstance(rest, Refunded)
    (payment,) = server.payments(server.payments_customer(charged.charge_id))
    assert payment["latest_charge"]["amount_refunded"] == 20_000


def test_what_was_never_charged_is_not_given_back(gateway: StripeGateway, token: Callable[[str], str]) -> None:
    wanted = order(token(DECLINED), "not-refundable")
    gateway.charge(wanted)
    unknown = gateway.refund(refund_order("pi_unknown", "unknown-charge"))
    too_fine = gateway.refund(refund_order("pi_unknown", "too-fine", amount_micros=1))

    assert isinstance(unknown, RefundFailed)
    assert isinstance(too_fine, RefundFailed)
    assert too_fine.code == "amount_too_fine"


def test_a_card_of_a_known_customer_stays_with_it_and_keeps_its_fingerprint(
    server: Localstripe, gateway: StripeGateway
) -> None:
    first = gateway.add_card(server.stored_card(GOOD))
    customer = first.token.partition("/")[0]

    second = gateway.add_card(f"{customer}/{server.stored_card(GOOD)}")
    again = gateway.add_card(second.token)

    assert second.token.startswith(f"{customer}/pm_")
    assert again == second
    assert (second.fingerprint, second.brand, second.last4) == (first.fingerprint, "Visa", "4242")
    assert second.expires_on == date(2027, 12, 31)


def test_a_card_added_twice_gets_one_customer(server: Localstripe, gateway: StripeGateway) -> None:
    stored = server.stored_card(GOOD)

    assert gateway.add_card(stored) == gateway.add_card(stored)


@pytest.mark.parametrize("reference", ["", "4242424242424242 12/27", "tok_visa", "x/pm_1", "cus_1/", "pm_none"])
def test_what_names_no_stored_card_is_refused(gateway: StripeGateway, reference: str) -> None:
    with pytest.raises(Invalid):
        gateway.add_card(reference)


def test_a_charge_that_names_nothing_stripe_knows_moves_nothing(
    gateway: StripeGateway, token: Callable[[str], str]
) -> None:
    customer = token(GOOD).partition("/")[0]

    answers = [gateway.charge(order(f"{customer}/pm_gone", "gone")), gateway.charge(order("sandbox_1", "foreign"))]

    assert [type(answer) for answer in answers] == [Unknown, Unknown]
