from datetime import timedelta

import pytest

from talktime.core.calls.calls import DenialReason, PaysFrom
from talktime.core.calls.requests import Denied, Granted, Noted
from talktime.core.rates.rate_decks import Direction, Rate
from tests.core.calls.world import (
    BERLIN,
    BOB,
    NOON,
    PARIS,
    World,
    deck,
    facts,
    granted_seconds,
    lot,
)
from tests.core.rates.tariffs import DAY_SECONDS, every_day, price

SIX_PM = 18 * 3_600


def test_an_extension_is_cumulative_and_only_adds_to_the_hold() -> None:
    world = World()
    world.start()

    first = world.extend(at=50, granted=60)
    second = world.extend(at=110, granted=120)

    assert first == Granted(120, is_final=False, recheck_after_seconds=110, pays_from=PaysFrom.CREDIT)
    assert second == Granted(180, is_final=False, recheck_after_seconds=170, pays_from=PaysFrom.CREDIT)
    assert world.call().hold.amount_micros == 1_800_000
    assert world.available() == 10_000_000 - 1_800_000


@pytest.mark.parametrize("elapsed", [None, 50, 55])
def test_a_retry_that_names_the_old_grant_never_grants_twice(elapsed: int | None) -> None:
    world = World()
    world.start()
    first = world.extend(at=50, granted=60, elapsed=elapsed)
    held = world.call().hold

    again = [world.extend(at=50 + delay, granted=60, elapsed=elapsed) for delay in (1, 2, 60)]

    assert again == [first] * 3
    assert world.call().hold == held


def test_an_extension_adds_a_quantum_to_what_has_elapsed() -> None:
    world = World()
    world.start()

    assert granted_seconds(world.extend(at=45, granted=60, elapsed=45)) == 105


def test_an_extension_never_takes_back_what_was_granted() -> None:
    world = World()
    world.start()

    assert granted_seconds(world.extend(at=1, granted=60, elapsed=0)) == 60
    assert granted_seconds(world.extend(at=2, granted=60, elapsed=-100)) == 60


def test_a_switch_is_not_believed_that_a_call_began_before_it_was_started() -> None:
    """A switch that counts in milliseconds must not hold, or be charged for, half a day."""
    world = World(facts(lot(1, "1000")))
    world.start()

    granted = granted_seconds(world.extend(at=50, granted=60, elapsed=50_000))

    assert granted == 50 + 120 + 60, "the time since the start, the clocks' tolerance, and a quantum"


def test_the_last_extension_that_credit_pays_is_final() -> None:
    world = World(facts(lot(1, "1")))
    world.start()

    assert world.extend(at=50, granted=60) == Granted(
        100, is_final=True, recheck_after_seconds=100, pays_from=PaysFrom.CREDIT
    )
    assert world.available() == 0


def test_where_nothing_more_is_paid_what_was_granted_becomes_final() -> None:
    world = World(facts(lot(1, "0.6")))
    world.start()

    answer = world.extend(at=50, granted=60)

    assert answer == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=PaysFrom.CREDIT)


def test_a_final_grant_may_be_extended_once_there_is_credit_again() -> None:
    world = World(facts(lot(1, "0.6")))
    world.start()
    world.extend(at=50, granted=60)
    world.fund(lot(2, "10"), at=55)

    assert granted_seconds(world.extend(at=58, granted=60)) == 120


def test_an_extension_takes_the_next_lot_where_the_first_does_not_suffice() -> None:
    world = World(facts(lot(1, "0.75", days=1), lot(2, "10", days=2)))
    world.start()

    world.extend(at=50, granted=60)

    assert [(part.lot_id, part.amount_micros) for part in world.call().hold.slices] == [(1, 750_000), (2, 450_000)]


def test_credit_held_before_its_lot_expired_stays_promised_and_none_of_it_is_added() -> None:
    world = World(facts(lot(1, "10", days=1)))
    world.start(at=DAY_SECONDS - 30)

    answer = world.extend(at=DAY_SECONDS + 20, granted=60)

    assert answer == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=PaysFrom.CREDIT)


def test_a_day_is_the_longest_call() -> None:
    world = World(facts(lot(1, "1000")))
    world.start()
    world.answer(at=0)

    last = world.extend(at=DAY_SECONDS - 70, granted=60, elapsed=DAY_SECONDS - 70)
    end = world.extend(at=DAY_SECONDS - 20, granted=granted_seconds(last))

    assert granted_seconds(last) == DAY_SECONDS - 10
    assert end == Granted(DAY_SECONDS, is_final=True, recheck_after_seconds=DAY_SECONDS, pays_from=PaysFrom.CREDIT)


