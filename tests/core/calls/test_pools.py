from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.counting.pools import (
    DIAL_OUT_RULES,
    INTERNATIONAL,
    Pool,
    capacity_minutes,
    conference_pool,
    dial_out_rule,
    plan_pool,
    pool_of,
)
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.organizations.licenses import License, rights_of

MONTH = "2026-06"
TABLE = CountryTable(
    1,
    {
        "US": CountryRule("US", is_zone_a=True, domestic_minutes=3_000, international_minutes=600),
        "GB": CountryRule("GB", is_zone_a=True, domestic_minutes=3_000, international_minutes=600),
        "DE": CountryRule("DE", is_zone_a=True, domestic_minutes=1_200, international_minutes=600),
    },
    frozenset({"GB", "KE"}),
)
BOTH, DOMESTIC, CONFERENCES = License.DOMESTIC_AND_INTERNATIONAL, License.DOMESTIC, License.AUDIO_CONFERENCING
SELECT = License.SELECT_DIAL_OUT


def capacity(pool: Pool, arrangements: Arrangements, organization_country: str = "GB") -> int:
    return capacity_minutes(pool, arrangements, TABLE, organization_country)


def dial_out(month: str = MONTH) -> Pool:
    return Pool(CONFERENCES, "", "", month)


def test_a_pool_has_its_plan_s_minutes_for_each_license_in_its_country() -> None:
    """domain.md 2.2: a hundred users of 120 minutes in one country have 12,000."""
    arrangements = Arrangements(assigned={(License.DOMESTIC_120, "DE"): 100, (License.DOMESTIC_120, "GB"): 7})

    assert capacity(Pool(License.DOMESTIC_120, "DE", "domestic", MONTH), arrangements) == 12_000
    assert capacity(Pool(License.DOMESTIC_240, "DE", "domestic", MONTH), arrangements) == 0


def test_puerto_rico_counts_in_the_pool_of_the_usa_and_canada_does_not() -> None:
    """D11."""
    arrangements = Arrangements(assigned={(DOMESTIC, "US"): 2, (DOMESTIC, "PR"): 1, (DOMESTIC, "CA"): 5})

    assert capacity(Pool(DOMESTIC, "US", "domestic", MONTH), arrangements) == 9_000


def test_an_international_plan_has_two_counters_and_each_is_the_other_s_sibling() -> None:
    """D9."""
    arrangements = Arrangements(assigned={(BOTH, "DE"): 2})
    domestic = Pool(BOTH, "DE", "domestic", MONTH)
    assert domestic.sibling is not None

    assert (capacity(domestic, arrangements), capacity(domestic.sibling, arrangements)) == (2_400, 1_200)
    assert domestic.sibling.sibling == domestic
    assert Pool(DOMESTIC, "DE", "domestic", MONTH).sibling is None


def test_a_plan_that_is_not_pooled_has_its_minutes_however_many_have_it() -> None:
    arrangements = Arrangements(assigned={(License.DOMESTIC_120_NOT_POOLED, "DE"): 30})

    pool = plan_pool(License.DOMESTIC_120_NOT_POOLED, "DE", "DE", TABLE, MONTH, 4)

    assert pool == Pool(License.DOMESTIC_120_NOT_POOLED, "DE", "4", MONTH)
    assert capacity(pool, arrangements) == 120


def test_a_phone_with_a_calling_plan_counts_in_the_domestic_pool() -> None:
    arrangements = Arrangements(assigned={(License.PHONE_WITH_CALLING_PLAN, "DE"): 1, (DOMESTIC, "DE"): 1})

    assert capacity(Pool(DOMESTIC, "DE", "domestic", MONTH), arrangements) == 2_400


@pytest.mark.parametrize(
    ("month", "country", "minutes"),
    [
        ("2018-06", "GB", 900 * (2 + 5)),
        ("2019-11", "GB", 900 * (2 + 5)),
        ("2019-12", "GB", 60 * (2 + 5)),
        ("2020-10", "GB", 60 * (2 + 5)),
        ("2020-11", "GB", 60 * (115 + 5)),
        ("2026-06", "GB", 60 * (115 + 5)),
        ("2026-06", "RU", 900 * (115 + 5)),
        ("2026-06", "KR", 900 * (115 + 5)),
        ("2026-06", "TW", 900 * (115 + 5)),
        ("2020-10", "TW", 900 * (2 + 5)),
    ],
)
def test_conference_dial_out_has_the_minutes_of_its_period(month: str, country: str, minutes: int) -> None:
    """S63, D5: 900 minutes in the complimentary period; counted by assigned licenses, since 2020-10-22 by bought ones.

    The license for the USA and Canada counts as assigned for ever.
    """
    arrangements = Arrangements(
        purchased={CONFERENCES: 100, License.E5: 15, SELECT: 100},
        assigned={(CONFERENCES, "DE"): 1, (License.E5, "GB"): 1, (SELECT, "US"): 5},
    )

    assert capacity(dial_out(month), arrangements, country) == minutes


