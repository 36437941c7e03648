"""What every picture has around it: title, summary, legend; and what stands there where there is nothing to show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from talktime.core.insight.pictures.twins import TableTwin
from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.canvas import Box, Canvas, Style
from talktime.exports.pictures.drawing.palettes import LIGHT, Palette
from talktime.exports.pictures.drawing.words import Words

WIDTH, MARGIN = 960, 28
_TITLE, _SUMMARY, _SMALL = 20, 13, 12
_SUMMARY_LINES = 3
_SUMMARY_LEADING, _LEGEND_LEADING = 19, 22
_SWATCH = 14


@dataclass(frozen=True, slots=True)
class Look:
    """In which words and colors a picture is drawn."""

    words: Words
    palette: Palette = LIGHT


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and what it says to whoever does not see it: a title, a sentence, and the same numbers as a table."""

    title: str
    summary: str
    svg: str
    table: TableTwin


class Mark(Enum):
    """What stands in the legend before a name."""

    AREA = "area"
    LINE = "line"
    DASHES = "dashes"
    DOT = "dot"
    RING = "ring"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend; `fill` as the area has it, hatched or plain."""

    mark: Mark
    fill: str
    label: str


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands in a picture that has nothing to show: why, and what would change it."""

    why: str
    remedy: str


@dataclass(slots=True)
class Frame:
    """A canvas with its title, summary and legend drawn; the plot may begin at `top`."""

    canvas: Canvas
    look: Look
    title: str
    summary: str
    top: float = field(init=False, default=0)

    def legend(self, entries: Sequence[Entry]) -> None:
        """Draw the names of what is to be seen, in as many lines as they need."""
        x, y = float(MARGIN), self.top + _SMALL
        for entry in entries:
            width = _SWATCH + 7 + letters.width(entry.label, _SMALL)
            if x + width > WIDTH - MARGIN and x > MARGIN:
                x, y = float(MARGIN), y + _LEGEND_LEADING
            self._mark(entry, x, y)
            self.canvas.text(x + _SWATCH + 7, y, entry.label, Style(self.look.palette.ink, _SMALL))
            x += width + 14
        self.top = y + 20

    def note(self, y: float, text: str) -> None:
        """Set small print, at the left."""
        shortened = letters.shortened(text, 11, WIDTH - 2 * MARGIN)
        self.canvas.text(MARGIN, y, shortened, Style(self.look.palette.muted, 11))

    def drawn(self, height: float, table: TableTwin) -> Drawn:
        """Return the picture, so many pixels high."""
        svg = self.canvas.rendered(round(height), self.look.words.language, title=self.title, summary=self.summary)
        return Drawn(self.title, self.summary, svg, table)

    def _mark(self, entry: Entry, x: float, y: float) -> None:
        middle = y - 4
        if entry.mark is Mark.AREA:
            self.canvas.rect(Box(x, y - 11, x + _SWATCH, y + 2), entry.fill)
        elif entry.mark in {Mark.DOT, Mark.RING}:
            self.canvas.circle(x + _SWATCH / 2, middle, 5, entry.fill, is_hollow=entry.mark is Mark.RING)
        else:
            dashes = "5 3" if entry.mark is Mark.DASHES else ""
            self.canvas.line(Box(x, middle, x + _SWATCH, middle), entry.fill, width=2.5, dashes=dashes)


def framed(name: str, look: Look, title: str, summary: str) -> Frame:
    """Begin a picture with its title and its summary."""
    canvas, palette = Canvas(name, WIDTH, look.palette), look.palette
    shortened = letters.shortened(title, _TITLE * 1.1, WIDTH - 2 * MARGIN)
    canvas.text(MARGIN, MARGIN + 16, shortened, Style(palette.ink, _TITLE, is_bold=True))
    y = float(MARGIN + 16)
    for line in letters.lines(summary, _SUMMARY, WIDTH - 2 * MARGIN, _SUMMARY_LINES):
        y += _SUMMARY_LEADING + (4 if y == MARGIN + 16 else 0)
        canvas.text(MARGIN, y, line, Style(palette.muted, _SUMMARY))
    frame = Frame(canvas, look, title, summary)
    frame.top = y + 18
    return frame


def nothing_to_show(words: Words, *, is_money: bool) -> Empty:
    """Say that a period has nothing to be drawn."""
    why = words.say("No call of this period cost anything.") if is_money else words.say("No call began in this period.")
    return Empty(why, words.say("Choose another period, or wait for calls."))


def refunds_alone(words: Words) -> Empty:
    """Say that of a period nothing but refunds is left."""
    why = words.say("More was given back in this period than its calls cost.")
    return Empty(why, words.say("Choose another period, or wait for calls."))


def empty_picture(name: str, look: Look, title: str, empty: Empty, table: TableTwin) -> Drawn:
    """Draw the picture of nothing: what is missing, and what to do."""
    frame = framed(name, look, title, "")
    frame.summary = f"{empty.why} {empty.remedy}"
    plot = Box(MARGIN, frame.top - 8, WIDTH - MARGIN, frame.top + 212)
    frame.canvas.rect(plot, look.palette.heat[0])
    style = Style(look.palette.ink, 15, anchor="middle")
    frame.canvas.text(WIDTH / 2, plot.top + 98, letters.shortened(empty.why, 15, WIDTH - 4 * MARGIN), style)
    y = plot.top + 126
    for line in letters.lines(empty.remedy, _SUMMARY, WIDTH - 8 * MARGIN, _SUMMARY_LINES):
        frame.canvas.text(WIDTH / 2, y, line, Style(look.palette.muted, _SUMMARY, anchor="middle"))
        y += _SUMMARY_LEADING
    return frame.drawn(plot.bottom + MARGIN, table)
