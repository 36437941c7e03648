"""What pictures show is what happened: sums agree, days are whole, nothing is hidden without being counted."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL, Pool
from talktime.core.insight.pictures.balances import (
    SLICES_MAX,
    BalanceChange,
    BalanceHistory,
    BalancePoint,
    balance_history,
)
from talktime.core.insight.pictures.pool_bars import SHOWN_MAX, Minutes, pool_bars
from talktime.core.insight.pictures.rankings import Ranked, RankedUsage, Subject, ranking
from talktime.core.insight.pictures.rhythms import Measure, week_rhythm
from talktime.core.insight.pictures.spending import PaidSums, Step, spend_history, step_for
from talktime.core.insight.pool_report import OwnMinutes, PoolLine, PoolReport
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.organizations.licenses import License
from talktime.core.values.periods import DAY, Period, start_of_day

LONDON = ZoneInfo("Europe/London")
# Clocks go back on the 25th: that day has 25 hours.
FIRST, DAYS = date(2026, 10, 20), 10
PERIOD = Period(start_of_day(FIRST, LONDON), start_of_day(FIRST + DAYS * DAY, LONDON))
QUARTER = timedelta(minutes=15)
QUARTERS = (PERIOD.ends_at - PERIOD.starts_at) // QUARTER


def followed(opening: int, changes: list[BalanceChange], until: datetime = PERIOD.ends_at) -> BalanceHistory:
    return balance_history(opening, changes, PERIOD, until, zone=LONDON, currency="GBP")


@st.composite
def changes_of(draw: st.DrawFn) -> list[BalanceChange]:
    quarters = draw(st.sets(st.integers(0, QUARTERS - 1), max_size=700))
    amounts = st.integers(-(10**9), 10**9)
    drawn = [(quarter, draw(amounts)) for quarter in sorted(quarters)]
    return [BalanceChange(PERIOD.starts_at + quarter * QUARTER, moved, max(0, moved)) for quarter, moved in drawn]


@given(st.integers(-(10**9), 10**9), changes_of())
def test_the_balance_ends_where_its_changes_lead_and_no_low_is_lost(opening: int, changes: list[BalanceChange]) -> None:
    history = followed(opening, changes)

    balances = [opening]
    for change in changes:
        balances.append(balances[-1] + change.moved_micros)
    shown = [point.balance_micros for point in history.points]
    assert history.closing_micros == balances[-1] == history.days[-1].closing_micros
    assert (min(shown), max(shown)) == (min(balances), max(balances))
    assert history.lowest.balance_micros == min(balances) == min(day.lowest_micros for day in history.days)
    assert [point.at for point in history.points] == sorted(point.at for point in history.points)
    assert len(history.points) <= 3 * SLICES_MAX + 2


@given(st.integers(-(10**9), 10**9), changes_of())
def test_each_day_begins_where_the_one_before_ended_and_spends_the_difference(
    opening: int, changes: list[BalanceChange]
) -> None:
    days = followed(opening, changes).days

    assert [day.day for day in days] == [FIRST + number * DAY for number in range(DAYS)]
    assert [day.opening_micros for day in days] == [opening, *(day.closing_micros for day in days[:-1])]
    assert sum(day.bought_micros for day in days) == sum(change.bought_micros for change in changes)
    assert opening + sum(day.bought_micros - day.spent_micros for day in days) == days[-1].closing_micros


def test_what_was_bought_stands_with_the_balance_it_led_to() -> None:
    at = PERIOD.starts_at + 3 * QUARTER

    history = followed(1_000, [BalanceChange(at, 500, 600), BalanceChange(at + QUARTER, -200)])

    assert [(each.at, each.amount_micros, each.balance_micros) for each in history.bought] == [(at, 600, 1_500)]
    assert history.points[-1] == BalancePoint(PERIOD.ends_at, 1_300)


def test_a_balance_is_drawn_up_to_now_and_not_beyond() -> None:
    now = PERIOD.starts_at + timedelta(hours=30)
    later = BalanceChange(now + QUARTER, -500)

    history = followed(1_000, [BalanceChange(PERIOD.starts_at, -100), later], until=now)

    assert (history.seen_until, history.closing_micros, len(history.days)) == (now, 900, 2)


def test_where_nothing_ever_was_there_is_nothing_to_show() -> None:
    assert followed(0, []).is_empty
    assert not followed(1, []).is_empty
    assert not followed(
        0, [BalanceChange(PERIOD.starts_at, 5, 5), BalanceChange(PERIOD.starts_at + QUARTER, -5)]
    ).is_empty


# ── spend ───────────────────────────────────────────────────────────────────────────────────────────────────


def of_day(day: date, cost: int = 0, uncovered: int = 0, seconds: int = 0) -> UsageSum:
    return UsageSum(day, "GBP", 1, 1, seconds, seconds, cost, uncovered)


def test_what_no_credit_covered_is_no_part_of_what_credit_paid() -> None:
    sums = PaidSums(
        credit=(of_day(FIRST, 500, 200),), overage=(of_day(FIRST, 70),), included=(of_day(FIRST, 0, 0, 90),)
    )

    history = spend_history(sums, PERIOD, LONDON, "GBP")

    day = history.days[0]
    assert (day.credit_micros, day.overage_micros, day.uncovered_micros, day.included_seconds) == (300, 70, 200, 90)
    assert history.total.cost_micros == history.dearest.cost_micros == 570
    assert not history.is_empty
    assert len(history.twin().rows) == DAYS


@given(st.lists(st.tuples(st.integers(0, 899), st.integers(-(10**6), 10**9)), max_size=40), st.integers(1, 900))
def test_bars_of_weeks_and_months_come_to_the_days(amounts: list[tuple[int, int]], days: int) -> None:
    period = Period(start_of_day(FIRST, LONDON), start_of_day(FIRST + days * DAY, LONDON))
    sums = tuple(of_day(FIRST + (number % days) * DAY, cost) for number, cost in amounts)

    history = spend_history(PaidSums(credit=sums), period, LONDON, "GBP")

    total = sum(cost for _, cost in amounts)
    assert sum(bar.cost_micros for bar in history.bars) == sum(day.cost_micros for day in history.days) == total
    assert len(history.days) == days
    assert len(history.bars) <= 62
    assert history.bars[0].first_day == FIRST


def test_the_longer_the_period_the_more_a_bar_stands_for() -> None:
    assert [step_for(days) for days in (1, 62, 63, 420, 421)] == [Step.DAY, Step.DAY, Step.WEEK, Step.WEEK, Step.MONTH]


# ── hours, rankings, pools ──────────────────────────────────────────────────────────────────────────────────


def test_an_hour_of_the_week_has_its_sum_and_the_first_of_the_largest_is_the_busiest() -> None:
    sums = [
        UsageSum((0, 9), "GBP", 2, 2, 600, 600, 50, 0),
        UsageSum((4, 17), "GBP", 1, 1, 700, 720, 50, 0),
        UsageSum((6, 3), "GBP", 1, 1, 10, 60, -5, 0),
    ]

    cost, calls = (
        week_rhythm(sums, PERIOD, LONDON, currency="GBP", measure=measure) for measure in (Measure.COST, Measure.CALLS)
    )

    assert (cost.hours[0][9], cost.hours[4][17], cost.hours[6][3], cost.total) == (50, 50, 0, 100)
    assert (cost.busiest, calls.busiest) == ((0, 9), (0, 9))
    assert [tuple(row) for row in cost.twin().rows] == [(1, 9, 50), (5, 17, 50)]
    assert calls.total == 4


def test_a_ranking_has_the_largest_first_and_all_others_together() -> None:
    found = tuple(Ranked(f"{letter}", 1, 60, cost) for letter, cost in zip("edcba", (1, 5, 5, 9, 0), strict=True))
    usage = RankedUsage(Subject.DESTINATIONS, PERIOD, LONDON, "GBP", found)

    shown = ranking(usage, Measure.COST, shown_max=2)

    assert [each.name for each in shown.first] == ["b", "c"]
    assert (shown.others_count, shown.others.cost_micros, shown.total.cost_micros) == (3, 6, 20)
    assert sum(int(str(row[3])) for row in shown.twin().rows) == 20


def test_who_comes_to_nothing_has_no_bar() -> None:
    usage = RankedUsage(Subject.USERS, PERIOD, LONDON, "GBP", (Ranked("a", 3, 60, 0),))

    assert ranking(usage, Measure.COST).is_empty
    assert not ranking(usage, Measure.MINUTES).is_empty


def test_pools_stand_in_the_order_of_what_is_used_of_them() -> None:
    month = "2026-10"
    lines = (
        PoolLine(Pool(License.DOMESTIC, "GB", DOMESTIC, month), 1_200, 1_200, 300, 20),
        PoolLine(Pool(License.DOMESTIC_AND_INTERNATIONAL, "GB", INTERNATIONAL, month), 600, 600, 700, 0),
        PoolLine(Pool(License.AUDIO_CONFERENCING, "", "", month), 60, 600, 60, 0),
    )
    own = OwnMinutes(120, 2, 240, 0, 2, ())

    shown = pool_bars(PoolReport(month, lines, own), date(2026, 10, 1))

    assert [(bar.minutes, bar.used_minutes) for bar in shown.bars] == [
        (Minutes.INTERNATIONAL, 700),
        (Minutes.DOMESTIC, 240),
        (Minutes.DOMESTIC, 300),
        (Minutes.CONFERENCE, 60),
    ]
    assert [bar.unused_minutes for bar in shown.bars] == [0, 0, 880, 540]
    assert (shown.hidden_count, len(shown.twin().rows)) == (0, 4)


def test_pools_beyond_the_room_are_counted_and_stand_in_the_table() -> None:
    lines = tuple(
        PoolLine(Pool(License.DOMESTIC, f"{number:02}", DOMESTIC, "2026-10"), 10, 10, 1, 0) for number in range(20)
    )

    shown = pool_bars(PoolReport("2026-10", lines, None), date(2026, 10, 1))

    assert (len(shown.bars), shown.hidden_count, len(shown.twin().rows)) == (SHOWN_MAX, 20 - SHOWN_MAX, 20)
    assert pool_bars(PoolReport("2026-10", (), None), date(2026, 10, 1)).is_empty
