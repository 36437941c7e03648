"""The balance over time: a line that calls draw down and purchases lift, the trigger, and a cone of what may come."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from talktime.core.insight.advice.balance_forecast import BalanceForecast
from talktime.core.insight.pictures.balances import BalanceHistory
from talktime.core.values.periods import DAY, Period, start_of_day
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.axes import Scale, nice_ticks, time_axis, time_scale, value_axis
from talktime.exports.pictures.drawing.canvas import Box, Style
from talktime.exports.pictures.drawing.frames import (
    MARGIN,
    WIDTH,
    Drawn,
    Empty,
    Entry,
    Frame,
    Look,
    Mark,
    empty_picture,
    framed,
)

_PLOT_HEIGHT = 270
_MICRO_DECIMALS = 6
_LABELS_MAX = 24
# Along the trigger, from which its name takes the first that is free.
_PLACES = 12


def balance_picture(history: BalanceHistory, look: Look) -> Drawn:
    """Draw a balance with its purchases, and the trigger and the forecast where there are any."""
    say = look.words.say
    title = say("Balance over time") if history.days else say("How the balance may fare")
    if history.is_empty and history.forecast is None:
        empty = Empty(say("There is no credit yet."), say("Fund the organization: its balance is drawn from then on."))
        return empty_picture("balance", look, title, empty, history.twin())
    frame = framed("balance", look, title, _summary(history, look))
    frame.legend(_entries(history, look))
    labels, ticks = _ticks(history, look)
    left = MARGIN + max(letters.width(label, 12) for label in labels) + 8
    # Room for what is said beside the end of the line.
    closing = letters.width(look.words.paid(history.closing_micros), 12, is_bold=True) if not history.forecast else 0
    plot = Box(left, frame.top + 22, WIDTH - MARGIN - 8 - closing, frame.top + 22 + _PLOT_HEIGHT)
    # In the middle of the line, so that it never meets the first number.
    frame.canvas.text(MARGIN, plot.top - 16, look.words.currency, Style(look.palette.muted, 11))
    scale = Scale(ticks[0], ticks[-1], plot.bottom, plot.top)
    value_axis(frame.canvas, scale, ticks, labels, plot)
    _Balance(frame, history, plot, scale).draw()
    frame.note(plot.bottom + 48, say("Days on the clock of %(zone)s", zone=history.zone.key))
    return frame.drawn(plot.bottom + 64, history.twin())


def _summary(history: BalanceHistory, look: Look) -> str:
    words = look.words
    if not history.days:
        begins_on = words.skeleton("yMMMd", history.seen_until.astimezone(words.zone).date())
        now = words.say("balance %(amount)s", amount=words.paid(history.closing_micros))
        return " · ".join((begins_on, now, *_ahead(history, look)))
    lowest = history.lowest
    parts = [
        words.span(Period(history.period.starts_at, max(history.seen_until, history.period.starts_at + DAY))),
        words.say("at the end %(amount)s", amount=words.paid(history.closing_micros)),
        words.say(
            "lowest %(amount)s on %(day)s",
            amount=words.paid(lowest.balance_micros),
            day=words.skeleton("MMMd", lowest.at.astimezone(words.zone).date()),
        ),
    ]
    if history.bought:
        amount, count = words.paid(history.bought_micros), words.count(len(history.bought))
        parts.append(words.say("bought %(amount)s (purchases: %(count)s)", amount=amount, count=count))
    return " · ".join((*parts, *_ahead(history, look)))


def _ahead(history: BalanceHistory, look: Look) -> Iterator[str]:
    words, ahead = look.words, history.forecast
    if ahead is not None and ahead.days:
        yield words.say(
            "on %(day)s between %(low)s and %(high)s in 8 of 10 cases",
            day=words.skeleton("MMMd", ahead.days[-1]),
            low=words.paid(ahead.low_micros[-1]),
            high=words.paid(ahead.high_micros[-1]),
        )


def _entries(history: BalanceHistory, look: Look) -> list[Entry]:
    say, palette = look.words.say, look.palette
    entries = [Entry(Mark.LINE, palette.credit, say("Balance"))] if history.days else []
    if history.bought:
        entries.append(Entry(Mark.DOT, palette.purchase, say("Purchase")))
    if _trigger(history) is not None:
        entries.append(Entry(Mark.DASHES, palette.trigger, say("Trigger of the recharge")))
    if history.forecast is not None:
        entries.append(Entry(Mark.DASHES, palette.credit, say("Forecast, with the range of 8 in 10 cases")))
        if history.forecast.purchases:
            entries.append(Entry(Mark.RING, palette.purchase, say("Recharge, as forecast")))
    return entries


def _trigger(history: BalanceHistory) -> int | None:
    if history.trigger_micros is None and history.forecast is not None:
        return history.forecast.trigger_micros
    return history.trigger_micros


def _ticks(history: BalanceHistory, look: Look) -> tuple[list[str], list[int]]:
    shown = [0, *(point.balance_micros for point in history.points)]
    trigger = _trigger(history)
    if trigger is not None:
        shown.append(trigger)
    if history.forecast is not None:
        shown += [*history.forecast.low_micros, *history.forecast.high_micros]
    ticks = nice_ticks(min(shown), max(shown), 10_000)
    return look.words.ticks(ticks, _MICRO_DECIMALS), ticks


class _Balance:
    """The lines of a balance in their plot."""

    def __init__(self, frame: Frame, history: BalanceHistory, plot: Box, scale: Scale) -> None:
        self._frame, self._canvas, self._look = frame, frame.canvas, frame.look
        self._history, self._plot, self._scale = history, plot, scale
        self._shown = Period(history.period.starts_at, self._shown_until())
        self._x = time_scale(self._shown, plot)

    def draw(self) -> None:
        """Draw what lies below first."""
        time_axis(self._canvas, self._look.words, self._shown, self._plot)
        if self._history.forecast is not None:
            self._cone(self._history.forecast)
        self._line()
        self._now()
        self._purchases()
        self._trigger_line()

    def _shown_until(self) -> datetime:
        history = self._history
        ends_at = max(history.seen_until, history.period.starts_at + DAY)
        if history.forecast is None or not history.forecast.days:
            return ends_at
        return max(ends_at, start_of_day(history.forecast.days[-1] + DAY, history.zone))

    def _line(self) -> None:
        """Draw steps, and the area from zero to them: above zero in one color, below it in another."""
        palette, points = self._look.palette, self._history.points
        steps = list[tuple[float, float]]()
        for before, point in pairwise(points):
            y = self._scale.at(before.balance_micros)
            steps += [(self._x(before.at), y), (self._x(point.at), y)]
        zero = self._scale.at(0)
        above = [(x, min(y, zero)) for x, y in steps]
        below = [(x, max(y, zero)) for x, y in steps]
        floor = [(steps[-1][0], zero), (steps[0][0], zero)]
        self._canvas.path([*above, *floor], fill=palette.credit, opacity=0.14)
        if any(y > zero for _, y in steps):
            self._canvas.path([*below, *floor], fill=palette.uncovered, opacity=0.3)
        self._canvas.path(steps, stroke=palette.credit, width=2)
        self._canvas.lines += [_around(start, end) for start, end in pairwise(steps)]
        for start, end in pairwise(steps):
            if start[1] > zero and end[1] > zero:
                self._canvas.path([start, end], stroke=palette.uncovered, width=2)

    def _cone(self, forecast: BalanceForecast) -> None:
        palette, zone = self._look.palette, self._history.zone
        begins = (self._x(self._history.seen_until), self._scale.at(self._history.closing_micros))
        xs = [self._x(start_of_day(day + DAY, zone)) for day in forecast.days]

        def path(amounts: tuple[int, ...]) -> list[tuple[float, float]]:
            ys = map(self._scale.at, amounts)
            return [begins, *((x, y) for x, y in zip(xs, ys, strict=True) if x > begins[0])]

        cone = [*path(forecast.high_micros), *reversed(path(forecast.low_micros))]
        self._canvas.path(cone, fill=palette.credit, opacity=0.2)
        middle = path(forecast.middle_micros)
        self._canvas.path(middle, stroke=palette.credit, width=2, dashes="6 4")
        self._canvas.lines += [_around(start, end) for start, end in pairwise(middle)]
        balances = dict(zip(forecast.days, forecast.middle_micros, strict=True))
        for purchase in forecast.purchases:
            if purchase.day in balances:
                x = self._x(start_of_day(purchase.day + DAY, zone))
                self._canvas.circle(x, self._scale.at(balances[purchase.day]), 5, palette.purchase, is_hollow=True)

    def _now(self) -> None:
        """Say where the balance stands, beside its end."""
        x, plot, words = self._x(self._history.seen_until), self._plot, self._look.words
        if self._history.forecast is not None:
            self._canvas.line(Box(x, plot.top - 8, x, plot.bottom), self._look.palette.axis, dashes="2 3")
            style = Style(self._look.palette.muted, 11, anchor="middle")
            self._canvas.text_if_free(x, plot.top - 14, words.say("forecast"), style, within=plot)
        y = self._scale.at(self._history.closing_micros)
        self._canvas.circle(x, y, 4, self._look.palette.credit)
        style = Style(self._look.palette.ink, 12, is_bold=True, halo=self._look.palette.paper)
        said = words.paid(self._history.closing_micros)
        edges = Box(plot.left, 0, WIDTH - 4, 0)
        self._canvas.text_at_best([(x + 9, y + above) for above in (4, -8, -14, 18, 24)], said, style, within=edges)

    def _trigger_line(self) -> None:
        trigger, plot, palette = _trigger(self._history), self._plot, self._look.palette
        if trigger is None:
            return
        y = self._scale.at(trigger)
        self._canvas.line(Box(plot.left, y, plot.right, y), palette.trigger, width=1.5, dashes="7 4")
        said = self._look.words.say("Trigger %(amount)s", amount=self._look.words.paid(trigger))
        style = Style(palette.trigger, 12, halo=palette.paper)
        step = (plot.right - plot.left) / _PLACES
        places = [(plot.left + 6 + number * step, y + above) for above in (15, -6) for number in range(_PLACES)]
        self._canvas.text_at_best(places, said, style, within=plot)

    def _purchases(self) -> None:
        """Mark each purchase where it lifted the line; say how much, where there is room."""
        palette, words = self._look.palette, self._look.words
        is_said = len(self._history.bought) <= _LABELS_MAX
        for each in self._history.bought:
            x, y = self._x(each.at), self._scale.at(each.balance_micros)
            self._canvas.circle(x, y, 5 if is_said else 3, palette.purchase)
            style = Style(palette.purchase, 12, anchor="middle", halo=palette.paper)
            if is_said:
                places = [(x, y - 10), (x, y - 24)]
                self._canvas.text_at_best(places, f"+{words.paid(each.amount_micros)}", style, within=self._plot)


def _around(start: tuple[float, float], end: tuple[float, float]) -> Box:
    xs, ys = (start[0], end[0]), (start[1], end[1])
    return Box(min(xs) - 2, min(ys) - 2, max(xs) + 2, max(ys) + 2)
