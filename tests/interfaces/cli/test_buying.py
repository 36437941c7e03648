"""Buying as a person does it: the review, the order, cards and agreements, and cases."""

from pathlib import Path

import pytest

from tests.interfaces.cli.conftest import Talktime

GOOD, LOST = "4242 4242 4242 4242 12/30", "4000 0000 0000 9987 12/30"
NEEDS_ACTION, LOST_ANSWER = "4000 0025 0000 3155 12/30", "4000 0077 0000 0018 12/30"


@pytest.fixture
def buyer(acme: Talktime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Talktime:
    """Give Acme with a licensed user, and a sandbox of its own."""
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path / "data"))
    assert acme("licenses", "buy", "phone-system", 1).code == 0
    assert acme("users", "add", "ada@acme.example", "--licenses", "phone system").code == 0
    return acme


def card(buyer: Talktime, reference: str = GOOD) -> int:
    ran = buyer("payment-methods", "add-card", reference, "--json")
    assert ran.code == 0, ran.err
    number: int = ran.document["method"]
    return number


def test_without_a_way_to_pay_both_commands_say_how_to_add_one(buyer: Talktime) -> None:
    assert "add-card" in buyer("payment-methods").err
    assert "add-card" in buyer("credit", "buy", "200").err


def test_the_review_charges_nothing_and_shows_how_to_place_the_order(buyer: Talktime) -> None:
    card(buyer)

    ran = buyer("credit", "buy", "200")

    assert ran.code == 0
    assert "To be charged   200.00 USD" in ran.out
    assert "talktime credit buy 200 --method 1 --organization Acme --place" in ran.err
    assert "recommended" in ran.err
    assert buyer("credit", "--json").document["posted"] == "0.00"


def test_the_command_of_the_review_places_the_order(buyer: Talktime) -> None:
    card(buyer)
    shown = buyer("credit", "buy", "200").err
    command = shown[shown.index("talktime credit buy") :].split("\n")[0].split()

    ran = buyer(*command[1:], "--json")

    assert ran.code == 0
    assert ran.document["state"] == "settled"
    assert ran.document["balance"] == "200.00"
    assert buyer("credit", "--json").document["posted"] == "200.00"


def test_the_same_key_again_buys_nothing_more_and_switches_nothing_on(buyer: Talktime) -> None:
    card(buyer)
    order = ("credit", "buy", "200", "--recharge-below", "100", "--recharge-with", "200", "--place", "K-1")
    first = buyer(*order, "--json")
    buyer("credit", "recharge", "set", "--off")

    again = buyer(*order)

    assert first.document["recharge"] == "on"
    assert again.code == 0
    assert "nothing more is bought" in again.err
    assert not buyer("credit", "recharge", "--json").document["is_on"]
    assert buyer("credit", "--json").document["posted"] == "200.00"


def test_the_same_key_for_another_order_is_refused(buyer: Talktime) -> None:
    card(buyer)
    buyer("credit", "buy", "200", "--place", "K-1")

    ran = buyer("credit", "buy", "201", "--place", "K-1", "--json")

    assert ran.code == 2
    assert ran.document["error"] == "request_key_reused"


@pytest.mark.parametrize(
    ("reference", "state", "said"),
    [
        (LOST, "failed", "pay with another one"),
        (NEEDS_ACTION, "needs_action", "Do not buy again"),
        (LOST_ANSWER, "unknown", "we keep asking"),
    ],
)
def test_an_order_that_is_not_paid_says_why_and_what_to_do(
    buyer: Talktime, reference: str, state: str, said: str
) -> None:
    card(buyer, reference)

    ran = buyer("credit", "buy", "200", "--place", "K-1")
    shown = buyer("credit", "buy", "200", "--place", "K-1", "--json")

    assert ran.code == 1
    assert said in ran.err
    assert shown.document["state"] == state


def test_the_recharge_waits_where_the_order_was_not_paid(buyer: Talktime) -> None:
    card(buyer, LOST)

    ran = buyer("credit", "buy", "200", "--recharge-below", "100", "--recharge-with", "200", "--place", "K-1")

    assert "not on yet" in ran.err
    assert not buyer("credit", "recharge", "--json").document["is_on"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("19",), "amount_below_minimum"),
        (("20.5",), "amount_not_whole"),
        (("20.005",), "amount_too_many_decimals"),
        (("-20",), "amount_not_positive"),
        (("999999999",), "amount_above_maximum"),
        (("200", "--currency", "EUR"), "currency_differs"),
        (("200", "--method", "9"), "method_unknown"),
        (("200", "--recharge-below", "100"), "recharge_incomplete"),
        (("two hundred",), "amount"),
        (("10001", "--place", "K-1"), "order_not_confirmed"),
    ],
)
def test_what_cannot_be_bought_has_a_code(buyer: Talktime, arguments: tuple[str, ...], error: str) -> None:
    card(buyer)

    ran = buyer("credit", "buy", *arguments, "--json")

    assert ran.code == 2
    assert ran.document["error"] == error


