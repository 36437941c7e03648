"""Money that pays for a call: credit, then the bill; capped for users and departments, stopped where it runs away."""

from dataclasses import replace

import pytest

from talktime.core.calls.calls import DenialReason, PaysFrom
from talktime.core.calls.counting.meters import Meter, calls_meter
from talktime.core.calls.requests import Denied, Finished, Granted
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.values.events import EventKind
from tests.core.calls.world import (
    BERLIN,
    BOB,
    LONDON,
    NEW_YORK,
    NOON,
    ORGANIZATION,
    PARIS,
    TOLL_FREE,
    USER,
    World,
    deck,
    facts,
    granted_seconds,
    lot,
)
from tests.core.rates.tariffs import price

CREDIT, OVERAGE = PaysFrom.CREDIT, PaysFrom.OVERAGE
USERS, SALES, BILL = "user/1/2026-06", "department/Sales/2026-06", "overage/2026-06"
AFTER_USE = replace(ORGANIZATION, mode=BillingMode.POSTPAID)
# Paris costs 10,000 micros a second.
SECOND = 10_000
NO_CAPS = Caps()


def capped(*parts: CreditLot, **caps: object) -> World:
    arrangements = Arrangements(1, caps=Caps(**caps))  # type: ignore[arg-type]
    return World(facts(*parts or (lot(1, "10"),), user=replace(USER, department="Sales"), arrangements=arrangements))


def billed(*parts: CreditLot, limit: int | None = None, caps: Caps = NO_CAPS) -> World:
    arrangements = Arrangements(1, overage=Overage(is_on=True, limit_per_month_micros=limit), caps=caps)
    return World(facts(*parts, organization=AFTER_USE, arrangements=arrangements))


def rows(world: World) -> list[tuple[PaysFrom, int, int, int]]:
    """Return who paid, seconds, billed seconds and micros of each row."""
    return [(row.paid_by, row.used_seconds, row.billed_seconds, row.cost_micros) for row in world.usage]


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("caps", "meter"),
    [
        ({"each_user_micros": 90 * SECOND}, USERS),
        ({"each_user_micros": 1, "by_user_micros": {1: 90 * SECOND}}, USERS),
        ({"by_department_micros": {"Sales": 90 * SECOND}}, SALES),
        ({"each_user_micros": 5_000 * SECOND, "by_department_micros": {"Sales": 90 * SECOND}}, SALES),
    ],
)
def test_a_cap_is_held_while_a_call_runs_and_ends_it(caps: dict[str, object], meter: str) -> None:
    world = capped(**caps)
    world.start(PARIS)
    assert world.meter(meter) == Meter(0, 60 * SECOND)

    assert world.extend(at=50, granted=60) == Granted(90, is_final=True, recheck_after_seconds=90, pays_from=CREDIT)
    assert world.meter(meter) == Meter(0, 90 * SECOND)
    world.end(75, at=80)

    assert world.meter(meter) == Meter(75 * SECOND, 0)
    assert granted_seconds(world.start(PARIS, at=90, name="c2")) == 15


def test_two_calls_at_once_share_a_cap() -> None:
    world = capped(each_user_micros=90 * SECOND)

    answers = [world.start(PARIS, name=name) for name in ("c1", "c2", "c3")]

    assert [granted_seconds(answer) for answer in answers[:2]] == [60, 30]
    assert answers[2] == Denied(DenialReason.USER_CAP_REACHED)


def test_a_cap_that_stops_a_call_does_not_say_that_the_credit_is_gone() -> None:
    """Nobody is mailed, and nothing recharged, because a user came to his cap."""
    world = capped(lot(1, "1"), each_user_micros=90 * SECOND)
    world.start(PARIS)

    world.extend(at=50, granted=60)

    assert world.call().is_final
    assert world.events == []


def test_where_the_credit_ends_before_the_cap_it_is_told() -> None:
    world = capped(lot(1, "0.90"), each_user_micros=90 * SECOND)
    world.start(PARIS)

    world.extend(at=50, granted=60)

    assert [event.kind for event in world.events] == [EventKind.BALANCE_EXHAUSTED]


