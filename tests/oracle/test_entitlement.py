"""The oracle agrees with the worked examples of domain.md, each cited at its place, and with the house's own order."""

import random
from collections import Counter
from dataclasses import fields, replace

import pytest

from tests.oracle.entitlement import (
    EXTENDED_DIAL_OUT,
    INTERNATIONAL_LIST,
    KINDS,
    PAY_PER_MINUTE,
    POLICIES,
    REASONS,
    SELECT_DIAL_OUT,
    SOURCES,
    VALUES,
    ZONE_A,
    State,
    decide,
    pays,
    states,
)

CALL = State(
    kind="user_out",
    number_called="",
    payer="person",
    licenses=frozenset({"MCOEV", "MCOPSTN1", "MCOPSTNC"}),
    home="DE",
    destination="DE",
    destination_class="ordinary",
    policy="DialoutCPCandPSTNInternational",
    is_blocked=False,
    is_suspended=False,
    may_be_dialed_toll_free=True,
    domestic_left=100,
    international_left=100,
    conference_left=100,
    price="priced",
    credits_set_up=True,
    balance="enough",
    is_postpaid=False,
    overage_on=False,
    limit_left="none",
    is_too_expensive=False,
    calls_this_hour_left=True,
    user_cap="none_set",
    department_cap="none_set",
    plan_required=True,
    either_exhausts_plan=True,
    use_calling_plan_after_conf_pool=False,
)
"""A user with Phone System, a Domestic plan and a credits license calls inside Germany."""

CONFERENCE = replace(CALL, kind="conf_out", licenses=frozenset({"MCOMEETADV", "MCOPSTNC"}))
DIAL_IN = replace(CALL, kind="conf_in", number_called="toll_free", licenses=frozenset({"MCOMEETADV"}), destination="")
QUEUE_IN = replace(
    CALL, kind="ucap_in", number_called="toll_free", payer="none", licenses=frozenset(), home="", destination=""
)
QUEUE_OUT = replace(
    CALL, kind="ucap_out", payer="resource_account", licenses=frozenset({"MCOEV_VIRTUALUSER"}), destination="FR"
)
NO_MONEY = {"balance": "none"}
POSTPAID = {"is_postpaid": True, "overage_on": True, "limit_left": "enough", "balance": "none"}


def answer(state: State, **changes: object) -> str:
    """The source that pays, or the reason of the refusal."""
    verdict = decide(replace(state, **changes))
    return verdict.source or verdict.reason


def with_licenses(state: State, *licenses: str) -> State:
    """The same call by a payer who holds exactly these licenses."""
    return replace(state, licenses=frozenset(licenses))


# --- Emergency and free calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_emergency_number_is_free_however_much_stands_against_the_call(kind: str) -> None:
    """domain.md 5: emergency calls are never blocked and never charged; Part D step 1."""
    against = replace(
        with_licenses(CALL),
        policy="DialoutCPCandPSTNDisabled",
        is_blocked=True,
        is_suspended=True,
        price="blocked",
        credits_set_up=False,
        balance="none",
        calls_this_hour_left=False,
    )
    assert decide(replace(against, kind=kind, destination_class="emergency")) == pays("free")


@pytest.mark.parametrize("kind", ["emergency_out", "emergency_in"])
def test_an_emergency_kind_is_free_whatever_the_class_of_the_number(kind: str) -> None:
    """domain.md 5: call types emergency_out and emergency_in."""
    assert answer(CALL, kind=kind, destination_class="premium", is_suspended=True) == "free"


def test_a_pay_as_you_go_user_still_receives_calls_at_zero() -> None:
    """domain.md 1.7 (fokus23) and 1.1: inbound to user numbers is unlimited and free."""
    assert answer(with_licenses(CALL, "MCOEV", "MCOPSTN_PAYG_1"), kind="user_in", destination="", **NO_MONEY) == "free"


