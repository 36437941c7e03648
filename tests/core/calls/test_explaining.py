import random
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.calls import charging
from talktime.core.calls.calls import EXPLANATIONS, UNCOUNTED, CallKind, DenialReason, PaysFrom
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.entitlement.procedure import MONEY_STEPS, STEPS
from talktime.core.calls.explaining import questions
from talktime.core.calls.explaining.explanations import Explanation, Result, explain
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, Denied, ExtendCall, Granted, StartCall
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage
from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates.rate_decks import Direction, Rate, RateDeck
from talktime.core.rates.rating import CALL_MAX_SECONDS
from tests.core.calls.world import (
    ADA,
    ALL_LICENSES,
    NOON,
    ORGANIZATION,
    ORGANIZATION_ID,
    PARIS,
    TOKYO,
    USER,
    deck,
    facts,
    key,
    lot,
)
from tests.core.rates.tariffs import price
from tests.oracle import entitlement
from tests.oracle.worlds import ORACLES_TABLE, realizable, world_of

TERMS = ChargingTerms()
STATES, TWO_HOURS = 1_500, 7_200
TO_PARIS = StartCall(key(), NOON, ADA, PARIS)
HOME = "442079461111"
COUNTRIES = CountryTable(1, {"GB": CountryRule("GB", domestic_minutes=3)}, frozenset())
WITH_PLAN = replace(USER, licenses=License.PHONE_SYSTEM | License.DOMESTIC)
ONE_PLAN = {ORGANIZATION_ID: Arrangements(assigned={(License.DOMESTIC, "GB"): 1})}


def in_a_plan(known: ChargingFacts, **changes: object) -> ChargingFacts:
    """Give the organization a country table and one domestic plan of three minutes."""
    return replace(known, country_tables=((NOON - timedelta(days=1), COUNTRIES),), arrangements=ONE_PLAN, **changes)  # type: ignore[arg-type]


def drawn(seed: int) -> tuple[ChargingFacts, StartCall]:
    """Draw a state of the oracle's, and build it."""
    dice = random.Random(seed)
    return world_of(realizable(entitlement.states(dice), ORACLES_TABLE), ORACLES_TABLE, dice)


def step(explanation: Explanation, name: str) -> tuple[str, str]:
    """Return what became of a step, or of a part of the last one, and its answer."""
    every = (*explanation.steps, *explanation.steps[-1].parts)
    return next((each.result.value, each.answer) for each in every if each.name == name)


def test_every_step_of_the_procedure_is_asked_in_words() -> None:
    assert list(questions.STEPS) == [name for name, _ in STEPS]
    assert list(questions.MONEY_STEPS) == [name for name, _ in MONEY_STEPS]


def test_an_explanation_answers_what_charging_answers_and_its_last_step_says_why() -> None:
    for seed in range(STATES):
        known, request = drawn(seed)
        explanation = explain(known, request, TERMS)

        answer = charging.decide_one(known, request, TERMS).answer
        decided = [each for each in explanation.steps if each.result is Result.DECIDED]
        assert explanation.answer == answer, seed
        assert len(decided) == 1, seed
        if isinstance(answer, Denied):
            assert decided[0].reason is answer.reason, seed
            assert explanation.remedies[0].reason is answer.reason, seed
            assert explanation.stretches == (), seed
        else:
            assert isinstance(answer, Granted)
            assert decided[0].reason is None, seed
            assert explanation.remedies == (), seed
            assert explanation.stretches[0].paid_by is answer.pays_from, seed


def test_a_call_that_goes_on_lasts_exactly_as_long_as_was_explained() -> None:
    lasted = set()
    for seed in range(STATES):
        known, request = drawn(seed)
        explanation = explain(known, request, TERMS)
        if isinstance(explanation.answer, Denied) or explanation.stretches[0].paid_by in UNCOUNTED:
            continue
        # Whoever has two hours has what he needs.
        granted = min(TWO_HOURS, granted_in_all(known, request))
        assert granted == min(TWO_HOURS, explanation.lasts_seconds), seed
        lasted.add(granted)

    assert len(lasted) > 20


