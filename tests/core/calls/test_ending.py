from datetime import timedelta

import pytest

from talktime.core.calls.calls import CallState, DenialReason, Ending, Flags
from talktime.core.calls.requests import Denied, EndCall, Finished, Noted, Parked
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot
from talktime.core.values.events import EventKind
from tests.core.calls.world import BERLIN, BOB, NOON, PARIS, TOKYO, World, facts, key, lot

TALKED = 75
COST = 750_000


def test_a_call_is_charged_for_what_was_used_and_the_rest_is_released() -> None:
    world = World()
    world.start()
    world.extend(at=50, granted=60)

    assert world.end(TALKED, at=80) == Finished(TALKED, COST, "EUR")

    assert world.available() == 10_000_000 - COST
    assert world.credit.held_micros() == 0
    assert world.journal == [Posting(Account.LOT, Account.REVENUE, COST, 1)]


def test_the_usage_row_says_all_that_a_report_needs() -> None:
    world = World()
    world.start(BERLIN)
    world.answer(at=5)
    world.extend(at=55, granted=60)
    world.end(TALKED, at=80)

    (row,) = world.usage

    assert (row.used_seconds, row.billed_seconds, row.line) == (TALKED, 120, 0)
    assert (row.cost_micros, row.connection_fee_micros, row.uncovered_micros) == (140_000, 20_000, 0)
    assert (row.prefix, row.destination, row.deck_version_id, row.currency) == ("49", "Germany", 1, "EUR")
    assert (row.started_at, row.answered_at) == (NOON, NOON + timedelta(seconds=5))
    assert (row.user_id, row.ending, row.flags) == (1, Ending.HANGUP, Flags.NONE)


@pytest.mark.parametrize("later", [TALKED, 0, 10_000, -1])
def test_a_repeated_end_is_answered_with_the_first_charge(later: int) -> None:
    world = World()
    world.start()
    world.extend(at=50, granted=60)
    first = world.end(TALKED, at=80)

    assert world.end(later, at=90) == first

    assert (len(world.usage), world.available()) == (1, 10_000_000 - COST)


def test_a_call_that_was_not_answered_costs_nothing_and_is_on_record() -> None:
    world = World()
    world.start(BERLIN)

    assert world.end(0, at=30) == Finished(0, 0, "EUR")

    assert (world.usage[-1].ending, world.usage[-1].connection_fee_micros) == (Ending.NOT_ANSWERED, 0)
    assert (world.available(), world.journal, world.entry_ids) == (10_000_000, [], [])


def test_a_failure_before_the_answer_keeps_its_name() -> None:
    world = World()
    world.start()

    world.end(0, at=30, ending=Ending.FAILED)

    assert world.usage[-1].ending is Ending.FAILED


def test_the_end_of_a_refused_call_charges_nothing() -> None:
    world = World()
    world.start(TOKYO)

    assert world.end(0, at=5) == Finished(0, 0, "EUR")
    assert world.usage == []


@pytest.mark.parametrize(
    ("prepare", "used", "reason"),
    [
        (lambda _: None, 10, "no start was seen"),
        (lambda world: world.start(TOKYO), 10, "refused, and lasted all the same"),
        (lambda world: world.start(PARIS), -1, "negative"),
        (lambda world: world.start(PARIS), 221, "longer than the time since the call was started"),
    ],
)
def test_what_cannot_be_charged_is_kept_with_the_reason(prepare: object, used: int, reason: str) -> None:
    world = World()
    prepare(world)  # type: ignore[operator]
    before = world.facts

    answer = world.end(used, at=100)

    assert isinstance(answer, Parked)
    assert reason in answer.reason
    assert (world.facts, world.usage) == (before, [])


def test_a_report_that_could_not_be_read_is_kept_and_does_not_end_the_call() -> None:
    world = World()
    world.start()

    answer = world.ask(EndCall(key(), NOON, 0, misread="the duration is no number"))

    assert answer == [Parked("the duration is no number")]
    assert world.call().state is CallState.OPEN


def test_clocks_may_differ_by_two_minutes() -> None:
    world = World()
    world.start()

    assert world.end(220, at=100) == Finished(220, 2_200_000, "EUR")


