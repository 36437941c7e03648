"""A low balance is told once for each crossing, however it dances (money.md 58)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging.watching import BalanceAlert, CreditWatch, after_movement
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import Event, EventKind
from talktime.core.values.money import MICROS_PER_UNIT

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
ACME = Organization(1, "Acme", "US", "USD", ZoneInfo("America/New_York"), "deck")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def credit(units: int) -> Credit:
    lot = CreditLot(1, LotKind.PURCHASED, 1_000 * MICROS_PER_UNIT, NOON - DAY, NOON + 300 * DAY)
    return Credit((replace(lot, spent_micros=(1_000 - units) * MICROS_PER_UNIT),), 0)


def watch(*thresholds: int) -> CreditWatch:
    return CreditWatch(alerts=tuple(BalanceAlert(each * MICROS_PER_UNIT) for each in thresholds))


def told(watched: CreditWatch, *balances: int, every: timedelta = HOUR) -> list[Event]:
    """Let the balance move from 500 to each of these, one after the other; return what is told of thresholds."""
    events: list[Event] = []
    before, at = credit(500), NOON
    for units in balances:
        at += every
        moved = after_movement(ACME, watched, before, credit(units), at)
        watched, before = moved.watch, credit(units)
        events += [event for event in moved.events if event.kind is EventKind.BALANCE_LOW]
    return events


def thresholds(events: list[Event]) -> list[int]:
    return [int(dict(event.details)["threshold_micros"]) // MICROS_PER_UNIT for event in events]


def test_a_balance_that_stays_low_is_told_once() -> None:
    assert thresholds(told(watch(100), 99, 80, 60, 99, every=2 * DAY)) == [100]


def test_a_balance_that_dances_around_the_threshold_is_told_once() -> None:
    assert thresholds(told(watch(100), 99, 101, 99, 109, 99, every=2 * DAY)) == [100]


def test_a_balance_that_recovered_and_dips_again_is_told_again_but_not_twice_a_day() -> None:
    assert thresholds(told(watch(100), 99, 110, 99, every=HOUR)) == [100]
    assert thresholds(told(watch(100), 99, 110, 99, every=DAY)) == [100, 100]


def test_of_thresholds_crossed_together_the_deepest_is_told_and_none_later() -> None:
    assert thresholds(told(watch(300, 200, 100), 150, 149, 99)) == [200, 100]


@given(st.lists(st.integers(0, 500), max_size=30))
def test_whatever_the_balance_does_a_threshold_is_told_once_a_day_at_most(balances: list[int]) -> None:
    events = told(watch(250, 100), *balances, every=5 * HOUR)

    for threshold in (250, 100):
        instants = [event.occurred_at for event in events if thresholds([event]) == [threshold]]
        assert all(later - earlier >= DAY for earlier, later in pairwise(instants))


@given(st.lists(st.integers(0, 500), max_size=30))
def test_every_event_has_an_id_of_its_own(balances: list[int]) -> None:
    ids = [event.event_id for event in told(watch(250, 100), *balances, every=DAY)]

    assert len(ids) == len(set(ids))
