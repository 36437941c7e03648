"""Stops and choices: set, kept, switched off, and obeyed by the next call."""

from collections.abc import Iterator

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.arrangements import Stops
from talktime.core.values.errors import Invalid
from talktime.usecases.organizations.policies.set_arrangements import (
    SetChoices,
    SetStops,
    Stop,
    set_choices,
    set_stops,
    show_arrangements,
)
from tests.ruling_world import BOB, NAME, NANOS_PER_UNIT, RulingWorld, ruling_world


@pytest.fixture
def world(empty_app: App) -> Iterator[RulingWorld]:
    with ruling_world(empty_app) as opened:
        yield opened


def test_a_stop_of_calls_an_hour_counts_each_user_from_then_on(world: RulingWorld) -> None:
    world.call(1)

    world.app.run(set_stops, SetStops(NAME, calls_per_hour=2))

    assert [world.refusal(), world.refusal(), world.refusal()] == ["", "", "too_many_calls"]
    assert world.refusal(by=BOB) == ""
    world.tick(hours=1)
    assert world.refusal() == ""


def test_a_stop_of_dear_destinations_refuses_what_costs_more(world: RulingWorld) -> None:
    world.app.run(set_stops, SetStops(NAME, highest_nanos_per_minute=NANOS_PER_UNIT - 1))
    refused = world.refusal()

    world.app.run(set_stops, SetStops(NAME, highest_nanos_per_minute=NANOS_PER_UNIT))

    assert (refused, world.refusal()) == ("destination_too_expensive", "")


def test_each_stop_is_set_and_switched_off_by_itself(world: RulingWorld) -> None:
    world.app.run(set_stops, SetStops(NAME, calls_per_hour=2))
    both = world.app.run(set_stops, SetStops(NAME, highest_nanos_per_minute=5))

    one = world.app.run(set_stops, SetStops(NAME, off=frozenset({Stop.CALLS_PER_HOUR})))

    assert both.arrangements.stops == Stops(2, 5)
    assert one.arrangements.stops == Stops(None, 5)
    assert world.app.read(show_arrangements, NAME).arrangements.stops == Stops(None, 5)


@pytest.mark.parametrize(
    "request_",
    [
        SetStops(NAME, calls_per_hour=0),
        SetStops(NAME, highest_nanos_per_minute=-1),
        SetStops(NAME, calls_per_hour=5, off=frozenset({Stop.CALLS_PER_HOUR})),
    ],
)
def test_what_stops_nothing_is_refused(world: RulingWorld, request_: SetStops) -> None:
    with pytest.raises(Invalid):
        world.app.run(set_stops, request_)

    assert world.app.read(show_arrangements, NAME).arrangements.stops == Stops()


def test_a_choice_is_obeyed_by_the_next_call_and_leaves_the_others(world: RulingWorld) -> None:
    before = world.refusal()

    chosen = world.app.run(set_choices, SetChoices(NAME, is_calling_plan_required=True)).arrangements

    assert (before, world.refusal()) == ("", "calling_plan_missing")
    assert chosen.is_plan_ended_by_either_counter
    assert not chosen.uses_plan_after_conference_minutes
    changed = world.app.run(set_choices, SetChoices(NAME, is_calling_plan_required=False)).arrangements
    assert (changed.is_calling_plan_required, world.refusal()) == (False, "")
