from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying.catalog import BuyingTerms, minimum_micros
from talktime.core.insight.advice.demand import SpendSeries
from talktime.core.insight.advice.funding_advice import (
    DEFAULT_FUNDING_TERMS,
    Basis,
    Cadence,
    Funding,
    advise,
    expiry_share,
    risk_of,
    rounded_up,
    whole_micros,
)
from talktime.core.values.errors import Invalid
from tests.core.insight.advice.spending import MONDAY, UNIT, office

NOISY = [100, 120, 90, 110, 95, 115, 105, 98, 117, 92, 108, 101, 99, 121, 94, 106]


def test_the_trigger_covers_the_reaction_time_and_the_amount_the_cadence() -> None:
    advice = advise(office([1_000] * 20), "USD")

    # Three full workdays cost 600, a month 4,350.
    assert 600 * UNIT < advice.funding.trigger_micros < 1_000 * UNIT
    assert advice.funding.amount_micros == 4_350 * UNIT
    assert advice.basis is Basis.USAGE
    assert advice.recharges_per_month == pytest.approx(1.0, abs=0.02)
    # Half of the recharges begin near a weekend.
    assert 450 * UNIT < advice.usual_reaction_micros < 600 * UNIT
    assert advice.idle_micros == advice.funding.trigger_micros + advice.funding.amount_micros // 2


def test_less_risk_and_a_longer_wait_ask_for_a_higher_trigger() -> None:
    series = office([10 * week for week in NOISY])
    usual = advise(series, "USD")

    careful = advise(series, "USD", replace(DEFAULT_FUNDING_TERMS, risk_per_month=0.001))
    slow = advise(series, "USD", replace(DEFAULT_FUNDING_TERMS, reaction=timedelta(days=7)))
    quick = advise(series, "USD", replace(DEFAULT_FUNDING_TERMS, reaction=timedelta(hours=4)))

    assert careful.funding.trigger_micros > usual.funding.trigger_micros
    assert slow.funding.trigger_micros > usual.funding.trigger_micros > quick.funding.trigger_micros


def test_the_same_weeks_seen_longer_ask_for_a_lower_trigger() -> None:
    few, many = advise(office([1_000] * 4), "USD"), advise(office([1_000] * 40), "USD")

    assert few.funding.trigger_micros > many.funding.trigger_micros


def test_the_risk_of_what_is_advised_is_no_more_than_was_asked_for() -> None:
    series = office([10 * week for week in NOISY])
    advice = advise(series, "USD")

    assert advice.forecast is not None
    risk = risk_of(series, advice.forecast, advice.funding, DEFAULT_FUNDING_TERMS.reaction)

    assert 0.004 < risk <= 0.0105
    bare = Funding(0, advice.funding.amount_micros)
    assert risk_of(series, advice.forecast, bare, DEFAULT_FUNDING_TERMS.reaction) > 0.99


def test_who_has_no_usage_yet_starts_with_the_minimum() -> None:
    advice = advise(office([]), "USD")

    assert advice.basis is Basis.START_SMALL
    assert advice.funding == Funding(20 * UNIT, 20 * UNIT)
    assert (advice.weeks_count, advice.expiry_per_year_micros) == (0, 0)


def test_who_began_yesterday_is_advised_by_what_yesterday_cost() -> None:
    series = SpendSeries(MONDAY, (0,) * 24 * 6 + (50 * UNIT,) * 24)

    advice = advise(series, "USD")

    assert advice.basis is Basis.USAGE
    assert 1_200 * UNIT < advice.funding.trigger_micros < advice.funding.amount_micros


def test_who_spends_little_is_advised_the_minimum_of_the_currency() -> None:
    terms = replace(DEFAULT_FUNDING_TERMS, buying=BuyingTerms(minimum_units={"EUR": 50}))

    advice = advise(office([2] * 10), "EUR", terms)

    assert advice.basis is Basis.MINIMUM
    assert advice.funding == Funding(50 * UNIT, 50 * UNIT)


def test_the_amount_is_never_below_the_trigger() -> None:
    terms = replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.WEEKLY, reaction=timedelta(days=14))

    advice = advise(office([100] * 12), "USD", terms)

    assert advice.basis is Basis.TRIGGER
    assert advice.funding.amount_micros == advice.funding.trigger_micros > 200 * UNIT


def test_the_amount_is_no_more_than_can_be_bought_at_once() -> None:
    terms = replace(DEFAULT_FUNDING_TERMS, buying=BuyingTerms(most_minimums=100))

    advice = advise(office([1_000] * 12), "USD", terms)

    assert advice.basis is Basis.MAXIMUM
    assert advice.funding.amount_micros == 2_000 * UNIT


