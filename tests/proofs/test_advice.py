"""Is the promised outage risk kept in weeks that the advice has not seen? 200 organizations, a bank, phones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.insight.advice import backtest
from talktime.core.insight.advice.demand import ReadSpend
from talktime.core.insight.advice.funding_advice import DEFAULT_FUNDING_TERMS, Cadence, FundingTerms
from tests import real_spend
from tests.proofs import advice_judge

# Numbers of the advice were settled on organizations 1000 to 1099, and rules on 0 to 199: these were never looked at.
ORGANIZATIONS = range(5_000, 5_200)
STARTS = 12


@pytest.mark.proof
@pytest.mark.parametrize("risk", [0.01, 0.05])
def test_advice_keeps_its_promised_risk_over_two_hundred_organizations(risk: float) -> None:
    terms = replace(DEFAULT_FUNDING_TERMS, risk_per_month=risk)

    judged = advice_judge.judge(ORGANIZATIONS, terms)

    print(f"risk promised {risk:.0%}, 200 organizations, {min(one.folds for one in judged)} folds or more")
    print("\n".join(advice_judge.lines(judged)))
    assert min(one.folds for one in judged) >= backtest.FOLDS_WANTED
    assert advice_judge.outages(judged).high <= risk
    assert advice_judge.outages(judged, "naive").low > risk
    assert advice_judge.idle_beside_naive(judged) <= 1.0


@pytest.mark.proof
@pytest.mark.parametrize(
    "terms",
    [
        replace(DEFAULT_FUNDING_TERMS, reaction=timedelta(days=1)),
        replace(DEFAULT_FUNDING_TERMS, reaction=timedelta(days=7)),
        replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.WEEKLY),
        replace(DEFAULT_FUNDING_TERMS, cadence=Cadence.QUARTERLY),
    ],
    ids=["a day to react", "a week to react", "weekly recharges", "quarterly recharges"],
)
def test_advice_keeps_its_promised_risk_on_other_terms(terms: FundingTerms) -> None:
    judged = advice_judge.judge(ORGANIZATIONS[:100], terms)

    print("\n".join(advice_judge.lines(judged)))
    assert advice_judge.outages(judged).share <= terms.risk_per_month
    assert advice_judge.outages(judged).high < advice_judge.outages(judged, "naive").low


@pytest.mark.proof
def test_advice_keeps_its_promised_risk_for_organizations_that_close_for_weeks() -> None:
    judged = advice_judge.judge(ORGANIZATIONS, DEFAULT_FUNDING_TERMS, closes=True)

    print("\n".join(advice_judge.lines(judged)))
    assert advice_judge.outages(judged).high <= DEFAULT_FUNDING_TERMS.risk_per_month
    assert advice_judge.idle_beside_naive(judged) <= 1.0


@pytest.mark.proof
@pytest.mark.parametrize("read", [real_spend.bank, real_spend.phones, real_spend.phone_bill])
def test_advice_keeps_its_promised_risk_on_real_calls(read: Callable[[], ReadSpend]) -> None:
    series = read().series

    tested = backtest.run(series, "USD", DEFAULT_FUNDING_TERMS, starts=STARTS)

    assert tested is not None
    print(
        f"{read.__name__}: {series.starts_on} to {series.ends_on}, {series.weeks_count} weeks,"
        f" {len(tested.folds)} folds"
    )
    for each in tested.outcomes:
        print(
            f"| {each.name} | {each.outage_months_count} of {each.months_count} | {each.refused_share:.2%} |"
            f" {each.recharges_per_month:.1f} | {each.idle_micros / 1e6:,.0f} | {each.expired_micros / 1e6:,.0f} |"
        )
    assert len(tested.folds) >= backtest.FOLDS_WANTED
    advice = tested.outcomes[0]
    assert advice.outage_share <= tested.outcomes[1].outage_share
    assert advice.outage_share <= 0.05
