"""Everything that is said with advice: the amounts, the words, the warnings, and how it would have fared."""

from dataclasses import replace
from datetime import timedelta

from talktime.core.insight.advice import backtest, saying
from talktime.core.insight.advice.backtest import Backtest
from talktime.core.insight.advice.demand import ReadSpend, SpendSeries, low_days
from talktime.core.insight.advice.funding_advice import FundingAdvice, FundingTerms, advise
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY

# What the advice is compared with, to say what would change it.
_SOONER = timedelta(days=1)
_SOONEST = timedelta(hours=4)
_RISKIER_TIMES = 5
_RISK_MOST = 0.5


@frozen
class AdviceReport:
    """The advice, three sentences, the back-test where there is enough usage for one, and warnings, gravest first."""

    advice: FundingAdvice
    series: SpendSeries
    sentences: tuple[str, str, str]
    backtest: Backtest | None
    warnings: tuple[str, ...]


def report(read: ReadSpend, currency: str, terms: FundingTerms) -> AdviceReport:
    """Return all that is said of usage; raise Invalid for terms that nothing can meet."""
    series = read.series
    advice = advise(series, currency, terms)
    sooner = replace(terms, reaction=_SOONER if terms.reaction > DAY else min(_SOONEST, terms.reaction))
    riskier = replace(terms, risk_per_month=min(_RISK_MOST, _RISKIER_TIMES * terms.risk_per_month))
    return AdviceReport(
        advice,
        series,
        saying.sentences(advice, advise(series, currency, sooner), advise(series, currency, riskier)),
        backtest.run(series, currency, terms),
        saying.warnings(advice, read, low_days(series)),
    )