def test_an_unknown_call_is_not_extended() -> None:
    assert World().extend(at=50, granted=60) == Denied(DenialReason.CALL_UNKNOWN)
    assert World().answer(at=5) == Denied(DenialReason.CALL_UNKNOWN)


def test_a_call_that_was_refused_or_has_ended_is_not_extended() -> None:
    world = World(facts(lot(1, "1")))
    world.start(BERLIN, name="ended")
    world.end(10, at=20, name="ended")
    world.start("81312345678", name="refused")

    assert world.extend(at=50, granted=60, name="ended") == Denied(DenialReason.CALL_ENDED)
    assert world.extend(at=50, granted=60, name="refused") == Denied(DenialReason.DESTINATION_NOT_RATED)


def test_a_free_call_is_extended_by_what_it_has() -> None:
    world = World()
    free = world.start(BOB, caller=PARIS)

    assert world.extend(at=50, granted=86_400) == free


def test_the_first_answer_starts_the_clock_and_later_ones_change_nothing() -> None:
    world = World()
    world.start()

    assert world.answer(at=7) == Noted()
    assert world.answer(at=9) == Noted()
    assert world.call().answered_at == NOON + timedelta(seconds=7)


@pytest.mark.parametrize(("stated", "believed"), [(-5, 0), (3, 3), (100, 7)])
def test_an_answer_lies_between_the_start_and_now(stated: int, believed: int) -> None:
    world = World()
    world.start()

    world.answer(at=7, answered=stated)

    assert world.call().answered_at == NOON + timedelta(seconds=believed)


def test_an_extension_shows_that_a_call_was_answered_where_nobody_told() -> None:
    world = World()
    world.start()

    world.extend(at=80, granted=60, elapsed=50)

    assert world.call().answered_at == NOON + timedelta(seconds=30)


def test_a_call_in_progress_keeps_the_deck_that_it_was_started_on() -> None:
    world = World()
    world.start()
    dearer = Rate(Direction.OUTBOUND, "33", "", "France", (price(1, 1, "6"),))
    world.publish(deck(2, [dearer]), at=10)

    world.extend(at=50, granted=60)
    world.start(name="c2", at=50)
    world.end(100, at=110)

    assert (world.usage[-1].deck_version_id, world.usage[-1].cost_micros) == (1, 1_000_000)
    assert world.call("c2").hold.amount_micros == 6_000_000


def test_the_price_changes_within_a_call_at_the_boundary_of_the_time_profile() -> None:
    peak = price(1, 1, "0.60", fee="0.10", profile=every_day("peak", (0, SIX_PM)))
    off_peak = price(1, 1, "0.06", fee="0.20", profile=every_day("off-peak", (SIX_PM, DAY_SECONDS)))
    world = World()
    world.publish(deck(2, [Rate(Direction.OUTBOUND, "33", "", "France", (off_peak, peak))]), at=0)
    # 18:00 in London is 17:00 in Greenwich: five hours after noon.
    boundary = 5 * 3_600

    world.start(at=boundary - 30)
    world.answer(at=boundary - 20)
    world.end(60, at=boundary + 40)

    row = world.usage[-1]
    assert row.cost_micros == 100_000 + 20 * 10_000 + 40 * 1_000
    assert row.connection_fee_micros == 100_000, "the fee of the price in force at the answer"
    assert row.billed_seconds == 60


def test_what_was_granted_before_the_answer_is_held_at_the_answer_s_price_as_far_as_there_is_money() -> None:
    """The call was started in the evening's cheap minute and answered in a dear one, which 0.70 does not pay."""
    dear = price(60, 60, "1.20", profile=every_day("dear", (0, SIX_PM)))
    cheap = price(60, 60, "0.60", profile=every_day("cheap", (SIX_PM, DAY_SECONDS)))
    world = World(facts(lot(1, "0.70")))
    world.publish(deck(2, [Rate(Direction.OUTBOUND, "33", "", "France", (cheap, dear))]), at=0)
    midnight = 11 * 3_600
    world.start(at=midnight - 10)
    world.answer(at=midnight + 10)
    assert world.call().hold.amount_micros == 600_000

    answer = world.extend(at=midnight + 60, granted=60, elapsed=50)

    assert answer == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=PaysFrom.CREDIT)
    assert world.call().hold.amount_micros == 700_000