def granted_in_all(known: ChargingFacts, request: StartCall) -> int:
    """Start the call, and extend it by two hours at once."""
    started = charging.decide_one(known, request, TERMS)
    assert started.call is not None
    asked = ExtendCall(request.key, request.at + timedelta(seconds=1), started.call.granted_seconds, 0)
    extended = charging.decide_one(kept(known, started), asked, replace(TERMS, quantum_seconds=TWO_HOURS)).answer
    assert isinstance(extended, Granted)
    return extended.granted_seconds


def kept(known: ChargingFacts, outcome: charging.Outcome) -> ChargingFacts:
    """Keep what followed from a decision."""
    assert outcome.call is not None
    owner = outcome.call.setup.organization_id
    return replace(
        known,
        calls={outcome.call.setup.key: outcome.call},
        credits=known.credits if outcome.credit is None else {owner: outcome.credit},
        meters={**known.meters, **{(owner, name): meter for name, meter in outcome.meters.items()}},
    )


def test_every_refusal_comes_with_its_sentence_and_with_all_that_stands_behind_it() -> None:
    user = replace(USER, licenses=License.PHONE_SYSTEM)
    poor = facts(user=user, organization=replace(ORGANIZATION, has_credit_set_up=False))

    explanation = explain(poor, TO_PARIS, TERMS)

    assert [remedy.reason for remedy in explanation.remedies] == [
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.CREDITS_LICENSE_MISSING,
    ]
    assert explanation.remedies[1].licenses is License.COMMUNICATIONS_CREDITS
    assert explanation.remedies[1].sentence == EXPLANATIONS[DenialReason.CREDITS_LICENSE_MISSING]


def test_a_license_and_a_policy_that_are_missing_are_both_named() -> None:
    user = replace(USER, licenses=License(0), dialout_policy="DialoutCPCandPSTNDisabled")

    explanation = explain(facts(lot(1, "10"), user=user), TO_PARIS, TERMS)

    assert [remedy.reason.value for remedy in explanation.remedies] == [
        "policy_forbids_calls",
        "phone_system_license_missing",
        "credits_license_missing",
    ]
    assert step(explanation, "policy") == ("decided", "no")
    assert step(explanation, "license") == ("not_reached", "")


def test_what_is_missing_is_enough_to_be_allowed() -> None:
    user = replace(USER, licenses=License(0), dialout_policy="DialoutCPCandPSTNDisabled")
    explanation = explain(facts(lot(1, "10"), user=user), TO_PARIS, TERMS)
    licenses = License(0)
    for remedy in explanation.remedies:
        licenses |= remedy.licenses

    remedied = explain(facts(lot(1, "10"), user=replace(user, licenses=licenses, dialout_policy="")), TO_PARIS, TERMS)

    assert isinstance(remedied.answer, Granted)


def test_of_a_caller_whom_nobody_knows_nothing_else_is_told() -> None:
    explanation = explain(facts(lot(1, "10")), replace(TO_PARIS, caller="441111111111"), TERMS)

    assert [remedy.reason for remedy in explanation.remedies] == [DenialReason.CALLER_UNKNOWN]
    assert step(explanation, "payer") == ("decided", "no")


def test_a_call_for_help_is_decided_by_the_first_step_whoever_calls() -> None:
    explanation = explain(facts(), replace(TO_PARIS, caller="441111111111", called="112"), TERMS)

    assert step(explanation, "emergency") == ("decided", "yes")
    assert [each.result for each in explanation.steps[1:]] == [Result.NOT_REACHED] * (len(STEPS) - 1)
    assert explanation.lasts_seconds == CALL_MAX_SECONDS


def test_credit_pays_for_as_long_as_it_lasts_at_the_published_rate() -> None:
    explanation = explain(facts(lot(1, "1.50")), TO_PARIS, TERMS)

    (credit,) = explanation.stretches
    assert (credit.paid_by, credit.seconds, credit.cost_micros) == (PaysFrom.CREDIT, 150, 1_500_000)
    assert [(block.nanos_per_minute, block.increment_seconds) for block in credit.blocks] == [(600_000_000, 1)]
    assert explanation.ends_by is DenialReason.CREDIT_EXHAUSTED