@pytest.mark.parametrize("sku", ["MCOMEETADV", "ENTERPRISEPREMIUM", SELECT_DIAL_OUT])
def test_toll_dial_in_is_included_in_every_conferencing_subscription(sku: str) -> None:
    """domain.md 1.1 and 3: inbound to toll conference numbers under the subscription is never paid from credits."""
    dial_in = replace(DIAL_IN, number_called="toll", balance="none")
    assert answer(with_licenses(dial_in, sku)) == "free"
    assert answer(with_licenses(dial_in, sku, PAY_PER_MINUTE)) == "free"


@pytest.mark.parametrize("call", [QUEUE_IN, replace(QUEUE_IN, kind="conf_in")])
def test_a_toll_call_that_names_no_organizer_is_free_and_a_toll_free_one_is_paid(call: State) -> None:
    """domain.md 1.1 no. 1: only toll-free service numbers cost the organization money."""
    assert answer(call, number_called="toll", **NO_MONEY) == "free"
    assert answer(call) == "credit"


# --- Toll-free numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [DIAL_IN, QUEUE_IN])
@pytest.mark.parametrize(
    ("balance", "expected"), [("enough", "credit"), ("too_little", "credit_exhausted"), ("none", "credit_exhausted")]
)
def test_a_toll_free_call_needs_a_positive_balance_that_covers_the_first_block(
    call: State, balance: str, expected: str
) -> None:
    """S4, S31, Part D step 7."""
    assert answer(call, balance=balance) == expected


def test_toll_free_numbers_need_credits_to_be_set_up() -> None:
    """S5."""
    assert answer(DIAL_IN, credits_set_up=False) == "credit_not_set_up"


def test_toll_free_dial_in_needs_no_credits_license() -> None:
    """Part D step 7."""
    assert answer(with_licenses(DIAL_IN, "MCOMEETADV")) == "credit"


def test_the_conferencing_pool_and_plan_do_not_pay_toll_free_dial_in() -> None:
    """domain.md 3 (#7041)."""
    organizer = with_licenses(DIAL_IN, "MCOMEETADV", "MCOPSTN1", "MCOPSTNC", EXTENDED_DIAL_OUT)
    assert answer(organizer, use_calling_plan_after_conf_pool=True) == "credit"


def test_toll_free_can_be_disabled_for_an_organizer_while_toll_still_works() -> None:
    """domain.md 3: AllowTollFreeDialIn."""
    assert answer(DIAL_IN, may_be_dialed_toll_free=False) == "toll_free_disabled"
    assert answer(DIAL_IN, may_be_dialed_toll_free=False, number_called="toll") == "free"
    assert answer(DIAL_IN, may_be_dialed_toll_free=False, payer="none", licenses=frozenset()) == "credit"


def test_post_paid_organizations_may_use_toll_free_when_overage_is_enabled() -> None:
    """D19."""
    assert answer(DIAL_IN, **POSTPAID) == "postpaid"
    assert answer(DIAL_IN, **POSTPAID | {"overage_on": False}) == "overage_off"


# --- Pay-per-minute conferencing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number_called", ["toll", "toll_free"])
def test_pay_per_minute_conferencing_pays_inbound_toll_too(number_called: str) -> None:
    """domain.md 1.1 no. 9."""
    organizer = with_licenses(replace(DIAL_IN, number_called=number_called), PAY_PER_MINUTE)
    assert answer(organizer) == "credit"
    assert answer(organizer, **NO_MONEY) == "credit_exhausted"


def test_pay_per_minute_conferencing_needs_credits_set_up_but_no_credits_license() -> None:
    """D6."""
    organizer = with_licenses(CONFERENCE, PAY_PER_MINUTE)
    assert answer(organizer) == "credit"
    assert answer(organizer, credits_set_up=False) == "credit_not_set_up"


