"""Trigger and recharge amount: how much, why, and with what risk (S19, S20, S44, S45).

The trigger is what is spent while a recharge does not come: a card fails, somebody has to notice and pay otherwise.
It is chosen so that even if that happened at every recharge, calls would be refused in no more than the stated share
of months. The amount is what the chosen cadence costs, bounded by what may be lost to expiry.
"""

from bisect import bisect_left
from datetime import timedelta
from enum import Enum
from math import exp, log1p

from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms, maximum_micros, minimum_micros
from talktime.core.insight.advice import student
from talktime.core.insight.advice.demand import DAYS_PER_WEEK, SpendSeries
from talktime.core.insight.advice.forecasting import WEEKS_AHEAD, Forecast, forecast
from talktime.core.insight.advice.stretches import HOUR, Stretches
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICROS_PER_UNIT

DAYS_PER_MONTH = 365.25 / 12
WEEKS_PER_MONTH = DAYS_PER_MONTH / DAYS_PER_WEEK
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK
# Below this much usage the advice says that it is little (S44: one or two months).
WEEKS_ENOUGH = 4
REACTION_MOST = timedelta(days=28)
RISK_MOST = 0.5
_OFTEN_A_MONTH = 30
_YEAR_PROBABILITIES = tuple((step + 0.5) / 20 for step in range(20))
# A year ahead is less known than a month ahead, however steady the weeks were.
_YEAR_SPREAD_MIN = 0.25
_YEAR_SPREAD_FACTOR = 1.5


