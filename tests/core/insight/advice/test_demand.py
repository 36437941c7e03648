from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.credit.recharging.simulating import Spent
from talktime.core.insight.advice.demand import SpendSeries, low_days, median, read_sources, read_spend

DUBLIN = ZoneInfo("Europe/Dublin")
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def spent(at: str, micros: int = 1_000) -> Spent:
    return Spent(datetime.fromisoformat(at), micros)


def test_spend_falls_on_the_hours_of_the_organizations_own_clock() -> None:
    read = read_spend([spent("2026-06-01T23:30:00Z", 7), spent("2026-06-02T10:00:00Z", 5)], DUBLIN, NOW)

    assert read.series.starts_on == date(2026, 6, 2)
    assert read.series.hours[0] == 7
    assert read.series.hours[11] == 5
    assert read.series.days == (12,)


def test_days_without_a_call_are_days_on_which_nothing_was_spent() -> None:
    read = read_spend([spent("2026-06-05T10:00:00Z"), spent("2026-06-08T10:00:00Z")], DUBLIN, NOW)

    assert read.series.days == (1_000, 0, 0, 1_000)
    assert read.series.ends_on == date(2026, 6, 9)


def test_the_order_of_the_usage_does_not_matter() -> None:
    usage = [spent(f"2026-06-0{day}T10:00:00Z", day) for day in range(1, 8)]

    assert read_spend(usage, DUBLIN, NOW) == read_spend(usage[::-1], DUBLIN, NOW)


def test_today_is_left_out_because_it_still_runs() -> None:
    read = read_spend([spent("2026-06-30T10:00:00Z"), spent("2026-07-01T08:00:00Z")], DUBLIN, NOW)

    assert read.series.days == (1_000,)


def test_silence_until_now_counts_where_usage_is_complete_and_not_where_a_file_ends() -> None:
    usage = [spent("2026-06-20T10:00:00Z")]

    assert read_spend(usage, DUBLIN, NOW).series.days_count == 1
    assert read_spend(usage, DUBLIN, NOW, is_complete=True).series.days_count == 11


def test_calls_of_the_future_are_counted_and_left_out() -> None:
    read = read_spend([spent("2026-06-20T10:00:00Z"), spent("2027-06-20T10:00:00Z")], DUBLIN, NOW)

    assert (read.series.days_count, read.too_late_count) == (1, 1)


def test_what_lies_before_two_months_of_silence_is_counted_and_left_out() -> None:
    usage = [spent("1980-02-11T07:18:23Z"), spent("1980-02-11T07:45:42Z"), spent("2026-06-20T10:00:00Z")]

    read = read_spend(usage, DUBLIN, NOW)

    assert (read.series.starts_on, read.too_old_count) == (date(2026, 6, 20), 2)


def test_more_than_two_years_are_not_looked_at() -> None:
    usage = [Spent(NOW - timedelta(days=day), 1) for day in range(1, 1000)]

    read = read_spend(usage, DUBLIN, NOW)

    assert (read.series.days_count, read.too_old_count) == (731, 268)


def test_an_hour_in_which_more_was_given_back_than_spent_counts_as_nothing() -> None:
    read = read_spend([spent("2026-06-20T10:00:00Z", 5), spent("2026-06-20T10:30:00Z", -9)], DUBLIN, NOW)

    assert read.series.days == (0,)


def test_no_usage_is_an_empty_series() -> None:
    read = read_spend([spent("2027-06-20T10:00:00Z")], DUBLIN, NOW)

    assert read.series.days_count == read.series.weeks_count == 0
    assert low_days(read.series) == ()
    assert median(()) == 0.0


def test_weeks_are_counted_back_from_the_end() -> None:
    series = SpendSeries(date(2026, 6, 1), tuple(day for day in range(1, 11) for _ in range(24)))

    assert series.weeks == (24 * sum(range(4, 11)),)


