"""Colors by what they stand for, for light and dark paper; neighbors differ in brightness too, for color-blind eyes."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Palette:
    """What SVG understands as a color, for each thing that is drawn."""

    paper: str
    ink: str
    muted: str
    grid: str
    axis: str
    credit: str
    overage: str
    uncovered: str
    included: str
    conference: str
    unused: str
    trigger: str
    purchase: str
    # From nothing to most.
    heat: tuple[str, ...]


LIGHT = Palette(
    paper="#ffffff",
    ink="#1b2430",
    muted="#596676",
    grid="#e6eaef",
    axis="#9aa6b4",
    credit="#1f6fb2",
    overage="#e8a317",
    uncovered="#b3261e",
    included="#57ab94",
    conference="#8a4b74",
    unused="#e6eaef",
    trigger="#a8480f",
    purchase="#0d7f62",
    heat=("#f1f4f7", "#cfe3f4", "#9ccae9", "#5ba3d4", "#2a77b8", "#0b478a"),
)
DARK = Palette(
    paper="#12171e",
    ink="#e9eef4",
    muted="#a0adbc",
    grid="#28313d",
    axis="#5b6878",
    credit="#4f9fe0",
    overage="#f4c04e",
    uncovered="#ff8a75",
    included="#58b59c",
    conference="#d8c8f5",
    unused="#2c3643",
    trigger="#ffa366",
    purchase="#4fd1a5",
    heat=("#1d2530", "#1d3f63", "#245f97", "#3786c9", "#70b2ec", "#bfe0ff"),
)


def _by_the_page() -> Palette:
    """Return colors that a page sets by CSS variables, `--talktime-credit`; light where it does not."""
    named = {
        field.name: f"var(--talktime-{field.name}, {getattr(LIGHT, field.name)})"
        for field in fields(LIGHT)
        if field.name != "heat"
    }
    heat = tuple(f"var(--talktime-heat-{number}, {color})" for number, color in enumerate(LIGHT.heat))
    return replace(LIGHT, **named, heat=heat)


# For web pages, which follow the reader's system.
PAGE = _by_the_page()