def test_an_organizer_with_a_subscription_beside_pay_per_minute_needs_the_credits_license() -> None:
    """House 10."""
    assert (
        answer(with_licenses(CONFERENCE, PAY_PER_MINUTE, "MCOMEETADV"), destination="KE") == "credits_license_missing"
    )


def test_pay_per_minute_conferencing_does_not_spare_its_holder_the_license_for_user_calls() -> None:
    """S16, D6: the exception is for conferences."""
    caller = with_licenses(CALL, "MCOEV", "MCOPSTN1", PAY_PER_MINUTE)
    assert answer(caller, destination="FR") == "credits_license_missing"


# --- Conference dial-out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", ["US", "GB", "ZW", "CK"])
@pytest.mark.parametrize("kind", ["conf_out", "call_me"])
def test_zone_a_is_paid_by_the_pool_and_then_by_credits_wherever_the_organizer_lives(home: str, kind: str) -> None:
    """domain.md 3, decision table: US, UK, Zimbabwe, Cook Islands organizers."""
    organizer = replace(CONFERENCE, kind=kind, home=home, destination="FR")
    assert answer(organizer) == "conference_minutes"
    assert answer(organizer, conference_left=0) == "credit"
    assert answer(organizer, destination="KE") == "credit"


def test_zone_a_has_44_countries_and_latvia_is_not_one() -> None:
    """domain.md 3."""
    assert len(ZONE_A) == 44
    assert {"PR", "CN", "RU", "KR", "TW"} <= ZONE_A
    assert not ZONE_A & {"LV", "LT", "KE", "ZW", "CK"}


def test_dial_out_after_the_pool_needs_credits_and_the_license_on_the_organizer() -> None:
    """domain.md 3, 6.1; S16."""
    organizer = replace(CONFERENCE, conference_left=0)
    assert answer(organizer, credits_set_up=False) == "credit_not_set_up"
    assert answer(with_licenses(organizer, "MCOMEETADV")) == "credits_license_missing"
    assert answer(with_licenses(organizer, "MCOMEETADV", "MCOPSTNPP")) == "credit"


def test_pay_per_minute_never_draws_on_the_conferencing_pool() -> None:
    """domain.md 3: only monthly subscriptions."""
    assert answer(with_licenses(CONFERENCE, PAY_PER_MINUTE)) == "credit"
    assert answer(with_licenses(CONFERENCE, PAY_PER_MINUTE, "ENTERPRISEPREMIUM")) == "conference_minutes"


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("US", "conference_minutes"), ("PR", "conference_minutes"), ("CA", "conference_minutes"), ("DE", "credit")],
)
def test_the_select_dial_out_license_reaches_only_the_us_and_canada(destination: str, expected: str) -> None:
    """House 9; D5."""
    organizer = with_licenses(CONFERENCE, SELECT_DIAL_OUT, "MCOPSTNC")
    assert answer(organizer, destination=destination) == expected
    both = with_licenses(CONFERENCE, SELECT_DIAL_OUT, "MCOMEETADV")
    assert answer(both, destination=destination) == "conference_minutes"


@pytest.mark.parametrize("sku", ["MCOMEETADV", PAY_PER_MINUTE])
@pytest.mark.parametrize("destination", ["US", "PR", "CA"])
def test_the_extended_add_on_touches_neither_pool_nor_credits(sku: str, destination: str) -> None:
    """domain.md 3: MCOMEETADD_DIALOUT_US works with subscription or pay-per-minute."""
    organizer = with_licenses(CONFERENCE, sku, EXTENDED_DIAL_OUT)
    assert answer(organizer, destination=destination, credits_set_up=False) == "included"
    assert answer(organizer, destination="MX") != "included"


def test_the_extended_add_on_alone_is_no_conferencing_license() -> None:
    """domain.md 6.1: an add-on on the organizer."""
    assert answer(with_licenses(CONFERENCE, EXTENDED_DIAL_OUT)) == "audio_conferencing_license_missing"


