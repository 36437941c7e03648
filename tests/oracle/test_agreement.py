"""Charging agrees with the oracle in every state, and whoever calls for help is put through, for nothing."""

import json
import os
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from talktime.core.calls import charging
from talktime.core.calls.calls import DenialReason, PaysFrom
from talktime.core.calls.counting.pools import pool_of
from talktime.core.calls.entitlement.cases import meters_wanted
from talktime.core.calls.requests import ChargingTerms, Denied, EndCall, Finished, Granted, Outcome
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.licenses import License
from talktime.imports.country_files import read_country_file
from tests.oracle import entitlement
from tests.oracle.entitlement import REASONS, SOURCES, State
from tests.oracle.worlds import ORACLES_TABLE, realizable, world_of

TERMS = ChargingTerms()
STATES_IN_SHORT, STATES = 2_500, 60_000
REFERENCE = "src/talktime/imports/reference/countries_2025.csv"
SOURCE_NAMES = {
    PaysFrom.FREE: "free",
    PaysFrom.INCLUDED: "included",
    PaysFrom.CREDIT: "credit",
    PaysFrom.OVERAGE: "postpaid",
}
# Why there is no price is told more finely than the oracle does.
UNPRICED = {DenialReason.NO_RATE_DECK_IN_FORCE, DenialReason.DECK_CURRENCY_DIFFERS}


class Failure(NamedTuple):
    """A state in which the two differ, and the seed by which it is drawn again."""

    seed: int
    state: State
    oracle: str
    charging: str


@pytest.fixture(scope="module", params=["oracle's countries", "our countries"])
def table(request: pytest.FixtureRequest, repository: Path) -> CountryTable:
    """Give the countries as the oracle knows them, and as they are shipped."""
    return ORACLES_TABLE if request.param == "oracle's countries" else read_country_file(repository / REFERENCE).table


def said(outcome: Outcome) -> str:
    """Return what pays the first second, or the reason of the refusal, in the oracle's words."""
    match outcome.answer:
        case Denied(reason):
            return "destination_not_rated" if reason in UNPRICED else reason.value
        case Granted(pays_from=PaysFrom.MINUTES):
            assert outcome.call is not None
            plan = pool_of(outcome.call.hold.minutes[0].pool).plan
            return "conference_minutes" if plan is License.AUDIO_CONFERENCING else "plan_minutes"
        case Granted(pays_from=source):
            return SOURCE_NAMES[source]
    raise AssertionError(outcome)


def compare(seed: int, table: CountryTable) -> tuple[str, Failure | None]:
    """Draw a state, ask both, and return what they say, or where they differ."""
    dice = random.Random(seed)
    state = realizable(entitlement.states(dice), table)
    verdict = entitlement.decide(state)
    expected = verdict.source or verdict.reason
    facts, request = world_of(state, table, dice)
    outcome = charging.decide_one(facts, request, TERMS)
    # The store reads no other meters than those that are wanted, before it knows any.
    names = meters_wanted(replace(facts, meters={}), request, TERMS).names
    wanted = {(owner, name): meter for (owner, name), meter in facts.meters.items() if name in names}
    assert charging.decide_one(replace(facts, meters=wanted), request, TERMS) == outcome, (seed, state)
    found = said(outcome)
    is_same = found == expected and verdict.is_allowed == isinstance(outcome.answer, Granted)
    return expected, None if is_same else Failure(seed, state, expected, found)


def prove(seeds: range, table: CountryTable) -> Counter[str]:
    """Compare in the states of these seeds, print what they came to, and return how often each answer was given."""
    began = time.monotonic()
    answers: Counter[str] = Counter()
    failures = []
    for seed in seeds:
        expected, failure = compare(seed, table)
        answers[expected] += 1
        if failure is not None:
            failures.append(failure)
    figures = {"states": len(seeds), "differing": len(failures), "seconds": round(time.monotonic() - began)}
    print(json.dumps({"proof": "entitlement_agreement", **figures, "answers": dict(answers.most_common())}))
    assert failures[:3] == [], f"{len(failures)} differ"
    return answers


def assert_help_is_free(seeds: range, table: CountryTable) -> None:
    """Whatever else is true, a call to an emergency number is allowed, charges nothing, and moves nothing."""
    for seed in seeds:
        dice = random.Random(seed)
        state = realizable(entitlement.states(dice), table)
        facts, request = world_of(state, table, dice)
        request = replace(request, called=dice.choice(("112", "911", "110")))
        began = charging.decide_one(facts, request, TERMS)
        assert isinstance(began.answer, Granted), (seed, state, began.answer)
        assert began.answer.pays_from is PaysFrom.FREE, (seed, state)
        ended = charging.decide(facts, (request, EndCall(request.key, request.at, 90)), TERMS)
        moved = [(each.credit, each.meters, each.entries, each.purchase) for each in ended]
        assert moved == [(None, {}, (), None)] * 2, (seed, state)
        if began.call is not None:
            assert ended[1].answer == Finished(90, 0, "EUR"), (seed, state)


def test_charging_says_what_the_oracle_says_in_random_states(table: CountryTable) -> None:
    answers = prove(range(STATES_IN_SHORT), table)

    assert set(answers) == set(SOURCES) | set(REASONS)


def test_a_call_for_help_is_free_in_random_states(table: CountryTable) -> None:
    assert_help_is_free(range(STATES_IN_SHORT), table)


@pytest.mark.proof
def test_charging_says_what_the_oracle_says_in_a_hundred_thousand_states(table: CountryTable) -> None:
    first = int(os.environ.get("TALKTIME_ORACLE_SEED", "1000000"))

    answers = prove(range(first, first + STATES), table)

    assert set(answers) == set(SOURCES) | set(REASONS)


@pytest.mark.proof
def test_a_call_for_help_is_free_in_a_hundred_thousand_states(table: CountryTable) -> None:
    assert_help_is_free(range(1_000_000, 1_000_000 + STATES), table)
