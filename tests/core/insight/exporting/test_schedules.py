"""When a report is sent, and which days it is about: on the organization's clock, also when clocks are set."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.exporting.exports import ExportFormat, ExportRequest
from talktime.core.insight.exporting.schedules import (
    RUN_DAY_MAX,
    Cadence,
    ReportSchedule,
    cause_of,
    next_run_after,
    reported_period,
    schedule_id_of,
)
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.core.values.periods import Period

SYDNEY, NEW_YORK = ZoneInfo("Australia/Sydney"), ZoneInfo("America/New_York")
AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
ANY = ReportSchedule(
    1,
    3,
    Cadence.MONTHLY,
    1,
    7,
    ExportRequest(UsageFilter(Period(EARLIEST, LATEST)), ExportFormat.CSV, "2025"),
    ("finance@acme.example",),
    "",
    "ada",
    AT,
    None,
)


def scheduled(cadence: Cadence, day: int, hour: int = 7) -> ReportSchedule:
    return replace(ANY, cadence=cadence, run_day=day, run_hour=hour)


@pytest.mark.parametrize(
    ("schedule", "first", "last"),
    [
        # Friday, 20 March 2026.
        (scheduled(Cadence.DAILY, 1), date(2026, 3, 20), date(2026, 3, 20)),
        (scheduled(Cadence.WEEKLY, 3), date(2026, 3, 16), date(2026, 3, 22)),
        (scheduled(Cadence.MONTHLY, 5), date(2026, 3, 1), date(2026, 3, 31)),
    ],
)
def test_a_run_reports_the_period_before_its_own(schedule: ReportSchedule, first: date, last: date) -> None:
    run_at = next_run_after(schedule, AT, NEW_YORK)

    period = reported_period(schedule, run_at, NEW_YORK)

    assert period.starts_at.astimezone(NEW_YORK).date() == first
    assert (period.ends_at.astimezone(NEW_YORK).date() - last).days == 1
    assert run_at.astimezone(NEW_YORK).hour == 7
    assert period.ends_at <= run_at


@given(
    cadence=st.sampled_from(Cadence),
    day=st.integers(1, 28),
    hour=st.integers(0, 23),
    zone=st.sampled_from([SYDNEY, NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")]),
    after=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_runs_follow_each_other_and_their_periods_leave_no_gap(
    cadence: Cadence, day: int, hour: int, zone: ZoneInfo, after: datetime
) -> None:
    schedule = scheduled(cadence, 1 + (day - 1) % RUN_DAY_MAX[cadence], hour)

    runs = [next_run_after(schedule, after, zone)]
    for _ in range(14):
        runs.append(next_run_after(schedule, runs[-1], zone))

    periods = [reported_period(schedule, run_at, zone) for run_at in runs]
    assert runs[0] > after
    assert all(one < other for one, other in pairwise(runs))
    assert all(one.ends_at == other.starts_at for one, other in pairwise(periods))
    assert all(period.ends_at <= run_at for period, run_at in zip(periods, runs, strict=True))
    assert len({cause_of(schedule, period, zone) for period in periods}) == len(periods)


def test_a_cause_names_its_schedule() -> None:
    period = reported_period(ANY, AT, NEW_YORK)

    assert cause_of(ANY, period, NEW_YORK) == "schedule:3:2026-02-01"
    assert schedule_id_of("schedule:3:2026-02-01") == 3
    assert schedule_id_of("") is None
