"""Calls that turn out to have lasted otherwise: the difference is charged or given back, and nothing is rewritten."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind, CallState, Ending, Flags, PaysFrom
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.requests import Finished, Parked
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from tests.core.calls.corrected import CorrectedWorld
from tests.core.calls.world import (
    BERLIN,
    LONDON,
    NOON,
    ORGANIZATION,
    PARIS,
    TOKYO,
    USER,
    facts,
    lot,
)

# Paris costs 10,000 micros a second.
SECOND = 10_000
LOT, REVENUE, BREAKAGE, RECEIVABLE = Account.LOT, Account.REVENUE, Account.BREAKAGE, Account.RECEIVABLE
ACCRUED = Account.ACCRUED
DAY = 86_400
BRITISH = "pool/MCOPSTN1/GB/domestic/2026-06"
BILL = "overage/2026-06"


def prepaid(*parts: CreditLot) -> CorrectedWorld:
    return CorrectedWorld(facts(*parts or (lot(1, "10"),)))


def pooled(*parts: CreditLot) -> CorrectedWorld:
    """Ada has 3 domestic minutes, and credit after them."""
    licenses = License.PHONE_SYSTEM | License.DOMESTIC | License.COMMUNICATIONS_CREDITS
    arrangements = Arrangements(1, assigned={(License.DOMESTIC, "GB"): 1}, caps=Caps(each_user_micros=10**9))
    return CorrectedWorld(facts(*parts, user=replace(USER, licenses=licenses), arrangements=arrangements))


def billed(*parts: CreditLot) -> CorrectedWorld:
    arrangements = Arrangements(1, overage=Overage(is_on=True, limit_per_month_micros=None))
    organization = replace(ORGANIZATION, mode=BillingMode.POSTPAID)
    return CorrectedWorld(facts(*parts, organization=organization, arrangements=arrangements))


def talked(world: CorrectedWorld, used: int, called: str = PARIS) -> CorrectedWorld:
    """Let a call be answered at once and last so long."""
    world.start(called)
    world.answer(at=0)
    world.end(used, at=used)
    return world


def test_a_call_that_was_shorter_gives_the_difference_back_by_a_row_and_an_entry_of_its_own() -> None:
    world = talked(prepaid(), 60)
    first = world.usage[0]

    assert world.correct(20, at=DAY) == Finished(20, 20 * SECOND, "EUR")

    again, back = world.usage
    assert again == first
    assert (back.line, back.used_seconds, back.billed_seconds, back.cost_micros) == (1, -40, -40, -40 * SECOND)
    assert (back.correction_reference, back.correction_reason) == ("correction 1", "the switch says so")
    assert world.journal[-1] == Posting(REVENUE, LOT, 40 * SECOND, 1)
    assert world.entry_ids == ["call:proxy||c1:0", "call:proxy||c1:1"]
    assert world.available() == 10_000_000 - 20 * SECOND


def test_a_call_that_was_longer_is_charged_the_rest() -> None:
    world = talked(prepaid(), 60)

    assert world.correct(90, at=DAY) == Finished(90, 90 * SECOND, "EUR")

    assert (world.usage[1].used_seconds, world.usage[1].cost_micros) == (30, 30 * SECOND)
    assert world.journal[-1] == Posting(LOT, REVENUE, 30 * SECOND, 1)
    assert world.call().result is not None
    assert world.call().result.used_seconds == 90  # type: ignore[union-attr]


def test_the_same_correction_comes_into_force_once() -> None:
    world = talked(prepaid(), 60)
    world.correct(20, at=DAY, reference="CDR 7")
    world.correct(30, at=DAY, reference="CDR 8")
    rows = list(world.usage)

    assert world.correct(20, at=2 * DAY, reference="CDR 7") == Finished(30, 30 * SECOND, "EUR")

    assert (world.usage, world.available()) == (rows, 10_000_000 - 30 * SECOND)


def test_a_correction_that_changes_nothing_is_on_record_and_does_not_come_into_force_later() -> None:
    world = talked(prepaid(), 60)
    world.correct(60, at=DAY, reference="CDR 7")
    world.correct(30, at=DAY, reference="CDR 8")

    assert world.correct(60, at=DAY, reference="CDR 7") == Finished(30, 30 * SECOND, "EUR")

    assert [(row.used_seconds, row.cost_micros) for row in world.usage] == [(60, 600_000), (0, 0), (-30, -300_000)]


def test_corrections_in_one_batch_build_on_each_other() -> None:
    world = talked(prepaid(), 60)
    one = world.clone()

    world.correct(30, at=DAY)
    world.correct(50, at=DAY)
    one.correct(50, at=DAY)

    assert world.credit == one.credit
    assert world.sums() == one.sums()


def test_what_the_record_says_of_the_old_duration_is_said_no_more() -> None:
    world = prepaid()
    world.start()
    world.answer(at=0)
    world.close(at=10_000)
    assert world.usage[0].flags is Flags.RECONSTRUCTED

    world.correct(35, at=DAY)

    result = world.call().result
    assert result is not None
    assert (result.flags, result.ending, result.ended_at) == (
        Flags.CORRECTED,
        Ending.SILENT,
        NOON + timedelta(seconds=35),
    )
    assert world.end(35, at=DAY) == Finished(35, 35 * SECOND, "EUR")


def test_a_call_that_ran_past_its_grant_says_so() -> None:
    world = talked(prepaid(), 60)

    world.correct(61, at=DAY)

    assert world.usage[-1].flags == Flags.CORRECTED | Flags.OVERRUN


def test_a_call_that_was_given_up_is_charged_as_of_its_answer() -> None:
    world = prepaid()
    world.start(BERLIN)
    world.close(at=10_000)
    assert world.call().state is CallState.LAPSED

    assert world.correct(75, at=DAY, answered=20) == Finished(75, 140_000, "EUR")

    row = world.usage[-1]
    assert world.call().state is CallState.FINISHED
    assert (row.answered_at, row.ended_at) == (NOON + timedelta(seconds=20), NOON + timedelta(seconds=95))
    assert (row.connection_fee_micros, row.flags) == (20_000, Flags.CORRECTED | Flags.LATE | Flags.OVERRUN)


def test_a_call_that_was_not_answered_counts_from_its_start_where_nobody_says_more() -> None:
    world = prepaid()
    world.start()
    world.end(0, at=30)

    world.correct(10, at=DAY)

    assert (world.usage[-1].answered_at, world.usage[-1].ending) == (NOON, Ending.HANGUP)


def test_a_call_that_was_given_up_and_not_answered_is_over() -> None:
    world = prepaid()
    world.start()
    world.close(at=10_000)

    assert world.correct(0, at=DAY) == Finished(0, 0, "EUR")

    assert (world.call().state, world.usage[-1].flags) == (CallState.FINISHED, Flags.CORRECTED)


def test_a_refused_call_that_did_not_last_needs_no_correction() -> None:
    world = prepaid()
    world.start(TOKYO)

    assert world.correct(0, at=DAY) == Finished(0, 0, "EUR")
    assert world.usage == []


@pytest.mark.parametrize(
    ("prepare", "used", "reason"),
    [
        (lambda _: None, 10, "no start was seen"),
        (lambda world: world.start(TOKYO), 10, "refused, and lasted all the same"),
        (lambda world: world.start(PARIS), 10, "open still"),
        (lambda world: talked(world, 10), -1, "negative"),
        (lambda world: talked(world, 10), 321, "longer than the time since the call was started"),
    ],
)
def test_what_cannot_be_corrected_is_kept_with_the_reason(
    prepare: Callable[[CorrectedWorld], object], used: int, reason: str
) -> None:
    world = prepaid()
    prepare(world)
    before = world.facts

    answer = world.correct(used, at=200)

    assert isinstance(answer, Parked)
    assert reason in answer.reason
    assert world.facts == before


# ── where credit comes back to ───────────────────────────────────────────────────────────────────────────────────────


def test_credit_comes_back_to_the_lot_that_was_spent_last_first() -> None:
    world = talked(prepaid(lot(1, "0.20", days=10), lot(2, "5", days=20)), 60)
    assert world.journal == [Posting(LOT, REVENUE, 200_000, 1), Posting(LOT, REVENUE, 400_000, 2)]

    world.correct(10, at=DAY)

    assert world.journal[2:] == [Posting(REVENUE, LOT, 400_000, 2), Posting(REVENUE, LOT, 100_000, 1)]


def test_what_comes_back_to_a_lot_that_has_ended_lapses_at_once_and_is_taken_again_from_there() -> None:
    world = talked(prepaid(lot(1, "1", days=1), lot(2, "5", days=20)), 60)
    world.sweep(at=2 * DAY)

    world.correct(20, at=2 * DAY)

    assert world.journal[-2:] == [Posting(REVENUE, LOT, 400_000, 1), Posting(LOT, BREAKAGE, 400_000, 1)]
    assert world.available(2 * DAY) == 5_000_000

    world.correct(50, at=3 * DAY)

    assert world.journal[-2:] == [Posting(BREAKAGE, LOT, 300_000, 1), Posting(LOT, REVENUE, 300_000, 1)]
    assert world.available(3 * DAY) == 5_000_000


def test_a_longer_call_is_paid_by_the_lots_of_then_within_the_grace_and_by_those_of_now_after_it() -> None:
    within, after_ = (talked(prepaid(lot(1, "5", days=1), lot(2, "5", days=20)), 60) for _ in range(2))

    within.correct(70, at=2 * DAY)
    after_.correct(70, at=9 * DAY)

    assert within.journal[-1] == Posting(LOT, REVENUE, 100_000, 1)
    assert after_.journal[-1] == Posting(LOT, REVENUE, 100_000, 2)


def test_what_was_owed_is_owed_no_more_before_credit_comes_back() -> None:
    world = talked(prepaid(lot(1, "0.50")), 60)
    assert world.credit.receivable_micros == 100_000

    world.correct(40, at=DAY)

    assert world.credit.receivable_micros == 0
    assert world.journal[-2:] == [Posting(REVENUE, RECEIVABLE, 100_000), Posting(REVENUE, LOT, 100_000, 1)]
    assert (world.usage[-1].cost_micros, world.usage[-1].uncovered_micros) == (-200_000, -100_000)


def test_what_a_later_lot_has_repaid_comes_back_to_that_lot() -> None:
    world = talked(prepaid(lot(1, "0.50")), 60)
    world.fund(lot(2, "2"), at=100)
    assert world.available(100) == 1_900_000

    world.correct(50, at=DAY)

    assert world.journal[-2:] == [Posting(REVENUE, RECEIVABLE, 100_000), Posting(RECEIVABLE, LOT, 100_000, 2)]
    assert world.available(DAY) == 2_000_000

    world.correct(60, at=DAY)

    assert world.journal[-1] == Posting(LOT, REVENUE, 100_000, 2)
    assert world.credit.receivable_micros == 0


def test_what_comes_back_repays_first_what_is_owed_for_another_call() -> None:
    world = talked(prepaid(lot(1, "0.60")), 60)
    world.start(name="c2")
    world.fund(lot(2, "0.10"))
    world.start(name="c3")
    world.end(30, at=70, name="c3")
    assert world.credit.receivable_micros == 200_000

    world.correct(30, at=DAY)

    assert world.journal[-2:] == [Posting(REVENUE, LOT, 300_000, 1), Posting(LOT, RECEIVABLE, 200_000, 1)]
    assert (world.credit.receivable_micros, world.available(DAY)) == (0, 100_000)


# ── minutes and the bill ─────────────────────────────────────────────────────────────────────────────────────────────


def test_minutes_come_back_to_their_pool_and_money_before_them() -> None:
    world = talked(pooled(lot(1, "10")), 300, LONDON)
    assert world.meter(BRITISH) == Meter(3, 0)

    assert world.correct(100, at=DAY) == Finished(100, 0, "EUR")

    assert world.meter(BRITISH) == Meter(2, 0)
    assert world.meter("user/1/2026-06") == Meter(0, 0)
    assert world.available() == 10_000_000
    assert [(row.paid_by, row.used_seconds, row.billed_seconds) for row in world.usage[2:]] == [
        (PaysFrom.MINUTES, -80, -60),
        (PaysFrom.CREDIT, -120, -120),
    ]


def test_more_minutes_are_drawn_while_no_money_has_paid() -> None:
    world = talked(pooled(lot(1, "10")), 50, LONDON)

    world.correct(200, at=DAY)

    assert world.meter(BRITISH) == Meter(3, 0)
    assert world.usage[-1].cost_micros == 10_000


def test_minutes_that_somebody_else_has_used_since_are_not_drawn_again() -> None:
    world = talked(pooled(lot(1, "10")), 180, LONDON)
    world.correct(60, at=200)
    world.start(LONDON, at=300, name="c2")
    world.answer(at=300, name="c2")
    world.end(60, at=400, name="c2")

    world.correct(180, at=500)

    assert world.meter(BRITISH) == Meter(3, 0)
    assert [(row.paid_by, row.cost_micros) for row in world.usage[-2:]] == [
        (PaysFrom.MINUTES, 0),
        (PaysFrom.CREDIT, 10_000),
    ]


def test_the_bill_gives_back_before_credit_does() -> None:
    world = talked(billed(lot(1, "0.30")), 60)
    assert world.meter(BILL) == Meter(300_000, 0)

    world.correct(20, at=DAY)

    assert world.meter(BILL) == Meter(0, 0)
    assert world.journal[-2:] == [Posting(REVENUE, LOT, 100_000, 1), Posting(REVENUE, ACCRUED, 300_000)]


def test_once_the_bill_has_begun_to_pay_it_pays_what_is_charged_later() -> None:
    world = talked(billed(lot(1, "0.30")), 60)
    world.fund(lot(2, "5"), at=70)

    world.correct(70, at=DAY)

    assert world.meter(BILL) == Meter(400_000, 0)
    assert world.journal[-1] == Posting(ACCRUED, REVENUE, 100_000)


def test_credit_pays_more_before_the_bill_begins() -> None:
    world = talked(billed(lot(1, "0.70")), 60)

    world.correct(90, at=DAY)

    assert world.meter(BILL) == Meter(200_000, 0)
    assert world.journal[-2:] == [Posting(LOT, REVENUE, 100_000, 1), Posting(ACCRUED, REVENUE, 200_000)]


def test_a_call_that_nothing_counts_is_corrected_without_money() -> None:
    world = prepaid()
    world.start("999", kind=CallKind.EMERGENCY_OUT)
    world.end(60, at=60)

    assert world.correct(30, at=DAY) == Finished(30, 0, "EUR")
    assert [row.used_seconds for row in world.usage] == [60, -30]


def test_minutes_alone_are_corrected_where_no_money_may_pay() -> None:
    world = pooled()
    world.facts = replace(world.facts, organizations={7: replace(ORGANIZATION, has_credit_set_up=False)})
    talked(world, 90, LONDON)

    assert world.correct(30, at=DAY) == Finished(30, 0, "EUR")
    assert world.meter(BRITISH) == Meter(1, 0)
    assert world.correct(0, at=DAY) == Finished(0, 0, "EUR")
    assert world.meter(BRITISH) == Meter(0, 0)


# ── for all ──────────────────────────────────────────────────────────────────────────────────────────────────────────

WORLDS: tuple[Callable[..., CorrectedWorld], ...] = (prepaid, pooled, billed)
LOTS = st.lists(
    st.tuples(st.integers(1, 2_000_000), st.integers(1, 6), st.sampled_from(LotKind)), min_size=1, max_size=3
)
SECONDS = st.integers(0, 400)


def _world(
    make: Callable[..., CorrectedWorld], lots_: list[tuple[int, int, LotKind]], used: int, called: str
) -> CorrectedWorld:
    parts = [
        CreditLot(number, kind, micros, NOON, NOON + timedelta(days=days))
        for number, (micros, days, kind) in enumerate(lots_, start=1)
    ]
    return talked(make(*parts), used, called)


@given(
    make=st.sampled_from(WORLDS),
    lots_=LOTS,
    called=st.sampled_from([PARIS, BERLIN, LONDON]),
    used=SECONDS,
    corrections=st.lists(SECONDS, min_size=1, max_size=5),
    days=st.integers(1, 8),
)
def test_any_corrections_come_to_the_last_one_and_cancel_each_other(
    make: Callable[..., CorrectedWorld],
    lots_: list[tuple[int, int, LotKind]],
    called: str,
    used: int,
    corrections: list[int],
    days: int,
) -> None:
    world = _world(make, lots_, used, called)
    if not world.usage:
        return
    world.sweep(at=days * DAY)
    untouched, once = world.clone(), world.clone()

    for each in corrections:
        world.correct(each, at=days * DAY)
        assert world.earned_micros() == sum(row.cost_micros for row in world.usage) >= 0
        assert all(lot_.spent_micros >= 0 and lot_.held_micros == 0 for lot_ in world.credit.lots)
        assert all(part >= 0 for sums in world.sums().values() for part in sums)
    once.correct(corrections[-1], at=days * DAY)
    _assert_same(world, once)
    charged = untouched.call().result
    assert charged is not None
    world.correct(charged.used_seconds, at=days * DAY)
    _assert_same(world, untouched)


def _assert_same(world: CorrectedWorld, untouched: CorrectedWorld) -> None:
    assert (world.credit, world.sums()) == (untouched.credit, untouched.sums())
    moved = {name: meter for name, meter in world.facts.meters.items() if meter != Meter()}
    assert moved == {name: meter for name, meter in untouched.facts.meters.items() if meter != Meter()}


@given(make=st.sampled_from(WORLDS), lots_=LOTS, used=SECONDS, first=SECONDS, at=st.tuples(st.integers(1, 9), SECONDS))
def test_no_more_comes_back_than_was_charged(
    make: Callable[..., CorrectedWorld],
    lots_: list[tuple[int, int, LotKind]],
    used: int,
    first: int,
    at: tuple[int, int],
) -> None:
    world = _world(make, lots_, used, PARIS)
    if not world.usage:
        return
    before = world.credit.balance_micros + sum(row.cost_micros for row in world.usage if not row.uncovered_micros)
    world.correct(first, at=at[0] * DAY)

    world.correct(0, at=at[0] * DAY + at[1])

    assert world.sums() == {}
    assert world.credit.receivable_micros == 0
    assert world.earned_micros() == 0
    assert world.credit.balance_micros <= max(before, sum(lot_.granted_micros for lot_ in world.credit.lots))
