from itertools import product

import pytest

from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING_SUBSCRIPTIONS,
    CREDIT_LICENSES,
    MINUTE_PLANS,
    NO_LICENSE,
    License,
)
from talktime.core.organizations.licensing.features import FEATURES, FeatureState, Funding, MoneyGap, features_of
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import AccountKind

PAID = Funding(BillingMode.PREPAID, has_credit_set_up=True, has_balance=True)
EMPTY = Funding(BillingMode.PREPAID, has_credit_set_up=True, has_balance=False)
NEVER_FUNDED = Funding(BillingMode.PREPAID, has_credit_set_up=False, has_balance=False)
POSTPAID = Funding(BillingMode.POSTPAID, has_credit_set_up=False, has_balance=False, is_overage_on=True)
PLANS_ONLY = Funding(BillingMode.PREPAID, has_credit_set_up=True, has_balance=True, is_calling_plan_required=True)


def states(
    held: License, funding: Funding = PAID, account: AccountKind = AccountKind.PERSON
) -> dict[str, FeatureState]:
    return {state.feature.key: state for state in features_of(held, account, funding)}


def given(held: License, funding: Funding = PAID, account: AccountKind = AccountKind.PERSON) -> set[str]:
    return {key for key, state in states(held, funding, account).items() if state.is_given}


def test_without_a_license_a_person_has_no_feature() -> None:
    assert given(NO_LICENSE) == set()


def test_phone_system_with_a_domestic_plan_calls_the_own_country_without_money() -> None:
    held = License.PHONE_SYSTEM | License.DOMESTIC

    assert given(held, NEVER_FUNDED) == {"phone_system", "domestic_calls_included"}


def test_a_domestic_user_calls_abroad_with_credit_and_the_credits_license() -> None:
    held = License.PHONE_SYSTEM | License.DOMESTIC

    without, with_it = states(held)["calls_paid"], states(held | License.COMMUNICATIONS_CREDITS)["calls_paid"]

    assert without.missing_licenses == (License.COMMUNICATIONS_CREDITS,)
    assert with_it.is_given


@pytest.mark.parametrize(
    ("funding", "gap"),
    [(NEVER_FUNDED, MoneyGap.CREDIT_NOT_SET_UP), (EMPTY, MoneyGap.NO_BALANCE), (PAID, MoneyGap.NONE)],
)
def test_toll_free_numbers_need_credit_that_is_set_up_and_above_zero_and_no_license_of_it(
    funding: Funding, gap: MoneyGap
) -> None:
    state = states(License.AUDIO_CONFERENCING, funding)["conference_toll_free_dial_in"]

    assert (state.missing_licenses, state.missing_money) == ((), gap)


def test_audio_conferencing_calls_zone_a_without_money_and_elsewhere_by_the_organizers_credits_license() -> None:
    found = states(License.AUDIO_CONFERENCING, NEVER_FUNDED)

    assert found["conference_dial_out_zone_a"].is_given
    assert found["conference_dial_out_paid"].missing_licenses == (License.COMMUNICATIONS_CREDITS,)
    assert found["conference_dial_out_paid"].missing_money is MoneyGap.CREDIT_NOT_SET_UP


def test_conferencing_by_the_minute_needs_credit_even_for_toll_numbers_but_no_credits_license() -> None:
    held = License.PAY_PER_MINUTE_CONFERENCING

    assert {"conference_dial_in", "conference_dial_out_paid"} <= given(held, PAID)
    assert given(held, EMPTY) == set()


def test_who_has_a_subscription_besides_pays_dial_out_by_its_rule() -> None:
    held = License.PAY_PER_MINUTE_CONFERENCING | License.AUDIO_CONFERENCING

    state = states(held)["conference_dial_out_paid"]

    assert state.missing_licenses == (License.COMMUNICATIONS_CREDITS,)


def test_select_dial_out_reaches_the_usa_and_canada_and_not_zone_a() -> None:
    found = given(License.SELECT_DIAL_OUT, NEVER_FUNDED)

    assert "conference_dial_out_north_america" in found
    assert "conference_dial_out_zone_a" not in found


def test_extended_dial_out_stands_on_a_conferencing_license() -> None:
    alone = states(License.EXTENDED_DIAL_OUT)["conference_dial_out_unlimited"]

    assert alone.missing_licenses == (CONFERENCING_SUBSCRIPTIONS | License.PAY_PER_MINUTE_CONFERENCING,)
    assert "conference_dial_out_unlimited" in given(License.EXTENDED_DIAL_OUT | License.SELECT_DIAL_OUT)


def test_e5_brings_phone_system_and_conferencing_and_not_credits() -> None:
    found = states(License.E5)

    assert found["phone_system"].is_given
    assert found["conference_dial_out_zone_a"].is_given
    assert found["calls_paid"].missing_licenses == (License.COMMUNICATIONS_CREDITS,)


def test_who_pays_after_use_needs_overage_and_neither_credit_nor_its_license() -> None:
    held = License.PHONE_SYSTEM | License.PAY_AS_YOU_GO_1
    off = Funding(BillingMode.POSTPAID, has_credit_set_up=True, has_balance=False)

    assert "pay_as_you_go_calls" in given(held, POSTPAID)
    assert states(held, off)["pay_as_you_go_calls"].missing_money is MoneyGap.OVERAGE_OFF


def test_a_phone_without_a_plan_calls_by_credit_unless_a_plan_is_required() -> None:
    assert "calls_paid" in given(CREDIT_LICENSES, PAID)
    assert states(CREDIT_LICENSES, PLANS_ONLY)["calls_paid"].missing_licenses == (CALLING_PLANS,)


def test_of_a_group_any_one_license_is_enough() -> None:
    for plan in MINUTE_PLANS:
        assert "domestic_calls_included" in given(License.PHONE_SYSTEM | plan, NEVER_FUNDED)


def test_attendants_and_queues_have_features_of_their_own_and_call_out_by_the_organizations_credit() -> None:
    queue = AccountKind.CALL_QUEUE

    assert set(states(NO_LICENSE, PAID, queue)) == {"voice_app", "voice_app_toll_free", "voice_app_calls"}
    assert given(License.RESOURCE_ACCOUNT, NEVER_FUNDED, queue) == {"voice_app"}
    assert given(License.RESOURCE_ACCOUNT, PAID, queue) == {"voice_app", "voice_app_toll_free", "voice_app_calls"}


def test_more_licenses_and_more_money_never_take_away_what_was_included() -> None:
    some = (NO_LICENSE, License.PHONE_SYSTEM, License.DOMESTIC, License.AUDIO_CONFERENCING, License.E5)

    for held, more in product(some, some):
        free = given(held, NEVER_FUNDED)
        assert free <= given(held | more, NEVER_FUNDED)
        assert free <= given(held, PAID)


def test_every_feature_has_a_key_and_a_name_of_its_own() -> None:
    assert len({feature.key for feature in FEATURES}) == len({feature.name for feature in FEATURES}) == len(FEATURES)
