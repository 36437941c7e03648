"""`talktime licenses` as a person uses it: bought, assigned to one or to many, swapped, shown with prices."""

from pathlib import Path

import pytest

from tests.interfaces.cli.conftest import Talktime

ADA, CARL = "ada@acme.example", "carl@acme.example"


@pytest.fixture
def people(acme: Talktime, tmp_path: Path) -> Talktime:
    """Give Acme with Ada, who may call, and Carl in Germany, who may do everything; one license of each is free."""
    path = tmp_path / "people.csv"
    path.write_text(
        f'user,usage location,licenses\n{ADA},US,"Phone System, Communications Credits"\n{CARL},DE,all\n',
        encoding="utf-8",
    )
    assert acme("users", "import", path, "--buy-missing").code == 0
    assert acme("licenses", "buy", "phone-system", 3).code == 0
    assert acme("licenses", "buy", "MCOMEETADV", 2).code == 0
    return acme


def licenses_of(talktime: Talktime) -> list[list[str]]:
    return [user["licenses"] for user in talktime("users", "list", "--json").document["users"]]


def test_licenses_are_switched_for_those_who_are_named(people: Talktime) -> None:
    ran = people(
        "licenses", "assign", "ADA@acme.example", "--on", "audio conferencing", "--off", "phone system", "--json"
    )

    assert ran.code == 0
    assert ran.document["rows"] == [
        {
            "user": ADA,
            "before": ["phone_system", "communications_credits"],
            "after": ["audio_conferencing", "communications_credits"],
            "problems": [],
            "caution": None,
        }
    ]
    assert licenses_of(people) == [
        ["audio_conferencing", "communications_credits"],
        ["phone_system", "audio_conferencing", "communications_credits"],
    ]


def test_licenses_of_everyone_are_switched_and_a_dry_run_is_not(people: Talktime) -> None:
    off = ("--off", "phone-system,credits")

    tried = people("licenses", "assign", "--everyone", *off, "--dry-run")
    after_trial = licenses_of(people)
    people("licenses", "assign", "--everyone", *off)

    assert "2 of 2 users would be changed; nothing was" in tried.out
    assert "phone_system" in after_trial[0]
    assert licenses_of(people) == [[], ["audio_conferencing"]]


@pytest.mark.parametrize("ending", [".txt", ".csv"])
def test_names_come_from_a_file_and_one_unknown_name_changes_nothing(
    people: Talktime, tmp_path: Path, ending: str
) -> None:
    names = tmp_path / f"names{ending}"
    first = "user\n" if ending == ".csv" else "# the new ones\n\n"
    names.write_text(f"{first}{ADA}\nzoe@acme.example\n", encoding="utf-8")

    ran = people("licenses", "assign", "--file", names, "--on", "audio-conferencing")

    assert ran.code == 2
    assert "refused for 1 of 2 users: nothing was changed" in ran.err
    assert "talktime users list" in ran.err
    assert "Acme has no user of this name" in ran.out
    assert "audio_conferencing" not in licenses_of(people)[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--everyone",),
        ("--on", "phone-system"),
        (ADA, "--everyone", "--on", "phone-system"),
        (ADA, "--on", "phone-system", "--off", "MCOEV"),
    ],
)
def test_who_and_what_must_be_said(acme: Talktime, arguments: tuple[str, ...]) -> None:
    assert acme("licenses", "assign", *arguments).code == 2


