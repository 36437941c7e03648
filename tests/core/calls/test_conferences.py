"""Conferences: every leg is a call with its own hold, all of them share what the organizer may use (S6, S7)."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind, CallState
from talktime.core.calls.conferences import forecast
from talktime.core.calls.requests import EndLeg, Granted, Noted, StartCall
from tests.core.calls.world import ADA, BERLIN, NOON, PARIS, TOLL_FREE, World, facts, key, lot

BRIDGE, ORGANIZER = "standup", "ada@example.com"


def dial(world: World, name: str, called: str, *, at: int = 0) -> None:
    """Dial out from Ada's conference, and let the leg be answered at once."""
    started_at = NOON + timedelta(seconds=at)
    (answer,) = world.ask(
        StartCall(
            key(name),
            started_at,
            "",
            called,
            CallKind.CONFERENCE_OUT,
            conference_id=BRIDGE,
            organizer="ada@example.com",
        )
    )
    assert isinstance(answer, Granted)
    world.answer(at=at, name=name)


def seconds_left(world: World, *names: str, at: int = 0) -> int:
    """Forecast over the legs."""
    return forecast(world.facts, [world.call(name) for name in names], NOON + timedelta(seconds=at)).seconds


def test_a_leg_that_dials_out_is_charged_to_the_organizer_by_its_destination_alone() -> None:
    world = World(facts(lot(1, "10")))

    dial(world, "a", PARIS)
    world.end(10, at=10, name="a")

    assert (world.usage[-1].user_id, world.usage[-1].cost_micros) == (1, 100_000)
    assert world.usage[-1].conference_id == BRIDGE


def test_legs_share_the_credit_and_the_forecast_counts_every_one() -> None:
    alone, both = World(facts(lot(1, "3"))), World(facts(lot(1, "3")))
    dial(alone, "a", PARIS)
    for name in ("a", "b"):
        dial(both, name, PARIS)

    assert (seconds_left(alone, "a"), seconds_left(both, "a", "b")) == (300, 150)


@given(st.lists(st.sampled_from([PARIS, BERLIN]), min_size=1, max_size=4), st.integers(3_000_000, 20_000_000))
def test_what_is_forecast_can_be_had_by_every_leg_and_a_second_more_cannot(called: list[str], micros: int) -> None:
    world = World(facts(lot(1, f"{micros / 1_000_000:.6f}")), terms=replace(World().terms, quantum_seconds=1))
    names = [str(number) for number in range(len(called))]
    for name, number in zip(names, called, strict=True):
        dial(world, name, number)

    left = seconds_left(world, *names)

    granted = {name: world.call(name).granted_seconds for name in names}
    for second in range(left):
        for name in names:
            if granted[name] <= second:
                answer = world.extend(at=second, granted=granted[name], name=name, elapsed=second)
                assert isinstance(answer, Granted)
                granted[name] = answer.granted_seconds
    assert min(granted.values()) >= left
    last = [world.extend(at=left, granted=granted[name], name=name, elapsed=left) for name in names]
    assert min(answer.granted_seconds for answer in last if isinstance(answer, Granted)) <= left


def test_ending_the_conference_ends_every_leg_that_is_open_by_our_clock() -> None:
    world = World(facts(lot(1, "10")))
    dial(world, "a", PARIS)
    dial(world, "b", BERLIN, at=20)
    dial(world, "c", PARIS)
    world.end(5, at=5, name="c")

    over = NOON + timedelta(seconds=50)
    answers = world.ask(*(EndLeg(key(name), over) for name in "abc"))

    assert [row.used_seconds for row in world.usage] == [5, 50, 30]
    assert answers[2] == Noted()
    assert {world.call(name).state for name in "abc"} == {CallState.FINISHED}
    assert world.credit.lots[0].held_micros == 0


def test_what_a_switch_reports_of_a_leg_after_the_conference_is_answered_with_the_first_charge() -> None:
    world = World(facts(lot(1, "10")))
    dial(world, "a", PARIS)
    (first,) = world.ask(EndLeg(key("a"), NOON + timedelta(seconds=50)))

    assert world.end(51, at=52, name="a") == first
    assert len(world.usage) == 1


def test_a_leg_that_was_never_answered_costs_nothing_when_the_conference_ends() -> None:
    world = World(facts(lot(1, "10")))
    world.ask(StartCall(key("a"), NOON, "", PARIS, CallKind.CALL_ME, BRIDGE, ORGANIZER))

    world.ask(EndLeg(key("a"), NOON + timedelta(seconds=30)))

    assert (world.usage[-1].kind, world.usage[-1].cost_micros) == (CallKind.CALL_ME, 0)


def test_dialing_in_to_the_organizers_service_number_is_no_dial_out() -> None:
    world = World(facts(lot(1, "10")))

    world.start(TOLL_FREE, caller=PARIS, organizer="ada@example.com")

    assert world.call().setup.kind is CallKind.CONFERENCE_IN


def test_whoever_forwards_a_call_pays_it_and_not_who_called() -> None:
    world = World(facts(lot(1, "10")))

    world.ask(StartCall(key(), NOON, PARIS, BERLIN, forwarded_by="ada@example.com"))
    world.ask(StartCall(key("c2"), NOON, PARIS, BERLIN, CallKind.USER_OUT_TRANSFER, forwarded_by=ADA))

    assert [world.call(name).setup.kind for name in ("c1", "c2")] == [
        CallKind.USER_OUT_FORWARDING,
        CallKind.USER_OUT_TRANSFER,
    ]
    assert {world.call(name).setup.user_id for name in ("c1", "c2")} == {1}
