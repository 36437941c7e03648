from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import AnswerCall, EndCall, StartCall
from talktime.core.organizations.users import NumberUse
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import ANY_TIME, Price, PriceStep
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.core.values.periods import Period
from talktime.core.values.places import read_zone
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.manage_users import AddServiceNumber, add_service_number
from talktime.usecases.organizations.numbering.show_numbers import NumbersWatched, watch_numbers
from tests.usecases.organizations.numbering.worlds import NOON, NumberWorld

QUIET, BUSY, SILENT = "18005550101", "18005550102", "18005550103"
# March in New York begins five hours after that of UTC, and ends four hours after it.
MARCH = Period(datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC))
HUNDRED_MINUTES = 6_000


@pytest.fixture
def called(world: NumberWorld) -> NumberWorld:
    """Give Acme three toll-free numbers that it brought, credit and a rate; it is March."""
    world.app.run(_publish, NOON - timedelta(days=30))
    world.app.run(add_credit, AddCredit("Acme", 100 * MICROS_PER_UNIT, "opening", NOON - timedelta(days=30)))
    for number in (QUIET, BUSY, SILENT):
        world.app.run(add_service_number, AddServiceNumber("Acme", number, NumberUse.TOLL_FREE))
    return world


def call(world: NumberWorld, number: str, at: datetime, seconds: int) -> None:
    charging = world.app.open_charging()
    key = CallKey("proxy", f"{number} at {at}")
    for request in (
        StartCall(key, at, "12065550100", number),
        AnswerCall(key, at, at),
        EndCall(key, at + timedelta(seconds=seconds), seconds),
    ):
        charging.charge([request])
    charging.close()


def watch(world: NumberWorld) -> NumbersWatched:
    return world.app.read(watch_numbers, LookAt("Acme", world.at))


def test_a_number_with_less_than_a_hundred_minutes_in_the_last_full_month_is_at_risk(called: NumberWorld) -> None:
    call(called, QUIET, NOON, HUNDRED_MINUTES - 1)
    call(called, BUSY, NOON, HUNDRED_MINUTES - 60)
    call(called, BUSY, NOON + timedelta(days=1), 60)
    called.at = MARCH.ends_at

    found = watch(called)

    assert found.month == MARCH
    assert [(each.held.phone.listing.number, each.used_seconds, each.is_at_risk) for each in found.numbers] == [
        (SILENT, 0, True),
        (QUIET, HUNDRED_MINUTES - 1, True),
        (BUSY, HUNDRED_MINUTES, False),
    ]


def test_the_month_is_that_of_the_organizations_calendar(called: NumberWorld) -> None:
    call(called, QUIET, MARCH.starts_at - timedelta(seconds=1), 60)
    call(called, QUIET, MARCH.ends_at, 60)
    call(called, BUSY, MARCH.starts_at, 60)
    call(called, BUSY, MARCH.ends_at - timedelta(seconds=1), 60)
    called.at = MARCH.ends_at + timedelta(days=29)

    used = {each.held.phone.listing.number: each.used_seconds for each in watch(called).numbers}

    assert used == {QUIET: 0, BUSY: 120, SILENT: 0}


def test_a_number_that_came_during_the_month_is_not_watched_before_the_next(called: NumberWorld) -> None:
    [number] = called.have(NumberUse.TOLL_FREE)
    called.at = MARCH.ends_at

    before = {each.held.phone.listing.number for each in watch(called).numbers}
    called.at = datetime(2026, 5, 1, 4, tzinfo=UTC)

    assert number not in before
    assert number in {each.held.phone.listing.number for each in watch(called).numbers}


def test_numbers_that_are_not_active_and_toll_numbers_are_not_watched(called: NumberWorld) -> None:
    called.have(NumberUse.TOLL)
    called.offer(NumberUse.TOLL_FREE, 1)
    called.place(called.reserve(NumberUse.TOLL_FREE).order.order_id)
    called.at = datetime(2026, 5, 1, 4, tzinfo=UTC)

    assert {each.held.phone.listing.number for each in watch(called).numbers} == {QUIET, BUSY, SILENT}


def _publish(tx: Transaction, at: datetime) -> None:
    version = tx.rates.stage("standard", "deck.csv", DeckTerms("USD", read_zone("UTC")), at)
    price = Price(0, (PriceStep(0, 60, 10_000_000),), ANY_TIME)
    tx.rates.add_rates(version.version_id, [Rate(Direction.TOLL_FREE_INBOUND, "1", "", "USA", (price,))])
    tx.rates.complete(version.version_id, 1)
    tx.rates.publish(version, (Direction.TOLL_FREE_INBOUND,), start=at + timedelta(hours=1), at=at)
