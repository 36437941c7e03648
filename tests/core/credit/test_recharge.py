"""When credit is bought by itself: strictly below the trigger, one at a time, within every cap and count."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import (
    NO_RECHARGE,
    Due,
    HeldBack,
    HoldBackReason,
    PauseReason,
    RechargePolicy,
    RechargeProgress,
    Reserved,
    Verdict,
)
from tests.core.credit.buying import DAY, HOUR, MINUTE, NEW_YORK, NOON, POLICY, units

TODAY, MARCH = date(2026, 3, 2), date(2026, 3, 1)
FRESH = RechargeProgress()
DUE = Due(units(200), 1)
SECOND = timedelta(seconds=1)


def verdict(
    available: int,
    policy: RechargePolicy = POLICY,
    progress: RechargeProgress = FRESH,
    *,
    at: datetime = NOON,
    wants: bool = False,
) -> Verdict:
    """Evaluate so many units."""
    return recharge.evaluate(policy, progress, units(available), at, NEW_YORK, wants_credit=wants)


def decided(*instants: datetime, amount: int = 200) -> RechargeProgress:
    """Return the progress after recharges at these instants, each closed as soon as it was made."""
    progress = FRESH
    for at in instants:
        purchase_id = recharge.purchase_id_of(progress.epoch)
        progress = recharge.begun(progress, Due(units(amount), 1), purchase_id, at, NEW_YORK)
        progress = recharge.closed(progress, purchase_id)
    return progress


# ── the comparison ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_recharge_is_due_strictly_below_the_trigger() -> None:
    """Case 2: a balance that lands on the trigger does not recharge, unless somebody wants it so."""
    inclusive = replace(POLICY, is_inclusive=True)

    assert [verdict(available) for available in (99, 100, 101)] == [DUE, None, None]
    assert [verdict(available, inclusive) for available in (99, 100, 101)] == [DUE, DUE, None]


def test_a_trigger_of_zero_recharges_what_is_owed_or_when_a_call_lacks_credit() -> None:
    """Case 6."""
    at_zero = replace(POLICY, trigger_micros=0)

    assert verdict(0, at_zero) is None
    assert verdict(-1, at_zero) == DUE
    assert verdict(0, at_zero, wants=True) == DUE
    assert verdict(150, wants=True) is None


# ── whether it may be made at all ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("policy", "progress"),
    [
        (NO_RECHARGE, FRESH),
        (replace(POLICY, is_on=False), FRESH),
        (POLICY, RechargeProgress(open_purchase_id="recharge-1")),
        (POLICY, RechargeProgress(paused=PauseReason.BY_ADMIN)),
    ],
)
def test_nothing_is_recharged_that_is_off_open_or_paused(policy: RechargePolicy, progress: RechargeProgress) -> None:
    assert verdict(-50, policy, progress) is None


def test_without_a_way_to_pay_the_recharge_pauses() -> None:
    assert verdict(0, replace(POLICY, method_id=None)) is PauseReason.METHOD_UNUSABLE


def test_an_open_recharge_closes_once_and_only_by_its_own_name() -> None:
    """Case 1: the epoch grows when a recharge closes, so that one trigger is one charge."""
    begun = recharge.begun(FRESH, DUE, "recharge-1", NOON, NEW_YORK)

    assert begun.open_purchase_id == "recharge-1"
    assert recharge.closed(begun, "recharge-0") is begun
    closed = recharge.closed(begun, "recharge-1")
    assert (closed.open_purchase_id, closed.epoch) == (None, 2)
    assert recharge.closed(closed, "recharge-1") is closed
    assert recharge.purchase_id_of(closed.epoch) == "recharge-2"


# ── how much ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("available", "is_inclusive", "amount"),
    [
        (99, False, 200),
        (-100, False, 200),
        (-101, False, 400),
        (-500, False, 600),
        (100, True, 200),
        (-100, True, 400),
        (-99, True, 200),
    ],
)
def test_in_multiples_one_charge_is_enough_to_be_above_the_trigger(
    available: int, *, is_inclusive: bool, amount: int
) -> None:
    """Case 4."""
    policy = replace(POLICY, in_multiples=True, is_inclusive=is_inclusive)

    due = verdict(available, policy)

    assert due == Due(units(amount), 1)
    assert verdict(available + amount, policy) is None
    assert amount == 200 or verdict(available + amount - 200, policy) is not None


def test_without_multiples_the_amount_is_what_was_set() -> None:
    assert verdict(-5_000) == DUE


# ── guards ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_fourth_recharge_within_an_hour_waits_until_the_first_is_an_hour_old() -> None:
    """Case 4."""
    progress = decided(NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE)
    held_back = HeldBack(HoldBackReason.BURST, NOON + HOUR)

    assert verdict(0, progress=progress, at=NOON + 30 * MINUTE) == held_back
    assert verdict(0, progress=progress, at=NOON + HOUR - SECOND) == held_back
    assert verdict(0, progress=progress, at=NOON + HOUR) == DUE
    assert verdict(0, progress=decided(NOON, NOON), at=NOON) == DUE


def test_a_lower_count_for_an_hour_is_over_when_enough_recharges_are_an_hour_old() -> None:
    policy = replace(POLICY, recharges_per_hour=2)
    progress = decided(NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE)

    held_back = verdict(0, policy, progress, at=NOON + 30 * MINUTE)

    assert held_back == HeldBack(HoldBackReason.BURST, NOON + HOUR + 10 * MINUTE)
    assert verdict(0, policy, progress, at=NOON + HOUR + 10 * MINUTE) == DUE


def test_the_seventh_recharge_within_a_day_stops_until_somebody_has_looked() -> None:
    """Case 28."""
    progress = decided(*(NOON + 2 * number * HOUR for number in range(6)))

    assert verdict(0, progress=decided(*(NOON + 2 * number * HOUR for number in range(5))), at=NOON + 11 * HOUR) == DUE
    assert verdict(0, progress=progress, at=NOON + 11 * HOUR) is PauseReason.TOO_MANY
    assert verdict(0, progress=progress, at=NOON + DAY - SECOND) is PauseReason.TOO_MANY
    assert verdict(0, progress=progress, at=NOON + DAY) == DUE
    looked = recharge.resumed(recharge.paused(progress, PauseReason.TOO_MANY, "", NOON))
    assert verdict(0, progress=looked, at=NOON + 11 * HOUR) == DUE


def test_a_day_s_cap_counts_the_local_day_and_is_reached_exactly() -> None:
    """Case 20: midnight in New York is 5:00 UTC."""
    policy = replace(POLICY, cap_per_day_micros=units(400))
    midnight = datetime(2026, 3, 3, 5, tzinfo=UTC)
    progress = decided(NOON, NOON)

    assert verdict(0, policy, decided(NOON)) == DUE
    assert verdict(0, policy, progress) == HeldBack(HoldBackReason.DAY_CAP, midnight)
    assert verdict(0, policy, progress, at=midnight - SECOND) == HeldBack(HoldBackReason.DAY_CAP, midnight)
    assert verdict(0, policy, progress, at=midnight) == DUE


def test_a_month_s_cap_counts_the_local_month_and_comes_before_the_day_s() -> None:
    """Case 20: New York's March ends at 4:00 UTC, because summer time has begun."""
    policy = replace(POLICY, cap_per_month_micros=units(400), cap_per_day_micros=units(400))
    april = datetime(2026, 4, 1, 4, tzinfo=UTC)
    progress = decided(NOON, NOON)

    assert verdict(0, policy, progress) == HeldBack(HoldBackReason.MONTH_CAP, april)
    assert verdict(0, policy, progress, at=april - SECOND) == HeldBack(HoldBackReason.MONTH_CAP, april)
    assert verdict(0, policy, progress, at=april) == DUE


