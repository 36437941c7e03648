"""How far a report is complete, and the name of what it shows (money.md 72)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.watermarks import Pending, snapshot_id, watermark_of
from talktime.core.values.periods import Period

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
LAST_MONTH = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
TWO_MINUTES = timedelta(minutes=2)
SUM = UsageSum(None, "EUR", 3, 4, 200, 240, 1_000, 0)


def test_a_period_that_is_over_is_complete_when_nothing_is_pending() -> None:
    mark = watermark_of(Pending(), LAST_MONTH, NOW)

    assert (mark.complete_until, mark.is_whole) == (LAST_MONTH.ends_at, True)


def test_what_switches_started_in_the_last_two_minutes_may_not_be_known() -> None:
    mark = watermark_of(Pending(), MONTH, NOW)

    assert (mark.complete_until, mark.is_whole) == (NOW - TWO_MINUTES, False)


@pytest.mark.parametrize(
    "pending",
    [
        Pending(open_calls_count=2, oldest_open_at=NOW - timedelta(hours=3)),
        Pending(parked_count=1, oldest_parked_at=NOW - timedelta(hours=3)),
        Pending(1, NOW - timedelta(hours=1), 1, NOW - timedelta(hours=3)),
    ],
)
def test_the_oldest_open_call_or_parked_report_bounds_it(pending: Pending) -> None:
    assert watermark_of(pending, MONTH, NOW).complete_until == NOW - timedelta(hours=3)


def test_it_is_never_outside_of_the_period() -> None:
    long_ago = Pending(open_calls_count=1, oldest_open_at=LAST_MONTH.starts_at)

    assert watermark_of(long_ago, MONTH, NOW).complete_until == MONTH.starts_at
    assert not watermark_of(long_ago, MONTH, NOW).is_whole


def test_a_call_that_is_open_does_not_make_an_earlier_month_incomplete() -> None:
    pending = Pending(open_calls_count=1, oldest_open_at=NOW)

    assert watermark_of(pending, LAST_MONTH, NOW).is_whole


def test_the_same_rows_have_the_same_name_whenever_they_are_asked_for() -> None:
    shown = UsageFilter(LAST_MONTH, user_ids=frozenset({1, 2}), departments=frozenset({"a", "b"}))
    alike = UsageFilter(LAST_MONTH, user_ids=frozenset({2, 1}), departments=frozenset({"b", "a"}))

    names = {
        snapshot_id(1, shown, watermark_of(Pending(), LAST_MONTH, NOW), [SUM]),
        snapshot_id(1, alike, watermark_of(Pending(), LAST_MONTH, NOW + timedelta(days=9)), [SUM]),
    }

    assert len(names) == 1


def test_another_filter_watermark_or_sum_has_another_name() -> None:
    shown, mark = UsageFilter(LAST_MONTH), watermark_of(Pending(), LAST_MONTH, NOW)
    filters = [
        shown,
        replace(shown, user_ids=frozenset({1})),
        replace(shown, departments=frozenset({"1"})),
        replace(shown, kinds=frozenset({CallKind.USER_OUT})),
        replace(shown, direction=Direction.INBOUND),
        replace(shown, destinations=frozenset({"1"})),
        replace(shown, capabilities=frozenset({"1"})),
        replace(shown, paid_by=frozenset({PaysFrom.CREDIT})),
        replace(shown, cost_min_micros=1),
        replace(shown, cost_max_micros=1),
        replace(shown, text="1"),
        replace(shown, is_uncovered=True),
        replace(shown, period=Period(LAST_MONTH.starts_at, NOW)),
    ]
    names = [snapshot_id(1, each, mark, [SUM]) for each in filters]
    names.append(snapshot_id(2, shown, mark, [SUM]))
    names.append(snapshot_id(1, shown, replace(mark, complete_until=NOW), [SUM]))
    names += [snapshot_id(1, shown, mark, [replace(SUM, cost_micros=1_001)]), snapshot_id(1, shown, mark, [])]

    assert len(set(names)) == len(names)
