"""The forecast cone: what would become of the balance in two hundred futures made of past weeks."""

from math import exp

from talktime.core.insight.advice import student
from talktime.core.insight.advice.balance_forecast import BalanceForecast, ForecastPurchase
from talktime.core.insight.advice.demand import DAYS_PER_WEEK, SpendSeries
from talktime.core.insight.advice.draws import Draws
from talktime.core.insight.advice.forecasting import WEEKS_AHEAD, Forecast, forecast
from talktime.core.insight.advice.funding_advice import Funding
from talktime.core.values.periods import DAY

DAYS_AHEAD = 60
FUTURES = 200
SEED = 60_61
_LOW, _HIGH = 0.1, 0.9
_SHAPES_MAX = 52
_DOUBTS = 20


def balance_forecast(
    series: SpendSeries, currency: str, funding: Funding, balance_micros: int, *, days: int = DAYS_AHEAD
) -> BalanceForecast:
    """Return how the balance may fare from the day after the series on, its card paying; it begins with today's.

    Each future takes the day-by-day shape of weeks that were and the errors of forecasts that were made, a whole row
    of them at a time, so that one high week is followed by others as it was then.
    """
    found = forecast(series)
    dates = tuple(series.ends_on + day * DAY for day in range(days))
    if found is None:
        flat = (balance_micros,) * days
        return BalanceForecast(currency, dates, flat, flat, flat, funding.trigger_micros, ())
    draws = Draws(SEED)
    shapes = _shapes(series)
    futures = [_balances(_spend(found, shapes, draws, days), funding, balance_micros)[0] for _ in range(FUTURES)]
    ordered = [sorted(each) for each in zip(*futures, strict=True)]
    usual = [sum(each) / len(shapes) for each in zip(*shapes, strict=True)]
    expected = [usual[day % DAYS_PER_WEEK] * found.week_micros(day // DAYS_PER_WEEK + 1) for day in range(days)]
    purchases = _balances(expected, funding, balance_micros)[1]
    return BalanceForecast(
        currency,
        dates,
        tuple(each[int(_LOW * FUTURES)] for each in ordered),
        tuple(each[FUTURES // 2] for each in ordered),
        tuple(each[int(_HIGH * FUTURES)] for each in ordered),
        funding.trigger_micros,
        tuple(ForecastPurchase(dates[day], funding.amount_micros * times) for day, times in purchases),
    )


def _shapes(series: SpendSeries) -> list[list[float]]:
    """Return how past weeks fell on their days; each begins on the weekday on which the future begins."""
    days = series.days[series.days_count % DAYS_PER_WEEK :]
    weeks = [days[begins : begins + DAYS_PER_WEEK] for begins in range(0, len(days), DAYS_PER_WEEK)]
    return [[spent / sum(week) for spent in week] for week in weeks if sum(week) > 0][-_SHAPES_MAX:]


def _spend(found: Forecast, shapes: list[list[float]], draws: Draws, days: int) -> list[float]:
    """Return what each day costs in one future."""
    rows = [row for row in found.errors if len(row) == WEEKS_AHEAD] or [(0.0,) * WEEKS_AHEAD]
    row = rows[draws.below(len(rows))]
    doubt = found.doubt * student.quantile((draws.below(_DOUBTS) + 0.5) / _DOUBTS, found.degrees)
    spent = list[float]()
    for week in range(-(-days // DAYS_PER_WEEK)):
        whole = found.week_micros(week + 1) * exp(row[min(week, WEEKS_AHEAD - 1)] + doubt)
        spent += [share * whole for share in shapes[draws.below(len(shapes))]]
    return spent[:days]


def _balances(spent: list[float], funding: Funding, balance_micros: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the balance at the end of each day, and how many recharges came on which."""
    balances, purchases, balance = list[int](), list[tuple[int, int]](), balance_micros
    for day, each in enumerate(spent):
        balance -= round(each)
        times = max(0, -(-(funding.trigger_micros - balance) // funding.amount_micros))
        if times:
            purchases.append((day, times))
            balance += times * funding.amount_micros
        balances.append(balance)
    return balances, purchases
