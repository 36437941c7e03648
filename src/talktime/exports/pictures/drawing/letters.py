"""How wide a text is at most, whatever font a reader has: so that texts can be kept apart without knowing the font.

The widths are those of wide fonts (DejaVu Sans, Verdana), in hundredths of the size; what Typst sets is narrower.
"""

from collections.abc import Iterator
from functools import lru_cache
from unicodedata import combining, east_asian_width, normalize

_HUNDREDTHS = 100
_NARROW, _DIGIT, _LOWER, _CYRILLIC, _UPPER, _SIGN, _WIDE, _WIDEST, _FULL = 44, 64, 64, 72, 83, 100, 99, 118, 100
_NARROW_LETTERS = frozenset("iIjlft.,:;'|!()[]/-rJ ·‘’\u00a0\u202f\u2009")
_WIDE_LETTERS = frozenset("mMwW")
_WIDEST_LETTERS = frozenset("ЖШЩЮЉЊŒœ™")
_CYRILLIC_LETTERS = range(0x400, 0x530)
_WIDE_CYRILLIC = frozenset("шщжюмыфљњДМФЫ")
_BOLD_PERCENT = 113
_SPECIAL = (
    (_NARROW_LETTERS, _NARROW),
    (_WIDE_LETTERS | _WIDE_CYRILLIC, _WIDE),
    (_WIDEST_LETTERS, _WIDEST),
)
ELLIPSIS = "…"


def width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return how many pixels a text needs at most at a size in pixels."""
    hundredths = sum(map(_hundredths, text)) * size
    return hundredths / _HUNDREDTHS * (_BOLD_PERCENT / _HUNDREDTHS if is_bold else 1)


def shortened(text: str, size: float, most: float) -> str:
    """Return the text, or its beginning with an ellipsis, so that it needs no more pixels than there are."""
    if width(text, size) <= most:
        return text
    while text and width(text + ELLIPSIS, size) > most:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def lines(text: str, size: float, most: float, lines_max: int) -> list[str]:
    """Break a text into lines, the last one shortened: between parts (` · `) where they fit, else between words.

    Chinese may be broken between any two characters.
    """
    pieces = [f"{part} · " for part in text.split(" · ")]
    if any(width(piece.rstrip(" ·"), size) > most for piece in pieces):
        pieces = list(_words(text))
    found, line = list[str](), ""
    for piece in pieces:
        if line and width((line + piece).rstrip(" ·"), size) > most:
            found.append(line)
            line = ""
        line += piece
    found.append(line)
    if len(found) > lines_max:
        found = [*found[: lines_max - 1], "".join(found[lines_max - 1 :])]
    # What separates two parts does so by the break as well.
    return [shortened(each.rstrip(" ·"), size, most) for each in found]


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in text:
        is_full = _hundredths(letter) == _FULL and letter.isalpha()
        if is_full and word:
            yield word
            word = ""
        word += letter
        if letter == " ":
            yield word
            word = ""
    if word:
        yield word


@lru_cache(maxsize=4_096)
def _hundredths(letter: str) -> int:
    if combining(letter):
        return 0
    if east_asian_width(letter) in "WF":
        return _FULL
    letter = normalize("NFD", letter)[0]
    for letters, wide in _SPECIAL:
        if letter in letters:
            return wide
    if letter.isdigit():
        return _DIGIT
    if ord(letter) in _CYRILLIC_LETTERS:
        return _UPPER if letter.isupper() else _CYRILLIC
    if letter.isascii() and letter.isalpha():
        return _UPPER if letter.isupper() else _LOWER
    return _SIGN