def test_the_organizers_calling_plan_follows_the_pool_only_where_the_option_is_on() -> None:
    """D12."""
    organizer = replace(with_licenses(CONFERENCE, "MCOMEETADV", "MCOPSTN1", "MCOPSTNC"), conference_left=0)
    assert answer(organizer) == "credit"
    assert answer(organizer, use_calling_plan_after_conf_pool=True) == "plan_minutes"
    assert answer(organizer, use_calling_plan_after_conf_pool=True, conference_left=1) == "conference_minutes"
    assert answer(organizer, use_calling_plan_after_conf_pool=True, destination="FR") == "credit"


@pytest.mark.parametrize("call", [CONFERENCE, DIAL_IN, replace(DIAL_IN, number_called="toll")])
def test_a_conference_needs_a_conferencing_license_on_its_organizer(call: State) -> None:
    """domain.md 6.1."""
    organizer = with_licenses(call, "ENTERPRISEPREMIUM_NOPSTNCONF", "MCOPSTNC")
    assert answer(organizer) == "audio_conferencing_license_missing"


# --- Calls of users --------------------------------------------------------------------------------------------------


def test_a_domestic_call_is_paid_by_the_plan_without_any_credits() -> None:
    """domain.md 1.7: included minutes keep working."""
    assert answer(with_licenses(CALL, "MCOEV", "MCOPSTN1"), credits_set_up=False, **NO_MONEY) == "plan_minutes"


@pytest.mark.parametrize("destination", ["FR", "KE", "CU"])
def test_a_domestic_plan_calls_any_international_number_from_the_balance(destination: str) -> None:
    """S8."""
    assert answer(CALL, destination=destination) == "credit"


@pytest.mark.parametrize(
    ("destination", "expected"), [("FR", "plan_minutes"), ("KE", "plan_minutes"), ("CU", "credit")]
)
def test_the_international_plan_pays_its_list_and_the_balance_pays_beyond(destination: str, expected: str) -> None:
    """S9, D24."""
    assert len(INTERNATIONAL_LIST) == 198
    assert answer(with_licenses(CALL, "MCOEV", "MCOPSTN2", "MCOPSTNC"), destination=destination) == expected


def test_overage_is_paid_per_minute_once_the_allotment_is_used_up() -> None:
    """S10."""
    assert answer(CALL, domestic_left=1) == "plan_minutes"
    assert answer(CALL, domestic_left=0) == "credit"


@pytest.mark.parametrize("plan", ["MCOPSTN_PAYG_1", "MCOPSTN_PAYG_2"])
def test_a_pay_as_you_go_plan_pays_every_outgoing_call_from_money(plan: str) -> None:
    """S11; domain.md 2.1: outgoing calls do not work until it is funded."""
    caller = with_licenses(CALL, "MCOEV", plan, "MCOPSTNC")
    assert answer(caller) == "credit"
    assert answer(caller, **NO_MONEY) == "credit_exhausted"
    assert answer(caller, **POSTPAID) == "postpaid"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"credits_set_up": False}, "credit_not_set_up"), ({"licenses": frozenset({"MCOEV", "MCOPSTN1"})}, None)],
)
def test_without_credits_or_the_license_calls_stop_when_the_minutes_run_out(
    changes: dict[str, object], expected: str | None
) -> None:
    """S16; Part D step 7 (580406/580462, 580464)."""
    assert answer(CALL, **changes) == "plan_minutes"
    assert answer(CALL, domestic_left=0, **changes) == (expected or "credits_license_missing")


@pytest.mark.parametrize("home", ["US", "PR", "CA"])
@pytest.mark.parametrize("destination", ["US", "PR", "CA"])
def test_the_us_and_canada_are_domestic_for_minutes_but_two_countries_for_the_policy(
    home: str, destination: str
) -> None:
    """domain.md 2.3, Part D steps 3 and 6; Puerto Rico belongs to the US (D11)."""
    caller = replace(CALL, home=home, destination=destination)
    assert answer(caller) == "plan_minutes"
    allowed = (home == "CA") == (destination == "CA")
    limited = answer(caller, policy="DialoutCPCInternationalPSTNDomestic")
    assert limited == ("plan_minutes" if allowed else "policy_forbids_international")


