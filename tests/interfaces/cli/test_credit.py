import pytest

from tests.interfaces.cli.conftest import Talktime


def test_without_credit_the_balance_says_how_to_fund(acme: Talktime) -> None:
    ran = acme("credit")

    assert ran.code == 0
    assert "talktime credit add" in ran.err
    assert "talktime credit add" in acme("credit", "lots").err


def test_added_credit_is_available_and_expires_after_twelve_months_in_the_zone(acme: Talktime) -> None:
    added = acme("credit", "add", "200.5", "--reference", "PO-1", "--purchased-at", "2026-01-31", "--json")

    balance = acme("credit", "balance", "--at", "2026-02-01", "--json").document
    assert added.document["amount"] == "200.50"
    assert added.document["purchased_at"] == "2026-01-31T05:00:00Z"
    assert added.document["expires_at"] == "2027-02-01T05:00:00Z"
    assert balance == {
        "organization": "Acme",
        "currency": "USD",
        "at": "2026-02-01T05:00:00Z",
        "basis": "journal",
        "posted": "200.50",
        "held": "0.00",
        "available": "200.50",
        "receivable": "0.00",
        "lapsed": "0.00",
        "next_expiry": {"at": "2027-02-01T05:00:00Z", "amount": "200.50"},
    }


def test_the_balance_of_an_expired_lot_says_that_it_lapsed(acme: Talktime) -> None:
    added = acme("credit", "add", "200", "--reference", "PO-1", "--purchased-at", "2020-01-31")

    ran = acme("credit", "balance", "--at", "2021-02-01")

    assert "expired already" in added.err
    assert "Lapsed" in ran.out
    assert "expired, not booked yet" in ran.out


def test_the_same_reference_again_is_answered_alike_and_adds_nothing(acme: Talktime) -> None:
    first = acme("credit", "add", "200", "--reference", "PO-1", "--json")

    again = acme("credit", "add", "200.00", "--reference", "PO-1", "--json")

    assert again.code == 0
    assert again.document == first.document
    assert "nothing was added" in again.err
    assert acme("credit", "--json").document["posted"] == "200.00"


def test_the_same_reference_with_another_amount_is_refused(acme: Talktime) -> None:
    acme("credit", "add", "200", "--reference", "PO-1")

    ran = acme("credit", "add", "300", "--reference", "PO-1", "--json")

    assert ran.code == 2
    assert ran.document["error"] == "request_key_reused"
    assert acme("credit", "--json").document["posted"] == "200.00"


@pytest.mark.parametrize(
    "amount", ["-5", "0", "0.0000001", "1e30", "1000000001", "many", "", "1,000", "NaN", "Infinity"]
)
def test_an_amount_that_cannot_be_bought_is_refused(acme: Talktime, amount: str) -> None:
    ran = acme("credit", "add", amount, "--reference", "PO-1", "--json")

    assert ran.code == 2
    assert ran.document["error"] == "amount"
    assert acme("credit", "lots", "--json").document["lots"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--reference", "PO-1", "--currency", "EUR"), "currency_differs"),
        (("--reference", " "), "reference"),
        (("--reference", "x" * 201), "reference"),
        (("--reference", "PO-1", "--purchased-at", "2999-01-01"), "purchased_at"),
        (("--reference", "PO-1", "--purchased-at", "2026-01-01T10:00"), "instant"),
        (("--reference", "PO-1", "--organization", "Nobody"), "organization_not_found"),
        (("--reference", "PO-1", "--kind", "stolen"), "usage"),
    ],
)
def test_a_purchase_that_cannot_be_is_refused(acme: Talktime, arguments: tuple[str, ...], code: str) -> None:
    ran = acme("credit", "add", "5", *arguments, "--json")

    assert ran.code == 2
    assert ran.document["error"] == code


def test_lots_stand_in_the_order_in_which_they_are_spent(acme: Talktime) -> None:
    acme("credit", "add", "200", "--reference", "second", "--purchased-at", "2026-02-01")
    acme("credit", "add", "100", "--reference", "first", "--purchased-at", "2026-01-01")
    acme("credit", "add", "5", "--reference", "gift", "--kind", "promotional", "--purchased-at", "2026-03-01")

    lots = acme("credit", "lots", "--at", "2026-03-02", "--json").document["lots"]
    shown = acme("credit", "lots")

    assert [(lot["reference"], lot["kind"], lot["available"]) for lot in lots] == [
        ("gift", "promotional", "5.00"),
        ("first", "purchased", "100.00"),
        ("second", "purchased", "200.00"),
    ]
    assert "in the order in which they are spent" in shown.out


def test_people_see_the_balance_with_its_next_expiry(acme: Talktime) -> None:
    acme("credit", "add", "1234.5", "--reference", "PO-1", "--purchased-at", "2026-01-31")

    ran = acme("credit", "balance", "--at", "2026-01-31T12:00:00Z")

    assert "1,234.50 USD expire 2027-02-01 00:00 EST, in 365 days" in ran.out
