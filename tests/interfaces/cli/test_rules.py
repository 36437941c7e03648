"""`talktime policies`, `users block`, `caps`, `stops`, `arrangements` and `overage`, as an admin types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.interfaces.cli.conftest import Talktime
from tests.ruling_world import ADA, BOB, CYD, LOBBY, RulingWorld, ruling_world

DOMESTIC = "DialoutCPCandPSTNDomestic"


@pytest.fixture
def staffed(acme: Talktime) -> Talktime:
    """Give Acme with three people in two departments."""
    for name, department in ((ADA, "Sales"), (BOB, "Sales"), (CYD, "Front desk")):
        assert acme("users", "add", name, "--department", department).code == 0
    return acme


@pytest.fixture
def world(migrated_database_url: str) -> Iterator[RulingWorld]:
    """Give Acme with calls, on the database of the command line."""
    with App(Settings(database=migrated_database_url)) as app, ruling_world(app, funded=0) as opened:
        yield opened


def own(talktime: Talktime) -> dict[str, str]:
    return {each["user"]: each["policy"] for each in talktime("policies", "--json").document["users"]}


def test_the_twelve_policies_are_shown_in_words(staffed: Talktime) -> None:
    shown = staffed("policies")

    document = staffed("policies", "show", "--json").document
    assert len(document["policies"]) == 12
    assert document["policy"] == "DialoutCPCandPSTNInternational"
    assert {"name": DOMESTIC, "conferences": "own_country", "phones": "own_country"} in document["policies"]
    assert "emergency numbers only" in shown.out
    assert "everybody" in shown.out


def test_a_policy_is_granted_by_name_and_taken_away_again(staffed: Talktime, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text(f"{BOB}\n{CYD}\n")

    granted = staffed("policies", "grant", f"tag:{DOMESTIC.lower()}", "--user", ADA)
    staffed("policies", "grant", DOMESTIC, "--file", names)
    before = own(staffed)
    taken = staffed("policies", "grant", "none", "--everyone", "--json")

    assert granted.code == 0
    assert "1 user changed" in granted.out
    assert before == dict.fromkeys((ADA, BOB, CYD), DOMESTIC)
    assert (taken.document["changed"], own(staffed)) == (3, {})


def test_one_unknown_user_refuses_all_and_is_named(staffed: Talktime) -> None:
    ran = staffed("policies", "grant", DOMESTIC, "--user", ADA, "--user", "nobody@acme.example")

    assert ran.code == 2
    assert "Acme has no user of this name" in ran.out
    assert "nothing was changed" in ran.err
    assert own(staffed) == {}


def test_what_cannot_be_granted_is_told_with_the_rule(staffed: Talktime) -> None:
    unknown = staffed("policies", "grant", "DialoutEverywhere", "--everyone", "--json")
    for_nobody = staffed("policies", "grant", DOMESTIC, "--json")
    none = staffed("policies", "grant", "none", "--organization-wide")

    assert (unknown.code, unknown.document["error"]) == (2, "dialout_policy")
    assert "DialoutCPCZoneAPSTNDisabled" in unknown.document["message"]
    assert for_nobody.document["error"] == "users_not_named"
    assert "always has a policy" in none.err


def test_a_dry_run_changes_nothing(staffed: Talktime) -> None:
    one = staffed("policies", "grant", DOMESTIC, "--everyone", "--dry-run")
    all_ = staffed("policies", "grant", DOMESTIC, "--organization-wide", "--dry-run")
    toll_free = staffed("policies", "toll-free", ADA, "--off", "--dry-run", "--json")

    assert "3 users would change" in one.out
    assert "it is a dry run" in all_.out
    assert toll_free.document["saved"] is False
    document = staffed("policies", "--json").document
    assert (document["policy"], document["users"], document["toll_free_off"]) == (
        "DialoutCPCandPSTNInternational",
        [],
        [],
    )


def test_the_organizations_policy_and_toll_free_dial_in_are_set(staffed: Talktime) -> None:
    staffed("policies", "grant", DOMESTIC, "--organization-wide")
    staffed("policies", "toll-free", ADA, "--off")

    document = staffed("policies", "--json").document
    assert (document["policy"], document["toll_free_off"]) == (DOMESTIC, [ADA])
    assert staffed("policies", "toll-free", ADA, "--on").code == 0
    assert staffed("policies", "--json").document["toll_free_off"] == []


def test_blocked_users_are_listed_with_reason_and_time_until_they_are_unblocked(staffed: Talktime) -> None:
    nobody = staffed("users", "blocked")
    blocked = staffed("users", "block", ADA, "--reason", "calls to satellites at night")
    listed = staffed("users", "blocked", "--json").document["blocked"]
    again = staffed("users", "block", ADA, "--reason", "once more")

    unblocked = staffed("users", "unblock", ADA)

    assert "Nobody of Acme is blocked" in nobody.err
    assert blocked.code == 0
    assert [(each["user"], each["reason"]) for each in listed] == [(ADA, "calls to satellites at night")]
    assert listed[0]["blocked_at"].endswith("Z")
    assert "is blocked already: calls to satellites at night" in again.err
    assert "may call out again" in unblocked.out
    assert staffed("users", "blocked", "--json").document["blocked"] == []


def test_caps_are_set_shown_and_removed(staffed: Talktime) -> None:
    none = staffed("caps")
    staffed("caps", "set", "50", "--department", "Sales")
    staffed("caps", "set", "5.5", "--user", ADA)
    common = staffed("caps", "set", "20", "--each-user")
    shown = staffed("caps")

    document = staffed("caps", "show", "--json").document
    removed = staffed("caps", "set", "--remove", "--user", ADA)

    assert "Nothing caps" in none.err
    assert "each user without an own cap" in common.out
    assert document["each_user"] == "20.00"
    assert {(each["of"], each["name"], each["left"]) for each in document["caps"]} == {
        ("department", "Sales", "50.00"),
        ("user", ADA, "5.50"),
    }
    assert "20.00 USD" in shown.out
    assert "No cap for ada@acme.example" in removed.out


def test_a_department_of_nobody_is_warned_of(staffed: Talktime) -> None:
    ran = staffed("caps", "set", "50", "--department", "Slaes")

    assert ran.code == 0
    assert "nobody is in the department 'Slaes' today; there are: Front desk, Sales" in ran.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("5",), "cap_target"),
        (("5", "--each-user", "--user", ADA), "cap_target"),
        (("--each-user",), "amount"),
        (("5", "--each-user", "--remove"), "amount"),
        (("five", "--each-user"), "amount"),
        (("5", "--user", "nobody@acme.example"), "user_not_found"),
        (("--remove", "--each-user"), "cap_not_found"),
    ],
)
def test_a_cap_that_is_none_is_refused(staffed: Talktime, arguments: tuple[str, ...], error: str) -> None:
    ran = staffed("caps", "set", *arguments, "--json")

    assert (ran.code, ran.document["error"]) == (2, error)


def test_an_auto_attendant_has_no_cap(world: RulingWorld, talktime: Talktime) -> None:
    refused = talktime("caps", "set", "10", "--user", LOBBY, "--json")

    assert (refused.code, refused.document["error"]) == (2, "cap_of_account")
    assert world.is_clean()


def test_stops_are_set_shown_and_switched_off(staffed: Talktime) -> None:
    none = staffed("stops")
    staffed("stops", "set", "--calls-per-hour", "60", "--high-cost", "1.5")
    both = staffed("stops", "show", "--json").document
    staffed("stops", "set", "--off", "calls-per-hour")

    one = staffed("stops", "--json").document
    nothing = staffed("stops", "set")
    wrong = staffed("stops", "set", "--high-cost", "much")

    assert "any number" in none.out
    assert (both["calls_per_hour"], both["high_cost_per_minute"]) == (60, "1.50")
    assert (one["calls_per_hour"], one["high_cost_per_minute"]) == (None, "1.50")
    assert "--calls-per-hour, --high-cost, or --off" in nothing.err
    assert "without a currency" in wrong.err


def test_choices_are_shown_in_words_and_set(staffed: Talktime) -> None:
    before = staffed("arrangements")
    staffed("arrangements", "set", "--calling-plan-required", "--counters-apart")

    document = staffed("arrangements", "show", "--json").document
    nothing = staffed("arrangements", "set")

    assert "needs no calling plan" in before.out
    assert document == {
        "organization": "Acme",
        "is_calling_plan_required": True,
        "is_plan_ended_by_either_counter": False,
        "uses_plan_after_conference_minutes": False,
    }
    assert nothing.code == 2


def test_overage_explains_itself_to_who_pays_before_use_and_to_who_has_it_off(staffed: Talktime) -> None:
    prepaid = staffed("overage")
    refused = staffed("overage", "on", "--json")
    staffed("organizations", "billing", "postpaid")
    off = staffed("overage")

    assert "pays before use, from credit, and needs no overage" in prepaid.err
    assert refused.document["error"] == "organization_prepaid"
    assert "talktime overage on --limit 500" in off.err


def test_overage_is_limited_billed_and_its_invoice_paid(world: RulingWorld, talktime: Talktime) -> None:
    talktime("organizations", "billing", "postpaid")
    limited = talktime("overage", "on", "--limit", "20").out
    unlimited = talktime("overage", "limit", "none", "--json").document
    world.call(7)

    billed = talktime("overage", "bill")
    again = talktime("overage", "bill")
    listed = talktime("invoices")
    paid = talktime("invoices", "settle", "1", "--reference", "BANK-1")
    by_agreement = talktime("agreements", "settle", "1", "--reference", "BANK-1", "--json").document

    assert "20.00 USD" in limited
    assert (unlimited["limit_per_month"], unlimited["left"]) == (None, None)
    assert "TT-000001-0001" in billed.out
    assert "has nothing to bill" in again.err
    assert "after use" in listed.out
    assert "7.00 USD" in paid.out
    assert (by_agreement["is_repeated"], by_agreement["lot"]) == (True, None)
    (invoice,) = talktime("overage", "--json").document["invoices"]
    assert (invoice["month"], invoice["total"]) == ("2026-03", "7.00")
    assert invoice["paid_at"] is not None
    assert "2026-03" in talktime("overage", "off").out
    assert "overage:2026-03" in talktime("invoices", "show", "1").out
