"""When advice is out of date: spend leaves what was forecast, or what is set is far from what is advised (S45)."""

from dataclasses import replace
from datetime import datetime
from enum import Enum

from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.insight.advice.demand import DAYS_PER_WEEK, SpendSeries
from talktime.core.insight.advice.funding_advice import Funding, FundingAdvice, whole_micros
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY

# One week in ten leaves the cone by chance; two running on the same side, one in four hundred.
CONE = 0.95
WEEKS_OUTSIDE = 2
# Amounts are far apart from a third more or a quarter less on: nearer, a change is not worth a mail.
_FAR_NUMERATOR, _FAR_DENOMINATOR = 4, 3


class Drift(Enum):
    """What has moved away."""

    SPEND_ABOVE = "spend_above"
    SPEND_BELOW = "spend_below"
    TRIGGER_TOO_LOW = "trigger_too_low"
    TRIGGER_TOO_HIGH = "trigger_too_high"
    AMOUNT_TOO_LOW = "amount_too_low"
    AMOUNT_TOO_HIGH = "amount_too_high"


@frozen
class GivenAdvice:
    """What was last advised and told: `low` and `high` are the cone of a week, which nine of ten weeks stay within."""

    advised_at: datetime
    currency: str
    funding: Funding
    month_micros: int
    week_low_micros: int
    week_high_micros: int
    weeks_count: int


def given(advice: FundingAdvice, at: datetime, known: SpendSeries) -> GivenAdvice:
    """Return what is to be remembered of advice; whose spend is below the cone already has left it once for all."""
    found = advice.forecast
    low, high = (0, 0) if found is None else (found.quantile_of_week(1 - CONE, 1), found.quantile_of_week(CONE, 1))
    if all(week < low for week in known.weeks[-WEEKS_OUTSIDE:]):
        low = 0
    return GivenAdvice(
        at,
        advice.currency,
        advice.funding,
        advice.month_micros,
        whole_micros(low),
        whole_micros(high),
        advice.weeks_count,
    )


def still_told(made: GivenAdvice, last: GivenAdvice) -> GivenAdvice:
    """Return new advice that is near enough to the last not to be told: the amounts stay those that were told."""
    return replace(made, funding=last.funding)


def spend_drift(last: GivenAdvice, series: SpendSeries) -> Drift | None:
    """Tell whether the last two weeks, both since the advice, left its cone on the same side."""
    since = series.since(series.ends_on - WEEKS_OUTSIDE * DAYS_PER_WEEK * DAY)
    is_known = last.week_high_micros > 0 and len(since.weeks) == WEEKS_OUTSIDE
    if not is_known or since.starts_on <= last.advised_at.date():
        return None
    if all(week > last.week_high_micros for week in since.weeks):
        return Drift.SPEND_ABOVE
    if all(week < last.week_low_micros for week in since.weeks):
        return Drift.SPEND_BELOW
    return None


def settings_drift(policy: RechargePolicy, advice: FundingAdvice) -> tuple[Drift, ...]:
    """Tell how what is set is far from what is advised; nothing where nothing is recharged, or no usage is known."""
    if not policy.is_on or advice.forecast is None:
        return ()
    found = (
        _far(policy.trigger_micros, advice.funding.trigger_micros, Drift.TRIGGER_TOO_LOW, Drift.TRIGGER_TOO_HIGH),
        _far(policy.amount_micros, advice.funding.amount_micros, Drift.AMOUNT_TOO_LOW, Drift.AMOUNT_TOO_HIGH),
    )
    return tuple(each for each in found if each is not None)


def is_changed(last: GivenAdvice, advice: FundingAdvice) -> bool:
    """Tell whether advice is far from what was last told."""
    before, now = last.funding, advice.funding
    return (
        last.currency != advice.currency
        or _is_far(before.trigger_micros, now.trigger_micros)
        or _is_far(before.amount_micros, now.amount_micros)
    )


def _far(is_set: int, advised: int, low: Drift, high: Drift) -> Drift | None:
    if not _is_far(is_set, advised):
        return None
    return low if is_set < advised else high


def _is_far(one: int, other: int) -> bool:
    return max(one, other) * _FAR_DENOMINATOR > min(one, other) * _FAR_NUMERATOR