def test_a_list_of_names_without_a_name_is_refused(acme: Talktime, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# nobody\n", encoding="utf-8")

    assert "names no user" in acme("licenses", "assign", "--file", names, "--on", "phone-system").err


def test_a_swap_shows_both_sides(people: Talktime) -> None:
    people("licenses", "buy", "MCOPSTN2", 1)
    people("licenses", "buy", "domestic", 1)
    people("licenses", "assign", CARL, "--on", "MCOPSTN2")

    ran = people("licenses", "assign", CARL, "--on", "domestic", "--off", "MCOPSTN2")

    assert ran.code == 0
    assert "+ Domestic" in ran.out
    assert "− International" in ran.out
    assert "domestic" in licenses_of(people)[1]


def test_what_is_not_sold_in_the_country_of_the_organization_is_not_bought(acme: Talktime) -> None:
    assert "zone 2 is not sold in US" in acme("licenses", "buy", "pay-as-you-go-2", 1).err


def test_what_was_not_bought_is_refused_with_the_command_that_buys_it(people: Talktime) -> None:
    ran = people("licenses", "assign", "--everyone", "--on", "domestic")

    assert ran.code == 2
    assert "Domestic Calling Plan: 0 bought, 0 assigned, 2 more needed" in ran.err
    assert "talktime licenses buy domestic 2" in ran.err
    assert people("licenses", "buy", "domestic", 2).code == 0
    assert people("licenses", "assign", "--everyone", "--on", "domestic").code == 0


def test_programs_learn_what_is_missing_too(people: Talktime) -> None:
    ran = people("licenses", "assign", ADA, "--on", "MCOPSTN1", "--json")

    assert ran.code == 2
    assert ran.document["shortages"] == [
        {
            "license": "domestic",
            "available": 0,
            "assigned": 0,
            "missing": 1,
            "message": (
                "Domestic Calling Plan: 0 bought, 0 assigned, 1 more needed; `talktime licenses buy domestic 1`"
            ),
        }
    ]


def test_a_plan_that_does_not_exist_where_a_user_is_names_the_rule(people: Talktime) -> None:
    people("licenses", "buy", "domestic", 2)

    ran = people("licenses", "assign", ADA, "--on", "pay-as-you-go-2,domestic")

    assert ran.code == 2
    assert "MutuallyExclusiveViolation" in ran.out
    assert "Pay-As-You-Go Calling Plan zone 2 does not exist in US" in ran.out


def test_who_has_no_credits_is_named_in_a_warning(people: Talktime) -> None:
    ran = people("licenses", "assign", "--everyone", "--off", "communications-credits")

    assert ran.code == 0
    assert "2 users have no Communications Credits" in ran.err


def test_a_license_that_is_none_is_refused_with_the_nearest(people: Talktime) -> None:
    ran = people("licenses", "assign", ADA, "--on", "domestik")

    assert ran.code == 2
    assert "did you mean Domestic Calling Plan" in ran.err


def test_what_is_bought_assigned_and_free_is_shown_with_where(people: Talktime) -> None:
    shown = people("licenses", "show", "--json").document["licenses"]

    [phone] = [each for each in shown if each["license"] == "phone-system"]
    [credits_] = [each for each in shown if each["license"] == "communications-credits"]
    assert (phone["available"], phone["assigned"], phone["free"]) == (3, 2, 1)
    assert phone["by_country"] == {"DE": 1, "US": 1}
    assert (credits_["available"], credits_["assigned"], credits_["free"]) == (None, 2, None)
    out = people("licenses").out
    assert "unlimited" in out
    assert "DE 1, US 1" in out


def test_where_nothing_was_bought_the_way_to_buy_is_said(acme: Talktime) -> None:
    assert "talktime licenses buy" in acme("licenses").err


def test_what_was_bought_is_said_and_cannot_fall_below_what_is_assigned(people: Talktime) -> None:
    bought = people("licenses", "buy", "phone-system", 2)
    refused = people("licenses", "buy", "phone-system", 1)

    assert "2 Phone System" in bought.out
    assert refused.code == 2
    assert "2 users have Phone System" in refused.err


def test_communications_credits_are_not_bought(people: Talktime) -> None:
    assert "cost nothing" in people("licenses", "buy", "MCOPSTNPP", 5).err


def test_plans_are_shown_by_three_families_with_prices_for_orientation(acme: Talktime) -> None:
    out = acme("licenses", "plans").out
    document = acme("licenses", "plans", "--json").document

    assert all(family in out for family in ("Calling plans", "Audio conferencing", "Phone system"))
    assert "from public pages, for orientation" in out
    prices = {plan["license"]: plan["list_price"] for plan in document["plans"]}
    assert (prices["domestic"], prices["domestic-and-international"], prices["domestic-120"]) == (
        "12.00",
        "24.00",
        "8.00",
    )
    assert prices["audio-conferencing"] is None


def test_plans_of_a_country_have_its_minutes_and_say_what_there_is_not(acme: Talktime) -> None:
    plans = {each["license"]: each for each in acme("licenses", "plans", "de", "--json").document["plans"]}

    assert plans["domestic"]["domestic_minutes"] == 1_200
    assert plans["domestic-and-international"]["international_minutes"] == 600
    assert plans["pay-as-you-go-1"]["refusal"] == "Pay-As-You-Go Calling Plan zone 1 does not exist in DE"
    assert "sold by Telstra" in acme("licenses", "plans", "AU").out
    assert acme("licenses", "plans", "XX").code == 2