@pytest.mark.parametrize(
    ("destination", "domestic_left", "international_left", "either", "expected"),
    [
        ("DE", 0, 600, True, "credit"),
        ("DE", 1200, 0, True, "credit"),
        ("FR", 0, 600, True, "credit"),
        ("FR", 1200, 0, True, "credit"),
        ("DE", 1200, 600, True, "plan_minutes"),
        ("FR", 1200, 600, True, "plan_minutes"),
        ("DE", 0, 600, False, "credit"),
        ("DE", 1200, 0, False, "plan_minutes"),
        ("FR", 0, 600, False, "plan_minutes"),
        ("FR", 1200, 0, False, "credit"),
    ],
)
def test_either_counter_of_the_international_plan_exhausts_it_unless_they_are_independent(
    *, destination: str, domestic_left: int, international_left: int, either: bool, expected: str
) -> None:
    """D9: 1200 domestic or 600 international, whichever is reached first."""
    caller = replace(
        with_licenses(CALL, "MCOEV", "MCOPSTN2", "MCOPSTNC"),
        destination=destination,
        domestic_left=domestic_left,
        international_left=international_left,
        either_exhausts_plan=either,
    )
    assert answer(caller) == expected


def test_the_international_counter_does_not_exhaust_a_domestic_plan() -> None:
    """D9 speaks of MCOPSTN2 alone."""
    assert answer(CALL, international_left=0) == "plan_minutes"


@pytest.mark.parametrize("sku", ["MCOEV", "MCOCAP", "ENTERPRISEPREMIUM", "ENTERPRISEPREMIUM_NOPSTNCONF"])
@pytest.mark.parametrize("kind", ["user_out", "user_out_transfer", "user_out_forwarding", "user_out_conf"])
def test_a_user_call_needs_phone_system_and_where_required_a_calling_plan(sku: str, kind: str) -> None:
    """domain.md 6.1, S52."""
    caller = replace(with_licenses(CALL, sku, "MCOPSTNC"), kind=kind)
    assert answer(caller) == "calling_plan_missing"
    assert answer(caller, plan_required=False) == "credit"
    assert answer(with_licenses(caller, "MCOPSTN1", "MCOPSTNC")) == "phone_system_license_missing"


def test_teams_phone_with_calling_plan_is_phone_system_and_domestic_plan_in_one() -> None:
    """domain.md 6.2."""
    caller = with_licenses(CALL, "MCOTEAMS_ESSENTIALS")
    assert answer(caller) == "plan_minutes"
    assert answer(caller, destination="FR") == "credits_license_missing"


# --- Resource accounts -----------------------------------------------------------------------------------------------


def test_a_resource_account_without_a_plan_falls_back_on_the_organizations_credits() -> None:
    """domain.md 1.1 no. 11: the credits need not be assigned to it."""
    assert answer(QUEUE_OUT) == "credit"
    assert answer(QUEUE_OUT, **NO_MONEY) == "credit_exhausted"
    assert answer(with_licenses(QUEUE_OUT, "MCOEV_VIRTUALUSER", "MCOPSTN2")) == "plan_minutes"


def test_a_resource_account_needs_its_license() -> None:
    """D21, domain.md 4.5."""
    assert answer(with_licenses(QUEUE_OUT, "MCOPSTN2")) == "resource_account_license_missing"
    assert answer(with_licenses(QUEUE_OUT, "MCOEV")) == "credit"


