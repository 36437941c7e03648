from dataclasses import replace
from datetime import timedelta

from talktime.core.insight.advice import backtest
from talktime.core.insight.advice.demand import SpendSeries
from talktime.core.insight.advice.funding_advice import DEFAULT_FUNDING_TERMS, Funding
from tests.core.insight.advice.spending import MONDAY, UNIT, office
from tests.proofs import advice_judge

THREE_DAYS = timedelta(days=3)


def fixed(trigger: int, amount: int) -> backtest.Rule:
    return lambda _: Funding(trigger * UNIT, amount * UNIT)


def test_a_trigger_that_covers_the_reaction_time_refuses_nothing_and_one_below_it_does() -> None:
    series = office([1_000] * 24)
    folds = backtest.fold_days(series)

    enough = backtest.replay("enough", fixed(800, 4_000), series, folds, THREE_DAYS)
    short = backtest.replay("short", fixed(100, 4_000), series, folds, THREE_DAYS)

    assert (enough.outage_months_count, enough.refused_micros, enough.refused_share) == (0, 0, 0.0)
    assert short.outage_share > 0.5
    assert 0 < short.refused_share < 0.2


def test_what_is_refused_and_what_is_bought_account_for_all_that_was_to_be_spent() -> None:
    series = office([1_000] * 12)
    folds = backtest.fold_days(series)

    outcome = backtest.replay("one", fixed(800, 4_000), series, folds, THREE_DAYS, 1)

    # Eight weeks cost 8,000; it began with 800 and half of 4,000, and lies between the two when they are over.
    assert outcome.spent_micros == 8_000 * UNIT
    assert outcome.recharges_per_month == 1.0
    assert 800 * UNIT < outcome.idle_micros < 4_800 * UNIT


def test_a_rule_is_asked_only_with_what_lay_before_the_day() -> None:
    series = office(range(1, 31))
    seen = []

    def rule(known: SpendSeries) -> Funding:
        seen.append(known.ends_on)
        return Funding(UNIT, UNIT)

    folds = backtest.fold_days(series)
    backtest.replay("asked", rule, series, folds, THREE_DAYS, 1)

    assert seen == list(folds)
    assert folds[0] == MONDAY + timedelta(days=28)
    assert len(folds) >= backtest.FOLDS_WANTED


def test_below_eight_weeks_nothing_can_be_tested() -> None:
    assert backtest.run(office([100] * 7), "USD", DEFAULT_FUNDING_TERMS) is None
    assert backtest.run(office([100] * 8), "USD", DEFAULT_FUNDING_TERMS) is not None


def test_the_naive_rule_adjusts_once_after_two_months() -> None:
    rule = backtest.naive("USD", DEFAULT_FUNDING_TERMS)

    assert rule(office([700] * 7)) == Funding(20 * UNIT, 20 * UNIT)
    # A month of 30.44 days, and half of it.
    assert rule(office([700] * 8)) == rule(office([700] * 8 + [9_000] * 8)) == Funding(1_550 * UNIT, 3_050 * UNIT)


def test_credit_that_nobody_spends_within_a_year_expires_in_the_test() -> None:
    series = office([10] * 5 + [0.001] * 60)

    outcome = backtest.replay("much", fixed(20, 500), series, backtest.fold_days(series), THREE_DAYS)

    assert outcome.expired_micros > 200 * UNIT


def test_more_recharges_in_a_day_than_the_guards_allow_stop_it_until_somebody_looks() -> None:
    series = office([10_000] * 12)

    outcome = backtest.replay("tiny", fixed(20, 20), series, backtest.fold_days(series), THREE_DAYS)

    # Six in four days at most, where 2,000 units are spent in a day.
    assert outcome.recharges_per_month < 6 * 28 / 3 + 1
    assert outcome.outage_share == 1.0


def test_no_month_is_counted_where_all_are_too_young_to_tell() -> None:
    series = office([10] * 8)

    outcome = backtest.replay("short", fixed(20, 50), series, backtest.fold_days(series), timedelta(days=20))

    assert (outcome.months_count, outcome.outage_share) == (0, 0.0)


def test_nothing_spent_is_nothing_refused() -> None:
    series = SpendSeries(MONDAY, (0,) * 24 * 7 * 9)

    assert backtest.replay("none", fixed(20, 50), series, backtest.fold_days(series), THREE_DAYS).refused_share == 0.0


def test_the_promised_risk_is_kept_over_generated_organizations() -> None:
    # The long form judges 200 of them: `make prove ONLY=advice`.
    terms = replace(DEFAULT_FUNDING_TERMS, risk_per_month=0.05)

    judged = advice_judge.judge(range(20), terms, weeks=52, processes=1)

    assert min(one.folds for one in judged) >= backtest.FOLDS_WANTED
    assert advice_judge.outages(judged).share <= 0.05
    assert advice_judge.outages(judged, "naive").share > advice_judge.outages(judged).share
    assert advice_judge.idle_beside_naive(judged) < 1.0