def test_an_overrun_counts_against_the_cap() -> None:
    world = capped(each_user_micros=60 * SECOND)
    world.start(PARIS)

    world.end(75, at=80)

    assert world.meter(USERS) == Meter(75 * SECOND, 0)
    assert world.start(PARIS, at=90, name="c2") == Denied(DenialReason.USER_CAP_REACHED)


def test_a_cap_on_money_does_not_end_a_call_that_costs_nothing_more() -> None:
    world = capped(each_user_micros=0)
    world.facts = replace(
        world.facts, decks={1: deck(1, (Rate(Direction.OUTBOUND, "33", "", "France", (price(60, 60, "0"),)),))}
    )

    assert granted_seconds(world.start(PARIS)) == 60


def test_a_toll_free_call_that_costs_nothing_needs_a_balance_and_not_what_a_cap_leaves() -> None:
    """S4."""
    world = capped(each_user_micros=0)
    free = deck(1, (Rate(Direction.TOLL_FREE_INBOUND, "1800", "", "Free", (price(60, 60, "0"),)),))
    world.facts = replace(world.facts, decks={1: free})

    assert granted_seconds(world.start(TOLL_FREE, caller=PARIS, organizer="ada@example.com")) == 60


def test_a_cap_that_comes_off_during_a_call_ends_it_no_more() -> None:
    world = capped(each_user_micros=90 * SECOND)
    world.start(PARIS)

    world.arrange(Arrangements(2))

    assert granted_seconds(world.extend(at=50, granted=60)) == 120


def test_caps_do_not_bind_calls_to_service_numbers_or_of_nobody() -> None:
    world = capped(each_user_micros=0)

    assert granted_seconds(world.start(TOLL_FREE, caller=PARIS)) == 60


# ── after use ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_pays_after_use_finds_the_call_on_the_bill() -> None:
    """S41."""
    world = billed()

    assert world.start(PARIS) == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=OVERAGE)
    assert world.meter(BILL) == Meter(0, 60 * SECOND)
    assert world.end(45, at=50) == Finished(45, 45 * SECOND, "EUR")

    assert rows(world) == [(OVERAGE, 45, 45, 45 * SECOND)]
    assert world.journal == [Posting(Account.ACCRUED, Account.REVENUE, 45 * SECOND)]
    assert (world.meter(BILL), world.credit.receivable_micros) == (Meter(45 * SECOND, 0), 0)


def test_what_is_left_of_the_credit_is_drained_first_in_the_same_call() -> None:
    """S41: a part paid by credit, a part on the bill, one connection fee."""
    world = billed(lot(1, "0.10"))
    world.start(BERLIN)
    world.extend(at=50, granted=60)
    assert world.call().hold.amount_micros == 100_000

    world.end(110, at=115)

    assert rows(world) == [(CREDIT, 60, 60, 100_000), (OVERAGE, 50, 60, 40_000)]
    assert [row.connection_fee_micros for row in world.usage] == [20_000, 0]
    assert world.journal == [
        Posting(Account.LOT, Account.REVENUE, 100_000, 1),
        Posting(Account.ACCRUED, Account.REVENUE, 40_000),
    ]
    assert (world.meter(BILL), world.credit.balance_micros) == (Meter(40_000, 0), 0)
    assert [row.line for row in world.usage] == [0, 1]
    assert len(set(world.entry_ids)) == 2


def test_credit_that_pays_less_than_the_fee_shows_that_much_of_it() -> None:
    world = billed(lot(1, "0.015"))
    world.start(BERLIN)

    world.end(30, at=35)

    assert rows(world) == [(CREDIT, 0, 0, 15_000), (OVERAGE, 30, 60, 65_000)]
    assert [row.connection_fee_micros for row in world.usage] == [15_000, 5_000]


