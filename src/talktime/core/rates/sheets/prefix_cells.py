"""The prefixes that a cell of a price list names, however it writes them."""

import re

from talktime.core.rates import countries
from talktime.core.values import numbers

PREFIX_DIGITS_MAX = numbers.E164_DIGITS_MAX
# Twilio's longest cell has some 600; a cell beyond this is a file read the wrong way.
PREFIXES_PER_CELL_MAX = 10_000

_INTERNATIONAL = re.compile(r"\^?(?:\+|00)?([1-9][0-9]*)(?:\.\*?|\*)?", re.ASCII)
_NATIONAL = re.compile(r"\^?([0-9]+)(?:\.\*?|\*)?", re.ASCII)
_RANGE = re.compile(r"([0-9]+)\s*-\s*([0-9]+)", re.ASCII)
_HYPHENATED = re.compile(r"\+([1-9][0-9]{0,2})(?:[ -][0-9]+)+", re.ASCII)
_ROUNDED_BY_SPREADSHEET = re.compile(r"[0-9]+(?:[.,][0-9]+)?E[+-]?[0-9]+", re.ASCII | re.IGNORECASE)
_PATTERN_SIGNS = frozenset("^$|[]{}\\?_")


def read_prefixes(text: str, *, country_code: str = "") -> tuple[str, ...]:
    """Return the prefixes of a cell in their order, without repeats; raise ValueError with the reason if one is bad.

    With a country code the cell holds area codes that follow it, and an empty cell means the whole country.
    """
    cell = text.strip()
    if not cell and country_code:
        return (country_code,)
    alone = None if country_code else _INTERNATIONAL.fullmatch(cell)
    if alone is not None:  # almost every cell of a large sheet
        return (_within_limit(cell, alone[1]),)
    items = _items(cell)
    if not items:
        raise ValueError("no prefix")
    found = tuple(dict.fromkeys(prefix for item in items for prefix in _prefixes_of(item, country_code)))
    if len(found) > PREFIXES_PER_CELL_MAX:
        message = f"more than {PREFIXES_PER_CELL_MAX} prefixes in one cell"
        raise ValueError(message)
    return found


def prefixes_between(first: str, last: str) -> tuple[str, ...]:
    """Return the fewest prefixes that cover exactly first … last, two prefixes of equal length: 70, 79 → 7."""
    found: list[str] = []
    number, end, length = int(first), int(last), len(first)
    while number <= end:
        size = 1
        while number % (size * 10) == 0 and number + size * 10 - 1 <= end and len(str(size)) < length:
            size *= 10
        found.append(f"{number:0{length}d}"[: length - len(str(size)) + 1])
        number += size
    return tuple(found)


def _items(cell: str) -> list[str]:
    if cell.startswith("(") and cell.endswith(")"):
        cell = cell[1:-1]
    parts = (part.strip() for part in re.split(r"[,;]", cell))
    return [item for part in parts if part for item in _separated_by_spaces(part)]


def _separated_by_spaces(part: str) -> list[str]:
    words = part.split()
    if len(words) == 1 or _RANGE.fullmatch(part) or _HYPHENATED.fullmatch(part):
        return [part]
    # `1 264` may be one code or two; read as two it would price all of North America.
    if words[0] in numbers.country_codes() and not all(word.startswith(words[0]) for word in words):
        message = f"{part!r} may be one prefix or several: separate prefixes by commas"
        raise ValueError(message)
    return words


def _prefixes_of(item: str, country_code: str) -> tuple[str, ...]:
    if _ROUNDED_BY_SPREADSHEET.fullmatch(item):
        message = f"{item!r}: a spreadsheet has turned this code into a number and lost digits"
        raise ValueError(message)
    if item[0] in "*#":
        message = f"{item!r} is a feature code, no E.164 prefix"
        raise ValueError(message)
    bounds = _RANGE.fullmatch(item)
    if bounds is not None:
        return _range(item, *(country_code + _checked_area(bound, country_code) for bound in bounds.groups()))
    return (_within_limit(item, _single(item, country_code)),)


def _single(item: str, country_code: str) -> str:
    if country_code:
        match = _NATIONAL.fullmatch(item)
        if match is not None:
            return country_code + _checked_area(match[1], country_code)
        raise ValueError(_why_unreadable(item))
    match = _INTERNATIONAL.fullmatch(item)
    return _hyphenated(item) if match is None else match[1]


def _hyphenated(item: str) -> str:
    """Read `+1-264`, where the sign and a known calling code leave no doubt that it is one prefix."""
    match = _HYPHENATED.fullmatch(item)
    if match is None:
        raise ValueError(_why_unreadable(item))
    words = re.split(r"[ -]", item[1:])
    may_be_range = "-" in item and len(words) == 2 and len(words[0]) == len(words[1])  # noqa: PLR2004 -- two ends
    if match[1] not in numbers.country_codes() or may_be_range:
        message = f"{item!r} may be one prefix or a range: write its digits without - and spaces"
        raise ValueError(message)
    return "".join(words)


def _checked_area(digits: str, country_code: str) -> str:
    if not country_code and digits.startswith("0"):
        message = f"{digits!r} begins with 0, as no international prefix does"
        raise ValueError(message)
    # In Italy and a few others the 0 is part of the number; elsewhere it is dialled at home only.
    if country_code and digits.startswith("0") and countries.trunk_prefix(country_code) == "0":
        message = f"{digits!r} begins with 0, which is not dialled after +{country_code}: leave it out"
        raise ValueError(message)
    return digits


def _range(item: str, first: str, last: str) -> tuple[str, ...]:
    if len(first) != len(last) or first > last:
        message = f"{item!r} is no range: its ends must have the same number of digits, the lower one first"
        raise ValueError(message)
    _within_limit(item, first)
    return prefixes_between(first, last)


def _within_limit(item: str, digits: str) -> str:
    if len(digits) > PREFIX_DIGITS_MAX:
        message = f"{item!r} has more than {PREFIX_DIGITS_MAX} digits"
        raise ValueError(message)
    return digits


def _why_unreadable(item: str) -> str:
    if any(sign in _PATTERN_SIGNS for sign in item):
        return f"{item!r} is a pattern that does not mean one prefix: write digits, +digits, ^digits.* or digits*"
    if item.isascii() and item.isdigit():
        return f"{item!r} begins with 0, as no international prefix does"
    return f"{item!r} is no prefix: write international digits, such as 4420 or +4420"
