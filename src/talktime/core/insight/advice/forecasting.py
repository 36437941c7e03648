"""What the next weeks will cost, and how wrong such forecasts have been in these very weeks.

The level is smoothed over the logarithms of weekly spend, so that 10 % more counts the same for a large and a small
organization; growth is a robust trend, taken only where it is beyond doubt, and damped. How wrong it is is not assumed:
the same forecast is made at every past week and compared with what came, noise, steps and holidays alike.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from talktime.core.insight.advice import student
from talktime.core.insight.advice.demand import SpendSeries, median
from talktime.core.values.frozen import frozen

# Advice holds for a month, and a recharge decided on its last day takes another week at most.
WEEKS_AHEAD = 5
# A year and a bit: beyond it, what was is no guide, and the cost of looking grows.
WEEKS_MAX = 60
_SMOOTHINGS = (0.15, 0.35, 0.7)
_WEEKS_FOR_FIRST_FORECAST = 2
_TREND_WEEKS = 12
_TREND_WEEKS_MIN = 8
# Kendall's statistic beyond which a trend is no accident: one of a hundred trendless series has it.
_TREND_SURE = 2.58
_TREND_KEPT = 0.85
_TREND_MOST = 0.10
# A week this far off (a factor of 1.65) is taken for a holiday or a burst, until the next one says the same.
_SURPRISE = 0.5
WEEKS_REMEMBERED = 4
# A week of nothing counts as this share of the median week: there is no logarithm of nothing.
_FLOOR_SHARE = 0.05
# A week below this share of the median week is closed, as long as such are no more than one in so many until then.
_CLOSED_SHARE = 0.15
_CLOSED_ONE_IN = 4
# What is assumed before anything is known: forecasts miss by 20 %, weighing as much as four weeks of knowledge.
_PRIOR_DOUBT = 0.20
_PRIOR_WEIGHT = 4
# However many weeks there are, the next surprise may be larger than all of them: tails stay far heavier than normal.
_DEGREES_MAX = 5


@frozen
class Forecast:
    """The weeks ahead: `level_log` is that of the week just over, `growth` its change per week, both logarithms.

    `errors` are those of past forecasts: for each past week, of 1 to 5 weeks ahead, as far as they have come, those of
    closed weeks left out, and `spread` their size. `expected_micros` is what each past week was forecast to cost, in
    the weeks before it. `doubt` is what so few weeks leave open, as the scale of Student's distribution with `degrees`
    of freedom, in logarithms.
    """

    level_log: float
    growth: float
    errors: tuple[tuple[float, ...], ...]
    spread: float
    expected_micros: tuple[float, ...]
    doubt: float
    degrees: int
    # The highest level of the last four weeks: after a fortnight of holidays everybody comes back at once.
    highest_log: float

    @property
    def weeks_count(self) -> int:
        """Return how many weeks it was made from."""
        return len(self.expected_micros)

    def week_micros(self, weeks_ahead: int) -> float:
        """Return what a coming week will cost: as likely more as less; 1 is the next week."""
        return exp(self.level_log + _grown(self.growth, weeks_ahead))

    def average_week_micros(self, weeks: int) -> float:
        """Return the average of the next weeks."""
        return sum(self.week_micros(ahead) for ahead in range(1, weeks + 1)) / weeks

    def highest_week_micros(self) -> float:
        """Return the dearest of the weeks for which the advice holds; a fall of the last weeks is not believed yet."""
        return max(exp(self.highest_log), *(self.week_micros(ahead) for ahead in range(1, WEEKS_AHEAD + 1)))

    def quantile_of_week(self, probability: float, weeks_ahead: int) -> float:
        """Return what a coming week will not exceed with a probability, as far as past errors tell."""
        return self.week_micros(weeks_ahead) * exp(self.spread * student.quantile(probability, self.degrees))


def forecast(series: SpendSeries) -> Forecast | None:
    """Forecast from whole weeks; None where there is not one in which anything was spent."""
    weeks = series.weeks[-WEEKS_MAX:]
    spent = [each for each in weeks if each > 0]
    if not spent:
        return None
    logs = _logs(weeks, median(spent))
    tried = [(states, _errors(logs, states)) for states in (_states(logs, each) for each in _SMOOTHINGS)]
    states, errors = min(tried, key=lambda each: _misses(each[1]))
    # Forecasts of neighboring weeks miss the same weeks: together they know half of what they seem to.
    known = len(errors) / 2
    return Forecast(
        states[-1].level,
        states[-1].growth,
        errors,
        _spread(errors, known),
        _expected(logs, states),
        _PRIOR_DOUBT * sqrt(_PRIOR_WEIGHT / (_PRIOR_WEIGHT + known)),
        min(_DEGREES_MAX, _PRIOR_WEIGHT + int(known)),
        max(state.level for state in states[-WEEKS_REMEMBERED:]),
    )


class _State(NamedTuple):
    level: float
    growth: float


_Errors = tuple[tuple[float, ...], ...]
# Of weeks; None for one that was closed.
_Logs = Sequence[float | None]


def _logs(weeks: Sequence[int], usual: float) -> _Logs:
    """Return the weeks beside the usual one; of too many closed ones the later are no closure: a rhythm, or the end."""
    floor, closed, found = max(1.0, _FLOOR_SHARE * usual), 0, []
    for week, spent in enumerate(weeks):
        is_low = spent < _CLOSED_SHARE * usual
        closed += is_low
        is_closed = is_low and 0 < week >= _CLOSED_ONE_IN * closed - 1
        found.append(None if is_closed else log(max(floor, spent)))
    return found


def _errors(logs: _Logs, states: Sequence[_State]) -> _Errors:
    """Return how wrong the forecasts were that each week would have made, of each week that came after."""
    rows = (
        tuple(
            seen - states[known - 1].level - _grown(states[known - 1].growth, ahead)
            for ahead, seen in enumerate(logs[known : known + WEEKS_AHEAD], start=1)
            if seen is not None
        )
        for known in range(_WEEKS_FOR_FIRST_FORECAST, len(logs))
    )
    return tuple(row for row in rows if row)


def _expected(logs: _Logs, states: Sequence[_State]) -> tuple[float, ...]:
    """Return what each week was forecast to cost: the middle of the five forecasts that were made of it."""
    first = [seen for seen in logs[: 2 * _WEEKS_FOR_FIRST_FORECAST] if seen is not None]
    expected = [exp(sum(first) / len(first))] * min(_WEEKS_FOR_FIRST_FORECAST, len(logs))
    for week in range(_WEEKS_FOR_FIRST_FORECAST, len(logs)):
        made = [
            states[week - ahead].level + _grown(states[week - ahead].growth, ahead)
            for ahead in range(1, min(WEEKS_AHEAD, week) + 1)
        ]
        expected.append(exp(sum(made) / len(made)))
    return tuple(expected)


def _states(logs: _Logs, smoothing: float) -> list[_State]:
    level, surprise = logs[0] or 0.0, 0.0
    states: list[_State] = []
    for week, seen in enumerate(logs):
        if seen is None:
            # Closed: what comes after is what was before.
            states.append(states[-1])
            continue
        missed = seen - level
        # The average of all so far, until there are as many weeks as the smoothing looks back.
        weight = max(smoothing, 1 / (week + 1))
        if abs(missed) <= _SURPRISE or week < _WEEKS_FOR_FIRST_FORECAST:
            level, surprise = level + weight * missed, 0.0
        elif missed * surprise > 0:
            # Twice the same surprise is a step, and the new level.
            level, surprise = level + (missed + surprise) / 2, 0.0
        else:
            level, surprise = level + weight * (_SURPRISE if missed > 0 else -_SURPRISE), missed
        growth = _growth([each for each in logs[max(0, week + 1 - _TREND_WEEKS) : week + 1] if each is not None])
        # Smoothing follows a trend from behind: so far behind.
        states.append(_State(level + growth * (1 - weight) / weight, growth))
    return states


def _growth(logs: Sequence[float]) -> float:
    """Return the trend per week: the median of all slopes (Theil, Sen), 0 where it may be an accident (Kendall)."""
    count = len(logs)
    if count < _TREND_WEEKS_MIN:
        return 0.0
    pairs = [(later - earlier, logs[later] - logs[earlier]) for later in range(count) for earlier in range(later)]
    score = sum((rise > 0) - (rise < 0) for _, rise in pairs)
    if abs(score) < _TREND_SURE * sqrt(count * (count - 1) * (2 * count + 5) / 18):
        return 0.0
    slope = median([rise / weeks for weeks, rise in pairs])
    return max(-_TREND_MOST, min(_TREND_MOST, slope))


def _grown(growth: float, weeks_ahead: int) -> float:
    """Return the logarithm of the growth so many weeks ahead: each week keeps a part of the week's before."""
    return growth * (1 - _TREND_KEPT**weeks_ahead) / (1 - _TREND_KEPT) if growth else 0.0


def _misses(errors: _Errors) -> float:
    each = [abs(error) for row in errors for error in row]
    return sum(each) / len(each) if each else 0.0


def _spread(errors: _Errors, known: float) -> float:
    """Return the size of past errors, together with what is assumed before anything is known."""
    each = [error * error for row in errors for error in row]
    mean_square = sum(each) / len(each) if each else 0.0
    return sqrt((_PRIOR_WEIGHT * _PRIOR_DOUBT**2 + known * mean_square) / (_PRIOR_WEIGHT + known))