def test_the_month_s_limit_ends_the_call_and_nobody_is_told_that_credit_is_gone() -> None:
    world = billed(limit=90 * SECOND)
    world.start(PARIS)

    last = world.extend(at=50, granted=60)

    assert last == Granted(90, is_final=True, recheck_after_seconds=90, pays_from=OVERAGE)
    assert world.events == []
    assert world.start(PARIS, at=60, name="c2") == Denied(DenialReason.OVERAGE_LIMIT_REACHED)


def test_credit_and_bill_together_pay_a_block_that_neither_pays_alone() -> None:
    world = billed(lot(1, "0.05"), limit=30_000)

    assert world.start(BERLIN) == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=CREDIT)
    assert (world.call().hold.amount_micros, world.call().hold.overage_micros) == (50_000, 30_000)
    assert world.meter(BILL) == Meter(0, 30_000)
    world.end(0, at=20)

    assert (world.meter(BILL), world.available()) == (Meter(), 50_000)


def test_a_cap_counts_the_credit_and_the_bill() -> None:
    world = billed(lot(1, "0.30"), caps=Caps(each_user_micros=50 * SECOND))

    assert granted_seconds(world.start(PARIS)) == 50
    assert (world.meter(USERS), world.meter(BILL)) == (Meter(0, 50 * SECOND), Meter(0, 20 * SECOND))
    world.end(50, at=51)

    assert world.meter(USERS) == Meter(50 * SECOND, 0)
    assert rows(world) == [(CREDIT, 30, 30, 30 * SECOND), (OVERAGE, 20, 20, 20 * SECOND)]


def test_overage_that_is_switched_off_during_a_call_keeps_its_promise_and_makes_no_other() -> None:
    world = billed()
    world.start(PARIS)
    world.arrange(Arrangements(2))

    assert world.extend(at=50, granted=60) == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=OVERAGE)
    world.end(60, at=61)

    assert rows(world) == [(OVERAGE, 60, 60, 60 * SECOND)]
    assert world.start(PARIS, at=70, name="c2") == Denied(DenialReason.OVERAGE_OFF)


def test_an_organization_that_pays_before_use_again_puts_no_more_on_the_bill() -> None:
    world = billed()
    world.start(PARIS)
    prepaid = replace(AFTER_USE, mode=BillingMode.PREPAID)
    world.facts = replace(world.facts, organizations={prepaid.organization_id: prepaid})

    assert world.extend(at=50, granted=60) == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=OVERAGE)


def test_an_overrun_beyond_the_limit_is_on_the_bill_and_not_a_debt() -> None:
    world = billed(limit=60 * SECOND)
    world.start(PARIS)

    world.end(75, at=80)

    assert rows(world) == [(OVERAGE, 75, 75, 75 * SECOND)]
    assert (world.meter(BILL), world.credit.receivable_micros) == (Meter(75 * SECOND, 0), 0)


def test_a_silent_and_a_late_call_are_on_the_bill_once() -> None:
    world = billed()
    world.start(PARIS)
    world.close(at=600)
    assert world.meter(BILL) == Meter()

    world.end(100, at=700)
    world.end(100, at=701)

    assert rows(world) == [(OVERAGE, 0, 0, 0), (OVERAGE, 100, 100, 100 * SECOND)]
    assert world.meter(BILL) == Meter(100 * SECOND)


def test_without_overage_the_credit_that_is_left_pays_and_then_no_more() -> None:
    world = World(facts(lot(1, "0.30"), organization=AFTER_USE))

    assert granted_seconds(world.start(PARIS)) == 30
    world.end(30, at=31)

    assert world.start(PARIS, at=40, name="c2") == Denied(DenialReason.OVERAGE_OFF)


def test_overage_pays_toll_free_calls_without_any_balance() -> None:
    """D19."""
    assert granted_seconds(billed().start(TOLL_FREE, caller=PARIS)) == 60