def test_a_cap_lowered_below_what_was_taken_counts_from_the_next_recharge() -> None:
    """Case 21."""
    policy = replace(POLICY, cap_per_month_micros=units(200))

    assert isinstance(verdict(0, policy, decided(NOON, NOON)), HeldBack)


def test_what_came_to_nothing_is_given_back_to_the_day_and_month_that_it_was_taken_from() -> None:
    reserved = Reserved().on(TODAY).taken(units(200), NOON)

    same_day = reserved.given_back(units(200), TODAY)
    assert (same_day.day_micros, same_day.month_micros, same_day.recent) == (0, 0, (NOON,))
    earlier = reserved.given_back(units(200), MARCH)
    assert (earlier.day_micros, earlier.month_micros) == (units(200), 0)
    last_month = reserved.given_back(units(200), date(2026, 2, 28))
    assert (last_month.day_micros, last_month.month_micros) == (units(200), units(200))
    assert reserved.given_back(units(300), TODAY).day_micros == 0


def test_a_new_day_begins_at_zero_and_keeps_its_month() -> None:
    reserved = Reserved().on(TODAY).taken(units(200), NOON)

    tomorrow, next_month = reserved.on(date(2026, 3, 3)), reserved.on(date(2026, 4, 2))

    assert (tomorrow.day_micros, tomorrow.month_micros) == (0, units(200))
    assert (next_month.day_micros, next_month.month_micros) == (0, 0)
    assert reserved.on(TODAY) is reserved
    assert tomorrow.recent == reserved.recent


