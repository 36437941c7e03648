"""Conferences: every leg is a call with its own hold, all of them share what the organizer may use (S6, S7)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind, CallState, PaysFrom
from talktime.core.calls.conferences import forecast
from talktime.core.calls.requests import EndLeg, Finished, Granted, Noted, Parked, StartCall
from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import AccountKind
from tests.core.calls.world import ADA, BERLIN, NOON, PARIS, TOLL_FREE, USER, World, facts, key, lot

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


def test_a_leg_whose_answer_nobody_told_is_charged_by_its_own_end_once() -> None:
    world = World(facts(lot(1, "10")))
    world.ask(StartCall(key("a"), NOON, "", PARIS, CallKind.CONFERENCE_OUT, BRIDGE, ORGANIZER))
    world.ask(EndLeg(key("a"), NOON + timedelta(seconds=50)))

    charged = world.end(40, at=52, name="a")

    assert charged == Finished(40, 400_000, "EUR")
    assert world.end(40, at=53, name="a") == charged
    assert (world.usage[0].cost_micros, world.usage[1].cost_micros) == (0, 400_000)


def test_a_leg_costs_no_more_than_it_was_granted_when_its_conference_ends_late() -> None:
    world = World(facts(lot(1, "0.60")))
    dial(world, "a", PARIS)

    world.ask(EndLeg(key("a"), NOON + timedelta(seconds=90)))

    assert (world.usage[-1].used_seconds, world.usage[-1].uncovered_micros) == (60, 0)


def test_a_leg_that_had_ended_earlier_than_its_conference_is_kept_for_an_operator() -> None:
    world = World(facts(lot(1, "10")))
    dial(world, "a", PARIS)
    world.ask(EndLeg(key("a"), NOON + timedelta(seconds=50)))

    assert isinstance(world.end(20, at=52, name="a"), Parked)


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


@pytest.mark.parametrize("kind", [CallKind.USER_IN, CallKind.VOICE_APP_IN, CallKind.EMERGENCY_IN])
def test_a_forwarded_leg_is_no_incoming_call_whatever_the_switch_calls_it(kind: CallKind) -> None:
    world = World(facts(lot(1, "10")))

    world.ask(StartCall(key(), NOON, BERLIN, PARIS, kind, forwarded_by=ADA))
    world.ask(StartCall(key("c2"), NOON, BERLIN, PARIS, kind, BRIDGE, ORGANIZER))

    assert (world.call().setup.kind, world.call().setup.pays_from) == (CallKind.USER_OUT_FORWARDING, PaysFrom.CREDIT)
    assert (world.call("c2").setup.kind, world.call("c2").setup.pays_from) == (CallKind.CONFERENCE_OUT, PaysFrom.CREDIT)


@pytest.mark.parametrize("kind", [None, CallKind.USER_OUT_TRANSFER, CallKind.VOICE_APP_OUT])
def test_what_an_auto_attendant_transfers_is_its_own_call_and_the_organizations_credit_pays(
    kind: CallKind | None,
) -> None:
    attendant = replace(USER, account=AccountKind.AUTO_ATTENDANT, licenses=License.RESOURCE_ACCOUNT)
    world = World(facts(lot(1, "10"), user=attendant))

    world.ask(StartCall(key(), NOON, BERLIN, PARIS, kind, forwarded_by=ADA))

    assert (world.call().setup.kind, world.call().setup.pays_from) == (CallKind.VOICE_APP_OUT, PaysFrom.CREDIT)


def test_a_leg_that_its_conference_ends_within_a_second_has_ended_by_then() -> None:
    """Its seconds are rounded up; the record would say that it ended after it was booked."""
    world = World(facts(lot(1, "10")))
    dial(world, "a", PARIS)
    ended_at = NOON + timedelta(seconds=30, milliseconds=333)

    (answer,) = world.ask(EndLeg(key("a"), ended_at))

    assert isinstance(answer, Finished)
    assert answer.used_seconds == 31
    assert world.usage[-1].ended_at == ended_at
