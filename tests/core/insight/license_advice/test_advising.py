"""Advice never costs more than what there is on the months that it looked at, and says why and how surely."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind
from talktime.core.insight.license_advice.advising import Beginnings, LicenseAdvice, NotEnough, advise
from talktime.core.insight.license_advice.choices import choices, list_prices, today
from talktime.core.insight.license_advice.past_calls import PastCall, Rules
from talktime.core.insight.license_advice.saying import why
from talktime.core.insight.license_advice.searching import EXACT_MAX, better, groups
from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing.assigning import Change, rulings
from talktime.core.organizations.organizations import BillingMode
from tests.core.calls.world import BERLIN, LONDON, NOON, PARIS
from tests.core.insight.license_advice.world import (
    BOTH,
    MONTHS,
    PHONE,
    PLANS,
    calls_of,
    past,
    ready,
    rules,
    user,
)

# Prices at which pools of two or three minutes can be worth it: 0.01 to 0.60 a minute are the rates.
PRICES = {
    License.DOMESTIC: 15_000,
    License.DOMESTIC_120: 20_000,
    License.DOMESTIC_AND_INTERNATIONAL: 90_000,
    License.COMMUNICATIONS_CREDITS: 0,
}
DEAR = dict.fromkeys(PRICES, 12_000_000)


LONG_AGO = date(2025, 1, 31)


def advised(
    calls: list[PastCall],
    known: Rules,
    prices: Mapping[License, int] = PRICES,
    *,
    months: tuple[str, ...] = MONTHS,
    first_days: Mapping[int, date] | None = None,
) -> LicenseAdvice:
    """Advise; who is not said to have begun some day has called since long ago."""
    began = dict.fromkeys(known.users, LONG_AGO) if first_days is None else first_days
    found = advise(ready(calls, known, months), months, known, prices, Beginnings(began))
    assert isinstance(found, LicenseAdvice)
    return found


def in_both_months(user_id: int, called: str, seconds: int) -> list[PastCall]:
    return [past(user_id, called, seconds, NOON), past(user_id, called, seconds, NOON + timedelta(days=30))]


@given(calls_of(), st.sampled_from(PLANS), st.sampled_from(PLANS))
def test_what_is_advised_never_costs_more_on_the_months_that_were_replayed(
    calls: list[PastCall], first: License, second: License
) -> None:
    known = rules([user(1, PHONE | first), user(2, PHONE | second)])

    found = advised(calls, known)

    assert found.advised_micros <= found.today_micros
    assert sum(row.saving_micros for row in found.rows) + found.others_micros == found.saving_micros
    assert all(row.confidence.months_saved <= len(MONTHS) for row in found.rows)
    assert all(0 <= row.confidence.percent <= 100 for row in found.rows)


@given(calls_of(), st.sampled_from(PLANS), st.sampled_from(PLANS))
def test_what_is_advised_is_allowed_by_the_rules_of_licenses(
    calls: list[PastCall], first: License, second: License
) -> None:
    known = rules([user(1, PHONE | first), user(2, PHONE | second)])

    rows = advised(calls, known).rows

    changes = [Change(row.user, row.advised.licenses) for row in rows]
    assert [ruling.problems for ruling in rulings(changes, known.organization, known.table)] == [()] * len(rows)


@given(calls_of(users_count=2, calls_max=10), st.sampled_from(PLANS), st.sampled_from(PLANS))
def test_the_estimate_for_many_users_finds_nothing_better_than_trying_all_and_never_something_worse_than_today(
    calls: list[PastCall], first: License, second: License
) -> None:
    known = rules([user(1, PHONE | first), user(2, PHONE | second)])
    possible = {number: choices(each, known, PRICES) for number, each in known.users.items()}

    (group,) = groups(possible, ready(calls, known), len(MONTHS), known)

    assert len(possible[1]) * len(possible[2]) <= EXACT_MAX
    exact = group.total(better(group))
    assert exact.cost_micros <= group.total(group.today).cost_micros


def test_a_plan_that_hardly_anybody_uses_is_given_up() -> None:
    known = rules([user(1, PHONE | License.DOMESTIC)])

    found = advised(in_both_months(1, LONDON, 60), known, DEAR)

    (row,) = found.rows
    assert (row.advised.calling_plan, row.today_micros, row.advised_micros) == (License(0), 12_000_000, 10_000)
    assert (row.confidence.months_saved, row.confidence.percent) == (2, 100)
    assert why(row, "EUR") == "Talks 1 minutes a month: 0.01 EUR by the minute, and 12.00 EUR for the plan."


def test_a_plan_that_nobody_uses_is_given_up_though_there_are_no_calls_at_all() -> None:
    known = rules([user(1, PHONE | License.DOMESTIC)])

    (row,) = advised([], known, DEAR).rows

    assert row.saving_micros == 12_000_000
    assert why(row, "EUR").startswith("Nobody called: Domestic Calling Plan costs 12.00 EUR")


def test_who_pays_much_by_the_minute_should_have_a_plan() -> None:
    known = rules([user(1, PHONE)])
    prices = {**DEAR, License.DOMESTIC_AND_INTERNATIONAL: 500_000}

    found = advised(in_both_months(1, PARIS, 120), known, prices)

    (row,) = found.rows
    assert row.advised.calling_plan is BOTH
    assert (row.today_micros, row.advised_micros, row.saving_micros) == (1_200_000, 500_000, 700_000)
    assert why(row, "EUR").endswith("1.20 EUR by the minute; the plan costs 0.50 EUR and pays all of it.")


def test_what_one_gives_up_is_counted_for_those_whose_pool_it_was() -> None:
    # Ada talks 1 minute at home and Bob 5: without Ada's license, Bob's pool has 3 minutes instead of 6.
    known = rules([user(1, PHONE | License.DOMESTIC), user(2, PHONE | License.DOMESTIC)])
    calls = [*in_both_months(1, LONDON, 60), *in_both_months(2, LONDON, 300)]
    prices = {License.DOMESTIC: 1_000_000, License.COMMUNICATIONS_CREDITS: 0}

    found = advised(sorted(calls, key=lambda call: call.started_at), known, prices)

    # Five minutes by the minute cost 0.05: both give it up, and nobody else is left to pay for it.
    assert [row.user.user_id for row in found.rows] == [1, 2]
    assert found.advised_micros == 60_000
    assert found.others_micros == 0


def test_a_user_with_a_plan_of_no_known_price_stays_and_pays_for_the_smaller_pool() -> None:
    fixed = License.PHONE_WITH_CALLING_PLAN | License.COMMUNICATIONS_CREDITS
    known = rules([user(1, PHONE | License.DOMESTIC), user(2, fixed)])
    calls = sorted([*in_both_months(1, LONDON, 60), *in_both_months(2, LONDON, 300)], key=lambda call: call.started_at)

    found = advised(calls, known, {License.DOMESTIC: 1_000_000, License.COMMUNICATIONS_CREDITS: 0})

    (row,) = found.rows
    # Bob keeps three minutes of his own license and pays two.
    assert (row.user.user_id, row.saving_micros, found.others_micros) == (1, 990_000, -20_000)
    assert found.saving_micros == 970_000


def test_a_smaller_plan_is_explained_by_both_sums() -> None:
    known = rules([user(1, PHONE | BOTH)], is_calling_plan_required=True)

    (row,) = advised(in_both_months(1, LONDON, 240), known, {BOTH: 12_000_000, License.DOMESTIC: 2_000_000}).rows

    assert why(row, "EUR") == (
        "Talks 4 minutes a month: 12.00 EUR and 0.01 EUR for calls now, 2.00 EUR and 0.01 EUR for calls then."
    )


def test_what_somebody_has_is_named_as_it_is_sold() -> None:
    names = [today(user(1, licenses), {}).name for licenses in (PHONE | BOTH, License.PHONE_WITH_CALLING_PLAN, PHONE)]

    assert names == [
        "Domestic and International Calling Plan",
        "Teams Phone with Calling Plan",
        "no calling plan, by the minute",
    ]


def test_who_pays_after_use_needs_no_communications_credits() -> None:
    known = rules([user(1, License.PHONE_SYSTEM | License.DOMESTIC)])
    known = replace(known, organization=replace(known.organization, mode=BillingMode.POSTPAID))

    (row,) = advised([], known, DEAR).rows

    assert row.advised.licenses == License.PHONE_SYSTEM


def test_a_change_for_pennies_is_not_advised() -> None:
    known = rules([user(1, PHONE | License.DOMESTIC)])

    found = advised([], known, {License.DOMESTIC: 400_000})

    assert found.rows == ()


def test_one_month_is_not_enough() -> None:
    known = rules([user(1, PHONE)])

    found = advise((), MONTHS[:1], known, PRICES, Beginnings({}))

    assert found == NotEnough(MONTHS[:1])


def test_where_a_plan_is_required_nobody_is_left_without_one() -> None:
    known = rules([user(1, PHONE | License.DOMESTIC)], is_calling_plan_required=True)

    found = choices(known.users[1], known, PRICES)

    assert all(choice.calling_plan for choice in found)


def test_who_has_no_phone_keeps_what_he_has() -> None:
    known = rules([user(1, License.AUDIO_CONFERENCING)])

    assert len(choices(known.users[1], known, PRICES)) == 1


def test_a_plan_that_does_not_exist_in_the_country_is_no_choice() -> None:
    known = rules([user(1, PHONE, "FR")])

    assert [choice.calling_plan for choice in choices(known.users[1], known, PRICES)] == [License(0)]


def test_prices_of_the_list_hold_in_their_currency_only_and_stated_ones_before_them() -> None:
    assert list_prices("USD", {}, "USD")[License.DOMESTIC] == 12_000_000
    assert License.DOMESTIC not in list_prices("EUR", {}, "USD")
    assert list_prices("EUR", {License.DOMESTIC: 1}, "USD")[License.DOMESTIC] == 1
    assert list_prices("EUR", {}, "USD")[License.COMMUNICATIONS_CREDITS] == 0


def test_licenses_that_nobody_has_or_uses_are_listed() -> None:
    organizer, idle = (user(number, PHONE | License.AUDIO_CONFERENCING) for number in (1, 2))
    known = rules([organizer, idle])
    purchased = {License.AUDIO_CONFERENCING: 5, License.PHONE_SYSTEM: 2}
    known = replace(known, arrangements=replace(known.arrangements, purchased=purchased))

    found = advise((), MONTHS, known, PRICES, Beginnings({}, frozenset({1})))

    assert isinstance(found, LicenseAdvice)
    assert [(each.product.license, each.is_assigned, each.count) for each in found.unused] == [
        (License.AUDIO_CONFERENCING, False, 3),
        (License.AUDIO_CONFERENCING, True, 1),
    ]


def test_many_users_are_advised_by_estimate_and_proved_by_replay() -> None:
    count = 40
    # Every third talks enough abroad to be worth a license of 0.60: all have the wrong plan.
    people = [user(number, PHONE | (License(0) if number % 3 == 0 else BOTH)) for number in range(1, count + 1)]
    known = rules(people)
    calls = [
        call._replace(started_at=call.started_at + timedelta(minutes=number))
        for number in range(3, count + 1, 3)
        for call in in_both_months(number, BERLIN if number % 2 else PARIS, 120)
    ]
    # A conference, which no calling plan pays.
    calls.append(past(1, LONDON, 60, NOON, CallKind.CONFERENCE_OUT))
    prices = {BOTH: 600_000, License.COMMUNICATIONS_CREDITS: 0}

    found = advised(sorted(calls, key=lambda call: call.started_at), known, prices)

    to_plan = {row.user.user_id for row in found.rows if row.advised.calling_plan is BOTH}
    given_up = {row.user.user_id for row in found.rows if not row.advised.calling_plan}
    assert given_up == {each.user_id for each in people if each.user_id % 3}
    assert to_plan == {number for number in range(3, count + 1, 3) if number % 2 == 0}


@settings(max_examples=20)
@given(
    calls=calls_of(users_count=9, calls_max=40),
    plans=st.lists(st.sampled_from(PLANS), min_size=9, max_size=9),
    is_ended=st.booleans(),
)
def test_what_is_estimated_for_many_never_costs_more_either(
    calls: list[PastCall], plans: list[License], *, is_ended: bool
) -> None:
    people = [user(number, PHONE | plan) for number, plan in enumerate(plans, 1)]
    known = rules(people, is_plan_ended_by_either_counter=is_ended)
    cheap = {License.DOMESTIC: 600_000, License.DOMESTIC_120_NOT_POOLED: 700_000, BOTH: 900_000}

    found = advised(calls, known, {**cheap, License.DOMESTIC_120: 650_000, License.DOMESTIC_240: 5_000_000})

    assert found.advised_micros <= found.today_micros
    assert sum(row.saving_micros for row in found.rows) + found.others_micros == found.saving_micros


def test_licenses_of_people_who_hardly_call_are_worth_their_minutes_to_those_who_do() -> None:
    # Two minutes abroad a license at 0.70, of which a minute costs 0.60: twenty talk four minutes, twenty none.
    people = [user(number, PHONE) for number in range(1, 41)]
    calls = [
        call._replace(started_at=call.started_at + timedelta(minutes=number))
        for number in range(1, 21)
        for call in in_both_months(number, PARIS, 240)
    ]
    prices = {BOTH: 700_000, License.COMMUNICATIONS_CREDITS: 0}

    found = advised(sorted(calls, key=lambda call: call.started_at), rules(people), prices)

    assert (found.today_micros, found.advised_micros) == (48_000_000, 28_000_000)
    assert len(found.rows) == 40
    assert min(row.saving_micros for row in found.rows) == -700_000


def test_who_is_to_pay_by_the_minute_is_given_communications_credits() -> None:
    known = rules([user(1, License.PHONE_SYSTEM | License.DOMESTIC)])

    (row,) = advised([], known, DEAR).rows

    assert row.advised.licenses == PHONE


def test_who_has_no_two_whole_months_is_not_judged_and_counted_as_new() -> None:
    # The second was licensed yesterday and never called, the third joined twelve days before the end.
    known = rules([user(number, PHONE | License.DOMESTIC) for number in (1, 2, 3)])
    joined = NOON + timedelta(days=39)
    calls = [*in_both_months(1, LONDON, 300), *(past(3, BERLIN, 3_000, joined + timedelta(days=n)) for n in range(3))]

    found = advised(calls, known, DEAR, first_days={1: LONG_AGO, 3: joined.date()})

    assert [row.user.user_id for row in found.rows] == [1]
    assert found.new_users_count == 2


def test_who_keeps_what_he_has_anyway_is_not_called_new() -> None:
    known = rules([user(1, License.AUDIO_CONFERENCING)])

    assert advised([], known, DEAR, first_days={}).new_users_count == 0


def test_who_began_on_the_seventh_has_that_month_whole_and_on_the_eighth_has_not() -> None:
    known = rules([user(number, PHONE | License.DOMESTIC) for number in (1, 2)])

    found = advised([], known, DEAR, first_days={1: date(2026, 6, 7), 2: date(2026, 6, 8)})

    assert [row.user.user_id for row in found.rows] == [1]
    assert found.new_users_count == 1


def test_who_began_in_the_midst_is_judged_by_his_own_months_and_weeks_alone() -> None:
    # Two minutes to Paris a week since 20 July, 1.20 each time, and a plan at 0.50 brings two minutes a month: it saves
    # 0.70 in each of his own two months, and less than half a unit a month by five, in three of which he was not there.
    months = ("2026-05", "2026-06", "2026-07", "2026-08", "2026-09")
    known = rules([user(1, PHONE)])
    began = NOON + timedelta(days=40)
    calls = [past(1, PARIS, 120, began + timedelta(weeks=week)) for week in range(10)]
    prices = {BOTH: 500_000, License.COMMUNICATIONS_CREDITS: 0}

    found = advised(calls, known, prices, months=months, first_days={1: began.date()})

    (row,) = found.rows
    own = [call for call in calls if call.started_at.month > began.month]
    assert row.advised.calling_plan is BOTH
    assert row.today_micros == 1_200_000 * len(own) // 2
    assert row.minutes_per_month == len(own)
    assert (row.confidence.months_saved, row.confidence.months_count, row.confidence.percent) == (2, 2, 100)
    assert found.saving_micros == row.saving_micros * 2 // 5
    assert found.others_micros == 0