class Cadence(Enum):
    """How often a recharge should come."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


_WEEKS_OF = {Cadence.WEEKLY: 1.0, Cadence.MONTHLY: WEEKS_PER_MONTH, Cadence.QUARTERLY: 3 * WEEKS_PER_MONTH}


@frozen
class FundingTerms:
    """What the advice is asked for.

    `risk_per_month`: in what share of months calls may be refused although every recharge failed at first. `reaction`:
    how long it then takes until there is credit, retries and a weekend included. `expiry_share_max`: what share of a
    recharge may be expected to expire unspent.
    """

    risk_per_month: float = 0.01
    reaction: timedelta = timedelta(days=3)
    cadence: Cadence = Cadence.MONTHLY
    expiry_share_max: float = 0.02
    buying: BuyingTerms = DEFAULT_TERMS


DEFAULT_FUNDING_TERMS = FundingTerms()


@frozen
class Funding:
    """A trigger and the amount that is bought below it."""

    trigger_micros: int
    amount_micros: int


class Basis(Enum):
    """What an amount rests on."""

    USAGE = "usage"
    # The least that may be bought is more than usage asks for.
    MINIMUM = "minimum"
    # Less than the cadence asks for, or it would expire.
    EXPIRY = "expiry"
    # More than the cadence asks for: one recharge must lift the balance above the trigger.
    TRIGGER = "trigger"
    # The most that may be bought at once.
    MAXIMUM = "maximum"
    # There is no usage yet: the least, until there is (S44).
    START_SMALL = "start_small"


@frozen
class FundingAdvice:
    """What is advised, and what it rests on; shares are between 0 and 1."""

    currency: str
    terms: FundingTerms
    funding: Funding
    basis: Basis
    month_micros: int
    # The middle and the promised quantile of what is spent while a recharge does not come.
    usual_reaction_micros: int
    recharges_per_month: float
    idle_micros: int
    expiry_share: float
    forecast: Forecast | None

    @property
    def weeks_count(self) -> int:
        """Return how many whole weeks of usage it rests on."""
        return 0 if self.forecast is None else self.forecast.weeks_count

    @property
    def expiry_per_year_micros(self) -> int:
        """Return what a year of it is expected to lose to expiry."""
        return whole_micros(self.expiry_share * self.funding.amount_micros * self.recharges_per_month * 12)


def check_terms(terms: FundingTerms) -> None:
    """Raise Invalid for terms that nothing can meet."""
    if not 0 < terms.risk_per_month <= RISK_MOST:
        message = f"the outage risk must lie above 0 and up to {RISK_MOST:.0%} of months, such as 1%"
        raise Invalid(message, code="risk")
    if not HOUR <= terms.reaction <= REACTION_MOST:
        message = f"the reaction time must lie between an hour and {REACTION_MOST.days} days"
        raise Invalid(message, code="reaction")


def advise(series: SpendSeries, currency: str, terms: FundingTerms = DEFAULT_FUNDING_TERMS) -> FundingAdvice:
    """Return the advice that a series gives; without a whole week of usage it is to start small."""
    check_terms(terms)
    found = forecast(series)
    least = minimum_micros(currency, terms.buying)
    if found is None:
        return FundingAdvice(currency, terms, Funding(least, least), Basis.START_SMALL, 0, 0, 0.0, 0, 0.0, None)
    month = found.average_week_micros(WEEKS_AHEAD) * WEEKS_PER_MONTH
    wanted = found.average_week_micros(WEEKS_AHEAD) * _WEEKS_OF[terms.cadence]
    stretches = Stretches(series, found, terms.reaction)
    crossings = max(1.0, min(_OFTEN_A_MONTH, month / max(wanted, least)))
    trigger = max(least, rounded_up(stretches.enough_for(terms.risk_per_month / crossings)))
    funding, basis = _amount(found, trigger, wanted, currency, terms)
    recharges = month / funding.amount_micros
    return FundingAdvice(
        currency,
        terms,
        funding,
        basis,
        whole_micros(month),
        whole_micros(stretches.enough_for(0.5)),
        recharges,
        funding.trigger_micros + funding.amount_micros // 2,
        expiry_share(found, funding),
        found,
    )


def risk_of(series: SpendSeries, found: Forecast, funding: Funding, reaction: timedelta) -> float:
    """Return in what share of months calls would be refused with a funding, if every recharge failed at first."""
    month = found.average_week_micros(WEEKS_AHEAD) * WEEKS_PER_MONTH
    crossings = max(1.0, month / funding.amount_micros)
    each = Stretches(series, found, reaction).risk_of(max(1, funding.trigger_micros))
    return 1 - exp(crossings * log1p(-each)) if each < 1 else 1.0


def expiry_share(found: Forecast, funding: Funding) -> float:
    """Return what share of a recharge is expected to expire: what a year does not spend of it and of what lay before.

    Lots are spent oldest first, so the last unit of a recharge is spent when all that was there before has been.
    """
    year = found.average_week_micros(WEEKS_AHEAD) * WEEKS_PER_YEAR
    spread = max(_YEAR_SPREAD_MIN, _YEAR_SPREAD_FACTOR * found.spread)
    held = funding.trigger_micros + funding.amount_micros
    lost = [
        min(funding.amount_micros, max(0.0, held - year * exp(spread * student.quantile(each, found.degrees))))
        for each in _YEAR_PROBABILITIES
    ]
    return sum(lost, 0.0) / len(lost) / funding.amount_micros


def rounded_up(micros: float) -> int:
    """Return an amount as people set it: whole units, above 100 in steps of half a percent to five percent, upwards.

    The one place where a forecast becomes money.
    """
    units = -int(-micros // MICROS_PER_UNIT)
    step = max(1, 5 * 10 ** (len(str(units)) - 3)) if units >= 100 else 1  # noqa: PLR2004 - three digits
    return -(-units // step) * step * MICROS_PER_UNIT


def whole_micros(micros: float) -> int:
    """Return a forecast as it is shown, to the unit where it is large and to the cent where it is not."""
    unit = MICROS_PER_UNIT if micros >= 100 * MICROS_PER_UNIT else MICROS_PER_UNIT // 100
    return round(micros / unit) * unit


def _amount(found: Forecast, trigger: int, wanted: float, currency: str, terms: FundingTerms) -> tuple[Funding, Basis]:
    least, most = minimum_micros(currency, terms.buying), maximum_micros(currency, terms.buying)
    amount, basis = rounded_up(wanted), Basis.USAGE
    if amount < trigger:
        amount, basis = trigger, Basis.TRIGGER
    if amount < least or trigger == amount == least:
        amount, basis = least, Basis.MINIMUM
    if amount > most:
        amount, basis = most, Basis.MAXIMUM
    if expiry_share(found, Funding(trigger, amount)) <= terms.expiry_share_max:
        return Funding(trigger, amount), basis
    # The fewer at once the less expires: the largest amount that is within the bound.
    lowest = max(least, min(trigger, amount))
    units = range(lowest // MICROS_PER_UNIT, amount // MICROS_PER_UNIT)
    fitting = bisect_left(
        units,
        x=True,
        key=lambda each: expiry_share(found, Funding(trigger, each * MICROS_PER_UNIT)) > terms.expiry_share_max,
    )
    smaller = max(lowest, (units.start + fitting - 1) * MICROS_PER_UNIT)
    if smaller < wanted:
        basis = Basis.MINIMUM if smaller == least else Basis.EXPIRY
    return Funding(trigger, smaller), basis
