from dataclasses import replace

import pytest

from talktime.core.organizations.numbering import inventory, phone_numbers
from talktime.core.organizations.numbering.inventory import ListedNumber, Outcome
from talktime.core.organizations.numbering.phone_numbers import Listing, PhoneNumber
from talktime.core.organizations.users import NumberUse
from tests.core.organizations.numbering.numbers import NOON

LISTED = ListedNumber(2, "+1 (206) 555-0100", "user")
LISTING = Listing("12065550100", NumberUse.USER, "US")
KNOWN = PhoneNumber(LISTING)


def test_a_number_is_kept_as_digits_with_the_country_that_it_tells() -> None:
    assert inventory.read_listing(LISTED) == (LISTING, ())


@pytest.mark.parametrize(
    ("word", "use"),
    [("Toll-Free", NumberUse.TOLL_FREE), ("tollfree", NumberUse.TOLL_FREE), ("Subscriber", NumberUse.USER)],
)
def test_uses_are_read_as_people_write_them(word: str, use: NumberUse) -> None:
    assert inventory.read_use(word) is use


def test_what_the_file_says_of_a_number_is_kept() -> None:
    row = ListedNumber(2, "+18005550100", "toll_free", "ca", " New  York ", "Lumen", "1.50", "usd")

    listing, _ = inventory.read_listing(row)

    assert listing == Listing("18005550100", NumberUse.TOLL_FREE, "CA", "New York", "Lumen", 1_500_000, "USD")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (replace(LISTED, number="110"), "'110' is no international number"),
        (replace(LISTED, number="+80012345678", use="toll-free"), "universal freephone numbers"),
        (replace(LISTED, use="gold"), "'gold' is no use of a number"),
        (replace(LISTED, country="XX"), "'XX' is no country"),
        (replace(LISTED, country="DE"), "it is a number of US, not of DE"),
        (replace(LISTED, number="+1999999999"), "does not tell its country"),
        (replace(LISTED, use="toll-free"), "it is a geographic number by its country's plan"),
        (replace(LISTED, number="+18005550100"), "its use is toll-free"),
        (replace(LISTED, number="+19005550100"), "it is a premium number"),
        (replace(LISTED, price="1.50"), "is no currency in use"),
        (replace(LISTED, price="a lot", currency="USD"), "price: "),
        (replace(LISTED, price="-1", currency="USD"), "the price is below 0"),
        (replace(LISTED, area="x" * 101), "the area is longer than 100 characters"),
        (replace(LISTED, carrier="a\tb"), "the carrier is longer than 100 characters, or not printable"),
    ],
)
def test_a_row_that_cannot_be_says_why(row: ListedNumber, problem: str) -> None:
    listing, problems = inventory.read_listing(row)

    assert listing is None
    assert len(problems) == 1
    assert problem in problems[0]


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    _, problems = inventory.read_listing(replace(LISTED, use="gold", country="XX", price="1"))

    assert len(problems) == 3


@pytest.mark.parametrize(
    ("listing", "known", "outcome"),
    [
        (LISTING, None, Outcome.NEW),
        (LISTING, KNOWN, Outcome.UNCHANGED),
        (replace(LISTING, area="Seattle"), KNOWN, Outcome.CHANGED),
        (replace(LISTING, use=NumberUse.TOLL), KNOWN, Outcome.CHANGED),
    ],
)
def test_a_file_adds_what_is_new_and_changes_what_differs(
    listing: Listing, known: PhoneNumber | None, outcome: Outcome
) -> None:
    assert inventory.compare(listing, known) == (outcome, "")


def test_what_an_organization_holds_keeps_its_use_but_not_its_price() -> None:
    held = phone_numbers.reserve(KNOWN, organization_id=1, order_id=1, until=NOON)

    refused, problem = inventory.compare(replace(LISTING, use=NumberUse.TOLL), held)

    assert inventory.compare(replace(LISTING, price_micros=1), held) == (Outcome.CHANGED, "")
    assert refused is Outcome.REFUSED
    assert "it is reserved, so its use and country stay" in problem