def test_the_caps_on_persons_do_not_bind_a_resource_account() -> None:
    """House 10."""
    caps = {"user_cap": "too_little", "department_cap": "too_little"}
    assert answer(QUEUE_OUT, **caps) == "credit"
    assert answer(QUEUE_IN, **caps) == "credit"
    assert answer(DIAL_IN, **caps) == "user_cap_reached"


# --- Dial-out policies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_each_half_of_a_policy_binds_its_own_calls_and_its_name_says_how(policy: str) -> None:
    """domain.md 5: the organizer's half and the user's half are two independent controls."""
    conference_half, pstn_half = policy.removeprefix("DialoutCPC").split("PSTN")
    conference_half = pstn_half if conference_half == "and" else conference_half
    refused_conference = {
        "International": {},
        "ZoneA": {"KE": "policy_allows_zone_a_only"},
        "Domestic": {"KE": "policy_allows_own_country_only", "FR": "policy_allows_own_country_only"},
        "Disabled": dict.fromkeys(("DE", "FR", "KE"), "policy_forbids_conference_dial_out"),
    }[conference_half]
    refused_pstn = {
        "International": {},
        "Domestic": dict.fromkeys(("FR", "KE"), "policy_forbids_international"),
        "Disabled": dict.fromkeys(("DE", "FR", "KE"), "policy_forbids_calls"),
    }[pstn_half]
    paid = {
        "conf_out": {"DE": "conference_minutes", "FR": "conference_minutes", "KE": "credit"},
        "user_out": {"DE": "plan_minutes", "FR": "credit", "KE": "credit"},
        "ucap_out": {"DE": "credit", "FR": "credit", "KE": "credit"},
    }
    for call, refused in ((CONFERENCE, refused_conference), (CALL, refused_pstn), (QUEUE_OUT, refused_pstn)):
        answers = {place: answer(call, policy=policy, destination=place) for place in ("DE", "FR", "KE")}
        assert answers == paid[call.kind] | refused


def test_there_are_12_policies() -> None:
    """domain.md 5."""
    assert len(POLICIES) == 12


# --- Premium and shared-cost numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [CALL, CONFERENCE, QUEUE_OUT])
@pytest.mark.parametrize(
    ("destination", "destination_class", "expected"),
    [
        ("AT", "premium", "credit"),
        ("FR", "premium", "credit"),
        ("GB", "shared_cost", "credit"),
        ("GB", "premium", "premium_not_supported"),
        ("DE", "premium", "premium_not_supported"),
        ("US", "premium", "premium_not_supported"),
    ],
)
def test_premium_numbers_work_in_austria_and_france_and_shared_cost_ones_from_money(
    call: State, destination: str, destination_class: str, expected: str
) -> None:
    """domain.md 1.1 no. 10 and 2.4: GB 44 843 and the like with credits, 44 9xx never."""
    assert answer(call, home=destination, destination=destination, destination_class=destination_class) == expected


def test_the_add_on_does_not_pay_shared_cost_numbers() -> None:
    """House 7."""
    organizer = with_licenses(CONFERENCE, "MCOMEETADV", EXTENDED_DIAL_OUT, "MCOPSTNC")
    assert answer(organizer, destination="US", destination_class="shared_cost") == "credit"


# --- Money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "overage_on", "limit_left", "expected"),
    [
        ("enough", True, "none", "credit"),
        ("enough", False, "enough", "credit"),
        ("too_little", True, "enough", "credit"),
        ("too_little", True, "too_little", "overage_limit_reached"),
        ("too_little", False, "enough", "overage_off"),
        ("none", True, "enough", "postpaid"),
        ("none", True, "too_little", "overage_limit_reached"),
        ("none", True, "none", "overage_limit_reached"),
        ("none", False, "enough", "overage_off"),
    ],
)
def test_a_post_paid_organization_drains_its_balance_first_and_then_needs_overage(
    *, balance: str, overage_on: bool, limit_left: str, expected: str
) -> None:
    """S41, domain.md 1.8: overage is off by default; a positive balance is drained first."""
    money = {"is_postpaid": True, "balance": balance, "overage_on": overage_on, "limit_left": limit_left}
    assert answer(CALL, destination="FR", credits_set_up=False, **money) == expected


