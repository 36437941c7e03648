"""Tariffs for tests: ways to write one and to draw one at random, and an oracle that shares no code with ours."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from talktime.core.rates.rating import Price, PriceStep, Tariff, TimeProfile, Window
from talktime.core.values.money import Rounding

NANOS = 10**9
DAY_SECONDS = 86_400
# Midnights and nights that a clock change shortens or repeats, as UTC.
CLOCK_CHANGES = {
    "Europe/London": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "America/Havana": (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC)),
    "Africa/Cairo": (datetime(2026, 4, 23, 22, tzinfo=UTC), datetime(2026, 10, 29, 21, tzinfo=UTC)),
}


def price(first: int, following: int, per_minute: str, *, fee: str = "0", profile: TimeProfile | None = None) -> Price:
    """Write `30/6` at a price per minute."""
    nanos = int(Fraction(per_minute) * NANOS)
    steps: tuple[PriceStep, ...] = (PriceStep(0, first, nanos),)
    if following != first:
        steps = (*steps, PriceStep(first, following, nanos))
    return Price(int(Fraction(fee) * NANOS), steps, profile or TimeProfile(""))


def tariff(*prices: Price, zone: str = "UTC", decimals: int = 4, rounding: Rounding = Rounding.HALF_UP) -> Tariff:
    """Make a tariff of prices."""
    return Tariff(prices, decimals, rounding, ZoneInfo(zone))


def every_day(name: str, *windows: tuple[int, int]) -> TimeProfile:
    """Make a profile of the same windows, in hours of the day (or seconds beyond 24), on all days."""
    return TimeProfile(name, tuple(Window(weekday, first, last) for weekday in range(7) for first, last in windows))


def on_days(name: str, *weekdays: int) -> TimeProfile:
    """Make a profile of whole days."""
    return TimeProfile(name, tuple(Window(weekday, 0, DAY_SECONDS) for weekday in weekdays))


def oracle_micros(rated: Tariff, answered_at: datetime, used_seconds: int) -> int:
    """Price increment by increment, in fractions, each at the price of the wall clock when it begins."""
    if used_seconds <= 0:
        return 0
    exact = Fraction(_price_on_the_wall(rated, answered_at, 0).connection_fee_nanos, NANOS)
    second = 0
    while second < used_seconds:
        in_force = _price_on_the_wall(rated, answered_at, second)
        step = max((each for each in in_force.steps if each.from_second <= second), key=lambda each: each.from_second)
        exact += Fraction(step.nanos_per_minute, NANOS) * step.increment_seconds / 60
        second += step.increment_seconds
    scaled = exact * 10**rated.charge_decimals
    rounded = ceil(scaled) if rated.rounding is Rounding.UP else floor(scaled + Fraction(1, 2))
    return int(rounded * 10 ** (6 - rated.charge_decimals))


def _price_on_the_wall(rated: Tariff, answered_at: datetime, second: int) -> Price:
    if len(rated.prices) == 1:
        return rated.prices[0]
    clock = (answered_at + timedelta(seconds=second)).astimezone(rated.zone)
    now = clock.hour * 3_600 + clock.minute * 60 + clock.second
    (found,) = (
        each
        for each in rated.prices
        for window in each.profile.windows
        if window.weekday == clock.weekday() and window.from_second <= now < window.to_second
    )
    return found


_INCREMENTS = st.sampled_from([1, 1, 6, 7, 20, 30, 60])
_NANOS = st.one_of(st.sampled_from([0, 1, 10**6, 13_500_000]), st.integers(0, 5 * NANOS))


@st.composite
def prices(draw: st.DrawFn, profile: TimeProfile | None = None) -> Price:
    """Draw a price of one to three steps."""
    steps: list[PriceStep] = []
    second = 0
    for _ in range(draw(st.integers(1, 3))):
        increment = draw(_INCREMENTS)
        steps.append(PriceStep(second, increment, draw(_NANOS)))
        second += increment * draw(st.integers(1, 3))
    return Price(draw(_NANOS), tuple(steps), profile or TimeProfile(""))


@st.composite
def untimed(draw: st.DrawFn) -> Tariff:
    """Draw a tariff of one price."""
    return Tariff(
        (draw(prices()),), draw(st.integers(0, 6)), draw(st.sampled_from(Rounding)), ZoneInfo("Europe/London")
    )


@st.composite
def timed(draw: st.DrawFn) -> Tariff:
    """Draw a tariff of up to three prices whose windows share out the week."""
    count = draw(st.integers(2, 3))
    windows: list[list[Window]] = [[] for _ in range(count)]
    for weekday in range(7):
        cuts = draw(st.lists(st.integers(1, 95).map(lambda quarter: quarter * 900), max_size=4, unique=True))
        edges = [0, *sorted(cuts), DAY_SECONDS]
        for first, last in pairwise(edges):
            windows[draw(st.integers(0, count - 1))].append(Window(weekday, first, last))
    return Tariff(
        tuple(draw(prices(TimeProfile(f"profile {index}", tuple(own)))) for index, own in enumerate(windows)),
        draw(st.integers(0, 6)),
        draw(st.sampled_from(Rounding)),
        ZoneInfo(draw(st.sampled_from(sorted(CLOCK_CHANGES)))),
    )


def instants(rated: Tariff) -> st.SearchStrategy[datetime]:
    """Draw an instant within two hours of a clock change of the tariff's zone."""
    around = st.integers(-7_200_000_000, 3_600_000_000).map(lambda micros: timedelta(microseconds=micros))
    return st.builds(lambda change, off: change + off, st.sampled_from(CLOCK_CHANGES[rated.zone.key]), around)
