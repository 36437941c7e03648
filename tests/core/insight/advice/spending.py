"""Series by hand: weeks of an office that spends on workdays from 9 to 17."""

from collections.abc import Sequence
from datetime import date

from talktime.core.insight.advice.demand import SpendSeries

MONDAY = date(2026, 1, 5)
UNIT = 1_000_000


def office(weeks: Sequence[float], *, workdays: int = 5) -> SpendSeries:
    """Return weeks that cost so many units each, the same on each workday and in each of its eight hours."""
    hours = [
        round(week * UNIT / workdays / 8) if day < workdays and 9 <= hour < 17 else 0
        for week in weeks
        for day in range(7)
        for hour in range(24)
    ]
    return SpendSeries(MONDAY, tuple(hours))
