"""What a call costs, exactly, and how long a call a budget pays for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS, NANOS_PER_MICRO, Rounding, divide

SECONDS_PER_MINUTE = 60
SECONDS_PER_DAY = 86_400
DAYS_PER_WEEK = 7
# The longest call that anything is granted for: longer ones are re-authorized, or are a stuck switch.
CALL_MAX_SECONDS = 24 * 3_600


# What one step of the last decimal is worth, by the number of decimals.
_UNIT_MICROS = tuple(int(10 ** (MICRO_DECIMALS - decimals)) for decimals in range(MICRO_DECIMALS + 1))


@frozen
class PriceStep:
    """From this second of the call on, each started increment costs its share of the price per minute."""

    from_second: int
    increment_seconds: int
    nanos_per_minute: int

    def __post_init__(self) -> None:
        """Check what every computation relies on."""
        assert self.from_second >= 0
        assert self.increment_seconds > 0
        assert self.nanos_per_minute >= 0


@frozen
class Window:
    """A weekly window of a time profile: weekday 0 is Monday, seconds of the local day, half-open."""

    weekday: int
    from_second: int
    to_second: int


@frozen
class TimeProfile:
    """When a price applies: weekly windows on the deck's clock; no window means always."""

    name: str
    windows: tuple[Window, ...] = ()


ANY_TIME = TimeProfile("")


def covers_week(profiles: Sequence[TimeProfile]) -> bool:
    """Tell whether the windows of the profiles cover every second of the week exactly once."""
    for weekday in range(DAYS_PER_WEEK):
        windows = sorted(
            (window.from_second, window.to_second)
            for profile in profiles
            for window in profile.windows
            if window.weekday == weekday
        )
        edges = [0, *(edge for window in windows for edge in window), SECONDS_PER_DAY]
        if any(edges[index] != edges[index + 1] for index in range(0, len(edges), 2)):
            return False
    return True


@frozen
class Price:
    """One price of a prefix: fee, one or two steps, and when it applies."""

    connection_fee_nanos: int
    steps: tuple[PriceStep, ...]
    profile: TimeProfile = ANY_TIME

    def __post_init__(self) -> None:
        """Steps begin at 0 and follow each other in whole increments, so that no increment spans two steps."""
        assert self.steps[0].from_second == 0
        assert self.connection_fee_nanos >= 0
        for step, following in pairwise(self.steps):
            assert following.from_second > step.from_second
            assert (following.from_second - step.from_second) % step.increment_seconds == 0


@frozen
class Tariff:
    """How calls to one prefix are priced in one deck version.

    Several prices only where time profiles differ; their windows then cover the week without overlap. None only
    where calls are blocked.
    """

    prices: tuple[Price, ...]
    charge_decimals: int
    rounding: Rounding
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """A charge is never finer than a micro."""
        assert 0 <= self.charge_decimals <= MICRO_DECIMALS


@frozen
class Block:
    """Consecutive increments at one price: what a receipt shows, and what a cost is made of."""

    from_second: int
    increments: int
    increment_seconds: int
    nanos_per_minute: int
    profile: str

    @property
    def to_second(self) -> int:
        """Return the exclusive end, in seconds of the call."""
        return self.from_second + self.increments * self.increment_seconds


