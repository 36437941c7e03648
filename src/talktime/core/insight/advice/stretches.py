"""The seasonal quantile: what was spent in stretches as long as a recharge may take, each beside its forecast."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil, exp, log

from talktime.core.insight.advice import student
from talktime.core.insight.advice.demand import HOURS_PER_WEEK, SpendSeries, running_totals
from talktime.core.insight.advice.forecasting import WEEKS_REMEMBERED, Forecast

HOUR = timedelta(hours=1)
# A year: every season once, and not what was before it.
_WEEKS_MAX = 52
# Ratios are kept in steps of 2 %, upwards; what is below a thousandth decides nothing.
_STEPS_PER_LOG = 50
_RATIO_MIN = 1e-3
_SEARCH_STEPS = 40


class Stretches:
    """How much more or less each past stretch cost than the dearest week forecast then, by how likely it begins there.

    What the ratios are multiplied with is the dearest of the weeks ahead, which a fall does not lower at once: so is
    what they are divided by, or a month of few calls would make the weeks after it look like tenfold surprises.

    A trigger is crossed while money is spent: an hour that costs twice as much is twice as likely to be the one. So
    the weekly rhythm needs no model: stretches over a weekend are there as often as they will be. Between and beyond
    what was seen it is smoothed by the forecast's doubt, the more the fewer weeks there are.
    """

    def __init__(self, series: SpendSeries, forecast: Forecast, reaction: timedelta) -> None:
        """Look at every stretch of the last year; the series is the one that the forecast was made from."""
        self._forecast = forecast
        hours = series.hours
        weeks = _dearest(forecast.expected_micros)
        begins = len(hours) - len(weeks) * HOURS_PER_WEEK
        first = max(begins, len(hours) - _WEEKS_MAX * HOURS_PER_WEEK)
        # And the hour in which the trigger is crossed.
        length = min(-(-reaction // HOUR) + 1, len(hours) - first)
        totals = running_totals(hours)
        found: dict[int, float] = {}
        for hour in range(first, len(hours) - length + 1):
            if hours[hour] == 0:
                continue
            expected = weeks[(hour - begins) // HOURS_PER_WEEK]
            ratio = (totals[hour + length] - totals[hour]) / expected
            step = ceil(log(max(ratio, _RATIO_MIN)) * _STEPS_PER_LOG)
            found[step] = found.get(step, 0.0) + hours[hour] / expected
        if not found:
            # All was spent in the last days: what they cost is the one stretch there is.
            found[ceil(log(max((totals[-1] - totals[first]) / weeks[-1], _RATIO_MIN)) * _STEPS_PER_LOG)] = 1.0
        whole = sum(found.values())
        self._ratios = [(step / _STEPS_PER_LOG, weight / whole) for step, weight in found.items()]

    def risk_of(self, trigger_micros: float) -> float:
        """Return the probability that a stretch of the weeks ahead spends more than a trigger."""
        return self._above(log(trigger_micros) - log(self._forecast.highest_week_micros()))

    def enough_for(self, risk: float) -> float:
        """Return the micros that a stretch of the weeks ahead exceeds with no more than a risk."""
        low, high = min(self._ratios)[0] - 20, max(self._ratios)[0] + 20
        for _ in range(_SEARCH_STEPS):
            tried = (low + high) / 2
            if self._above(tried) > risk:
                low = tried
            else:
                high = tried
        return self._forecast.highest_week_micros() * exp(high)

    def _above(self, ratio_log: float) -> float:
        doubt, degrees = self._forecast.doubt, self._forecast.degrees
        return sum(weight * student.tail((ratio_log - each) / doubt, degrees) for each, weight in self._ratios)


def _dearest(expected: Sequence[float]) -> list[float]:
    """Return the dearest forecast of each week and the four before it."""
    return [max(expected[max(0, week - WEEKS_REMEMBERED) : week + 1]) for week in range(len(expected))]