@pytest.mark.parametrize(
    ("used", "charged", "flags"),
    [
        (24, 24, Flags.NONE),
        (25, 25, Flags.NONE),
        (26, 25, Flags.CLAMPED),
        (27, 25, Flags.CLAMPED),
        (28, 28, Flags.OVERRUN),
    ],
)
def test_a_cut_that_came_a_second_or_two_late_costs_the_final_grant(used: int, charged: int, flags: Flags) -> None:
    world = World(facts(lot(1, "0.25")))
    world.start()

    answer = world.end(used, at=60)

    assert answer == Finished(charged, charged * 10_000, "EUR")
    assert world.usage[-1].flags is flags


def test_a_grant_that_was_not_final_is_not_clamped() -> None:
    world = World()
    world.start()

    world.end(61, at=70)

    assert (world.usage[-1].used_seconds, world.usage[-1].flags) == (61, Flags.OVERRUN)


def test_a_call_that_the_switch_cut_at_its_grant_costs_that_grant_even_where_more_could_have_been_asked_for() -> None:
    world = World()
    world.start()

    world.end(61, at=70, ending=Ending.CREDIT_EXHAUSTED)

    assert (world.usage[-1].used_seconds, world.usage[-1].flags) == (60, Flags.CLAMPED)


def test_an_overrun_that_no_credit_covers_is_owed_and_the_next_lot_repays_it() -> None:
    world = World(facts(lot(1, "0.25")))
    world.start()

    world.end(40, at=60)
    uncovered, owed = world.usage[-1].uncovered_micros, world.credit.receivable_micros
    world.fund(lot(2, "1"), at=70)

    assert (uncovered, owed) == (150_000, 150_000)
    assert (world.credit.receivable_micros, world.available()) == (0, 850_000)


def test_an_end_that_comes_after_the_call_was_given_up_is_charged_once() -> None:
    world = World()
    world.start()
    world.close(at=300)
    assert (world.call().state, world.available()) == (CallState.LAPSED, 10_000_000)

    first = world.end(TALKED, at=400)
    again = world.end(TALKED, at=401)

    assert first == again == Finished(TALKED, COST, "EUR")
    assert world.available() == 10_000_000 - COST
    assert [(row.line, row.cost_micros) for row in world.usage] == [(0, 0), (1, COST)]
    assert Flags.LATE in world.usage[-1].flags
    assert world.entry_ids == ["call:proxy||c1:1"]


def test_a_silent_call_that_was_answered_is_charged_for_what_was_funded() -> None:
    world = World()
    world.start()
    world.answer(at=10)
    world.extend(at=60, granted=60)

    world.close(at=10 + 120 + 60)

    (row,) = world.usage
    assert (row.used_seconds, row.cost_micros, row.ending) == (120, 1_200_000, Ending.SILENT)
    assert row.flags is Flags.RECONSTRUCTED
    assert row.ended_at == NOON + timedelta(seconds=10 + 120)
    assert world.call().state is CallState.FINISHED


def test_an_end_that_differs_from_what_the_server_closed_is_kept_and_one_that_agrees_is_answered() -> None:
    world = World()
    world.start()
    world.answer(at=0)
    world.close(at=120)

    assert isinstance(world.end(59, at=130), Parked)
    assert world.end(60, at=131) == Finished(60, 600_000, "EUR")
    assert len(world.usage) == 1


@pytest.mark.parametrize(
    ("at", "state"), [(299, CallState.OPEN), (300, CallState.LAPSED)], ids=["within its patience", "at its end"]
)
def test_a_ringing_call_is_given_up_after_ringing_its_grant_and_the_grace(at: int, state: CallState) -> None:
    world = World()
    world.start()

    world.close(at=at)

    assert world.call().state is state


def test_each_extension_renews_the_patience_with_a_call() -> None:
    world = World()
    world.start()
    world.answer(at=10)
    assert world.call().valid_until == NOON + timedelta(seconds=10 + 60 + 60)

    world.extend(at=60, granted=60)

    assert world.call().valid_until == NOON + timedelta(seconds=10 + 120 + 60)


def test_closing_finds_nothing_to_do_where_a_call_is_unknown_or_over() -> None:
    world = World()
    assert world.close(at=1_000) == Noted()
    world.start()
    world.end(10, at=20)

    assert world.close(at=1_000) == Noted()
    assert len(world.usage) == 1


