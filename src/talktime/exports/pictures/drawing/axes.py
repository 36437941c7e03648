"""Axes: where round numbers and round times lie, and the lines and words that say so."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from talktime.core.values.periods import DAY, Period, add_months, start_of_day
from talktime.exports.pictures.drawing.canvas import Box, Canvas, Style, text_box
from talktime.exports.pictures.drawing.words import Words

TICKS_MAX = 8
_STEPS = (1, 2, 5, 10)
_GAP, _EDGE = 10, 4
_DAYS_PER_WEEK, _MONTHS_PER_YEAR, _EVERY_HOURS = 7, 12, 3
_HOURS_TOLD_APART = timedelta(days=2)
# Up to so many days each has a name, then each week, each month, each year.
_EACH_DAY_MAX, _DAYS_NAMED_MAX, _MONTHS_NAMED_MAX = 16, 92, 1_100
_DAY = "MMMd"


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a number between two others to a pixel between two others."""

    low: int
    high: int
    from_px: float
    to_px: float

    def at(self, value: int) -> float:
        """Return the pixel of a number."""
        return self.from_px + (self.to_px - self.from_px) * ((value - self.low) / max(1, self.high - self.low))


def nice_ticks(low: int, high: int, unit: int = 1, ticks_max: int = TICKS_MAX) -> list[int]:
    """Return round numbers, evenly apart and never finer than a unit, from at most `low` to at least `high`."""
    magnitude = unit
    while True:
        for step in (magnitude * each for each in _STEPS):
            first, last = low // step, -(-high // step)
            if last - first < ticks_max:
                return [number * step for number in range(first, max(last, first + 1) + 1)]
        magnitude *= 10


def value_axis(canvas: Canvas, scale: Scale, ticks: list[int], labels: list[str], plot: Box) -> None:
    """Draw a line across the plot for each tick, its number to the left, and zero stronger."""
    palette = canvas.palette
    for tick, label in zip(ticks, labels, strict=True):
        y = scale.at(tick)
        color = palette.axis if tick == 0 else palette.grid
        canvas.line(Box(plot.left, y, plot.right, y), color)
        canvas.text(plot.left - 8, y + 4, label, Style(palette.muted, anchor="end"))


@dataclass(frozen=True, slots=True)
class Named:
    """A place on the axis of days, and how its day is written: in its year, and where the year is another one."""

    x: float
    day: date
    pattern: str
    year_pattern: str


def time_axis(canvas: Canvas, words: Words, period: Period, plot: Box) -> None:
    """Name hours, days, months or years below the plot, as many as there is room for."""
    scale = time_scale(period, plot)
    if period.ends_at - period.starts_at <= _HOURS_TOLD_APART:
        named_axis(canvas, [(scale(at), label) for at, label in _hours(period, words)], plot)
        return
    days_axis(canvas, words, [replace(each, x=scale(at)) for at, each in _days_named(period, words)], plot)


def days_axis(canvas: Canvas, words: Words, days: Sequence[Named], plot: Box) -> None:
    """Name days below the plot: each, each second, each third … as they have room; a year where it begins."""
    for step in range(1, len(days) + 1):
        chosen = days[::step]
        befores = (None, *chosen)
        names = [
            (each.x, words.skeleton(each.pattern if _is_in_year(before, each) else each.year_pattern, each.day))
            for before, each in zip(befores, chosen, strict=False)
        ]
        if _have_room(names, plot):
            named_axis(canvas, names, plot)
            return


def named_axis(canvas: Canvas, names: Sequence[tuple[float, str]], plot: Box) -> None:
    """Set names below their places on the plot's lower edge: each, each second, each third … as they have room."""
    style = Style(canvas.palette.muted, anchor="middle")
    step = next((step for step in range(1, len(names) + 1) if _have_room(names[::step], plot)), 1)
    for x, name in names[::step]:
        canvas.line(Box(x, plot.bottom, x, plot.bottom + 5), canvas.palette.axis)
        box = text_box(x, plot.bottom + 20, name, style)
        if box.left >= _EDGE and box.right <= canvas.width - _EDGE:
            canvas.text(x, plot.bottom + 20, name, style)


def _have_room(names: Sequence[tuple[float, str]], plot: Box) -> bool:
    style = Style("", anchor="middle")
    boxes = [text_box(x, plot.bottom + 20, name, style) for x, name in names]
    return all(before.right + _GAP <= after.left for before, after in pairwise(boxes))


def _is_in_year(before: Named | None, each: Named) -> bool:
    # Of days the summary says the first year; months alone would be of no year.
    return each.pattern == _DAY if before is None else before.day.year == each.day.year


def time_scale(period: Period, plot: Box) -> Callable[[datetime], float]:
    """Return what maps an instant of a period to a pixel of the plot."""
    length = max((period.ends_at - period.starts_at) / timedelta(seconds=1), 1.0)

    def scaled(at: datetime) -> float:
        return plot.left + (plot.right - plot.left) * (((at - period.starts_at) / timedelta(seconds=1)) / length)

    return scaled


def _days_named(period: Period, words: Words) -> Iterator[tuple[datetime, Named]]:
    first = period.starts_at.astimezone(words.zone).date()
    last = period.ends_at.astimezone(words.zone).date()
    days = (last - first) // DAY
    if days <= _DAYS_NAMED_MAX:
        found, patterns = _days(first, last, 1 if days <= _EACH_DAY_MAX else _DAYS_PER_WEEK), (_DAY, "yMMMd")
    elif days <= _MONTHS_NAMED_MAX:
        found, patterns = _months(first, last, 1), ("MMM", "yMMM")
    else:
        found, patterns = _months(first, last, _MONTHS_PER_YEAR), ("y", "y")
    for day in found:
        yield start_of_day(day, words.zone), Named(0, day, *patterns)


def _hours(period: Period, words: Words) -> Iterator[tuple[datetime, str]]:
    at = period.starts_at
    while at <= period.ends_at:
        local = at.astimezone(words.zone)
        if local.hour == 0:
            yield at, words.skeleton("MMMd", local.date())
        elif local.hour % _EVERY_HOURS == 0:
            yield at, words.clock_hour(local.hour)
        at += timedelta(hours=1)


def _days(first: date, last: date, step: int) -> Iterator[date]:
    # Weeks are named by their Mondays.
    day = first if step == 1 else first + (-first.weekday()) % _DAYS_PER_WEEK * DAY
    while day <= last:
        yield day
        day += step * DAY


def _months(first: date, last: date, step: int) -> Iterator[date]:
    month = first.replace(day=1)
    if step == _MONTHS_PER_YEAR:
        month = month.replace(month=1)
    while month <= last:
        if month >= first:
            yield month
        month = add_months(month, step)