def test_a_series_is_cut_at_days() -> None:
    series = SpendSeries(date(2026, 6, 1), tuple(range(5 * 24)))

    assert series.until(date(2026, 6, 3)) == SpendSeries(date(2026, 6, 1), tuple(range(48)))
    assert series.since(date(2026, 6, 3)) == SpendSeries(date(2026, 6, 3), tuple(range(48, 120)))
    assert series.since(date(2020, 1, 1)) == series
    assert series.until(date(2020, 1, 1)).days_count == 0


def test_a_holiday_is_a_day_far_below_its_weekday_and_a_weekend_is_none() -> None:
    week = [100, 100, 100, 100, 100, 0, 0]
    days = week * 6
    days[16] = 3
    series = SpendSeries(date(2026, 6, 1), tuple(spent if hour == 9 else 0 for spent in days for hour in range(24)))

    assert low_days(series) == (date(2026, 6, 17),)


def every_hour(begins_at: datetime, ends_at: datetime, micros: int = 1_000) -> list[Spent]:
    return [
        Spent(begins_at + timedelta(hours=hour), micros) for hour in range((ends_at - begins_at) // timedelta(hours=1))
    ]


def test_a_file_of_whole_utc_months_has_two_days_in_part_on_another_clock() -> None:
    usage = every_hour(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))

    read = read_spend(usage, DUBLIN, NOW)

    assert read.partial_days == (date(2026, 4, 1), date(2026, 6, 1))
    assert (read.series.starts_on, read.series.ends_on) == (date(2026, 4, 2), date(2026, 6, 1))
    assert set(read.series.days) == {24_000}
    assert read_spend(usage, ZoneInfo("UTC"), NOW).partial_days == ()


def test_a_first_and_last_day_with_the_usual_hours_count() -> None:
    opens = datetime(2026, 4, 1, 8, tzinfo=UTC)
    usage = [
        each
        for day in range(30)
        for each in every_hour(opens + timedelta(days=day), opens + timedelta(days=day, hours=9))
    ]

    assert read_spend(usage, DUBLIN, NOW).series.days_count == 30
    assert read_spend(usage[3:-3], DUBLIN, NOW).series.days_count == 28


def test_the_last_day_is_over_where_calls_of_today_follow_and_where_usage_is_complete() -> None:
    usage = every_hour(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 30, 9, tzinfo=UTC))

    assert read_spend([*usage, Spent(NOW, 1)], ZoneInfo("UTC"), NOW).partial_days == ()
    assert read_spend(usage, ZoneInfo("UTC"), NOW, is_complete=True).partial_days == ()


def test_less_than_a_week_of_days_does_not_tell_which_hours_are_usual() -> None:
    usage = [spent("2026-06-20T10:00:00Z"), spent("2026-06-21T09:00:00Z")]

    assert read_spend(usage, DUBLIN, NOW).series.days == (1_000, 1_000)


def test_imported_usage_ends_with_its_file_although_there_are_calls_of_our_own() -> None:
    imported = every_hour(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    own = [spent("2026-04-15T10:00:00Z", 1), spent("2026-06-10T10:00:00Z", 1)]

    read = read_sources(own, imported, ZoneInfo("UTC"), NOW)

    assert read.series.ends_on == date(2026, 6, 1)
    assert sum(read.series.hours) == 61 * 24_000 + 1
    assert read.own_left_out_since == date(2026, 5, 31)
    assert read_sources(own[:1], imported, ZoneInfo("UTC"), NOW).own_left_out_since is None


def test_our_own_usage_is_complete_until_now_alone_and_once_it_has_taken_over() -> None:
    imported = every_hour(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    own = every_hour(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 25, tzinfo=UTC))

    taken_over, alone = (read_sources(own, each, ZoneInfo("UTC"), NOW) for each in (imported, []))

    assert taken_over.series.days[-7:] == alone.series.days[-7:] == (24_000,) + (0,) * 6
    assert (taken_over.series.starts_on, alone.series.starts_on) == (date(2026, 4, 1), date(2026, 6, 1))
    assert read_sources([], [], ZoneInfo("UTC"), NOW).series.days_count == 0
