import pytest

from tests.interfaces.cli.conftest import Talktime

TERMS = ("--country", "US", "--currency", "USD", "--time-zone", "America/New_York", "--deck", "standard")


def test_without_an_organization_the_list_says_how_to_add_one(talktime: Talktime) -> None:
    ran = talktime("organizations")

    assert ran.code == 0
    assert "talktime organizations add" in ran.err


def test_an_added_organization_is_listed_and_shown_with_what_is_missing(talktime: Talktime) -> None:
    added = talktime("organizations", "add", " Acme  [EMEA] ", *TERMS)
    shown = talktime("organizations", "show", "Acme [EMEA]")
    listed = talktime("organizations")

    assert added.code == 0
    assert "talktime users import" in added.err
    assert "talktime credit add" in added.err
    assert "talktime decks import" in shown.err
    assert "America/New_York" in shown.out
    assert "Acme [EMEA]" in listed.out


def test_json_holds_the_organization_with_money_as_strings(acme: Talktime) -> None:
    document = acme("organizations", "show", "--json").document

    assert document["organization"] == "Acme"
    assert document["balance"] == "0.00"
    assert document["has_credit_set_up"] is False


def test_a_name_belongs_to_one_organization(acme: Talktime) -> None:
    ran = acme("organizations", "add", "Acme", *TERMS)

    assert ran.code == 2
    assert "exists already" in ran.err


def test_a_name_is_not_empty(talktime: Talktime) -> None:
    assert "cannot name an organization" in talktime("organizations", "add", " ", *TERMS).err


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--country", "XX", "country"),
        ("--currency", "DEM", "currency"),
        ("--currency", "dollars", "currency"),
        ("--time-zone", "Mars/Olympus", "time_zone"),
        ("--time-zone", "../etc/passwd", "time_zone"),
        ("--time-zone", "", "time_zone"),
    ],
)
def test_places_are_checked(talktime: Talktime, option: str, value: str, code: str) -> None:
    terms = list(TERMS)
    terms[terms.index(option) + 1] = value

    ran = talktime("organizations", "add", "Acme", *terms, "--json")

    assert ran.code == 2
    assert ran.document["error"] == code


def test_an_organization_that_is_not_there_is_named_in_the_answer(acme: Talktime) -> None:
    ran = acme("credit", "balance", "--organization", "Fabrikam")

    assert ran.code == 2
    assert "no organization named 'Fabrikam'" in ran.err


def test_where_there_are_several_one_must_be_named(acme: Talktime) -> None:
    acme("organizations", "add", "Fabrikam", *TERMS)

    ran = acme("credit", "balance", "--json")

    assert ran.document["error"] == "organization_not_named"
    assert "Acme, Fabrikam" in ran.document["message"]


def test_where_there_is_none_the_next_step_is_said(talktime: Talktime) -> None:
    assert "talktime organizations add" in talktime("users").err


def test_numbers_that_others_dial_are_added_and_listed(acme: Talktime) -> None:
    empty = acme("numbers")
    added = acme("numbers", "add", "+1 800 555 0100", "--toll-free")
    acme("numbers", "add", "+442079460958", "--toll")

    listed = acme("numbers", "--json").document

    assert "talktime numbers add" in empty.err
    assert "+18005550100 is now a toll-free number of Acme" in added.out
    assert [(each["number"], each["use"], each["country"], each["is_ported"]) for each in listed["numbers"]] == [
        ("18005550100", "toll_free", "US", True),
        ("442079460958", "toll", "GB", True),
    ]
    assert "toll-free" in acme("numbers").out


def test_a_number_belongs_to_one_owner(acme: Talktime) -> None:
    acme("numbers", "add", "+18005550100", "--toll-free")

    ran = acme("numbers", "add", "0018005550100", "--toll")

    assert ran.code == 2
    assert "18005550100" in ran.err


def test_a_number_is_international(acme: Talktime) -> None:
    assert "write + and the country code" in acme("numbers", "add", "0800", "--toll").err