def test_credit_that_outlasts_the_year_is_expected_to_expire() -> None:
    advice = advise(office([0.2] * 10), "USD")

    # Ten units a year are spent, and twenty is the least.
    assert advice.funding.amount_micros == minimum_micros("USD")
    assert advice.expiry_share > 0.5
    assert advice.expiry_per_year_micros > 0


def test_the_amount_shrinks_until_what_expires_is_within_the_bound() -> None:
    terms = replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.QUARTERLY, expiry_share_max=0.001)
    series = office([20, 5] * 8)
    quarterly = advise(series, "USD", replace(terms, expiry_share_max=1.0))

    advice = advise(series, "USD", terms)

    assert advice.forecast is not None
    assert advice.basis is Basis.EXPIRY
    assert advice.expiry_share <= terms.expiry_share_max < quarterly.expiry_share
    assert 20 * UNIT < advice.funding.amount_micros < quarterly.funding.amount_micros
    one_more = Funding(advice.funding.trigger_micros, advice.funding.amount_micros + UNIT)
    assert expiry_share(advice.forecast, one_more) > terms.expiry_share_max


def test_the_amount_does_not_shrink_below_the_trigger() -> None:
    series = office([100, 10, 250, 30, 180, 20, 300, 10, 120, 40])
    terms = replace(DEFAULT_FUNDING_TERMS, expiry_share_max=0.0001)

    quarterly = advise(series, "USD", replace(terms, cadence=Cadence.QUARTERLY))

    assert quarterly.basis is Basis.EXPIRY
    assert quarterly.funding.amount_micros == quarterly.funding.trigger_micros > 20 * UNIT


def test_an_amount_that_could_not_be_made_smaller_is_not_said_to_be() -> None:
    series = office([100, 10, 250, 30, 180, 20, 300, 10, 120, 40])
    terms = replace(DEFAULT_FUNDING_TERMS, expiry_share_max=0.0001)

    advice = advise(series, "USD", terms)

    assert advice.basis is Basis.TRIGGER
    assert advice.funding.amount_micros == advice.funding.trigger_micros
    assert advice.expiry_share > terms.expiry_share_max


@pytest.mark.parametrize("share_left", [0.0, 0.01])
@pytest.mark.parametrize("weeks_closed", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("weeks_back", [1, 2, 4, 12])
def test_a_closure_leaves_the_advice_as_it_was(share_left: float, weeks_closed: int, weeks_back: int) -> None:
    before = advise(office([400] * 26), "USD").funding

    after = advise(office([400] * 26 + [400 * share_left] * weeks_closed + [400] * weeks_back), "USD").funding

    assert 0.9 * before.trigger_micros < after.trigger_micros < 1.1 * before.trigger_micros
    assert 0.9 * before.amount_micros < after.amount_micros < 1.1 * before.amount_micros


@pytest.mark.parametrize("weeks_back", [1, 2, 4, 12])
def test_a_month_of_few_calls_does_not_raise_the_trigger(weeks_back: int) -> None:
    before = advise(office([400] * 26), "USD").funding

    after = advise(office([400] * 26 + [40] * 4 + [400] * weeks_back), "USD").funding

    assert after.trigger_micros < 1.2 * before.trigger_micros


@pytest.mark.parametrize("risk", [0.0, -0.1, 0.6])
def test_a_risk_that_nothing_can_meet_is_refused(risk: float) -> None:
    with pytest.raises(Invalid, match="outage risk"):
        advise(office([100] * 10), "USD", replace(DEFAULT_FUNDING_TERMS, risk_per_month=risk))


@pytest.mark.parametrize("reaction", [timedelta(0), timedelta(minutes=59), timedelta(days=29)])
def test_a_reaction_time_that_nobody_has_is_refused(reaction: timedelta) -> None:
    with pytest.raises(Invalid, match="reaction time"):
        advise(office([100] * 10), "USD", replace(DEFAULT_FUNDING_TERMS, reaction=reaction))


@given(st.integers(min_value=1, max_value=10**15))
def test_an_advised_amount_is_whole_units_upwards_by_no_more_than_a_twentieth(micros: int) -> None:
    rounded = rounded_up(micros)

    assert rounded % UNIT == 0
    assert micros <= rounded < micros * 1.05 + UNIT


@pytest.mark.parametrize(("micros", "shown"), [(123_456_789, 123_000_000), (12_345_678, 12_350_000), (0, 0)])
def test_a_forecast_is_shown_as_precisely_as_it_deserves(micros: int, shown: int) -> None:
    assert whole_micros(micros) == shown


@given(st.lists(st.integers(min_value=0, max_value=5_000), min_size=1, max_size=30))
def test_any_usage_gives_advice_that_can_be_set(weeks: list[int]) -> None:
    advice = advise(office(weeks), "USD")

    assert advice.funding.amount_micros >= advice.funding.trigger_micros >= minimum_micros("USD")
    assert 0 <= advice.expiry_share <= 1