def blocks(tariff: Tariff, answered_at: datetime, used_seconds: int, from_second: int = 0) -> tuple[Block, ...]:
    """Split the call into its billed increments: each started one counts whole, at the price in force when it began.

    `from_second` is where billing begins: included minutes have paid for what was before.
    """
    found: list[Block] = []
    second = from_second
    while second < used_seconds:
        price, price_ends = _price_at(tariff, answered_at, second)
        step, step_ends = _step_at(price, second)
        ends = min(used_seconds, price_ends, step_ends)
        increments = -(-(ends - second) // step.increment_seconds)
        found.append(Block(second, increments, step.increment_seconds, step.nanos_per_minute, price.profile.name))
        second = found[-1].to_second
    return tuple(found)


def cost_micros(tariff: Tariff, answered_at: datetime, used_seconds: int, from_second: int = 0) -> int:
    """Return what a call of so many seconds costs, in micros; 0 seconds cost nothing, not even the fee.

    Exact in integers, rounded once, to the deck's decimals (e5). Where included minutes have paid up to `from_second`,
    what follows costs its increments, and no connection fee (domain.md 8).
    """
    if used_seconds <= from_second:
        return 0
    if len(tariff.prices) == 1 and from_second == 0:
        price = tariff.prices[0]
        return _rounded(tariff, price.connection_fee_nanos, _untimed_nanos_times_60(price, used_seconds))
    nanos_times_60 = sum(
        block.increments * block.increment_seconds * block.nanos_per_minute
        for block in blocks(tariff, answered_at, used_seconds, from_second)
    )
    return _rounded(tariff, 0 if from_second else connection_fee_nanos(tariff, answered_at), nanos_times_60)


def connection_fee_nanos(tariff: Tariff, answered_at: datetime) -> int:
    """Return the fee of the price in force at the answer: taken once, whatever price follows in the call."""
    price, _ = _price_at(tariff, answered_at, 0)
    return price.connection_fee_nanos


def connection_fee_micros(tariff: Tariff, answered_at: datetime) -> int:
    """Return the fee to the micro, half up: for a record to show; the cost is rounded by itself."""
    return divide(connection_fee_nanos(tariff, answered_at), NANOS_PER_MICRO, Rounding.HALF_UP)


def billed_seconds(tariff: Tariff, answered_at: datetime, used_seconds: int, from_second: int = 0) -> int:
    """Return the second at which the last started increment ends; `from_second` is where the first begins."""
    if used_seconds <= from_second:
        return from_second
    if len(tariff.prices) == 1 and from_second == 0:
        step, _ = _step_at(tariff.prices[0], used_seconds - 1)
        started = -(-(used_seconds - step.from_second) // step.increment_seconds)
        return step.from_second + started * step.increment_seconds
    return blocks(tariff, answered_at, used_seconds, from_second)[-1].to_second


def affordable_seconds(
    tariff: Tariff, answered_at: datetime, budget_micros: int, wanted_seconds: int, from_second: int = 0
) -> int:
    """Return how long `affordable` says that a call may be."""
    return affordable(tariff, answered_at, budget_micros, wanted_seconds, from_second).seconds


class Affordable(NamedTuple):
    """So many seconds since the answer, and what they cost."""

    seconds: int
    cost_micros: int


def affordable(
    tariff: Tariff, answered_at: datetime, budget_micros: int, wanted_seconds: int, from_second: int = 0
) -> Affordable:
    """Return the longest call in whole increments that the budget pays, at most the increments of what is wanted.

    The exact inverse of `cost_micros`: what is returned is affordable, and, unless it covers what is wanted, one more
    second is not. What included minutes have paid, up to `from_second`, is affordable in any case.
    """
    wanted = billed_seconds(tariff, answered_at, wanted_seconds, from_second)
    cost = cost_micros(tariff, answered_at, wanted, from_second)
    if cost <= budget_micros:
        return Affordable(wanted, cost)
    longest, unaffordable = Affordable(from_second, 0), wanted
    while unaffordable - longest.seconds > 1:
        middle = (longest.seconds + unaffordable) // 2
        cost = cost_micros(tariff, answered_at, middle, from_second)
        if cost <= budget_micros:
            longest = Affordable(middle, cost)
        else:
            unaffordable = middle
    return longest


def _rounded(tariff: Tariff, fee_nanos: int, nanos_times_60: int) -> int:
    unit_micros = _UNIT_MICROS[tariff.charge_decimals]
    exact = fee_nanos * SECONDS_PER_MINUTE + nanos_times_60
    return divide(exact, SECONDS_PER_MINUTE * NANOS_PER_MICRO * unit_micros, tariff.rounding) * unit_micros


def _untimed_nanos_times_60(price: Price, used_seconds: int) -> int:
    total = 0
    for index, step in enumerate(price.steps):
        if used_seconds <= step.from_second:
            break
        is_last = index + 1 == len(price.steps)
        to_second = used_seconds if is_last else min(used_seconds, price.steps[index + 1].from_second)
        increments = -(-(to_second - step.from_second) // step.increment_seconds)
        total += increments * step.increment_seconds * step.nanos_per_minute
    return total


def _step_at(price: Price, second: int) -> tuple[PriceStep, int]:
    """Return the step in force at a second of the call, and the second at which the next one begins."""
    step = price.steps[0]
    for following in price.steps[1:]:
        if second < following.from_second:
            return step, following.from_second
        step = following
    return step, CALL_MAX_SECONDS * SECONDS_PER_DAY


def _price_at(tariff: Tariff, answered_at: datetime, second: int) -> tuple[Price, int]:
    """Return the price in force at a second of the call, and the first second at which another one may be."""
    if len(tariff.prices) == 1:
        return tariff.prices[0], CALL_MAX_SECONDS * SECONDS_PER_DAY
    local = (answered_at + timedelta(seconds=second)).astimezone(tariff.zone)
    second_of_day = local.hour * 3_600 + local.minute * 60 + local.second
    boundaries = {SECONDS_PER_DAY}
    in_force: Price | None = None
    for price in tariff.prices:
        for window in price.profile.windows:
            if window.weekday != local.weekday():
                continue
            boundaries.update((window.from_second, window.to_second))
            if in_force is None and window.from_second <= second_of_day < window.to_second:
                in_force = price
    assert in_force is not None, "the profiles of a tariff cover the week"
    boundary = second + min(edge for edge in boundaries if edge > second_of_day) - second_of_day
    return in_force, _clock_change(tariff.zone, answered_at, second, boundary)


def _clock_change(zone: ZoneInfo, answered_at: datetime, second: int, boundary: int) -> int:
    """Return the second of the call at which the zone's clocks change, or the boundary where they do not before it.

    Beyond a change the wall clock has skipped a boundary or comes to one again, so that the price is asked for anew.
    """

    def offset(at_second: int) -> timedelta | None:
        return (answered_at + timedelta(seconds=at_second)).astimezone(zone).utcoffset()

    before = offset(second)
    if offset(boundary) == before:
        return boundary
    unchanged, changed = second, boundary
    while changed - unchanged > 1:
        middle = (unchanged + changed) // 2
        if offset(middle) == before:
            unchanged = middle
        else:
            changed = middle
    return changed
