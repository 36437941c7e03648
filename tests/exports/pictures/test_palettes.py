"""Colors can be told from the paper, and from each other by color-blind eyes too."""

import math
from itertools import combinations, pairwise

import pytest

from talktime.exports.pictures.drawing.palettes import DARK, LIGHT, Palette

# Machado, Oliveira, Fernandes 2009, at full severity: what deuteranopes, protanopes and tritanopes see of linear RGB.
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranope": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "protanope": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "tritanope": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
TOGETHER = (("credit", "overage", "uncovered"), ("credit", "overage", "conference"), ("credit", "trigger"))


def linear(color: str) -> tuple[float, ...]:
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return tuple(each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)


def luminance(color: str) -> float:
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lab(color: str, eyes: str) -> tuple[float, float, float]:
    rgb = linear(color)
    seen = [max(0.0, sum(weight * each for weight, each in zip(row, rgb, strict=True))) for row in EYES[eyes]]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(weight * each for weight, each in zip(row, seen, strict=True)) for row in to_xyz]
    scaled = [each / white for each, white in zip(xyz, (0.9505, 1.0, 1.089), strict=True)]
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in scaled)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def difference(one: str, other: str, eyes: str) -> float:
    return math.dist(lab(one, eyes), lab(other, eyes))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_words_are_legible_on_the_paper(palette: Palette) -> None:
    """WCAG 2.2 §1.4.3: at least 4.5."""
    for words in (palette.ink, palette.muted, palette.trigger, palette.purchase):
        assert contrast(words, palette.paper) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_and_most_areas_can_be_told_from_the_paper(palette: Palette) -> None:
    """WCAG 2.2 §1.4.11 asks for 3; bright overage is beside numbers that say the same."""
    for shape in (palette.credit, palette.uncovered, palette.conference, palette.trigger, palette.purchase):
        assert contrast(shape, palette.paper) >= 3
    for shape in (palette.overage, palette.included):
        assert contrast(shape, palette.paper) >= 2


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_what_stands_together_can_be_told_apart_by_any_eyes(palette: Palette, eyes: str) -> None:
    for group in TOGETHER:
        for one, other in combinations(group, 2):
            assert difference(getattr(palette, one), getattr(palette, other), eyes) >= 15, (one, other)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_shades_of_heat_are_in_order_and_apart(palette: Palette, eyes: str) -> None:
    lightness = [lab(color, eyes)[0] for color in palette.heat]

    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert min(abs(a - b) for a, b in pairwise(lightness)) >= 4
