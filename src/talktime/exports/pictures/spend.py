"""The spend of each day, week or month, stacked by what paid; below it what licenses included, in minutes."""

from collections.abc import Iterator
from dataclasses import dataclass

from talktime.core.insight.pictures.spending import SpendHistory, Step
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.axes import Named, Scale, days_axis, nice_ticks, value_axis
from talktime.exports.pictures.drawing.canvas import Box, Style
from talktime.exports.pictures.drawing.frames import (
    MARGIN,
    WIDTH,
    Drawn,
    Entry,
    Frame,
    Look,
    Mark,
    empty_picture,
    framed,
    nothing_to_show,
    refunds_alone,
)

_MONEY_HEIGHT, _MINUTES_HEIGHT, _MINUTE_TICKS = 220, 84, 3
_MICRO_DECIMALS = 6
_SECONDS_PER_MINUTE = 60
_GAP_SHARE, _GAP_MAX = 0.25, 6.0


def spend_picture(history: SpendHistory, look: Look) -> Drawn:
    """Draw the bars of a period: money above, included minutes below, on one line of days."""
    say = look.words.say
    title = {
        Step.DAY: say("Spend per day, by what paid"),
        Step.WEEK: say("Spend per week, by what paid"),
        Step.MONTH: say("Spend per month, by what paid"),
    }[history.step]
    if history.is_empty:
        return empty_picture("spend", look, title, nothing_to_show(look.words, is_money=True), history.twin())
    panels = [panel for panel in (_money_panel(history, look), _minutes_panel(history, look)) if panel.most]
    if not panels:
        return empty_picture("spend", look, title, refunds_alone(look.words), history.twin())
    frame = framed("spend", look, title, _summary(history, look))
    frame.legend(list(_entries(history, frame)))
    bottom = frame.top
    left = MARGIN + 8 + max(letters.width(label, 12) for panel in panels for label in panel.labels(look))
    for panel in panels:
        plot = Box(left, bottom + 22, WIDTH - MARGIN, bottom + 22 + panel.height)
        frame.canvas.text(MARGIN, plot.top - 14, panel.unit, Style(look.palette.muted, 11))
        _draw(frame, panel, plot, history)
        bottom = plot.bottom + 20
    _name_bars(frame, history, plot)
    frame.note(plot.bottom + 48, say("Days on the clock of %(zone)s", zone=history.zone.key))
    return frame.drawn(plot.bottom + 64, history.twin())


@dataclass(frozen=True, slots=True)
class _Panel:
    """Bars above one line: their unit, their stacked amounts, from the lowest, and a fill for each."""

    unit: str
    height: int
    decimals: int
    ticks: list[int]
    stacks: tuple[tuple[int, ...], ...]
    fills: tuple[str, ...]

    @property
    def most(self) -> int:
        """Return how high the highest bar is."""
        return max(map(_height, self.stacks))

    def labels(self, look: Look) -> list[str]:
        """Return the numbers beside the ticks."""
        return look.words.ticks(self.ticks, self.decimals)


def _height(stack: tuple[int, ...]) -> int:
    """Return how high a bar is: what was given back takes nothing off what is drawn."""
    return sum(max(0, amount) for amount in stack)


def _money_panel(history: SpendHistory, look: Look) -> _Panel:
    palette = look.palette
    stacks = tuple((bar.credit_micros, bar.overage_micros, bar.uncovered_micros) for bar in history.bars)
    ticks = nice_ticks(0, max(map(_height, stacks)), 10_000)
    fills = (palette.credit, palette.overage, palette.uncovered)
    return _Panel(look.words.currency, _MONEY_HEIGHT, _MICRO_DECIMALS, ticks, stacks, fills)


def _minutes_panel(history: SpendHistory, look: Look) -> _Panel:
    stacks = tuple((-(-bar.included_seconds // _SECONDS_PER_MINUTE),) for bar in history.bars)
    ticks = nice_ticks(0, max(0, *(stack[0] for stack in stacks)), 1, _MINUTE_TICKS)
    return _Panel(look.words.say("minutes included"), _MINUTES_HEIGHT, 0, ticks, stacks, (look.palette.included,))


def _draw(frame: Frame, panel: _Panel, plot: Box, history: SpendHistory) -> None:
    scale = Scale(panel.ticks[0], panel.ticks[-1], plot.bottom, plot.top)
    value_axis(frame.canvas, scale, panel.ticks, panel.labels(frame.look), plot)
    for (x, width), stack in zip(_places(history, plot), panel.stacks, strict=True):
        below = 0
        for fill, amount in zip(panel.fills, stack, strict=True):
            # A day on which more was given back than used has no bar.
            if amount > 0:
                is_owed = fill == frame.look.palette.uncovered
                shown = frame.canvas.hatched(fill) if is_owed else fill
                frame.canvas.rect(Box(x, scale.at(below + amount), x + width, scale.at(below)), shown)
                below += amount


def _summary(history: SpendHistory, look: Look) -> str:
    words, total, dearest = look.words, history.total, history.dearest
    parts = [words.span(history.period)]
    if total.cost_micros < 0:
        outweigh = words.say("more was given back than charged")
        parts += [words.say("in all %(amount)s", amount=words.paid(total.cost_micros)), outweigh]
    if total.cost_micros > 0:
        parts += [
            words.say("in all %(amount)s", amount=words.paid(total.cost_micros)),
            words.say("a day %(amount)s", amount=words.paid(total.cost_micros // len(history.days))),
            words.say(
                "most on %(day)s: %(amount)s",
                day=words.skeleton("MMMEd", dearest.first_day),
                amount=words.paid(dearest.cost_micros),
            ),
        ]
    if total.uncovered_micros:
        parts.append(words.say("covered by nothing %(amount)s", amount=words.paid(total.uncovered_micros)))
    if total.included_seconds:
        parts.append(words.say("included %(count)s min", count=words.minutes(total.included_seconds)))
    return " · ".join(parts)


def _entries(history: SpendHistory, frame: Frame) -> Iterator[Entry]:
    say, palette = frame.look.words.say, frame.look.palette
    if any(bar.credit_micros > 0 for bar in history.bars):
        yield Entry(Mark.AREA, palette.credit, say("Credit"))
    if any(bar.overage_micros > 0 for bar in history.bars):
        yield Entry(Mark.AREA, palette.overage, say("On the bill (overage)"))
    if any(bar.uncovered_micros > 0 for bar in history.bars):
        yield Entry(Mark.AREA, frame.canvas.hatched(palette.uncovered), say("Covered by nothing (owed)"))
    if any(bar.included_seconds > 0 for bar in history.bars):
        yield Entry(Mark.AREA, palette.included, say("Included in licenses, minutes"))


def _places(history: SpendHistory, plot: Box) -> Iterator[tuple[float, float]]:
    """Yield left edge and width of each bar."""
    pitch = (plot.right - plot.left) / len(history.bars)
    gap = min(_GAP_MAX, pitch * _GAP_SHARE)
    width = min(pitch - gap, 72.0)
    for number in range(len(history.bars)):
        yield plot.left + number * pitch + (pitch - width) / 2, width


def _name_bars(frame: Frame, history: SpendHistory, plot: Box) -> None:
    """Name bars in their middles."""
    pattern, year_pattern = ("MMM", "yMMM") if history.step is Step.MONTH else ("MMMd", "yMMMd")
    places = zip(history.bars, _places(history, plot), strict=True)
    named = [Named(x + width / 2, bar.first_day, pattern, year_pattern) for bar, (x, width) in places]
    days_axis(frame.canvas, frame.look.words, named, plot)
