from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.credit.recharging.recharge import NO_RECHARGE, RechargePolicy
from talktime.core.insight.advice import drift
from talktime.core.insight.advice.drift import Drift
from talktime.core.insight.advice.funding_advice import advise
from tests.core.insight.advice.spending import MONDAY, UNIT, office

AT = datetime(MONDAY.year, MONDAY.month, MONDAY.day, tzinfo=UTC) + timedelta(weeks=12)
BEFORE = [100.0] * 12
ADVICE = advise(office(BEFORE), "USD")
GIVEN = drift.given(ADVICE, AT, office(BEFORE))


def test_what_is_remembered_is_the_cone_of_a_week() -> None:
    assert GIVEN.week_low_micros < 100 * UNIT < GIVEN.week_high_micros
    assert GIVEN.funding == ADVICE.funding


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [
        ([300, 300], Drift.SPEND_ABOVE),
        ([20, 20], Drift.SPEND_BELOW),
        ([300, 100], None),
        ([100, 300], None),
        ([20, 300], None),
        ([105, 95], None),
    ],
)
def test_spend_has_left_when_two_weeks_running_are_outside_on_one_side(
    weeks: list[float], expected: Drift | None
) -> None:
    assert drift.spend_drift(GIVEN, office([*BEFORE, 100, *weeks])) is expected


def test_weeks_from_before_the_advice_say_nothing_about_it() -> None:
    assert drift.spend_drift(GIVEN, office([*BEFORE[:10], 300, 300])) is None
    assert drift.spend_drift(GIVEN, office([300])) is None


def test_advice_without_usage_has_no_cone_to_leave() -> None:
    nothing = drift.given(advise(office([]), "USD"), AT, office([]))

    assert nothing.week_high_micros == 0
    assert drift.spend_drift(nothing, office([*BEFORE, 100, 300, 300])) is None


@pytest.mark.parametrize(
    ("trigger", "amount", "expected"),
    [
        (1, 1, ()),
        (0.5, 1, (Drift.TRIGGER_TOO_LOW,)),
        (2, 1, (Drift.TRIGGER_TOO_HIGH,)),
        (1, 0.5, (Drift.AMOUNT_TOO_LOW,)),
        (0.5, 2, (Drift.TRIGGER_TOO_LOW, Drift.AMOUNT_TOO_HIGH)),
        (0.8, 1.3, ()),
    ],
)
def test_settings_are_far_from_a_third_more_or_a_quarter_less_on(
    trigger: float, amount: float, expected: tuple[Drift, ...]
) -> None:
    policy = RechargePolicy(
        is_on=True,
        trigger_micros=round(ADVICE.funding.trigger_micros * trigger),
        amount_micros=round(ADVICE.funding.amount_micros * amount),
    )

    assert drift.settings_drift(policy, ADVICE) == expected


def test_where_nothing_is_recharged_or_known_no_setting_is_far() -> None:
    assert drift.settings_drift(NO_RECHARGE, ADVICE) == ()
    is_on = RechargePolicy(is_on=True, trigger_micros=1, amount_micros=1)
    assert drift.settings_drift(is_on, advise(office([]), "USD")) == ()


def test_advice_is_compared_with_what_was_told() -> None:
    near, far = advise(office([110] * 12), "USD"), advise(office([200] * 12), "USD")

    assert not drift.is_changed(GIVEN, near)
    assert drift.is_changed(GIVEN, far)
    assert drift.is_changed(replace(GIVEN, currency="EUR"), near)
    assert drift.still_told(drift.given(near, AT, office([110] * 12)), GIVEN).funding == GIVEN.funding


def test_spend_below_the_cone_that_new_advice_still_has_is_no_news_again() -> None:
    known = office([*BEFORE, 0, 0, 0])
    kept = drift.given(advise(known, "USD"), AT + timedelta(weeks=3), known)

    assert drift.spend_drift(GIVEN, known) is Drift.SPEND_BELOW
    assert kept.week_low_micros == 0 < kept.week_high_micros
    assert drift.spend_drift(kept, office([*BEFORE, *[0] * 30])) is None


def test_spend_that_came_back_can_fall_again() -> None:
    known = office([*BEFORE, 0, 0, *BEFORE])

    kept = drift.given(advise(known, "USD"), AT + timedelta(weeks=14), known)

    assert drift.spend_drift(kept, office([*BEFORE, 0, 0, *BEFORE, 100, 20, 20])) is Drift.SPEND_BELOW