def test_a_post_paid_user_needs_no_credits_license() -> None:
    """S41."""
    assert answer(with_licenses(CALL, "MCOEV", "MCOPSTN1"), destination="FR", **POSTPAID) == "postpaid"


def test_a_call_without_a_price_is_not_made_from_money_but_is_from_minutes() -> None:
    """House 10, against domain.md 1.7 (FREECALL)."""
    assert answer(CALL, price="missing") == "plan_minutes"
    assert answer(CALL, price="missing", destination="FR") == "destination_not_rated"


def test_the_price_stop_and_the_velocity_stop_bind_outbound_calls_only() -> None:
    """House 8 and 10."""
    assert answer(DIAL_IN, is_too_expensive=True, calls_this_hour_left=False, is_blocked=True) == "credit"
    assert answer(CALL, calls_this_hour_left=False) == "too_many_calls"
    assert answer(CALL, is_too_expensive=True) == "plan_minutes"
    assert answer(CALL, is_too_expensive=True, destination="FR") == "destination_too_expensive"


@pytest.mark.parametrize("call", [replace(CALL, kind="user_in"), replace(DIAL_IN, number_called="toll"), QUEUE_IN])
def test_a_suspended_organization_receives_no_calls_either_not_even_free_ones(call: State) -> None:
    """House 2 stands before House 3."""
    assert answer(call, is_suspended=True) == "organization_suspended"


def test_the_velocity_stop_holds_for_calls_the_add_on_would_pay() -> None:
    """House 8 stands before House 9."""
    organizer = with_licenses(CONFERENCE, "MCOMEETADV", EXTENDED_DIAL_OUT)
    assert answer(organizer, destination="US", calls_this_hour_left=False) == "too_many_calls"


@pytest.mark.parametrize("cap", ["user_cap", "department_cap"])
def test_the_hard_caps_on_money_bind_money_but_not_minutes(cap: str) -> None:
    """House 10."""
    assert answer(CALL, **{cap: "too_little"}) == "plan_minutes"
    assert answer(CALL, **{cap: "too_little"}, destination="FR") == f"{cap}_reached"


def test_overage_does_not_help_a_prepaid_organization() -> None:
    """House 10, S31: overage belongs to post-paid billing."""
    assert answer(CALL, **POSTPAID | {"is_postpaid": False}, destination="FR") == "credit_exhausted"


# --- The order of the checks -----------------------------------------------------------------------------------------

LAST_CHECKS: list[tuple[str, dict[str, object]]] = [
    ("destination_not_rated", {"price": "priced"}),
    ("destination_too_expensive", {"is_too_expensive": False}),
    ("user_cap_reached", {"user_cap": "enough"}),
    ("department_cap_reached", {"department_cap": "none_set"}),
    ("credit_exhausted", {"balance": "enough"}),
    ("credit", {}),
]
DESTINATION_CHECKS: list[tuple[str, dict[str, object]]] = [
    ("destination_blocked", {"price": "missing"}),
    ("premium_not_supported", {"destination_class": "shared_cost"}),
    ("too_many_calls", {"calls_this_hour_left": True}),
    ("credit_not_set_up", {"credits_set_up": True}),
]
WORST = replace(
    CALL,
    licenses=frozenset(),
    destination="KE",
    destination_class="premium",
    is_blocked=True,
    is_suspended=True,
    price="blocked",
    credits_set_up=False,
    balance="too_little",
    is_too_expensive=True,
    calls_this_hour_left=False,
    user_cap="too_little",
    department_cap="too_little",
)


