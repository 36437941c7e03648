from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates.rating import (
    ANY_TIME,
    CALL_MAX_SECONDS,
    Price,
    PriceStep,
    Tariff,
    TimeProfile,
    Window,
    affordable_seconds,
    billed_seconds,
    blocks,
    connection_fee_nanos,
    cost_micros,
    covers_week,
)
from talktime.core.values.money import Rounding, divide
from tests.core.rates.tariffs import (
    DAY_SECONDS,
    NANOS,
    every_day,
    instants,
    on_days,
    oracle_micros,
    price,
    tariff,
    timed,
    untimed,
)

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)  # a Wednesday
TARIFFS = st.one_of(untimed(), timed())
SECONDS = st.integers(0, 5_400)
HOUR = 3_600


@pytest.mark.parametrize(
    ("first", "following", "used", "billed"),
    [
        (30, 6, 0, 0),
        (30, 6, 1, 30),
        (30, 6, 30, 30),
        (30, 6, 31, 36),
        (30, 6, 32, 36),
        (30, 6, 57, 60),
        (30, 6, 60, 60),
        (30, 6, 75, 78),
        (60, 60, 60, 60),
        (60, 60, 61, 120),
        (60, 1, 1, 60),
        (60, 1, 61, 61),
        (1, 1, 61, 61),
        (6, 6, 61, 66),
    ],
)
def test_started_increments_are_billed_whole(first: int, following: int, used: int, billed: int) -> None:
    rated = tariff(price(first, following, "0.60"))

    assert billed_seconds(rated, NOON, used) == billed
    assert cost_micros(rated, NOON, used) == billed * 10_000


def test_a_call_that_was_not_answered_costs_nothing_not_even_the_fee() -> None:
    rated = tariff(price(60, 60, "0.10", fee="0.05"))

    assert cost_micros(rated, NOON, 0) == 0
    assert billed_seconds(rated, NOON, 0) == 0
    assert blocks(rated, NOON, 0) == ()


def test_a_duration_below_zero_is_no_credit_note() -> None:
    rated = tariff(price(60, 60, "0.10", fee="0.05"))

    assert cost_micros(rated, NOON, -60) == 0
    assert billed_seconds(rated, NOON, -60) == 0


@pytest.mark.parametrize(
    ("rounding", "decimals", "cost"),
    [(Rounding.HALF_UP, 4, 500), (Rounding.UP, 4, 500), (Rounding.HALF_UP, 3, 1_000), (Rounding.UP, 2, 10_000)],
)
def test_the_deck_says_to_how_many_decimals_and_which_way(rounding: Rounding, decimals: int, cost: int) -> None:
    half_a_thousandth = tariff(price(60, 60, "0.0005"), decimals=decimals, rounding=rounding)

    assert cost_micros(half_a_thousandth, NOON, 1) == cost


def test_a_tenth_of_a_cent_short_of_half_is_rounded_down_unless_the_deck_says_up() -> None:
    just_below = price(60, 60, "0.00044")

    assert cost_micros(tariff(just_below, decimals=3), NOON, 1) == 0
    assert cost_micros(tariff(just_below, decimals=3, rounding=Rounding.UP), NOON, 1) == 1_000


def test_a_call_is_rounded_once_not_once_for_each_increment() -> None:
    per_second = tariff(price(1, 1, "0.1"))

    assert cost_micros(per_second, NOON, 180) == 300_000
    assert sum(cost_micros(per_second, NOON, 1) for _ in range(180)) == 306_000


