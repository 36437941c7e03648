"""What was spent, hour by hour on the organization's own clock: all that the forecast looks at (S20, S45)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from talktime.core.credit.recharging.simulating import Spent
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY

HOURS_PER_DAY = 24
DAYS_PER_WEEK = 7
HOURS_PER_WEEK = HOURS_PER_DAY * DAYS_PER_WEEK
# After a silence of so long it is another business: a phone whose clock stood at 1980, a trial of last year.
SILENCE_MAX = timedelta(days=60)
# Rhythm and growth of longer ago say nothing about the next month; memory and time are bounded by it.
DAYS_MAX = 731
# A day below this share of what its weekday usually costs is a low day: a holiday, an outage, a move.
_LOW_SHARE = 0.25


@frozen
class SpendSeries:
    """Micros spent in each hour from `starts_on` 00:00 on, 24 to a day on the local clock; whole days only.

    The hour that clocks skip holds nothing, the hour that they repeat holds both.
    """

    starts_on: date
    hours: tuple[int, ...]

    @property
    def days_count(self) -> int:
        """Return how many days there are."""
        return len(self.hours) // HOURS_PER_DAY

    @property
    def weeks_count(self) -> int:
        """Return how many whole weeks there are."""
        return self.days_count // DAYS_PER_WEEK

    @property
    def ends_on(self) -> date:
        """Return the day after the last."""
        return self.starts_on + self.days_count * DAY

    @property
    def days(self) -> tuple[int, ...]:
        """Return the micros of each day."""
        return _added(self.hours, HOURS_PER_DAY)

    @property
    def weeks(self) -> tuple[int, ...]:
        """Return the micros of each whole week, counted back from the end, so that the last one is complete."""
        rest = len(self.hours) % HOURS_PER_WEEK
        return _added(self.hours[rest:], HOURS_PER_WEEK)

    def until(self, day: date) -> "SpendSeries":
        """Return what was known at the beginning of a day."""
        return SpendSeries(self.starts_on, self.hours[: max(0, (day - self.starts_on).days) * HOURS_PER_DAY])

    def since(self, day: date) -> "SpendSeries":
        """Return what came from a day on."""
        gone = min(max(0, (day - self.starts_on).days), self.days_count)
        return SpendSeries(self.starts_on + gone * DAY, self.hours[gone * HOURS_PER_DAY :])


@frozen
class ReadSpend:
    """The series, and what of the usage it does not hold: told of, never dropped silently."""

    series: SpendSeries
    # Before a silence of two months, or longer ago than two years.
    too_old_count: int = 0
    # Later than now.
    too_late_count: int = 0
    # The first or the last day, where the usage holds only a part of it.
    partial_days: tuple[date, ...] = ()
    # Our own calls from here on, because imported usage is most of what is spent, and it ends here.
    own_left_out_since: date | None = None


def read_spend(usage: Iterable[Spent], zone: ZoneInfo, now: datetime, *, is_complete: bool = False) -> ReadSpend:
    """Return the series of usage in any order; today is left out, because it still runs.

    A gap of hours or days is a time in which nothing was spent: closed hours, weekends, holidays. Where the usage
    `is_complete` until now, so is the silence after the last call; a file may simply end, in the midst of a day: its
    first and last day count only where calls reach the usual first and last hour, as far as a week of days tells.
    """
    by_hour: dict[tuple[int, int], int] = {}
    counts: dict[int, int] = {}
    too_late = 0
    for each in usage:
        if each.at > now:
            too_late += 1
            continue
        local = each.at.astimezone(zone)
        day = local.toordinal()
        key = (day, local.hour)
        by_hour[key] = by_hour.get(key, 0) + each.cost_micros
        counts[day] = counts.get(day, 0) + 1
    if not counts:
        return ReadSpend(SpendSeries(now.astimezone(zone).date(), ()), too_late_count=too_late)
    yesterday = now.astimezone(zone).toordinal() - 1
    first, last = _span(sorted(counts), yesterday if is_complete else min(max(counts), yesterday))
    too_old = sum(count for day, count in counts.items() if day < first)
    partial = () if is_complete else _partial(by_hour, first, last)
    first, last = first + (first in partial), last - (last in partial)
    hours = [by_hour.get((day, hour), 0) for day in range(first, last + 1) for hour in range(HOURS_PER_DAY)]
    return ReadSpend(
        # Corrections may give back more than an hour cost; what is refunded is no demand.
        SpendSeries(date.fromordinal(first), tuple(max(0, each) for each in hours)),
        too_old,
        too_late,
        tuple(map(date.fromordinal, partial)),
    )


def read_sources(own: Sequence[Spent], imported: Sequence[Spent], zone: ZoneInfo, now: datetime) -> ReadSpend:
    """Return the series of our own usage, complete until now, and of imported usage, which ends with its file.

    After the last imported call our own is the whole only where it has taken over: where it costs more than half of
    what all did in as long a time before. Else the series ends there: what is not imported yet would look like a fall.
    """
    ended_at = max((each.at for each in imported if each.at <= now), default=None)
    if ended_at is None or _has_taken_over(own, imported, ended_at, now):
        return read_spend([*own, *imported], zone, now, is_complete=bool(own))
    read = read_spend([*imported, *(each for each in own if each.at <= ended_at)], zone, now)
    if all(each.at <= ended_at for each in own):
        return read
    return replace(read, own_left_out_since=ended_at.astimezone(zone).date())


def low_days(series: SpendSeries) -> tuple[date, ...]:
    """Return the days on which far less was spent than their weekday usually costs: holidays, learned from the data."""
    days = series.days
    found = []
    for weekday in range(DAYS_PER_WEEK):
        same = days[weekday::DAYS_PER_WEEK]
        usual = median(same)
        found += [
            series.starts_on + (weekday + DAYS_PER_WEEK * week) * DAY
            for week, spent in enumerate(same)
            if usual > 0 and spent < _LOW_SHARE * usual
        ]
    return tuple(sorted(found))


def running_totals(amounts: Sequence[int]) -> list[int]:
    """Return the sums of the first 0, 1, 2 … amounts: what any stretch holds is the difference of two."""
    return list(accumulate(amounts, initial=0))


def median(values: Sequence[float]) -> float:
    """Return the middle value; 0 where there is none."""
    if not values:
        return 0.0
    ordered, middle = sorted(values), len(values) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _span(days: list[int], last: int) -> tuple[int, int]:
    """Return the first day of what is still the same business, and the last whole one."""
    first = days[0]
    for before, after in pairwise(days):
        if (after - before) * DAY > SILENCE_MAX:
            first = after
    return max(first, last - DAYS_MAX + 1), last


def _partial(by_hour: Iterable[tuple[int, int]], first: int, last: int) -> tuple[int, ...]:
    """Return the first and last day, as far as calls begin later, or end earlier, than on the middle one of days."""
    opens: dict[int, int] = {}
    closes: dict[int, int] = {}
    for day, hour in by_hour:
        if first <= day:
            opens[day], closes[day] = min(hour, opens.get(day, hour)), max(hour, closes.get(day, hour))
    if len(opens) < DAYS_PER_WEEK:
        return ()
    begins_late = opens.get(first, 0) > median(tuple(opens.values()))
    # Where calls follow, as today's do, the last day is over.
    ends_early = last == max(closes) and closes[last] < median(tuple(closes.values()))
    return tuple(dict.fromkeys((first,) * begins_late + (last,) * ends_early))


def _has_taken_over(own: Sequence[Spent], imported: Sequence[Spent], ended_at: datetime, now: datetime) -> bool:
    begins_at = ended_at - (now - ended_at)
    before = sum(each.cost_micros for each in (*own, *imported) if begins_at < each.at <= ended_at)
    return 2 * sum(each.cost_micros for each in own if each.at > ended_at) > before


def _added(amounts: Sequence[int], size: int) -> tuple[int, ...]:
    totals = running_totals(amounts)
    return tuple(totals[end] - totals[end - size] for end in range(size, len(totals), size))
