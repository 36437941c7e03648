from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import DenialReason, Flags
from talktime.core.calls.requests import (
    Answer,
    CutCall,
    Denied,
    EndSession,
    Finished,
    Granted,
    Noted,
    Parked,
    StartCall,
    UpdateSession,
)
from tests.core.calls.world import ADA, BERLIN, NOON, PARIS, World, facts, key, lot


def begin(world: World, called: str = PARIS, *, wanted: int = 0) -> Answer:
    return world.ask(StartCall(key(), NOON, ADA, called, wanted_seconds=wanted, number=0))[0]


def update(world: World, number: int, used: int, *, at: int, wanted: int = 0) -> Answer:
    now = NOON + timedelta(seconds=at)
    return world.ask(UpdateSession(key(), now, number, used, wanted, now))[0]


def end(world: World, number: int, used: int, *, at: int, sent: int | None = None) -> Answer:
    sent_at = NOON + timedelta(seconds=at if sent is None else sent)
    return world.ask(EndSession(key(), NOON + timedelta(seconds=at), number, used, sent_at))[0]


def left(answer: Answer) -> int:
    assert isinstance(answer, Granted), answer
    return answer.granted_seconds - answer.reported_seconds


def test_reports_since_the_last_one_add_up_to_one_charge() -> None:
    world = World()
    began = begin(world)

    first = update(world, 1, 52, at=52)
    second = update(world, 2, 52, at=104)
    ended = end(world, 3, 20, at=124)

    assert [left(answer) for answer in (began, first, second)] == [60, 60, 60]
    assert ended == Finished(124, 1_240_000, "EUR")
    assert world.available() == 10_000_000 - 1_240_000


def test_a_client_gets_what_it_asks_for_at_a_time_but_never_more_than_the_quantum() -> None:
    assert left(begin(World(), wanted=10)) == 10
    assert left(begin(World(), wanted=3_600)) == 60

    world = World()
    begin(world, wanted=10)

    assert left(update(world, 1, 8, at=8, wanted=10)) == 10


def test_a_number_that_was_seen_is_answered_alike_and_counts_nothing() -> None:
    world = World()
    begin(world)
    first = update(world, 1, 50, at=50)
    held = world.call().hold

    again = update(world, 1, 50, at=51)
    held_again = world.call().hold
    ended = end(world, 2, 10, at=60)
    ended_again = end(world, 2, 10, at=61)

    assert again == first
    assert held_again == held
    assert ended == ended_again == Finished(60, 600_000, "EUR")
    assert len(world.usage) == 1


def test_a_lost_report_is_billed_by_the_clients_clock_and_flagged() -> None:
    world = World()
    begin(world)
    update(world, 1, 50, at=50)

    ended = end(world, 3, 7, at=100)

    assert ended == Finished(100, 1_000_000, "EUR")
    assert Flags.GAP in world.usage[0].flags


def test_a_lost_report_is_never_billed_beyond_what_was_granted() -> None:
    world = World()
    begin(world)
    update(world, 1, 50, at=50)

    ended = end(world, 3, 7, at=5_000)

    assert ended == Finished(110, 1_100_000, "EUR")


def test_the_clients_clock_never_says_less_than_it_reported() -> None:
    world = World()
    begin(world)

    ended = end(world, 2, 30, at=40, sent=-9_000)

    assert ended == Finished(30, 300_000, "EUR")
    assert Flags.GAP in world.usage[0].flags


def test_a_last_grant_is_what_is_left_and_then_nothing_is() -> None:
    world = World(facts(lot(1, "1.00")))
    begin(world)

    last = update(world, 1, 52, at=52)
    nothing = update(world, 2, 48, at=100)

    assert isinstance(last, Granted)
    assert last.is_final
    assert left(last) == 48
    assert left(nothing) == 0