def test_the_first_minute_may_be_dearer_than_the_rest() -> None:
    steps = (PriceStep(0, 60, NANOS), PriceStep(60, 1, NANOS * 6 // 10))
    rated = tariff(Price(0, steps))

    assert cost_micros(rated, NOON, 1) == 1_000_000
    assert cost_micros(rated, NOON, 70) == 1_100_000


def test_a_price_change_inside_a_call_counts_from_the_first_increment_that_begins_after_it() -> None:
    peak = price(60, 60, "0.60", fee="1", profile=every_day("peak", (0, 18 * HOUR)))
    off_peak = price(60, 60, "0.30", fee="2", profile=every_day("off-peak", (18 * HOUR, DAY_SECONDS)))
    rated = tariff(off_peak, peak)
    half_past_five = datetime(2026, 6, 10, 17, 58, 30, tzinfo=UTC)

    found = blocks(rated, half_past_five, 180)

    assert [(block.from_second, block.to_second, block.profile) for block in found] == [
        (0, 120, "peak"),
        (120, 180, "off-peak"),
    ]
    assert cost_micros(rated, half_past_five, 180) == 1_000_000 + 2 * 600_000 + 300_000


def test_the_fee_is_that_of_the_price_in_force_at_the_answer() -> None:
    peak = price(60, 60, "0.60", fee="1", profile=every_day("peak", (0, 18 * HOUR)))
    off_peak = price(60, 60, "0.30", fee="2", profile=every_day("off-peak", (18 * HOUR, DAY_SECONDS)))

    assert connection_fee_nanos(tariff(off_peak, peak), NOON) == NANOS
    assert connection_fee_nanos(tariff(off_peak, peak), NOON.replace(hour=18)) == 2 * NANOS


NIGHT = price(1, 1, "0.60", profile=every_day("night", (0, 5_400)))
REST = price(1, 1, "6", profile=every_day("rest", (5_400, DAY_SECONDS)))
THURSDAY_OR_SATURDAY = price(1, 1, "0.60", profile=on_days("early", 3, 5))
OTHER_DAYS = price(1, 1, "6", profile=on_days("late", 0, 1, 2, 4, 6))


@pytest.mark.parametrize(
    ("zone", "cheap", "dear", "answered_at", "expected"),
    [
        # London springs from 01:00 to 02:00: the boundary at 01:30 is passed in the jump.
        ("Europe/London", NIGHT, REST, "2026-03-29T00:50", [("night", 600), ("rest", 3_000)]),
        # London comes to 01:00 a second time, before the boundary at 01:30.
        ("Europe/London", NIGHT, REST, "2026-10-25T00:40", [("rest", 1_200), ("night", 1_800), ("rest", 600)]),
        # Havana has no midnight on this Sunday.
        ("America/Havana", THURSDAY_OR_SATURDAY, OTHER_DAYS, "2026-03-08T04:50", [("early", 600), ("late", 3_000)]),
        # Havana has two midnights on this Sunday: the day begins at the first.
        ("America/Havana", THURSDAY_OR_SATURDAY, OTHER_DAYS, "2026-11-01T03:50", [("early", 600), ("late", 3_000)]),
        # Cairo has no midnight on this Friday.
        ("Africa/Cairo", THURSDAY_OR_SATURDAY, OTHER_DAYS, "2026-04-23T21:50", [("early", 600), ("late", 3_000)]),
        # Cairo's Thursday has its last hour twice.
        ("Africa/Cairo", THURSDAY_OR_SATURDAY, OTHER_DAYS, "2026-10-29T21:10", [("early", 3_000), ("late", 600)]),
    ],
)
def test_the_wall_clock_rules_when_clocks_change(
    zone: str, cheap: Price, dear: Price, answered_at: str, expected: list[tuple[str, int]]
) -> None:
    rated = tariff(cheap, dear, zone=zone)

    found = blocks(rated, datetime.fromisoformat(answered_at).replace(tzinfo=UTC), 3_600)

    assert _merged([(block.profile, block.increments) for block in found]) == expected


@given(st.data(), TARIFFS, SECONDS)
def test_a_cost_is_what_fractions_say_rounded_once(data: st.DataObject, rated: Tariff, used: int) -> None:
    answered_at = data.draw(instants(rated))

    assert cost_micros(rated, answered_at, used) == oracle_micros(rated, answered_at, used)


@given(st.data(), TARIFFS, SECONDS, SECONDS)
def test_a_longer_call_never_costs_less(data: st.DataObject, rated: Tariff, one: int, other: int) -> None:
    answered_at = data.draw(instants(rated))
    shorter, longer = sorted((one, other))

    assert cost_micros(rated, answered_at, shorter) <= cost_micros(rated, answered_at, longer)


@given(st.data(), TARIFFS, SECONDS, SECONDS, st.integers(-10_000, 10_000))
def test_what_is_granted_is_affordable_and_a_second_more_is_not(
    data: st.DataObject, rated: Tariff, paid_for: int, wanted: int, off: int
) -> None:
    answered_at = data.draw(instants(rated))
    budget = max(0, cost_micros(rated, answered_at, paid_for) + off)

    granted = affordable_seconds(rated, answered_at, budget, wanted)

    assert cost_micros(rated, answered_at, granted) <= budget
    covers_all = granted == billed_seconds(rated, answered_at, wanted)
    assert covers_all or cost_micros(rated, answered_at, granted + 1) > budget
    assert granted == billed_seconds(rated, answered_at, granted), "a grant is of whole increments"


@given(TARIFFS)
def test_without_a_budget_only_what_is_free_is_granted(rated: Tariff) -> None:
    granted = affordable_seconds(rated, NOON, 0, 600)

    assert cost_micros(rated, NOON, granted) == 0


def test_a_day_long_call_is_granted_whole_where_the_budget_pays_it() -> None:
    rated = tariff(price(60, 60, "0.01"))

    assert affordable_seconds(rated, NOON, 14_400_000, CALL_MAX_SECONDS) == CALL_MAX_SECONDS
    assert affordable_seconds(rated, NOON, 14_399_999, CALL_MAX_SECONDS) == CALL_MAX_SECONDS - 60


@given(st.data(), TARIFFS, SECONDS)
def test_the_blocks_of_a_receipt_add_up_to_the_cost(data: st.DataObject, rated: Tariff, used: int) -> None:
    answered_at = data.draw(instants(rated))

    found = blocks(rated, answered_at, used)

    assert all(one.to_second == following.from_second for one, following in pairwise(found))
    assert (found[-1].to_second if found else 0) == billed_seconds(rated, answered_at, used)
    fee = connection_fee_nanos(rated, answered_at) if found else 0
    exact = sum(each.increments * each.increment_seconds * each.nanos_per_minute for each in found) + 60 * fee
    unit = 10 ** (6 - rated.charge_decimals)
    assert cost_micros(rated, answered_at, used) == divide(exact, 60_000 * unit, rated.rounding) * unit


WHOLE_WEEK = tuple(Window(weekday, 0, DAY_SECONDS) for weekday in range(7))


@pytest.mark.parametrize(
    ("windows", "covered"),
    [
        (WHOLE_WEEK, True),
        (WHOLE_WEEK[:6], False),
        ((*WHOLE_WEEK, Window(3, 0, 60)), False),
        ((*WHOLE_WEEK[:6], Window(6, 0, 100), Window(6, 100, DAY_SECONDS)), True),
        ((*WHOLE_WEEK[:6], Window(6, 0, 100), Window(6, 101, DAY_SECONDS)), False),
        ((*WHOLE_WEEK[:6], Window(6, 1, DAY_SECONDS)), False),
        ((*WHOLE_WEEK[:6], Window(6, 0, DAY_SECONDS - 1)), False),
    ],
)
def test_profiles_cover_every_second_of_the_week_exactly_once(windows: tuple[Window, ...], *, covered: bool) -> None:
    profiles = [TimeProfile("one", windows[:2]), TimeProfile("other", windows[2:])]

    assert covers_week(profiles) is covered


@pytest.mark.parametrize(
    "steps",
    [
        [PriceStep(1, 60, NANOS)],
        [PriceStep(0, 60, NANOS), PriceStep(0, 1, NANOS)],
        [PriceStep(0, 60, NANOS), PriceStep(90, 1, NANOS)],
    ],
)
def test_steps_begin_at_zero_and_follow_in_whole_increments(steps: list[PriceStep]) -> None:
    with pytest.raises(AssertionError):
        Price(0, tuple(steps), ANY_TIME)


def _merged(pieces: list[tuple[str, int]]) -> list[tuple[str, int]]:
    merged: list[tuple[str, int]] = []
    for profile, seconds in pieces:
        if merged and merged[-1][0] == profile:
            merged[-1] = (profile, merged[-1][1] + seconds)
        else:
            merged.append((profile, seconds))
    return merged
