import gc
import weakref
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKey, Hold, key_of, text_of
from talktime.core.calls.charging import decide, decide_one
from talktime.core.calls.entitlement.cases import meters_wanted
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    EndCall,
    EndLeg,
    ExtendCall,
    Outcome,
    Request,
    StartCall,
)
from talktime.core.credit.lots import Slice
from talktime.core.organizations.arrangements import Arrangements, Caps, Stops
from talktime.core.organizations.licenses import License
from tests.core.calls.world import ADA, BERLIN, BOB, LONDON, NOON, PARIS, TOKYO, TOLL_FREE, USER, facts, key, lot

TERMS = ChargingTerms()
KEYS = st.sampled_from(["one", "two", "three"]).map(key)
INSTANTS = st.integers(0, 400).map(lambda seconds: NOON + timedelta(seconds=seconds))
SECONDS = st.sampled_from([0, 30, 60, 61, 120, 180])
CALLED = st.sampled_from([PARIS, BERLIN, LONDON, TOKYO, BOB, TOLL_FREE, "112"])
# Credit alone; and three minutes of a plan, then credit under a cap, five calls an hour.
CREDITED = facts(lot(1, "0.9", days=1), lot(2, "2"))
PLANNED = facts(
    lot(1, "2"),
    user=replace(USER, licenses=USER.licenses | License.DOMESTIC),
    arrangements=Arrangements(
        1, assigned={(License.DOMESTIC, "GB"): 1}, caps=Caps(700_000), stops=Stops(calls_per_hour=5)
    ),
)
WORLDS = st.sampled_from([CREDITED, PLANNED])
REQUESTS = st.one_of(
    st.builds(StartCall, KEYS, INSTANTS, st.just(ADA), CALLED),
    st.builds(AnswerCall, KEYS, INSTANTS, INSTANTS),
    st.builds(ExtendCall, KEYS, INSTANTS, SECONDS, st.one_of(st.none(), SECONDS)),
    st.builds(EndCall, KEYS, INSTANTS, SECONDS),
    st.builds(EndLeg, KEYS, INSTANTS),
    st.builds(CloseCall, KEYS, INSTANTS),
)


def one_by_one(known: ChargingFacts, requests: list[Request]) -> list[Outcome]:
    outcomes = []
    for request in requests:
        outcome = decide_one(known, request, TERMS)
        if outcome.call is not None:
            setup = outcome.call.setup
            known = replace(known, calls={**known.calls, setup.key: outcome.call})
            if outcome.credit is not None:
                known = replace(known, credits={**known.credits, setup.organization_id: outcome.credit})
            if outcome.watch is not None:
                known = replace(known, watches={**known.watches, setup.organization_id: outcome.watch})
            moved = {(setup.organization_id, name): meter for name, meter in outcome.meters.items()}
            known = replace(known, meters={**known.meters, **moved})
        outcomes.append(outcome)
    return outcomes


@given(WORLDS, st.lists(REQUESTS, max_size=25))
def test_a_batch_is_decided_as_its_requests_would_be_one_by_one(known: ChargingFacts, requests: list[Request]) -> None:
    assert decide(known, requests, TERMS) == one_by_one(known, requests)


@given(WORLDS, st.lists(REQUESTS, max_size=12), st.lists(REQUESTS, max_size=12))
def test_a_batch_may_be_cut_anywhere(known: ChargingFacts, first: list[Request], second: list[Request]) -> None:
    whole = decide(known, [*first, *second], TERMS)

    before = decide(known, first, TERMS)
    calls = {outcome.call.setup.key: outcome.call for outcome in before if outcome.call is not None}
    credit = next((outcome.credit for outcome in reversed(before) if outcome.credit is not None), known.credits[7])
    watch = next((outcome.watch for outcome in reversed(before) if outcome.watch is not None), known.watches[7])
    meters = {(7, name): meter for outcome in before for name, meter in outcome.meters.items()}
    between = replace(known, calls=calls, credits={7: credit}, watches={7: watch}, meters=meters)
    assert whole == [*before, *decide(between, second, TERMS)]


def test_deciding_leaves_the_facts_as_they_were() -> None:
    known = facts(lot(1, "2"))
    untouched = facts(lot(1, "2"))

    decide(known, [StartCall(key(), NOON, ADA, PARIS), EndCall(key(), NOON, 0)], TERMS)

    assert (known.calls, known.credits) == (untouched.calls, untouched.credits)


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=8)


@given(PLAIN, st.text(max_size=12), PLAIN)
def test_a_call_key_is_one_word_and_read_again(switch: str, call_id: str, leg: str) -> None:
    call_key = CallKey(switch, call_id, leg)

    assert key_of(text_of(call_key)) == call_key


def test_a_hold_that_grows_has_one_slice_for_each_lot() -> None:
    hold = Hold((Slice(1, 5), Slice(2, 7))).grown((Slice(2, 1), Slice(3, 2)))

    assert hold.slices == (Slice(1, 5), Slice(2, 8), Slice(3, 2))
    assert hold.amount_micros == 15


def test_what_was_looked_at_for_a_batch_goes_with_it_and_waits_for_no_garbage_collection() -> None:
    request = StartCall(key("one"), NOON, ADA, LONDON)
    case = meters_wanted(PLANNED, request, TERMS).case
    assert case is not None
    looked_at = weakref.ref(case)
    known = replace(PLANNED, cases={request.key: case})
    gc.disable()
    try:
        decide(known, [request], TERMS)
        del case, known

        assert looked_at() is None
    finally:
        gc.enable()
