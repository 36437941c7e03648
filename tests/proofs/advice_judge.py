"""What advice promised and what came, over many organizations: shares with their confidence, and idle money."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from math import sqrt
from multiprocessing import get_context
from statistics import median

from talktime.core.insight.advice import backtest
from talktime.core.insight.advice.backtest import Outcome
from talktime.core.insight.advice.funding_advice import FundingTerms
from tests.generated_spend import organization

# 95 %.
SURE = 1.96


@dataclass(frozen=True)
class Judged:
    """An organization's rhythm and how each rule fared."""

    rhythm: str
    outcomes: dict[str, Outcome]
    folds: int


@dataclass(frozen=True)
class Share:
    """In what share of held-out months calls were refused, between two bounds with 95 % confidence.

    The months of one organization stand and fall together: the bounds are of organizations, not of months.
    """

    share: float
    low: float
    high: float
    months: int

    def __str__(self) -> str:
        """Write it for a table."""
        return f"{self.share:.2%} ({self.low:.2%} to {self.high:.2%}) of {self.months:,}"


def judge(
    seeds: Iterable[int], terms: FundingTerms, *, weeks: int = 78, processes: int = 2, closes: bool = False
) -> list[Judged]:
    """Return how the rules fared for generated organizations."""
    if processes == 1:
        return [_judged(seed, terms, weeks, closes=closes) for seed in seeds]
    with get_context("spawn").Pool(processes) as pool:
        return pool.map(partial(_judged, terms=terms, weeks=weeks, closes=closes), list(seeds), chunksize=5)


def outages(judged: Iterable[Judged], rule: str = "advice") -> Share:
    """Return the share of months with refused calls, with the bounds that clusters of unlike size allow."""
    each = [one.outcomes[rule] for one in judged]
    months = sum(outcome.months_count for outcome in each)
    share = sum(outcome.outage_months_count for outcome in each) / months
    squares = sum((outcome.outage_months_count - share * outcome.months_count) ** 2 for outcome in each)
    error = SURE * sqrt(len(each) / max(1, len(each) - 1) * squares) / months
    return Share(share, max(0.0, share - error), share + error, months)


def idle_beside_naive(judged: Iterable[Judged]) -> float:
    """Return the middle ratio of the money that lies idle with the advice to that of the naive rule."""
    return median(one.outcomes["advice"].idle_micros / one.outcomes["naive"].idle_micros for one in judged)


def lines(judged: list[Judged]) -> Iterable[str]:
    """Yield a table of rules and of rhythms, as docs/rules/advice.md has it."""
    for rule in ("advice", "naive", "minimum"):
        each = [one.outcomes[rule] for one in judged]
        spent = sum(one.spent_micros for one in each) // backtest.STARTS
        yield (
            f"| {rule} | {outages(judged, rule)} | {sum(one.refused_share for one in each) / len(each):.3%} |"
            f" {median(one.recharges_per_month for one in each):.1f} |"
            f" {median(_idle_months(one) for one in each):.2f} |"
            f" {sum(one.expired_micros for one in each) / spent:.2%} |"
        )
    yield f"idle money beside the naive rule, middle organization: {idle_beside_naive(judged):.2f}"
    for rhythm in sorted({one.rhythm for one in judged}):
        yield f"| {rhythm} | {outages([one for one in judged if one.rhythm == rhythm])} |"


def _idle_months(outcome: Outcome) -> float:
    """Return idle money as so many months of what was spent."""
    return outcome.idle_micros * outcome.months_count / outcome.spent_micros


def _judged(seed: int, terms: FundingTerms, weeks: int, *, closes: bool) -> Judged:
    spender = organization(seed, weeks, closes=closes)
    tested = backtest.run(spender.series, "USD", terms)
    assert tested is not None
    return Judged(spender.rhythm, {each.name: each for each in tested.outcomes}, len(tested.folds))
