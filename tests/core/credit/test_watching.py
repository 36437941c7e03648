"""What follows when credit moves: one recharge, and each thing told once; thresholds stand in test_low_balance."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying.purchases import PurchaseCause, PurchaseState
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.recharge import NO_RECHARGE, HoldBackReason, PauseReason
from talktime.core.credit.recharging.watching import BalanceAlert, CreditWatch, Watched
from tests.core.credit.buying import DAY, EXAMPLE, HOUR, NOON, POLICY, credit, told, units, watch


def moved(
    watched: CreditWatch, was: int, remains: int, *, at: datetime = NOON, owed: int = 0, wants: bool = False
) -> Watched:
    """Let credit move from so many units to so many."""
    return watching.after_movement(EXAMPLE, watched, credit(was), credit(remains, owed=owed), at, wants_credit=wants)


def test_what_crosses_the_trigger_makes_a_recharge_due_at_once() -> None:
    """Case 1: the purchase is there with the movement, named by its epoch."""
    watched = moved(watch(), 120, 99)

    assert watched.purchase is not None
    assert (watched.purchase.purchase_id, watched.purchase.epoch) == ("recharge-1", 1)
    assert (watched.purchase.cause, watched.purchase.state) == (PurchaseCause.RECHARGE, PurchaseState.DUE)
    assert (watched.purchase.amount_micros, watched.purchase.method_id) == (units(200), 1)
    assert (watched.purchase.created_at, watched.purchase.next_step_at) == (NOON, NOON)
    assert watched.watch.progress.open_purchase_id == "recharge-1"
    assert told(watched) == []


def test_the_others_that_cross_find_it_pending() -> None:
    """Case 1."""
    first = moved(watch(), 120, 99)

    second = moved(first.watch, 99, 50)

    assert second == Watched(first.watch)


def test_what_is_held_counts_as_gone() -> None:
    """Case 3: available is posted less held."""
    before = credit(150)
    held = Credit((before.lots[0].moved(held=units(60)),))

    watched = watching.after_movement(EXAMPLE, watch(), before, held, NOON)

    assert watched.purchase is not None


def test_nothing_follows_from_a_movement_that_nobody_watches() -> None:
    quiet = CreditWatch()

    assert moved(quiet, 100, 50) == Watched(quiet)
    assert moved(watch(), 300, 250) == Watched(watch())


def test_without_a_way_to_pay_it_pauses_and_says_so_once() -> None:
    unpaid = watch(replace(POLICY, method_id=None))

    paused = moved(unpaid, 120, 99)

    assert told(paused) == ["recharge_paused"]
    assert dict(paused.events[0].details)["reason"] == "method_unusable"
    assert paused.watch.progress.paused is PauseReason.METHOD_UNUSABLE
    assert moved(paused.watch, 99, 90) == Watched(paused.watch)


def test_a_recharge_that_waits_says_why_and_until_when_once() -> None:
    """Case 20."""
    capped = watch(replace(POLICY, cap_per_month_micros=units(199)))

    held_back = moved(capped, 120, 99)
    again = moved(held_back.watch, 99, 90, at=NOON + HOUR)

    assert told(held_back) == ["recharge_held_back"]
    details = dict(held_back.events[0].details)
    assert (details["reason"], details["until_at"]) == ("month_cap", "2026-04-01T04:00:00+00:00")
    assert (details["amount_micros"], details["trigger_micros"]) == (str(units(200)), str(units(100)))
    assert held_back.watch.progress.held_back is not None
    assert held_back.watch.progress.held_back.reason is HoldBackReason.MONTH_CAP
    assert again == Watched(held_back.watch)


def test_what_was_held_back_is_recharged_once_it_may_be() -> None:
    capped = watch(replace(POLICY, cap_per_month_micros=units(199)))
    held_back = moved(capped, 120, 99).watch

    raised = replace(held_back, policy=POLICY)
    due = moved(raised, 99, 90, at=NOON + HOUR)

    assert due.purchase is not None
    assert due.watch.progress.held_back is None


@pytest.mark.parametrize(("was", "remains", "owed"), [(5, 0, 0), (5, 0, 3)])
def test_a_balance_that_is_gone_is_told_once_until_it_is_funded(was: int, remains: int, owed: int) -> None:
    """Case 56."""
    quiet = CreditWatch()

    gone = moved(quiet, was, remains, owed=owed)

    assert told(gone)[0] == "balance_exhausted"
    assert "balance_exhausted" not in told(moved(gone.watch, 0, 0, wants=True))
    refunded = watching.funded(gone.watch, credit(10))
    assert not refunded.is_exhaustion_told
    assert watching.funded(gone.watch, credit(0)) is gone.watch
    assert watching.funded(quiet, credit(10)) is quiet
    assert told(moved(refunded, 10, 0)) == ["balance_exhausted"]


def test_a_refused_call_says_that_the_balance_is_gone_although_a_fraction_of_a_cent_is_left() -> None:
    """Case 56: it buys no minute."""
    assert told(moved(CreditWatch(), 5, 5, wants=True)) == ["balance_exhausted"]


def test_a_balance_below_zero_is_told_when_it_falls_there() -> None:
    """Case 57."""
    below = moved(CreditWatch(), 5, 0, owed=1)

    assert told(below) == ["balance_exhausted", "balance_overdrawn"]
    assert below.events[0].balance_micros == -units(1)
    assert told(watching.after_movement(EXAMPLE, below.watch, credit(0, owed=1), credit(0, owed=9), NOON)) == []


def test_events_are_numbered_so_that_each_has_an_id_of_its_own() -> None:
    watched = moved(CreditWatch(), 5, 0, owed=1)

    assert [event.event_id for event in watched.events] == ["balance_exhausted:1", "balance_overdrawn:2"]
    assert watched.watch.events_count == 2
    assert dict(watched.events[0].details)["currency"] == "USD"


def test_a_threshold_that_is_crossed_again_and_again_is_told_a_day_after_it_was_told() -> None:
    """Case 58: what is not told within the day does not put off the next time."""
    alerted = replace(watch(NO_RECHARGE), alerts=(BalanceAlert(units(100)),))
    instants = []
    for number in range(6):
        at = NOON + number * 13 * HOUR
        low = moved(alerted, 120, 90, at=at)
        instants += [at] * len(low.events)
        alerted = moved(low.watch, 90, 120, at=at + HOUR).watch

    assert instants == [NOON, NOON + 26 * HOUR, NOON + 52 * HOUR]


def test_whatever_is_below_the_trigger_is_told_of_alike_whether_it_recharges_or_not() -> None:
    alerts = (BalanceAlert(units(50)), BalanceAlert(units(80)))

    low = moved(replace(watch(), alerts=alerts), 120, 40)

    assert told(low) == ["balance_low"]
    assert dict(low.events[0].details)["threshold_micros"] == str(units(50))
    assert low.purchase is not None


@given(st.lists(st.tuples(st.integers(-20, 200), st.booleans()), max_size=40))
def test_whatever_moves_there_is_one_open_recharge_at_most(balances: list[tuple[int, bool]]) -> None:
    watched, was, at = replace(watch(), alerts=(BalanceAlert(units(30)),)), credit(150), NOON
    epochs = []
    for balance, wants in balances:
        at += DAY / 10
        remains = credit(max(0, balance), owed=max(0, -balance))
        was_open = watched.progress.open_purchase_id
        after = watching.after_movement(EXAMPLE, watched, was, remains, at, wants_credit=wants)
        if after.purchase is not None:
            assert was_open is None
            assert balance < 100
            epochs.append(after.purchase.epoch)
        watched, was = after.watch, remains
    assert epochs in ([], [1])
