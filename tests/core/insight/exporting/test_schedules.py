"""When a report is sent, and which days it is about: on the organization's clock, also when clocks are set."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
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


# Clocks are set by half an hour in Lord Howe, at midnight in Cairo, Havana and the Azores, and in Nuuk an hour before.
CLOCKS = [
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Africa/Cairo"),
    *("America/Havana", "Atlantic/Azores", "America/Nuuk", "America/St_Johns", "Pacific/Kiritimati"),
]


def begins(cadence: Cadence, day: date) -> bool:
    return {Cadence.DAILY: True, Cadence.WEEKLY: day.isoweekday() == 1, Cadence.MONTHLY: day.day == 1}[cadence]


@pytest.mark.parametrize("cadence", Cadence)
@pytest.mark.parametrize("zone", CLOCKS)
def test_in_a_year_every_period_is_reported_exactly_once_at_any_hour(zone: str, cadence: Cadence) -> None:
    clock = ZoneInfo(zone)
    year = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    expected = [day for day in year if begins(cadence, day)]

    for day in {1, RUN_DAY_MAX[cadence]}:
        for hour in (0, 1, 2, 3, 22, 23):
            schedule = scheduled(cadence, day, hour)
            runs = [next_run_after(schedule, datetime(2025, 11, 15, tzinfo=UTC), clock)]
            while runs[-1] < datetime(2027, 3, 1, tzinfo=UTC):
                runs.append(next_run_after(schedule, runs[-1], clock))
            periods = [reported_period(schedule, run_at, clock) for run_at in runs]

            told = [period.starts_at.astimezone(clock).date() for period in periods]
            assert [each for each in told if each.year == 2026] == expected, (day, hour)
            assert all(one.ends_at == other.starts_at for one, other in pairwise(periods)), (day, hour)
            assert all(period.ends_at <= run_at for period, run_at in zip(periods, runs, strict=True)), (day, hour)


@pytest.mark.parametrize(
    ("zone", "hour", "runs_at"),
    [
        # 29 March 2026 has 23 hours in Berlin: 02:00 is 03:00.
        ("Europe/Berlin", 23, "2026-03-29T23:00:00+02:00"),
        ("Europe/Berlin", 7, "2026-03-29T07:00:00+02:00"),
        ("Europe/Berlin", 2, "2026-03-29T03:00:00+02:00"),
        # 28 March has 23 in Nuuk, and none of them is 23:00.
        ("America/Nuuk", 23, "2026-03-28T22:00:00-02:00"),
    ],
)
def test_a_report_comes_at_the_hour_of_the_clock_on_its_own_day_also_when_clocks_are_set(
    zone: str, hour: int, runs_at: str
) -> None:
    expected = datetime.fromisoformat(runs_at)
    before = datetime(expected.year, expected.month, expected.day, tzinfo=ZoneInfo(zone))

    run_at = next_run_after(scheduled(Cadence.DAILY, 1, hour), before, ZoneInfo(zone))

    assert run_at.astimezone(ZoneInfo(zone)).isoformat() == runs_at


def test_a_cause_names_its_schedule() -> None:
    period = reported_period(ANY, AT, NEW_YORK)

    assert cause_of(ANY, period, NEW_YORK) == "schedule:3:2026-02-01"
    assert schedule_id_of("schedule:3:2026-02-01") == 3
    assert schedule_id_of("") is None