def test_the_operator_s_minimum_counts(buyer: Talktime, monkeypatch: pytest.MonkeyPatch) -> None:
    card(buyer)
    monkeypatch.setenv("TALKTIME_MINIMUMS", "USD=50, EUR=40")

    assert buyer("credit", "buy", "49", "--json").document["error"] == "amount_below_minimum"
    assert buyer("credit", "buy", "50").code == 0


@pytest.mark.parametrize("setting", ["USD", "USD=0", "USD=20.5", "QQQ=20", "USD=a"])
def test_a_minimum_that_cannot_be_read_is_said(buyer: Talktime, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("TALKTIME_MINIMUMS", setting)

    assert buyer("credit", "buy", "50").code == 2


def test_a_postpaid_organization_is_told_what_to_do_instead(buyer: Talktime) -> None:
    card(buyer)

    set_ = buyer("organizations", "billing", "postpaid", "--json")
    ran = buyer("credit", "buy", "200")

    assert set_.document == {"organization": "Acme", "billing": "postpaid"}
    assert ran.code == 2
    assert "pay-as-you-go" in ran.err


def test_an_agreement_of_another_region_passes_once_its_case_is_resolved(buyer: Talktime) -> None:
    buyer("agreements", "add", "EA-1", "--country", "DE", "--limit", "500", "--ends", "2030-06-30")
    buyer("payment-methods", "add-agreement", "EA-1", "--purchase-order", "77")

    refused = buyer("credit", "buy", "200", "--place", "K-1")
    listed = buyer("cases", "--json").document["cases"]
    resolved = buyer("cases", "resolve", "SC-000001-0001", "--override", "parent in Berlin")
    bought = buyer("credit", "buy", "200", "--place", "K-2", "--json")

    assert "SC-000001-0001" in refused.err
    assert [case["case"] for case in listed] == ["SC-000001-0001"]
    assert resolved.code == 0
    assert bought.document["state"] == "settled"
    assert buyer("agreements", "--json").document["agreements"][0]["remaining"] == "300.00"
    assert "parent in Berlin" in buyer("cases").out


def test_an_invoice_on_settlement_is_paid_and_another_is_voided(buyer: Talktime) -> None:
    buyer("agreements", "add", "EA-1", "--country", "US", "--terms", "on-settlement")
    buyer("payment-methods", "add-agreement", "EA-1")
    review = buyer("credit", "buy", "200")
    for key in ("K-1", "K-2"):
        buyer("credit", "buy", "200", "--place", key)

    paid = buyer("agreements", "settle", "TT-000001-0001", "--reference", "BANK-1")
    again = buyer("agreements", "settle", "TT-000001-0001", "--reference", "BANK-1")
    voided = buyer("agreements", "void", "TT-000001-0002", "--reason", "never paid", "--json")

    assert "To be invoiced" in review.out
    assert "the invoice is paid, not now" in review.err
    assert "200.00 USD" in paid.out
    assert "nothing was added" in again.err
    assert voided.document["still_owed"] == "0.00"
    assert buyer("credit", "--json").document["posted"] == "200.00"
    assert buyer("audit").code == 0


def test_agreements_are_changed_and_their_purchase_orders_limited(buyer: Talktime) -> None:
    empty = buyer("agreements")
    buyer("agreements", "add", "EA-1", "--country", "US")
    buyer("agreements", "purchase-order", "EA-1", "77", "--limit", "300")

    changed = buyer("agreements", "change", "EA-1", "--limit", "500", "--inactive", "--json")

    assert "Register one" in empty.err
    assert changed.document["is_active"] is False
    assert changed.document["limit"] == "500.00"
    assert changed.document["purchase_orders"][0]["remaining"] == "300.00"
    assert "PO 77" in buyer("agreements").out


def test_cards_are_listed_replaced_and_removed(buyer: Talktime) -> None:
    card(buyer)
    buyer("credit", "buy", "200", "--recharge-below", "50", "--recharge-with", "200", "--place", "K-1")

    refused = buyer("payment-methods", "remove", "1")
    replaced = buyer("payment-methods", "replace-card", "1", "5555 5555 5555 4444 01/31", "--json")
    listed = buyer("payment-methods", "--json").document["methods"]

    assert refused.code == 2
    assert "--instead" in refused.err
    assert replaced.document["label"] == "Mastercard •••• 4444"
    assert [(each["method"], each["pays_recharges"]) for each in listed] == [(2, True)]


def test_the_purchase_order_of_what_comes_next_is_changed(buyer: Talktime) -> None:
    buyer("agreements", "add", "EA-1", "--country", "US")
    buyer("payment-methods", "add-agreement", "EA-1", "--purchase-order", "OLD")

    ran = buyer("payment-methods", "purchase-order", "1", "NEW")

    assert "payment method 2" in ran.err
    assert "PO NEW" in buyer("payment-methods").out


def test_the_test_cards_are_listed(buyer: Talktime) -> None:
    assert "4242424242424242" in buyer("payment-methods", "test-cards").out


def test_no_case_is_said_so(buyer: Talktime) -> None:
    assert "There is no case" in buyer("cases").err
