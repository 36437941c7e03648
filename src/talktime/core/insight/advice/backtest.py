"""What would have happened: advice given with what was known then, and let loose on the weeks that followed.

Every few weeks of the past the rule is asked with the usage until that day alone; then the balance runs through the
hours that came. Twice: once the card never pays at first, and each recharge comes only after the reaction time; once
it always pays at once. The first is what the outage risk is promised for, the second what recharges and money cost.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from talktime.core.credit.buying.catalog import minimum_micros
from talktime.core.credit.recharging.recharge import NO_RECHARGE
from talktime.core.insight.advice.demand import DAYS_PER_WEEK, HOURS_PER_DAY, SpendSeries
from talktime.core.insight.advice.funding_advice import (
    DAYS_PER_MONTH,
    Funding,
    FundingTerms,
    advise,
    rounded_up,
)
from talktime.core.insight.advice.stretches import HOUR
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY

Rule = Callable[[SpendSeries], Funding]

DAYS_BEFORE_FIRST = 28
MONTH_DAYS = 28
MONTH_HOURS = MONTH_DAYS * HOURS_PER_DAY
FOLDS_WANTED = 10
# So many starting balances between just recharged and just about to: one start would be one accident.
STARTS = 4
# The rule that people follow: the least at first, then what the first two months showed (S44).
NAIVE_DAYS = 56
_YEAR_HOURS = round(365.25 * HOURS_PER_DAY)


@frozen
class Outcome:
    """How a rule fared over the held-out time, all starts together; months are of 28 days.

    `refused_micros` is what could not be spent; recharges, idle money and expiry are those of a card that pays.
    """

    name: str
    months_count: int
    outage_months_count: int
    refused_micros: int
    spent_micros: int
    recharges_per_month: float
    idle_micros: int
    expired_micros: int

    @property
    def outage_share(self) -> float:
        """Return in what share of months calls were refused."""
        return self.outage_months_count / self.months_count if self.months_count else 0.0

    @property
    def refused_share(self) -> float:
        """Return what share of what was to be spent was refused."""
        return self.refused_micros / self.spent_micros if self.spent_micros else 0.0


@frozen
class Backtest:
    """The rules beside each other, on the same held-out days; `folds` are the days on which they were asked."""

    folds: tuple[date, ...]
    ends_on: date
    outcomes: tuple[Outcome, ...]


def run(series: SpendSeries, currency: str, terms: FundingTerms, *, starts: int = STARTS) -> Backtest | None:
    """Return how the advice, the naive rule and the minimum alone would have fared; None below eight weeks."""
    folds = fold_days(series)
    if not folds:
        return None
    rules = {
        "advice": lambda known: advise(known, currency, terms).funding,
        "naive": naive(currency, terms),
        "minimum": lambda _: minimum(currency, terms),
    }
    outcomes = tuple(replay(name, rule, series, folds, terms.reaction, starts) for name, rule in rules.items())
    return Backtest(folds, series.ends_on, outcomes)


def fold_days(series: SpendSeries) -> tuple[date, ...]:
    """Return the days on which a rule is asked: from the fifth week on, so that there are ten if possible."""
    held_out = series.days_count - DAYS_BEFORE_FIRST
    if held_out < MONTH_DAYS:
        return ()
    step = max(DAYS_PER_WEEK, min(MONTH_DAYS, held_out // FOLDS_WANTED // DAYS_PER_WEEK * DAYS_PER_WEEK))
    first = series.starts_on + DAYS_BEFORE_FIRST * DAY
    return tuple(first + days * DAY for days in range(0, held_out - step + 1, step))


def minimum(currency: str, terms: FundingTerms) -> Funding:
    """Return the least that may be set, as trigger and amount."""
    least = minimum_micros(currency, terms.buying)
    return Funding(least, least)


def naive(currency: str, terms: FundingTerms) -> Rule:
    """Return the rule "the minimum, adjusted after two months": then a month's average, and half of it as trigger.

    Half, because trigger 100 and recharge 200 is the example that administrators hand each other (domain.md 1.3).
    """
    least = minimum(currency, terms)

    def funding(known: SpendSeries) -> Funding:
        seen = known.until(known.starts_on + NAIVE_DAYS * DAY)
        if seen.days_count < NAIVE_DAYS:
            return least
        month = sum(seen.hours) / NAIVE_DAYS * DAYS_PER_MONTH
        return Funding(max(least.trigger_micros, rounded_up(month / 2)), max(least.amount_micros, rounded_up(month)))

    return funding


def replay(
    name: str, rule: Rule, series: SpendSeries, folds: Sequence[date], reaction: timedelta, starts: int = STARTS
) -> Outcome:
    """Let a rule, asked anew at each fold, run against what came after the first of them."""
    fundings = [rule(series.until(day)) for day in folds]
    begins = [(day - folds[0]).days * HOURS_PER_DAY for day in folds]
    hours = series.since(folds[0]).hours
    reaction_hours = -(-reaction // HOUR)
    failing, paying = _Totals(), _Totals()
    for start in range(starts):
        # The same start for every rule, in parts of what it holds when it has just recharged.
        first = fundings[0]
        balance = first.trigger_micros + first.amount_micros * (2 * start + 1) // (2 * starts)
        failing.add(_Balance(balance, reaction_hours, pays_at_once=False).run(hours, begins, fundings))
        paying.add(_Balance(balance, reaction_hours, pays_at_once=True).run(hours, begins, fundings))
    # Whether a recharge of the last days came in time cannot be told: their month does not count.
    months = max(0, len(hours) - reaction_hours) // MONTH_HOURS
    outages = sum(1 for each in failing.outages if each < months)
    spent = sum(hours)
    return Outcome(
        name,
        months * starts,
        outages,
        failing.refused_micros,
        spent * starts,
        paying.recharges * MONTH_HOURS / (len(hours) * starts),
        paying.held_micros // (len(hours) * starts),
        paying.expired_micros // starts,
    )


class _Totals:
    """What several runs add up to."""

    def __init__(self) -> None:
        self.outages: list[int] = []
        self.refused_micros = self.recharges = self.held_micros = self.expired_micros = 0

    def add(self, balance: "_Balance") -> None:
        self.outages += sorted(balance.outages)
        self.refused_micros += balance.refused_micros
        self.recharges += balance.recharges
        self.held_micros += balance.held_micros
        self.expired_micros += balance.expired_micros


class _Balance:
    """A balance of lots that are spent oldest first, hour by hour."""

    def __init__(self, balance_micros: int, reaction_hours: int, *, pays_at_once: bool) -> None:
        self.outages: set[int] = set()
        self.refused_micros = self.recharges = self.held_micros = self.expired_micros = 0
        self._available = balance_micros
        self._lots = deque([[0, balance_micros]])
        self._reaction_hours = reaction_hours
        self._pays_at_once = pays_at_once
        self._comes_at: int | None = None
        self._ordered_at = 0
        self._recent: deque[int] = deque(maxlen=NO_RECHARGE.recharges_per_day)

    def run(self, hours: Sequence[int], begins: Sequence[int], fundings: Sequence[Funding]) -> "_Balance":
        """Run through the hours; each funding is in force from its beginning on."""
        changes = dict(zip(begins, fundings, strict=True))
        funding = fundings[0]
        for hour, wanted in enumerate(hours):
            funding = changes.get(hour, funding)
            if self._comes_at == hour:
                self._buy(funding, hour)
                self._comes_at = None
            if wanted:
                self._spend(wanted, funding, hour)
            if self._lots and hour - self._lots[0][0] >= _YEAR_HOURS:
                self._expire()
            if self._comes_at is None and self._available < funding.trigger_micros:
                self._recharge(funding, hour)
            self.held_micros += self._available
        return self

    def _spend(self, wanted: int, funding: Funding, hour: int) -> None:
        while self._pays_at_once and self._comes_at is None and self._available < wanted:
            # Within the hour: the trigger is crossed before all of it is spent.
            self._recharge(funding, hour)
        taken = min(wanted, self._available)
        self._available -= taken
        if taken < wanted:
            self.refused_micros += wanted - taken
            self.outages.add(self._ordered_at // MONTH_HOURS)
        while taken:
            lot = self._lots[0]
            part = min(taken, lot[1])
            lot[1] -= part
            taken -= part
            if lot[1] == 0:
                self._lots.popleft()

    def _recharge(self, funding: Funding, hour: int) -> None:
        self._ordered_at = hour
        is_guarded = len(self._recent) == self._recent.maxlen and hour - self._recent[0] < HOURS_PER_DAY
        if self._pays_at_once and not is_guarded:
            self._buy(funding, hour)
        else:
            # More in a day than the guards allow stops it as well, until somebody looks (money.md 28).
            self._comes_at = hour + max(1, self._reaction_hours)

    def _buy(self, funding: Funding, hour: int) -> None:
        self._lots.append([hour, funding.amount_micros])
        self._available += funding.amount_micros
        self._recent.append(hour)
        self.recharges += 1

    def _expire(self) -> None:
        _, left = self._lots.popleft()
        self._available -= left
        self.expired_micros += left