def test_minutes_pay_first_and_credit_follows_without_a_fee() -> None:
    known = in_a_plan(facts(lot(1, "0.05"), user=replace(USER, licenses=ALL_LICENSES | License.DOMESTIC)))

    explanation = explain(known, replace(TO_PARIS, called=HOME), TERMS)

    paid = [(each.paid_by.value, each.seconds, each.cost_micros) for each in explanation.stretches]
    assert paid == [("minutes", 180, 0), ("credit", 300, 50_000)]
    assert step(explanation, "pool") == ("passed", "yes")
    assert explanation.steps[-1].parts[0].facts[0] == ("left", "3 of 3 min")


def test_without_the_credits_license_the_call_is_cut_with_the_last_minute_and_the_reason_is_told() -> None:
    known = in_a_plan(facts(lot(1, "10"), user=WITH_PLAN))

    explanation = explain(known, replace(TO_PARIS, called=HOME), TERMS)

    assert isinstance(explanation.answer, Granted)
    assert explanation.lasts_seconds == 180
    assert explanation.ends_by is DenialReason.CREDITS_LICENSE_MISSING
    assert step(explanation, "credits_license") == ("decided", "no")
    assert step(explanation, "price") == ("not_reached", "")


def test_a_cap_that_leaves_less_than_the_credit_ends_the_call() -> None:
    arrangements = {ORGANIZATION_ID: Arrangements(caps=Caps(each_user_micros=300_000))}
    meter = {(ORGANIZATION_ID, f"user/{USER.user_id}/2026-06"): Meter(used=100_000)}
    known = replace(facts(lot(1, "10")), arrangements=arrangements, meters=meter)

    explanation = explain(known, TO_PARIS, TERMS)

    assert explanation.lasts_seconds == 20
    assert explanation.ends_by is DenialReason.USER_CAP_REACHED
    cap = next(each for each in explanation.steps[-1].parts if each.name == "user_cap_reached")
    assert cap.facts[0] == ("left", "0.20 EUR")


def test_credit_that_is_left_is_used_up_before_the_bill_takes_over() -> None:
    postpaid = replace(ORGANIZATION, mode=BillingMode.POSTPAID)
    arrangements = {ORGANIZATION_ID: Arrangements(overage=Overage(is_on=True, limit_per_month_micros=300_000))}
    known = replace(facts(lot(1, "0.20"), organization=postpaid), arrangements=arrangements)

    explanation = explain(known, TO_PARIS, TERMS)

    paid = [(each.paid_by.value, each.seconds, each.cost_micros) for each in explanation.stretches]
    assert paid == [("credit", 20, 200_000), ("overage", 30, 300_000)]
    assert explanation.ends_by is DenialReason.OVERAGE_LIMIT_REACHED


def test_a_price_that_is_missing_is_told_with_the_deck() -> None:
    explanation = explain(facts(lot(1, "10")), replace(TO_PARIS, called=TOKYO), TERMS)

    price = next(each for each in explanation.steps[-1].parts if each.name == "price")
    assert price.facts == (("deck", "standard"), ("price", "destination not rated"))


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        (CallKind.CONFERENCE_OUT, "May the policy's conferences dial this country?"),
        (CallKind.USER_OUT, "May the policy's phones call this country?"),
    ],
)
def test_the_question_is_about_this_kind_of_call(kind: CallKind, question: str) -> None:
    request = replace(TO_PARIS, kind=kind, organizer=ADA if kind is CallKind.CONFERENCE_OUT else "")

    explanation = explain(facts(lot(1, "10")), request, TERMS)

    assert question in {each.question for each in explanation.steps}


def test_a_cap_that_is_used_up_does_not_refuse_a_toll_free_call_that_costs_nothing() -> None:
    arrangements = {ORGANIZATION_ID: Arrangements(caps=Caps(each_user_micros=0))}
    known = replace(facts(lot(1, "10")), arrangements=arrangements)
    request = StartCall(key(), NOON, "15145550100", "18005550100", CallKind.CONFERENCE_IN, organizer=ADA)

    costly = explain(known, request, TERMS)
    free = explain(replace(known, decks={1: with_free_toll_free()}), request, TERMS)

    assert costly.answer == Denied(DenialReason.USER_CAP_REACHED)
    assert isinstance(free.answer, Granted)


def with_free_toll_free() -> RateDeck:
    """Make the deck of a carrier that takes nothing for toll-free calls."""
    return deck(1, [Rate(Direction.TOLL_FREE_INBOUND, "1800", "", "Toll-free", (price(60, 60, "0"),))])
