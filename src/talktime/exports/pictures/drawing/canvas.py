"""What is drawn on: a few SVG shapes, and texts that know their places, so that none is ever set on another."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, NamedTuple

from talktime.exports.pictures.drawing import letters
from talktime.exports.pictures.drawing.palettes import Palette
from talktime.exports.xml_text import printable

# What reads well on each system, then what Typst carries; each language asks for its own Chinese letters first.
_FAMILIES = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Libertinus Serif', 'PingFang {script}',"
    " 'Microsoft {yahei}', 'Noto Sans CJK {script}', 'Talktime Serif {script}', sans-serif"
)
_SCRIPTS = {"zh-TW": ("TC", "JhengHei")}
_ASCENT, _DESCENT = 0.95, 0.28
_HATCH_PX = 6
# Places are written in tenths.
_SEEN_PX = 0.1

Anchor = Literal["start", "middle", "end"]


class Box(NamedTuple):
    """A rectangle: left, top, right, bottom, in pixels from the upper left."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Tell whether two boxes have any point in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def wider(self, by: float) -> "Box":
        """Return the box with so many pixels more to the left and to the right."""
        return Box(self.left - by, self.top, self.right + by, self.bottom)


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set; `halo` keeps it legible where it crosses a line."""

    color: str
    size: int = 12
    is_bold: bool = False
    anchor: Anchor = "start"
    halo: str = ""


def text_box(x: float, y: float, text: str, style: Style) -> Box:
    """Return the place that a text takes, whose base line begins, is centered or ends at a point."""
    width = letters.width(text, style.size, is_bold=style.is_bold)
    left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[style.anchor]
    return Box(left, y - _ASCENT * style.size, left + width, y + _DESCENT * style.size)


class Canvas:
    """A picture as it is being drawn; what comes later lies on top."""

    def __init__(self, name: str, width: int, palette: Palette) -> None:
        """Begin with nothing; `name` begins the ids, so that several pictures can stand on one page."""
        self.name, self.width, self.palette = name, width, palette
        self._shapes: list[str] = []
        self._hatches: dict[str, str] = {}
        self.texts: list[Box] = []
        # What words should rather not be set on.
        self.lines: list[Box] = []

    def rect(self, box: Box, fill: str, *, stroke: str = "", stroke_width: float = 1) -> None:
        """Fill a rectangle, if there is anything to be seen of it."""
        width, height = box.right - box.left, box.bottom - box.top
        if min(width, height) >= _SEEN_PX:
            edge = f' stroke="{stroke}" stroke-width="{_number(stroke_width)}"' if stroke else ""
            size = f'width="{_number(width)}" height="{_number(height)}"'
            place = f'x="{_number(box.left)}" y="{_number(box.top)}"'
            self._shapes.append(f'<rect {place} {size} fill="{fill}"{edge}/>')

    def line(self, ends: Box, stroke: str, *, width: float = 1, dashes: str = "") -> None:
        """Draw from the box's upper left to its lower right."""
        places = f'x1="{_number(ends.left)}" y1="{_number(ends.top)}" x2="{_number(ends.right)}"'
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._shapes.append(
            f'<line {places} y2="{_number(ends.bottom)}" stroke="{stroke}" stroke-width="{_number(width)}"{dashed}/>'
        )

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        stroke: str = "",
        fill: str = "none",
        width: float = 2,
        dashes: str = "",
        opacity: float = 1,
    ) -> None:
        """Draw straight lines through points; what is filled is closed."""
        if len(points) < 2:  # noqa: PLR2004 -- a line has two ends
            return
        drawn = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points) + ("" if fill == "none" else "Z")
        attributes = [f'd="{drawn}"', f'fill="{fill}"']
        if stroke:
            attributes += [f'stroke="{stroke}"', f'stroke-width="{_number(width)}"', 'stroke-linejoin="round"']
        if dashes:
            attributes.append(f'stroke-dasharray="{dashes}"')
        if opacity < 1:
            attributes.append(f'opacity="{opacity:g}"')
        self._shapes.append(f"<path {' '.join(attributes)}/>")

    def circle(self, x: float, y: float, radius: float, fill: str, *, is_hollow: bool = False) -> None:
        """Draw a dot with an edge of paper, or paper with an edge of color."""
        place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
        inside, edge = (self.palette.paper, fill) if is_hollow else (fill, self.palette.paper)
        self._shapes.append(f'<circle {place} fill="{inside}" stroke="{edge}" stroke-width="1.5"/>')

    def hatched(self, color: str) -> str:
        """Return a fill of slanted lines in a color: what is told apart by more than its color."""
        identity = self._hatches.setdefault(color, f"talktime-{self.name}-hatch-{len(self._hatches)}")
        return f"url(#{identity})"

    def text(self, x: float, y: float, text: str, style: Style) -> Box:
        """Set a text on its base line."""
        box = text_box(x, y, text, style)
        self.texts.append(box)
        attributes = [f'x="{_number(x)}" y="{_number(y)}" font-size="{style.size}" fill="{style.color}"']
        if style.is_bold:
            attributes.append('font-weight="600"')
        if style.anchor != "start":
            attributes.append(f'text-anchor="{style.anchor}"')
        if style.halo:
            attributes.append(f'stroke="{style.halo}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"')
        self._shapes.append(f"<text {' '.join(attributes)}>{escape(printable(text), quote=False)}</text>")
        return box

    def text_if_free(self, x: float, y: float, text: str, style: Style, *, within: Box, margin: float = 3) -> bool:
        """Set a text only between two edges and where no other text stands; tell whether it was set."""
        box = text_box(x, y, text, style)
        is_inside = box.left >= within.left and box.right <= within.right
        if not is_inside or any(box.wider(margin).meets(other) for other in self.texts):
            return False
        self.text(x, y, text, style)
        return True

    def text_at_best(self, places: Sequence[tuple[float, float]], text: str, style: Style, *, within: Box) -> bool:
        """Set a text at the first place that is free of texts and lines, else at the first that is free of texts."""
        free = [place for place in places if not any(text_box(*place, text, style).meets(line) for line in self.lines)]
        return any(self.text_if_free(*place, text, style, within=within) for place in (*free, *places))

    def rendered(self, height: int, language: str, *, title: str, summary: str) -> str:
        """Return the whole as one SVG document."""
        script, yahei = _SCRIPTS.get(language, ("SC", "YaHei"))
        families = _FAMILIES.format(script=script, yahei=yahei)
        identity = f"talktime-{self.name}"
        hatches = "".join(
            f'<pattern id="{name}" width="{_HATCH_PX}" height="{_HATCH_PX}" patternUnits="userSpaceOnUse"'
            f' patternTransform="rotate(45)"><rect width="{_HATCH_PX}" height="{_HATCH_PX}" fill="{color}"'
            f' fill-opacity="0.3"/><rect width="2.5" height="{_HATCH_PX}" fill="{color}"/></pattern>'
            for color, name in self._hatches.items()
        )
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{height}"'
            f' viewBox="0 0 {self.width} {height}" role="img" lang="{language}" xml:lang="{language}"'
            f' aria-labelledby="{identity}-title {identity}-summary" font-family="{families}">'
        )
        names = (
            f'<title id="{identity}-title">{escape(printable(title), quote=False)}</title>'
            f'<desc id="{identity}-summary">{escape(printable(summary), quote=False)}</desc>'
        )
        paper = f'<rect width="{self.width}" height="{height}" fill="{self.palette.paper}"/>'
        defined = f"<defs>{hatches}</defs>" if hatches else ""
        return "\n".join((head, names, *((defined,) if defined else ()), paper, *self._shapes, "</svg>\n"))


def _number(value: float) -> str:
    """Write a place to a tenth of a pixel."""
    # Adding nothing turns a negative zero into zero.
    return f"{round(value, 1) + 0:.1f}".removesuffix(".0")
