import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations.arrangements import NO_ARRANGEMENTS, Arrangements
from talktime.core.organizations.licenses import License
from talktime.core.organizations.numbering import quotas
from talktime.core.organizations.users import NumberUse


def bought(**counts: int) -> Arrangements:
    return Arrangements(purchased={License[name.upper()]: count for name, count in counts.items()})


def test_fifty_plans_allow_sixty_five_user_numbers() -> None:
    assert quotas.quota(NumberUse.USER, bought(domestic=20, domestic_and_international=30)) == 65


def test_thirty_plans_and_twenty_pay_as_you_go_allow_sixty_three() -> None:
    assert quotas.quota(NumberUse.USER, bought(domestic=30, pay_as_you_go_1=12, pay_as_you_go_2=8)) == 63


def test_a_part_of_a_number_is_none() -> None:
    assert [quotas.user_numbers(plans, 0) for plans in (1, 9, 10, 19)] == [11, 19, 21, 30]


def test_fifty_one_licenses_allow_twenty_toll_numbers() -> None:
    assert quotas.quota(NumberUse.TOLL, bought(phone_system=31, audio_conferencing=20)) == 20


def test_a_thousand_and_one_licenses_allow_125_toll_free_numbers() -> None:
    assert quotas.quota(NumberUse.TOLL_FREE, bought(phone_system=1, audio_conferencing=1_000)) == 125


@pytest.mark.parametrize(
    ("first", "last", "numbers"),
    [
        (0, 0, 0),
        (1, 25, 5),
        (26, 49, 10),
        (50, 99, 20),
        (100, 149, 30),
        (150, 199, 40),
        (200, 499, 65),
        (500, 749, 90),
        (750, 999, 110),
        (1_000, 1_249, 125),
        (1_250, 1_499, 135),
        (1_500, 1_999, 160),
        (2_000, 2_999, 210),
        (3_000, 6_999, 420),
        (7_000, 9_999, 500),
        (10_000, 14_999, 600),
        (15_000, 19_999, 700),
        (20_000, 49_999, 1_000),
        (50_000, 1_000_000, 1_500),
    ],
)
def test_each_row_of_the_table_holds_from_its_first_to_its_last_license(first: int, last: int, numbers: int) -> None:
    assert quotas.service_numbers(first) == quotas.service_numbers(last) == numbers


def test_conferencing_with_dial_out_to_the_usa_and_canada_brings_one_toll_number_however_many_there_are() -> None:
    assert quotas.quota(NumberUse.TOLL, bought(select_dial_out=500)) == 1
    assert quotas.quota(NumberUse.TOLL, bought(select_dial_out=1, phone_system=51)) == 21
    assert quotas.quota(NumberUse.TOLL_FREE, bought(select_dial_out=500)) == 0


def test_an_e5_counts_as_phone_system_and_as_audio_conferencing() -> None:
    assert quotas.service_licenses(bought(e5=25)) == 50
    assert quotas.service_licenses(bought(e5_without_conferencing=25)) == 25


def test_a_bundle_with_a_plan_counts_as_a_plan() -> None:
    assert quotas.quota(NumberUse.USER, bought(phone_with_calling_plan=50)) == 65


def test_licenses_that_were_assigned_before_they_were_counted_count_too() -> None:
    assigned = {(License.DOMESTIC, "US"): 30, (License.DOMESTIC, "CA"): 20}

    assert quotas.licenses_of(Arrangements(purchased={License.DOMESTIC: 10}, assigned=assigned), License.DOMESTIC) == 50


def test_without_licenses_there_are_ten_user_numbers_and_no_service_number() -> None:
    assert [quotas.quota(use, NO_ARRANGEMENTS) for use in NumberUse] == [10, 0, 0]


@given(st.dictionaries(st.sampled_from(list(License)), st.integers(1, 60_000)), st.sampled_from(list(License)))
def test_one_license_more_never_takes_a_number_away(purchased: dict[License, int], more: License) -> None:
    before = Arrangements(purchased=purchased)
    after = Arrangements(purchased={**purchased, more: purchased.get(more, 0) + 1})

    assert all(quotas.quota(use, after) >= quotas.quota(use, before) for use in NumberUse)