def test_the_worked_example_of_the_service_is_6900_minutes() -> None:
    """domain.md 3: 115 licenses; and D5: of the license for the USA and Canada 100 bought, 20 assigned, 1,200."""
    assert capacity(dial_out(), Arrangements(purchased={CONFERENCES: 100, License.E5: 15})) == 6_900
    assert capacity(dial_out(), Arrangements(purchased={SELECT: 100}, assigned={(SELECT, "DE"): 20})) == 1_200


def test_the_rules_of_dial_out_stand_in_the_order_of_their_months_and_cover_all_time() -> None:
    months = [rule.from_month for rule in DIAL_OUT_RULES]

    assert months == sorted(months)
    assert dial_out_rule("1999-12", "GB") == DIAL_OUT_RULES[0]
    assert dial_out_rule("2999-12", "GB") == DIAL_OUT_RULES[-1]


@pytest.mark.parametrize(
    ("licenses", "destination", "is_reached"),
    [
        (CONFERENCES, "DE", True),
        (License.E5, "DE", True),
        (CONFERENCES, "KE", False),
        (SELECT, "US", True),
        (SELECT, "PR", True),
        (SELECT, "CA", True),
        (SELECT, "DE", False),
        (SELECT | CONFERENCES, "DE", True),
    ],
)
def test_the_organizer_s_subscription_decides_where_conferences_reach(
    *, licenses: License, destination: str, is_reached: bool
) -> None:
    pool = conference_pool(rights_of(licenses), destination, TABLE, MONTH)

    assert pool == (dial_out() if is_reached else None)


@pytest.mark.parametrize(
    ("plan", "home", "destination", "counter"),
    [
        (DOMESTIC, "DE", "DE", "domestic"),
        (DOMESTIC, "DE", "GB", None),
        (DOMESTIC, "US", "CA", "domestic"),
        (DOMESTIC, "CA", "PR", "domestic"),
        (BOTH, "DE", "GB", "international"),
        (BOTH, "DE", "DE", "domestic"),
        (BOTH, "GB", "GB", "domestic"),
        (BOTH, "DE", "CU", None),
        (BOTH, "DE", "", None),
        (License.DOMESTIC_120, "DE", "GB", None),
    ],
)
def test_a_plan_pays_inside_its_country_and_the_international_one_on_its_list(
    plan: License, home: str, destination: str, counter: str | None
) -> None:
    """S8, S9."""
    pool = plan_pool(plan, home, destination, TABLE, MONTH, 1)

    assert (None if pool is None else pool.counter) == counter


@pytest.mark.parametrize(
    ("pool", "capability"),
    [
        (Pool(DOMESTIC, "BR", "domestic", MONTH), "MCOPSTN1BR"),
        (Pool(BOTH, "MX", INTERNATIONAL, MONTH), "MCOPSTN2MX"),
        (Pool(BOTH, "DE", INTERNATIONAL, MONTH), "MCOPSTN2"),
        (Pool(License.DOMESTIC_120, "BR", "domestic", MONTH), "MCOPSTN5"),
        (Pool(License.DOMESTIC_240, "DE", "domestic", MONTH), "MCOPSTN6"),
        (Pool(License.DOMESTIC_120_NOT_POOLED, "DE", "7", MONTH), "MCOPSTN8"),
        (dial_out(), "MCOMEETADD"),
    ],
)
def test_a_pool_is_found_by_its_name_and_reported_by_its_capability(pool: Pool, capability: str) -> None:
    """domain.md 7.3."""
    assert pool_of(pool.name) == pool
    assert pool.capability == capability


# ── meters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 300), st.integers(0, 100))
def test_what_is_left_is_neither_used_nor_promised_and_never_less_than_nothing(
    used: int, held: int, limit: int, more: int
) -> None:
    meter = Meter(used, held)

    assert meter.left(limit) == max(0, limit - used - held)
    assert meter.grown(more).left(limit) == max(0, limit - used - held - more)
    assert meter.grown(more).settled(more, 3) == Meter(used + 3, held)


@pytest.mark.parametrize(
    ("zone", "month"), [("UTC", "2025-12"), ("Pacific/Auckland", "2026-01"), ("America/New_York", "2025-12")]
)
def test_a_month_is_that_of_the_organization_s_zone(zone: str, month: str) -> None:
    new_year_in_auckland = datetime(2025, 12, 31, 11, tzinfo=UTC)

    assert meters.month_of(new_year_in_auckland, ZoneInfo(zone)) == month


def test_the_minutes_of_a_month_are_new_on_the_first_of_the_next() -> None:
    assert meters.first_day_after("2026-06") == date(2026, 7, 1)
    assert meters.first_day_after("2026-12") == date(2027, 1, 1)


def test_a_department_may_be_named_like_a_path() -> None:
    name = meters.department_meter("R&D/Lab 2", MONTH)

    parts = (meters.kind_of(name), meters.subject_of(name), meters.month_named(name))
    assert parts == (meters.DEPARTMENT, "R&D/Lab 2", MONTH)


@pytest.mark.parametrize(("minute", "hour"), [("11:59:59", "11"), ("12:00:00", "12")])
def test_an_hour_of_calls_is_one_of_the_clock(minute: str, hour: str) -> None:
    at = datetime.fromisoformat(f"2026-06-10T{minute}+00:00")

    assert meters.calls_meter(4, at) == f"calls/4/2026-06-10T{hour}"
