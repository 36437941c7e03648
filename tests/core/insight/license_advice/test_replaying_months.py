"""What a replay says that months would have cost is what charging makes of the same calls."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind
from talktime.core.insight.license_advice.past_calls import PastCall
from talktime.core.insight.license_advice.replay import Spent, replayed
from talktime.core.organizations.licenses import License, rights_of
from tests.core.calls.world import BERLIN, BRITISH_PREMIUM, LONDON, MONTREAL, NOON, PARIS, TOKYO
from tests.core.insight.license_advice.world import (
    BOTH,
    PHONE,
    PLANS,
    calls_of,
    charged,
    past,
    ready,
    rules,
    user,
)


def spent(calls: list[PastCall], licenses: tuple[License, License], **arranged: bool) -> dict[int, int]:
    people = [user(number, each) for number, each in enumerate(licenses, 1)]
    known = rules(people, **arranged)
    found = replayed(
        ready(calls, known), {each.user_id: rights_of(each.licenses).minute_plan for each in people}, known
    )
    by_user: dict[int, int] = {}
    for (user_id, _), amount in found.spent_micros.items():
        by_user[user_id] = by_user.get(user_id, 0) + amount
    return by_user


@pytest.mark.parametrize("is_ended", [True, False])
@given(calls=calls_of(), first=st.sampled_from(PLANS), second=st.sampled_from(PLANS))
def test_a_replay_costs_what_charging_charges(
    calls: list[PastCall], first: License, second: License, *, is_ended: bool
) -> None:
    licenses = (PHONE | first, PHONE | second)
    known = rules([user(1, licenses[0]), user(2, licenses[1])], is_plan_ended_by_either_counter=is_ended)

    found = spent(calls, licenses, is_plan_ended_by_either_counter=is_ended)

    assert found == charged(calls, known)


def test_a_call_that_outlasts_its_pool_pays_the_rest_without_a_connection_fee() -> None:
    # Two international minutes are included; the third costs 0.06, and no fee of 0.02.
    calls = [past(1, BERLIN, 150, NOON)]

    assert spent(calls, (PHONE | BOTH, PHONE)) == {1: 60_000}
    assert spent(calls, (PHONE, PHONE)) == {1: 200_000}


def test_users_of_a_plan_share_its_pool_and_the_earlier_call_takes_it() -> None:
    calls = [past(1, LONDON, 240, NOON), past(2, LONDON, 240, NOON + timedelta(hours=1))]

    together = spent(calls, (PHONE | License.DOMESTIC, PHONE | License.DOMESTIC))

    assert together == {2: 20_000}


def test_a_month_begins_with_full_pools() -> None:
    calls = [past(1, LONDON, 180, NOON), past(1, LONDON, 180, NOON + timedelta(days=25))]

    assert spent(calls, (PHONE | License.DOMESTIC, PHONE)) == {}


def test_conference_minutes_pay_before_money_and_no_plan_of_the_organizer_does() -> None:
    conferencing = PHONE | License.AUDIO_CONFERENCING | License.DOMESTIC
    calls = [past(1, LONDON, 61 * 60, NOON, CallKind.CONFERENCE_OUT)]

    assert spent(calls, (conferencing, PHONE)) == {1: 10_000}
    assert spent(calls, (conferencing, PHONE), uses_plan_after_conference_minutes=True) == {}


def test_an_international_plan_ends_with_either_of_its_counters() -> None:
    calls = [past(1, PARIS, 120, NOON), past(1, LONDON, 60, NOON + timedelta(hours=1))]

    assert spent(calls, (PHONE | BOTH, PHONE)) == {1: 10_000}
    assert spent(calls, (PHONE | BOTH, PHONE), is_plan_ended_by_either_counter=False) == {}


def test_numbers_of_special_rate_are_paid_with_money() -> None:
    assert spent([past(1, BRITISH_PREMIUM, 60, NOON)], (PHONE | License.DOMESTIC, PHONE)) == {1: 10_000}


def test_a_conference_may_draw_conference_minutes_then_the_plans_and_then_money() -> None:
    conferencing = PHONE | License.AUDIO_CONFERENCING | BOTH
    calls = [past(1, BERLIN, 63 * 60, NOON, CallKind.CONFERENCE_OUT)]

    assert spent(calls, (conferencing, PHONE), uses_plan_after_conference_minutes=True) == {1: 60_000}
    assert spent(calls, (conferencing, PHONE)) == {1: 180_000}


def test_conferences_share_their_minutes_and_reach_zone_a_only() -> None:
    conferencing = PHONE | License.AUDIO_CONFERENCING
    two_calls = [past(1, LONDON, 59 * 60, NOON + timedelta(hours=hour), CallKind.CONFERENCE_OUT) for hour in (0, 2)]
    beyond = [past(1, PARIS, 60, NOON, CallKind.CONFERENCE_OUT)]
    by_the_minute = [past(2, LONDON, 60, NOON, CallKind.CONFERENCE_OUT)]

    assert spent(two_calls, (conferencing, PHONE)) == {1: 580_000}
    assert spent(beyond, (conferencing, PHONE)) == {1: 600_000}
    assert spent(by_the_minute, (conferencing, PHONE | License.PAY_PER_MINUTE_CONFERENCING)) == {2: 10_000}


def test_unlimited_dial_out_to_america_costs_nothing_on_any_plan() -> None:
    unlimited = PHONE | License.AUDIO_CONFERENCING | License.EXTENDED_DIAL_OUT
    calls = [past(1, MONTREAL, 90 * 60, NOON, CallKind.CONFERENCE_OUT)]

    assert spent(calls, (unlimited, PHONE)) == {}


def test_what_has_no_rate_is_counted_as_unpaid_and_costs_nothing() -> None:
    known = rules([user(1, PHONE)])

    found = replayed(ready([past(1, TOKYO, 61, NOON)], known), {1: None}, known)

    assert (found.unpaid_minutes, found.total_micros) == (2, 0)


def test_calls_of_other_months_and_of_strangers_are_left_out() -> None:
    known = rules([user(1, PHONE)])
    later = past(1, PARIS, 60, NOON + timedelta(days=90))
    strangers = past(1, PARIS, 60, NOON)._replace(user_id=99)

    found = ready([later, strangers, past(1, PARIS, 0, NOON), past(1, PARIS, 10, NOON)], known)

    assert [call.used_seconds for call in found] == [10]
    assert replayed(found, {1: None}, known).spent_micros == {Spent(1, 0): 100_000}
