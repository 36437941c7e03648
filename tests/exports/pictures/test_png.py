"""A picture as PNG: twice its pixels, the same bytes each time, in letters that we carry."""

import struct

import pytest

from talktime.exports.documents.typesetting import FontMissing
from talktime.exports.documents.wording import LOCALES
from talktime.exports.pictures.drawing.frames import WIDTH
from talktime.exports.pictures.drawing.palettes import DARK
from talktime.exports.pictures.png import PIXELS_PER_POINT, png_of
from tests.exports.pictures import samples
from tests.exports.pictures.samples import PICTURES, look


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("language", LOCALES)
def test_a_picture_is_printed_in_each_language_with_fonts_of_ours_alone(name: str, language: str) -> None:
    png = png_of(PICTURES[name](look(language, DARK)).svg)

    assert size_of(png)[0] == WIDTH * PIXELS_PER_POINT


def test_the_same_picture_has_the_same_bytes() -> None:
    assert png_of(samples.pools(look()).svg) == png_of(samples.pools(look()).svg)


def test_a_letter_that_no_font_has_is_refused_with_what_to_install() -> None:
    # A character of the second private plane: no font has a shape for it.
    svg = samples.pools(look()).svg.replace("Unused", "\U0010fffd")

    with pytest.raises(FontMissing, match=r"no font on this machine can draw .*fonts-noto"):
        png_of(svg)