def test_a_clock_that_is_behind_does_not_forget_what_the_new_day_has_taken() -> None:
    """Case 26: around midnight two front ends may differ by a second."""
    reserved = Reserved().on(TODAY).taken(units(200), NOON)

    assert reserved.on(date(2026, 3, 1)) is reserved


def test_recharges_of_more_than_a_day_ago_are_forgotten() -> None:
    reserved = Reserved().taken(1, NOON).taken(1, NOON + MINUTE)

    assert reserved.taken(1, NOON + DAY).recent == (NOON + MINUTE, NOON + DAY)


# ── pauses ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_stopped_it_first_stays_the_reason() -> None:
    first = recharge.paused(FRESH, PauseReason.CARD_DECLINED, "fingerprint-1", NOON)

    again = recharge.paused(first, PauseReason.BY_ADMIN, "", NOON + DAY)

    assert again is first
    assert (again.paused, again.paused_at, again.paused_fingerprint) == (
        PauseReason.CARD_DECLINED,
        NOON,
        "fingerprint-1",
    )


def test_a_pause_ends_what_was_held_back_and_resuming_forgets_how_often_it_was_tried() -> None:
    held_back = replace(decided(NOON), held_back=HeldBack(HoldBackReason.BURST, NOON + HOUR))

    paused = recharge.paused(held_back, PauseReason.BY_ADMIN, "", NOON)
    resumed = recharge.resumed(paused)

    assert paused.held_back is None
    assert (resumed.paused, resumed.paused_at, resumed.reserved.recent) == (None, None, ())
    assert resumed.reserved.day_micros == units(200)


# ── whatever happens ────────────────────────────────────────────────────────────────────────────────────────

WAITS = st.lists(st.tuples(st.integers(0, 30 * 60), st.booleans()), max_size=40)


@given(WAITS, st.sampled_from([1, 2, 3]), st.sampled_from([2, 6]), st.sampled_from([None, 200, 500]))
def test_whenever_it_is_evaluated_no_cap_and_no_count_is_exceeded(
    waits: list[tuple[int, bool]], per_hour: int, per_day: int, cap: int | None
) -> None:
    policy = replace(
        POLICY,
        recharges_per_hour=per_hour,
        recharges_per_day=per_day,
        cap_per_day_micros=None if cap is None else units(cap),
        cap_per_month_micros=units(3_000),
    )
    progress, at = FRESH, NOON
    made: list[datetime] = []
    kept: list[datetime] = []
    for minutes, succeeds in waits:
        at += timedelta(minutes=minutes)
        due = recharge.evaluate(policy, progress, 0, at, NEW_YORK)
        if isinstance(due, HeldBack):
            assert due.until > at
        if not isinstance(due, Due):
            continue
        progress = recharge.begun(progress, due, "r", at, NEW_YORK)
        made.append(at)
        assert recharge.evaluate(policy, progress, 0, at, NEW_YORK) is None
        progress = recharge.closed(progress, "r")
        if succeeds:
            kept.append(at)
        else:
            decided_on = at.astimezone(NEW_YORK).date()
            given_back = progress.reserved.given_back(due.amount_micros, decided_on)
            progress = replace(progress, reserved=given_back)
        days = [each.astimezone(NEW_YORK).date() for each in kept]
        assert sum(at - HOUR < each for each in made) <= per_hour
        assert sum(at - DAY < each for each in made) <= per_day
        assert cap is None or max(map(days.count, days), default=0) * 200 <= cap
        months = [day.replace(day=1) for day in days]
        assert max(map(months.count, months), default=0) * 200 <= 3_000
