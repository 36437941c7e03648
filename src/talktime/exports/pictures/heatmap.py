"""The hours of the week: a cell for each, the darker the more."""

from talktime.core.insight.pictures.rhythms import HOURS, WEEKDAYS, Measure, WeekRhythm
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.canvas import Box, Style
from talktime.exports.pictures.drawing.frames import (
    MARGIN,
    WIDTH,
    Drawn,
    Frame,
    Look,
    empty_picture,
    framed,
    nothing_to_show,
)

_CELL_HEIGHT, _GAP = 32, 2
_EVERY_HOURS = 3
_SHADES, _SWATCH = 5, 22
_HALF_STEPS = (2, 3, 4, 5, 6, 8, 10, 12, 16)
# The smallest step between two shades: a hundredth, a minute, a call.
_UNITS = {Measure.COST: 10_000, Measure.MINUTES: 60, Measure.CALLS: 1}


def heat_map(rhythm: WeekRhythm, look: Look) -> Drawn:
    """Draw 7 rows of 24 cells, the week beginning as the reader's does, and what each day of the week comes to."""
    say = look.words.say
    title = {
        Measure.COST: say("When calls cost: hour by weekday"),
        Measure.MINUTES: say("When people talk: hour by weekday"),
        Measure.CALLS: say("When people call: hour by weekday"),
    }[rhythm.measure]
    if rhythm.is_empty:
        return empty_picture(
            "heatmap", look, title, nothing_to_show(look.words, is_money=rhythm.measure is Measure.COST), rhythm.twin()
        )
    frame = framed("heatmap", look, title, _summary(rhythm, look))
    weekdays = [(look.words.first_weekday + number) % WEEKDAYS for number in range(WEEKDAYS)]
    names = [look.words.weekday(weekday, is_short=True) for weekday in weekdays]
    totals = [look.words.measured(rhythm.measure, sum(rhythm.hours[weekday])) for weekday in weekdays]
    left = MARGIN + 10 + max(letters.width(name, 12) for name in names)
    right = WIDTH - MARGIN - 12 - max(letters.width(total, 12) for total in totals)
    plot = Box(left, frame.top + 14, right, frame.top + 14 + WEEKDAYS * _CELL_HEIGHT)
    limits = _limits(rhythm)
    _hours(frame, plot)
    for row, (weekday, name, total) in enumerate(zip(weekdays, names, totals, strict=True)):
        base = plot.top + row * _CELL_HEIGHT + _CELL_HEIGHT / 2 + 4
        frame.canvas.text(plot.left - 10, base, name, Style(look.palette.ink, anchor="end"))
        frame.canvas.text(WIDTH - MARGIN, base, total, Style(look.palette.muted, anchor="end"))
        _cells(frame, rhythm.hours[weekday], limits, Box(plot.left, base, plot.right, base))
    _outline_busiest(frame, rhythm, weekdays, plot)
    bottom = _scale(frame, rhythm, limits, plot)
    frame.note(bottom + 34, say("Hours on the clock of %(zone)s, sums of the whole period", zone=rhythm.zone.key))
    return frame.drawn(bottom + 50, rhythm.twin())


def _summary(rhythm: WeekRhythm, look: Look) -> str:
    words = look.words
    weekday, hour = rhythm.busiest
    most = words.say(
        "most on %(weekday)s from %(from)s to %(to)s: %(amount)s",
        **{
            "weekday": words.weekday(weekday, is_short=False),
            "from": words.clock_hour(hour),
            "to": words.clock_hour((hour + 1) % HOURS),
            "amount": words.measured(rhythm.measure, rhythm.hours[weekday][hour]),
        },
    )
    total = words.say("in all %(amount)s", amount=words.measured(rhythm.measure, rhythm.total))
    return " · ".join((words.span(rhythm.period), total, most))


def _limits(rhythm: WeekRhythm) -> list[int]:
    """Return up to which amount each shade goes: round numbers, evenly apart, the last of them the most or more."""
    most, magnitude = max(map(max, rhythm.hours)), _UNITS[rhythm.measure]
    while True:
        for step in (magnitude * each // 2 for each in _HALF_STEPS if magnitude * each % 2 == 0):
            shades = -(-most // step)
            if shades <= _SHADES:
                return [step * number for number in range(1, shades + 1)]
        magnitude *= 10


def _cells(frame: Frame, amounts: tuple[int, ...], limits: list[int], row: Box) -> None:
    width = (row.right - row.left) / HOURS
    top = row.top - 4 - _CELL_HEIGHT / 2
    for hour, amount in enumerate(amounts):
        shade = 1 + sum(amount > limit for limit in limits) if amount else 0
        x = row.left + hour * width
        cell = Box(x, top, x + width - _GAP, top + _CELL_HEIGHT - _GAP)
        frame.canvas.rect(cell, _color(frame, shade, len(limits)))


def _color(frame: Frame, shade: int, shades: int) -> str:
    """Return the color of a shade: the most always has the last one."""
    return frame.look.palette.heat[shade + (_SHADES - shades if shade else 0)]


def _outline_busiest(frame: Frame, rhythm: WeekRhythm, weekdays: list[int], plot: Box) -> None:
    weekday, hour = rhythm.busiest
    width = (plot.right - plot.left) / HOURS
    x, y = plot.left + hour * width, plot.top + weekdays.index(weekday) * _CELL_HEIGHT
    edge = Box(x - 1, y - 1, x + width - _GAP + 1, y + _CELL_HEIGHT - _GAP + 1)
    frame.canvas.rect(edge, "none", stroke=frame.look.palette.ink, stroke_width=2)


def _hours(frame: Frame, plot: Box) -> None:
    width, style = (plot.right - plot.left) / HOURS, Style(frame.look.palette.muted)
    for hour in range(0, HOURS, _EVERY_HOURS):
        frame.canvas.text(plot.left + hour * width, plot.top - 8, frame.look.words.clock_hour(hour), style)


def _scale(frame: Frame, rhythm: WeekRhythm, limits: list[int], plot: Box) -> float:
    """Draw the shades with the amounts up to which they go; return where they end."""
    words, palette = frame.look.words, frame.look.palette
    y, x = plot.bottom + 18, plot.left
    amounts = [words.brief(rhythm.measure, limit) for limit in limits]
    labels = [words.say("none"), *(words.say("up to %(amount)s", amount=amount) for amount in amounts)]
    for shade, label in enumerate(labels):
        width = _SWATCH + 6 + letters.width(label, 12)
        if x + width > WIDTH - MARGIN:
            y, x = y + 24, plot.left
        frame.canvas.rect(Box(x, y, x + _SWATCH, y + 14), _color(frame, shade, len(limits)))
        frame.canvas.text(x + _SWATCH + 6, y + 12, label, Style(palette.muted))
        x += width + 14
    return y + 14