def test_minutes_then_credit_then_the_bill_pay_one_call() -> None:
    planned = replace(USER, licenses=License.PHONE_SYSTEM | License.DOMESTIC, usage_location="DE")
    arrangements = Arrangements(1, assigned={(License.DOMESTIC, "DE"): 1}, overage=Overage(is_on=True))
    world = World(facts(lot(1, "0.06"), organization=AFTER_USE, user=planned, arrangements=arrangements))
    world.start(BERLIN)
    answers = [world.extend(at=at, granted=at) for at in (60, 120, 180)]

    world.end(200, at=205)

    assert [answer.pays_from for answer in answers if isinstance(answer, Granted)] == [
        PaysFrom.MINUTES,
        CREDIT,
        CREDIT,
    ]
    assert rows(world) == [
        (PaysFrom.MINUTES, 120, 120, 0),
        (CREDIT, 60, 60, 60_000),
        (OVERAGE, 20, 60, 60_000),
    ]


def test_a_call_whose_minutes_end_goes_on_the_bill_where_there_is_no_credit() -> None:
    planned = replace(USER, licenses=License.PHONE_SYSTEM | License.DOMESTIC, usage_location="DE")
    arrangements = Arrangements(1, assigned={(License.DOMESTIC, "DE"): 1}, overage=Overage(is_on=True))
    world = World(facts(organization=AFTER_USE, user=planned, arrangements=arrangements))
    world.start(BERLIN)
    world.extend(at=60, granted=60)

    assert world.extend(at=120, granted=120) == Granted(
        180, is_final=False, recheck_after_seconds=170, pays_from=OVERAGE
    )


# ── stops ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def stopped(calls_per_hour: int, licenses: License = USER.licenses) -> World:
    stops = Stops(calls_per_hour=calls_per_hour)
    user = replace(USER, licenses=licenses)
    return World(facts(lot(1, "10"), user=user, arrangements=Arrangements(1, stops=stops)))


def test_a_user_begins_so_many_calls_in_a_clock_hour_and_no_more() -> None:
    world = stopped(2)

    answers = [world.start(PARIS, name=str(number), at=number * 1_800) for number in range(4)]

    assert [type(answer) for answer in answers] == [Granted, Granted, Granted, Granted]
    assert world.meter(calls_meter(1, NOON)) == Meter(2)
    assert world.start(PARIS, name="5", at=5_500) == Denied(DenialReason.TOO_MANY_CALLS)


def test_refused_and_repeated_and_incoming_calls_and_calls_for_help_do_not_count() -> None:
    world = stopped(2)
    world.start(PARIS)

    world.start(PARIS)
    world.start("1234", name="refused")
    world.start(TOLL_FREE, caller=PARIS, name="incoming")
    world.start(BOB, caller=PARIS, name="to Bob")
    world.start("112", name="help")

    assert world.meter(calls_meter(1, NOON)) == Meter(1)


def test_calls_that_an_add_on_includes_count_too() -> None:
    """They are checked by the stop, so they must count: a stolen account dials them as well."""
    world = stopped(2, License.AUDIO_CONFERENCING | License.EXTENDED_DIAL_OUT)

    answers = [world.start(NEW_YORK, organizer="ada@example.com", name=str(number)) for number in range(3)]

    assert [type(answer) for answer in answers] == [Granted, Granted, Denied]


def test_the_high_cost_stop_looks_at_the_dearest_minute() -> None:
    at_its_price = Arrangements(1, stops=Stops(highest_nanos_per_minute=600_000_000))

    assert granted_seconds(World(facts(lot(1, "10"), arrangements=at_its_price)).start(PARIS)) == 60


def test_the_high_cost_stop_does_not_stop_calls_that_minutes_pay() -> None:
    user = replace(USER, licenses=License.PHONE_SYSTEM | License.DOMESTIC)
    arrangements = Arrangements(1, stops=Stops(highest_nanos_per_minute=0), assigned={(License.DOMESTIC, "GB"): 1})

    answer = World(facts(user=user, arrangements=arrangements)).start(LONDON)

    assert isinstance(answer, Granted)
    assert answer.pays_from is PaysFrom.MINUTES
