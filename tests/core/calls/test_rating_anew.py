"""Calls that another rate should have priced: the difference is charged or given back, and nothing else changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.calls.calls import Flags, PaysFrom, RateReference
from talktime.core.calls.cdrs import RERATED
from talktime.core.calls.requests import Answer, CorrectCall, Finished, Parked
from talktime.core.organizations.arrangements import Arrangements, Caps
from talktime.core.organizations.licenses import License
from talktime.core.rates.rate_decks import Direction, Rate
from tests.core.calls.corrected import CorrectedWorld
from tests.core.calls.world import LONDON, NOON, PARIS, USER, deck, facts, key, lot
from tests.core.rates.tariffs import price

DAY = 86_400
DEARER = RateReference(2, Direction.OUTBOUND, "33", "")
FREE = RateReference(3, Direction.OUTBOUND, "33", "")


@pytest.fixture
def world() -> CorrectedWorld:
    """Return a world in which Paris costs 0.60 a minute, by a second deck 0.90, and nothing by a third."""
    made = CorrectedWorld(facts(lot(1, "10")))
    for version_id, per_minute in ((2, "0.90"), (3, "0")):
        rate = Rate(Direction.OUTBOUND, "33", "", "France", (price(1, 1, per_minute),))
        made.publish(deck(version_id, (rate,)), at=-DAY)
    made.publish(deck(1), at=-DAY)
    made.start(PARIS)
    made.answer(at=0)
    made.end(60, at=60)
    return made


def rate_anew(world: CorrectedWorld, rate: RateReference, reference: str, *, used: int = 60) -> Answer:
    at = NOON + timedelta(seconds=DAY)
    return world.ask(CorrectCall(key("c1"), at, used, "a test", RERATED + reference, rate=rate))[0]


def test_a_dearer_rate_charges_the_difference_by_a_row_of_its_own(world: CorrectedWorld) -> None:
    first, ended = world.usage[0], world.facts.calls[key("c1")].result

    assert rate_anew(world, DEARER, "2:1") == Finished(60, 900_000, "EUR")

    again, more = world.usage
    call = world.facts.calls[key("c1")]
    assert again == first
    assert (more.used_seconds, more.cost_micros, more.deck_version_id) == (0, 300_000, 2)
    assert call.setup.rate == DEARER
    assert call.result is not None
    assert ended is not None
    assert (call.result.ended_at, call.result.ending) == (ended.ended_at, ended.ending)
    assert call.result.flags == ended.flags | Flags.CORRECTED


def test_the_same_reference_rates_anew_once_and_another_rate_gives_all_back(world: CorrectedWorld) -> None:
    rate_anew(world, DEARER, "2:1")
    balance = world.available(DAY)

    assert rate_anew(world, DEARER, "2:1") == Finished(60, 900_000, "EUR")
    assert world.available(DAY) == balance
    assert rate_anew(world, FREE, "3:2") == Finished(60, 0, "EUR")
    assert world.available(DAY) == balance + 900_000


def test_a_later_correction_is_priced_by_the_new_rate(world: CorrectedWorld) -> None:
    rate_anew(world, DEARER, "2:1")

    assert world.correct(20, at=DAY) == Finished(20, 300_000, "EUR")


def test_a_call_that_only_minutes_could_pay_has_no_price_to_change() -> None:
    licenses = License.PHONE_SYSTEM | License.DOMESTIC
    arrangements = Arrangements(1, assigned={(License.DOMESTIC, "GB"): 1}, caps=Caps())
    user = replace(USER, licenses=licenses)
    world = CorrectedWorld(facts(user=user, arrangements=arrangements))
    world.start(LONDON)
    world.answer(at=0)
    world.end(60, at=60)

    answer = rate_anew(world, DEARER, "2:1")

    assert world.facts.calls[key("c1")].setup.pays_from is PaysFrom.MINUTES
    assert answer == Parked("the call has no price that another rate could change", 60)


def test_a_correction_that_came_before_it_stands(world: CorrectedWorld) -> None:
    at = NOON + timedelta(seconds=DAY)
    world.ask(CorrectCall(key("c1"), at, 120, "the switch says so", "record"))

    assert rate_anew(world, DEARER, "2:1", used=60) == Finished(120, 1_800_000, "EUR")

    result = world.facts.calls[key("c1")].result
    assert result is not None
    assert (result.used_seconds, result.cost_micros) == (120, 1_800_000)