def test_a_session_that_was_refused_ends_without_a_record() -> None:
    world = World(facts(lot(1, "0.01")))
    refused = begin(world, BERLIN)

    ended = end(world, 1, 0, at=1)

    assert refused == Denied(DenialReason.CREDIT_EXHAUSTED)
    assert ended == Finished(0, 0, "EUR")
    assert world.usage == []


def test_the_end_of_a_session_that_never_began_is_no_orphan_unless_it_used_something() -> None:
    world = World()

    assert end(world, 1, 0, at=1) == Noted()
    assert isinstance(end(world, 1, 5, at=6), Parked)
    assert update(world, 1, 5, at=6) == Denied(DenialReason.CALL_UNKNOWN)


def test_a_session_that_the_server_closed_is_answered_as_ended() -> None:
    world = World()
    begin(world)
    update(world, 1, 50, at=50)
    world.close(at=400)

    assert update(world, 2, 50, at=401) == Denied(DenialReason.CALL_ENDED)
    assert isinstance(end(world, 2, 3, at=402), Parked)


def test_a_call_that_was_cut_keeps_its_grant_and_gets_no_more() -> None:
    world = World()
    begin(world)

    cut = world.ask(CutCall(key(), NOON + timedelta(seconds=10)))
    refused = [update(world, 1, 50, at=50 + delay) for delay in (0, 1)]
    ended = end(world, 2, 9, at=60)

    assert cut == [Noted()]
    assert refused == [Denied(DenialReason.CALL_CUT)] * 2
    assert ended == Finished(59, 590_000, "EUR")


def test_an_end_whose_number_does_not_grow_is_charged_and_flagged() -> None:
    world = World()
    begin(world)
    update(world, 1, 50, at=50)

    ended = end(world, 1, 10, at=60)
    ended_again = end(world, 1, 10, at=61)

    assert ended == ended_again == Finished(60, 600_000, "EUR")
    assert Flags.GAP in world.usage[0].flags


def test_a_call_that_lapsed_is_charged_by_its_late_end_whatever_its_number() -> None:
    world = World()
    begin(world)
    world.close(at=1_000)

    assert end(world, 0, 30, at=1_001) == Finished(30, 300_000, "EUR")


def test_a_client_whose_clock_is_slow_pays_for_lost_reports_by_the_difference() -> None:
    world = World()
    slow = NOON - timedelta(seconds=90)
    world.ask(StartCall(key(), NOON, ADA, PARIS, number=0, sent_at=slow))
    world.ask(UpdateSession(key(), NOON + timedelta(seconds=50), 1, 50, 0, slow + timedelta(seconds=50)))

    ended = end(world, 3, 7, at=100, sent=10)

    assert ended == Finished(100, 1_000_000, "EUR")


def test_a_report_of_more_than_time_has_passed_counts_as_lost() -> None:
    """Kamailio 4495 reports 71,582,788 s when credit ends."""
    world = World()
    begin(world)

    granted = update(world, 1, 71_582_788, at=8)
    ended = end(world, 2, 2, at=10)

    assert isinstance(granted, Granted)
    assert granted.granted_seconds == 68
    assert granted.reported_seconds == 8
    assert ended == Finished(10, 100_000, "EUR")
    assert Flags.GAP in world.usage[0].flags


def test_an_end_of_more_than_time_has_passed_is_charged_by_the_clock() -> None:
    world = World()
    begin(world)
    update(world, 1, 50, at=50)

    ended = end(world, 2, 4_294_967_295 * 100, at=60)

    assert ended == Finished(60, 600_000, "EUR")
    assert Flags.GAP in world.usage[0].flags


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(0, 60))
def test_however_use_is_split_into_reports_it_costs_the_same(parts: list[int], last: int) -> None:
    world, total = World(facts(lot(1, "1000"))), 0
    begin(world)
    for number, used in enumerate(parts, 1):
        total += used
        update(world, number, used, at=total)

    ended = end(world, len(parts) + 1, last, at=total + last)

    assert ended == Finished(total + last, 10_000 * (total + last), "EUR")
