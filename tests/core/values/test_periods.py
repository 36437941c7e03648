from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.periods import Period, add_months, end_of_day_months_later, month_of, start_of_day

# Zones with clocks that change at midnight, far from Greenwich, at odd offsets, or that skipped a whole day.
ZONES = (
    *("UTC", "Europe/London", "America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Asia/Kolkata"),
    *("Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns", "Australia/Lord_Howe", "Asia/Gaza", "America/Nuuk"),
)
DAYS = st.dates(date(1990, 1, 1), date(2036, 12, 31))
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2027, 2, 28), 12, date(2028, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 11, 21), 12, date(2027, 11, 21)),
    ],
)
def test_a_day_that_the_month_lacks_becomes_its_last(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(DAYS, st.integers(-60, 60))
def test_months_are_added_to_the_month_and_the_day_stays_or_is_the_last(day: date, months: int) -> None:
    later = add_months(day, months)

    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(DAYS, st.sampled_from(ZONES))
def test_a_day_starts_at_its_first_instant_that_exists(day: date, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)

    start = start_of_day(day, zone)

    # Where a day was skipped altogether (Apia, 30 December 2011) it starts when the next one does.
    assert start.astimezone(zone).date() >= day
    assert (start - SECOND).astimezone(zone).date() < day


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00"),
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00"),
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),
    ],
)
def test_where_midnight_does_not_exist_the_day_starts_with_the_first_instant_after(
    zone: str, day: date, start: str
) -> None:
    assert start_of_day(day, ZoneInfo(zone)) == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_where_midnight_occurs_twice_the_day_starts_with_the_first() -> None:
    assert start_of_day(date(2026, 11, 1), ZoneInfo("America/Havana")) == datetime(2026, 11, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "bought", "expires"),
    [
        # The leap day's credit lasts through 28 February of the next year.
        ("Europe/London", "2028-02-29T12:00", "2029-03-01T00:00"),
        ("Europe/London", "2026-01-31T23:59", "2027-02-01T00:00"),
        # 20:00 in Greenwich is the next day in India, and its 24:00 is 18:30 in Greenwich.
        ("Asia/Kolkata", "2026-02-28T20:00", "2027-03-01T18:30"),
        # 24:00 of 23 April 2026 does not exist in Cairo: the first instant of the 24th is 01:00.
        ("Africa/Cairo", "2025-04-23T10:00", "2026-04-23T22:00"),
    ],
)
def test_credit_lasts_to_the_end_of_the_day_twelve_months_later_where_the_organization_is(
    zone: str, bought: str, expires: str
) -> None:
    found = end_of_day_months_later(datetime.fromisoformat(bought).replace(tzinfo=UTC), 12, ZoneInfo(zone))

    assert found == datetime.fromisoformat(expires).replace(tzinfo=UTC)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)), st.sampled_from(ZONES))  # noqa: DTZ001 -- made UTC below
def test_an_instant_lies_in_its_month_and_months_meet(naive: datetime, zone_name: str) -> None:
    instant, zone = naive.replace(tzinfo=UTC), ZoneInfo(zone_name)

    month = month_of(instant, zone)

    assert month.contains(instant)
    assert month_of(month.ends_at, zone).starts_at == month.ends_at
    assert (month.starts_at.astimezone(zone).day, month.ends_at.astimezone(zone).day) == (1, 1)


def test_a_period_holds_its_start_and_not_its_end() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    period = Period(start, start + SECOND)

    assert period.contains(start)
    assert not period.contains(start + SECOND)
    assert not period.contains(start - SECOND)