def test_a_free_call_that_fell_silent_is_closed_for_nothing() -> None:
    world = World()
    world.start(BOB, caller=PARIS)
    world.answer(at=5)

    world.close(at=100_000)

    assert (world.usage[-1].cost_micros, world.call().state) == (0, CallState.LAPSED)


def test_credit_that_expired_during_the_call_pays_what_was_promised_and_loses_the_rest() -> None:
    world = World(facts(lot(1, "0.6", days=1)))
    world.start(at=86_380)

    world.end(30, at=86_420)

    assert world.journal == [
        Posting(Account.LOT, Account.REVENUE, 300_000, 1),
        Posting(Account.LOT, Account.BREAKAGE, 300_000, 1),
    ]


def kinds(world: World) -> list[EventKind]:
    return [event.kind for event in world.events]


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (59, []),
        (60, [EventKind.BALANCE_EXHAUSTED]),
        (70, [EventKind.BALANCE_EXHAUSTED, EventKind.BALANCE_OVERDRAWN]),
    ],
)
def test_a_balance_that_reaches_zero_or_falls_below_is_told(used: int, expected: list[EventKind]) -> None:
    world = World(facts(lot(1, "0.6")))
    world.start()

    world.end(used, at=80)
    world.end(used, at=81)

    assert kinds(world) == expected
    assert len({event.event_id for event in world.events}) == len(expected)


def test_each_crossing_is_told_once_and_the_next_crossing_again() -> None:
    world = World(facts(lot(1, "0.6")))
    world.start(name="to zero")
    world.end(60, at=60, name="to zero")
    assert world.start(name="refused", at=61) == Denied(DenialReason.CREDIT_EXHAUSTED)
    world.fund(lot(2, "0.3"), at=70)
    world.start(name="below zero", at=80)
    world.end(40, at=130, name="below zero")

    assert kinds(world) == [
        EventKind.BALANCE_EXHAUSTED,
        EventKind.BALANCE_EXHAUSTED,
        EventKind.BALANCE_OVERDRAWN,
    ]
    # The second time as soon as a call's grant was cut short: what is left buys no full quantum.
    assert [event.balance_micros for event in world.events] == [0, 300_000, -100_000]


def test_a_debt_that_grows_is_not_told_again() -> None:
    world = World(facts(lot(1, "1.2")))
    world.start(name="one")
    world.start(name="other")

    world.end(130, at=200, name="one")
    told = kinds(world)
    world.end(100, at=210, name="other")

    assert kinds(world) == told == [EventKind.BALANCE_EXHAUSTED, EventKind.BALANCE_OVERDRAWN]
    assert world.credit.receivable_micros == 700_000 + 400_000


def test_every_micro_of_a_mixed_day_is_in_a_lot_or_in_the_journal() -> None:
    parts: list[CreditLot] = [lot(1, "0.5"), lot(2, "1.5")]
    world = World(facts(*parts))
    for index, (called, used) in enumerate([(PARIS, 30), (BERLIN, 61), (PARIS, 0), (BERLIN, 1), (PARIS, 200)]):
        world.start(called, name=f"call {index}", at=index * 300)
        world.end(used, at=index * 300 + 220, name=f"call {index}")

    charged = sum(row.cost_micros for row in world.usage)
    assert charged == sum(posting.amount_micros for posting in world.journal if posting.credit is Account.REVENUE)
    assert world.credit.balance_micros == 2_000_000 - charged


def test_a_report_that_comes_late_does_not_move_the_call() -> None:
    world = World()
    world.start()
    world.answer(at=5)

    world.end(30, at=500)

    (row,) = world.usage
    assert row.ended_at == NOON + timedelta(seconds=35)


def test_a_report_that_comes_late_moves_money_when_it_comes() -> None:
    world = World(facts(lot(1, "0.30")))
    world.start()
    world.answer(at=0)
    world.fund(lot(2, "5", days=1, at=NOON - timedelta(days=1) + timedelta(seconds=45)), at=1)

    world.end(33, at=50)

    (row,) = world.usage
    assert (row.cost_micros, row.uncovered_micros) == (330_000, 30_000)


def test_a_call_that_lapsed_and_was_not_answered_has_one_usage_row() -> None:
    world = World()
    world.start()
    world.close(at=10_000)

    assert world.end(0, at=10_001) == Finished(0, 0, "EUR")

    assert isinstance(world.end(7, at=10_002), Parked)
    assert (len(world.usage), world.call().state) == (1, CallState.FINISHED)
