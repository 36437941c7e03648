"""Pictures of a month, of nothing, of a year and of fortunes, in any language."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from talktime.core.insight.advice.balance_forecast import BalanceForecast, ForecastPurchase
from talktime.core.insight.pictures.balances import BalanceChange, BalanceHistory, BalancePoint, balance_history
from talktime.core.insight.pictures.pool_bars import Minutes, PoolBar, PoolBars
from talktime.core.insight.pictures.rankings import Ranked, RankedUsage, Subject, ranking
from talktime.core.insight.pictures.rhythms import Measure, week_rhythm
from talktime.core.insight.pictures.spending import PaidSums, spend_history
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.values.periods import DAY, Period, start_of_day
from talktime.exports.pictures.balance import balance_picture
from talktime.exports.pictures.bars import ranking_picture
from talktime.exports.pictures.drawing.frames import Drawn, Look
from talktime.exports.pictures.drawing.palettes import LIGHT, Palette
from talktime.exports.pictures.drawing.words import Words
from talktime.exports.pictures.heatmap import heat_map
from talktime.exports.pictures.pools import pools_picture
from talktime.exports.pictures.spend import spend_picture

ZONE, FIRST = ZoneInfo("Europe/London"), date(2026, 10, 1)
NAMES = ("United Kingdom", "France mobile Orange, SFR, Bouygues and all others there", "Россия", "中国移动电话", "<&>")


def look(language: str = "en", palette: Palette = LIGHT) -> Look:
    return Look(Words(language, ZONE, "USD"), palette)


def period(days: int) -> Period:
    return Period(start_of_day(FIRST, ZONE), start_of_day(FIRST + days * DAY, ZONE))


def balance(view: Look, days: int = 31, scale: int = 1, *, has_forecast: bool = True) -> Drawn:
    """A balance that falls by 7 a day, is lifted by 40 each sixth day, and ends a little below zero."""
    shown = period(days)
    changes = [BalanceChange(shown.starts_at + number * DAY / 2, -3_500_000 * scale) for number in range(2 * days)]
    changes += [
        BalanceChange(shown.starts_at + number * DAY, 40_000_000 * scale, 40_000_000 * scale)
        for number in range(3, days, 6)
    ]
    forecast = None
    if has_forecast:
        ahead = tuple(FIRST + (days + number) * DAY for number in range(21))
        lows, middles, highs = (tuple(-scale * step * number for number in range(21)) for step in (9**7, 8**7, 7**7))
        forecast = BalanceForecast("USD", ahead, lows, middles, highs, 20_000_000 * scale, ())
    history = balance_history(
        20_000_000 * scale, sorted(changes), shown, shown.ends_at - timedelta(hours=5), zone=ZONE, currency="USD"
    )
    return balance_picture(replace(history, forecast=forecast, trigger_micros=20_000_000 * scale), view)


def to_come(view: Look) -> Drawn:
    """Nothing but a forecast, which buys once."""
    now = period(31).ends_at
    ahead = tuple(FIRST + (31 + number) * DAY for number in range(5))
    low, middle, high = (tuple(step * 1_000_000 - 5_000_000 * number for number in range(5)) for step in (80, 90, 99))
    forecast = BalanceForecast("USD", ahead, low, middle, high, 75_000_000, (ForecastPurchase(ahead[3], 50_000_000),))
    points = (BalancePoint(now, 100_000_000), BalancePoint(now, 100_000_000))
    return balance_picture(BalanceHistory(Period(now, now), ZONE, "USD", now, points, (), forecast=forecast), view)


def spend(view: Look, days: int = 31, scale: int = 1) -> Drawn:
    each = [FIRST + number * DAY for number in range(days)]
    credit = tuple(_sum(day, (day.day * 1_234_567 + 1_000_000) * scale, 1_000_000 * scale) for day in each)
    overage = tuple(_sum(day, 9_000_000 * scale) for day in each[days // 2 :])
    included = tuple(_sum(day, 0) for day in each[::2])
    return spend_picture(spend_history(PaidSums(credit, overage, included), period(days), ZONE, "USD"), view)


def refunds(view: Look, charged_micros: int = 0) -> Drawn:
    """Give a million micros back, a day after so much was charged."""
    credit = (_sum(FIRST, -1_000_000), *([_sum(FIRST + DAY, charged_micros)] if charged_micros else []))
    return spend_picture(spend_history(PaidSums(credit), period(31), ZONE, "USD"), view)


def costs(*found: tuple[str, int]) -> Drawn:
    """Rank users by what their calls cost in micros."""
    ranked = tuple(Ranked(name, 1, 60, cost_micros) for name, cost_micros in found)
    return ranking_picture(ranking(RankedUsage(Subject.USERS, period(31), ZONE, "USD", ranked), Measure.COST), look())


def heatmap(view: Look, scale: int = 1, measure: Measure = Measure.COST) -> Drawn:
    sums = [_sum((weekday, hour), weekday * hour * 100_000 * scale) for weekday in range(7) for hour in range(24)]
    return heat_map(week_rhythm(sums, period(31), ZONE, currency="USD", measure=measure), view)


def destinations(view: Look, count: int = 14, scale: int = 1) -> Drawn:
    found = tuple(
        Ranked(NAMES[number % len(NAMES)] + str(number), number + 1, 600 * number, 10_000_000 * scale // (number + 1))
        for number in range(count)
    )
    usage = RankedUsage(Subject.DESTINATIONS, period(31), ZONE, "USD", found)
    return ranking_picture(ranking(usage, Measure.COST), view)


def users(view: Look, count: int = 14, scale: int = 1) -> Drawn:
    found = tuple(
        Ranked(f"somebody.{number}@contoso.example", number, 6_000 * (count - number) * scale, 0)
        for number in range(count)
    )
    return ranking_picture(ranking(RankedUsage(Subject.USERS, period(31), ZONE, "USD", found), Measure.MINUTES), view)


def pools(view: Look, count: int = 5, scale: int = 1) -> Drawn:
    kinds = tuple(Minutes)
    bars = tuple(
        PoolBar("GB", "Domestic and International Calling Plan", kinds[number % 3], 1_200 * scale, 350 * number, number)
        for number in range(count)
    )
    return pools_picture(PoolBars(FIRST, bars[:16], bars), view)


def _sum(group: object, cost_micros: int, uncovered_micros: int = 0) -> UsageSum:
    return UsageSum(group, "USD", 3, 3, 4_000, 4_020, cost_micros, uncovered_micros)


_OF_NOTHING: dict[str, Callable[[Look], Drawn]] = {
    "balance": lambda view: balance_picture(
        balance_history(0, [], period(31), period(31).ends_at, zone=ZONE, currency="USD"), view
    ),
    "spend": lambda view: spend_picture(spend_history(PaidSums(), period(31), ZONE, "USD"), view),
    "heatmap": lambda view: heatmap(view, 0),
    "destinations": lambda view: destinations(view, 0),
    "users": lambda view: users(view, 0),
    "pools": lambda view: pools(view, 0),
}
PICTURES: dict[str, Callable[[Look], Drawn]] = {
    "balance": balance,
    "spend": spend,
    "heatmap": heatmap,
    "destinations": destinations,
    "users": users,
    "pools": pools,
}
CASES: dict[str, Callable[[Look], Drawn]] = {
    **PICTURES,
    **{f"{name} of nothing": draw for name, draw in _OF_NOTHING.items()},
    "balance without a forecast": lambda view: balance(view, has_forecast=False),
    "balance to come": to_come,
    "balance of a day": lambda view: balance(view, 1, has_forecast=False),
    "balance of a year": lambda view: balance(view, 365),
    "balance of ten years": lambda view: balance(view, 3_650),
    "balance of a fortune": lambda view: balance(view, 31, 10_000_000),
    "spend of a day": lambda view: spend(view, 1),
    "spend of a year": lambda view: spend(view, 365),
    "spend of ten years": lambda view: spend(view, 3_650),
    "spend of a fortune": lambda view: spend(view, 31, 10_000_000),
    "hours of a fortune": lambda view: heatmap(view, 10_000_000),
    "hours by calls": lambda view: heatmap(view, 1, Measure.CALLS),
    "one destination": lambda view: destinations(view, 1),
    "destinations of a fortune": lambda view: destinations(view, 14, 100_000_000),
    "one user": lambda view: users(view, 1),
    "forty pools": lambda view: pools(view, 40),
    "large pools": lambda view: pools(view, 5, 1_000_000),
}
