"""Organizations that never were: how each spends, by seed, so that advice can be judged on weeks it has not seen.

Ten rhythms, each with its own size, noise and fate: weekly patterns, steps, bursts, holidays, growth and decline. Any
of them may close besides, for one to eight weeks, once or twice a year.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, log
from random import Random

from talktime.core.insight.advice.demand import HOURS_PER_DAY, SpendSeries

STARTS_ON = date(2024, 1, 1)
MICROS = 1_000_000
RHYTHMS = (
    "office",
    "service",
    "small",
    "bursts",
    "growth",
    "decline",
    "step",
    "holidays",
    "month_end",
    "wandering",
)


@dataclass(frozen=True)
class Spender:
    """An organization's habits: micros an hour, and what befalls its days."""

    rhythm: str
    series: SpendSeries


def organization(seed: int, weeks: int = 78, *, closes: bool = False) -> Spender:
    """Return the n-th organization; its rhythm follows from the number, everything else from the seed."""
    dice = Random(f"organization-{seed}")
    rhythm = RHYTHMS[seed % len(RHYTHMS)]
    monthly = exp(dice.uniform(log(60), log(20_000)))
    if rhythm == "small":
        monthly = exp(dice.uniform(log(8), log(150)))
    profile = _profile(dice, is_open_all_week=rhythm == "service" or dice.random() < 0.25)
    call = exp(dice.uniform(log(0.05), log(2.0))) * MICROS
    noise_day, noise_week = dice.uniform(0.08, 0.35), dice.uniform(0.03, 0.15)
    levels = _levels(rhythm, dice, weeks * 7)
    if closes:
        _close(Random(f"closures-{seed}"), levels)
    hours: list[int] = []
    for day, usual in enumerate(levels):
        on = STARTS_ON + timedelta(days=day)
        if on.weekday() == 0 or day == 0:
            week = dice.gauss(0, noise_week)
        level = usual * exp(dice.gauss(0, noise_day) + week) * monthly * 12 / 365.25 * 7
        hours += [_calls(dice, level * profile[on.weekday()][hour] * MICROS, call) for hour in range(HOURS_PER_DAY)]
    return Spender(rhythm, SpendSeries(STARTS_ON, tuple(hours)))


def _profile(dice: Random, *, is_open_all_week: bool) -> list[list[float]]:
    """Return the share of a week's spend in each hour of each weekday."""
    opens, closes = dice.randint(6, 10), dice.randint(16, 22)
    weekend = dice.uniform(0.4, 1.2) if is_open_all_week else dice.choice((0.0, 0.0, 0.1))
    shares = [
        [
            (1.0 if opens <= hour < closes else 0.01) * (weekend if weekday > 4 else dice.uniform(0.8, 1.2))
            for hour in range(HOURS_PER_DAY)
        ]
        for weekday in range(7)
    ]
    whole = sum(map(sum, shares))
    return [[share / whole for share in day] for day in shares]


def _calls(dice: Random, expected: float, call: float) -> int:
    """Return what the calls of an hour cost: so many by chance, each of a length by chance."""
    count, lam = 0, expected / call
    if lam > 30:
        return max(0, round(dice.gauss(expected, call * (2 * lam) ** 0.5)))
    chance = dice.expovariate(1.0)
    while chance < lam:
        count += 1
        chance += dice.expovariate(1.0)
    return round(sum(dice.expovariate(1 / call) for _ in range(count)))


def _levels(rhythm: str, dice: Random, days: int) -> list[float]:
    """Return by what factor each day differs from the organization's usual."""
    levels = [1.0] * days
    if rhythm in ("growth", "decline"):
        weekly = dice.uniform(0.005, 0.02) * (1 if rhythm == "growth" else -1)
        levels = [exp(weekly * day / 7) for day in range(days)]
    elif rhythm == "step":
        for _ in range(dice.randint(1, 2)):
            at, factor = dice.randint(30, days - 1), exp(dice.uniform(-0.8, 0.8))
            levels = [level * (factor if day >= at else 1) for day, level in enumerate(levels)]
    elif rhythm == "bursts":
        often = dice.uniform(0.02, 0.08)
        levels = [dice.uniform(2, 6) if dice.random() < often else 1.0 for _ in range(days)]
    elif rhythm == "wandering":
        level = 0.0
        for day in range(days):
            level += dice.gauss(0, 0.03)
            levels[day] = exp(level)
    elif rhythm == "month_end":
        factor = dice.uniform(1.5, 3)
        levels = [factor if (STARTS_ON + timedelta(days=day + 3)).day <= 3 else 1.0 for day in range(days)]
    if rhythm in ("holidays", "office"):
        _take_holidays(dice, levels)
    return levels


def _take_holidays(dice: Random, levels: list[float]) -> None:
    for _ in range(12 * len(levels) // 365):
        levels[dice.randrange(len(levels))] *= dice.uniform(0, 0.2)
    for begins in range(dice.randint(100, 220), len(levels), 365):
        for day in range(begins, min(begins + dice.randint(7, 18), len(levels))):
            levels[day] *= dice.uniform(0.1, 0.4)


def _close(dice: Random, levels: list[float]) -> None:
    """Close once or twice a year for one to eight weeks, most often for two; half of them answer a few calls."""
    for year in range(0, len(levels), 365):
        for _ in range(dice.randint(1, 2)):
            begins = year + dice.randint(60, 330)
            left = dice.choice((0.0, 0.0, 0.02, 0.1))
            for day in range(begins, min(begins + 7 * dice.choice((1, 2, 2, 2, 3, 4, 6, 8)), len(levels))):
                levels[day] *= left