@pytest.mark.parametrize(
    ("worst", "steps"),
    [
        (
            replace(WORST, policy="DialoutCPCandPSTNDisabled"),
            [
                ("organization_suspended", {"is_suspended": False}),
                ("user_blocked", {"is_blocked": False}),
                ("policy_forbids_calls", {"policy": "DialoutCPCandPSTNDomestic"}),
                ("policy_forbids_international", {"policy": "DialoutCPCandPSTNInternational"}),
                ("phone_system_license_missing", {"licenses": frozenset({"MCOEV"})}),
                ("calling_plan_missing", {"licenses": frozenset({"MCOEV", "MCOPSTN2"})}),
                *DESTINATION_CHECKS,
                ("credits_license_missing", {"licenses": frozenset({"MCOEV", "MCOPSTN2", "MCOPSTNC"})}),
                *LAST_CHECKS,
            ],
        ),
        (
            replace(WORST, kind="conf_out", policy="DialoutCPCandPSTNDisabled"),
            [
                ("organization_suspended", {"is_suspended": False}),
                ("user_blocked", {"is_blocked": False}),
                ("policy_forbids_conference_dial_out", {"policy": "DialoutCPCDomesticPSTNDisabled"}),
                ("policy_allows_own_country_only", {"policy": "DialoutCPCZoneAPSTNDisabled"}),
                ("policy_allows_zone_a_only", {"policy": "DialoutCPCInternationalPSTNDisabled"}),
                ("audio_conferencing_license_missing", {"licenses": frozenset({"MCOMEETADV"})}),
                *DESTINATION_CHECKS,
                ("credits_license_missing", {"licenses": frozenset({"MCOMEETADV", "MCOPSTNC"})}),
                *LAST_CHECKS,
            ],
        ),
        (
            replace(
                WORST,
                kind="conf_in",
                number_called="toll_free",
                may_be_dialed_toll_free=False,
                destination="",
                destination_class="ordinary",
            ),
            [
                ("organization_suspended", {"is_suspended": False}),
                ("audio_conferencing_license_missing", {"licenses": frozenset({"MCOMEETADV"})}),
                ("toll_free_disabled", {"may_be_dialed_toll_free": True}),
                ("destination_blocked", {"price": "missing"}),
                ("credit_not_set_up", {"credits_set_up": True}),
                ("destination_not_rated", {"price": "priced"}),
                *LAST_CHECKS[2:],
            ],
        ),
    ],
    ids=["user_out", "conf_out", "conf_in"],
)
def test_the_first_refusal_in_the_houses_order_wins(worst: State, steps: list[tuple[str, dict[str, object]]]) -> None:
    """House 1 to 10: everything is wrong with the call, and one obstacle after the other is removed."""
    state = worst
    for expected, removal in steps:
        assert answer(state) == expected
        state = replace(state, **removal)


# --- The oracle as a whole -------------------------------------------------------------------------------------------


def test_every_source_and_every_reason_occurs_among_the_random_states() -> None:
    """A comparison over the random states exercises every row of the answer."""
    rng = random.Random(20)
    verdicts = [decide(states(rng)) for _ in range(20_000)]
    found = Counter(verdict.source or verdict.reason for verdict in verdicts)
    assert set(found) == set(SOURCES) | set(REASONS)
    assert min(found.values()) >= 40
    assert all(verdict.is_allowed == bool(verdict.source) == (not verdict.reason) for verdict in verdicts)


def test_every_value_of_every_field_occurs_often_among_the_random_states() -> None:
    """At least one state in a hundred has each value of each field that is a word or a switch."""
    rng = random.Random(7)
    drawn = [states(rng) for _ in range(10_000)]
    for field in fields(State):
        if field.type is bool or field.name in VALUES:
            found = Counter(getattr(state, field.name) for state in drawn)
            assert set(found) == set(VALUES.get(field.name, (False, True)))
            assert min(found.values()) >= 100


def test_a_misspelled_value_is_refused() -> None:
    """VALUES."""
    with pytest.raises(ValueError, match="price"):
        replace(CALL, price="unknown")
