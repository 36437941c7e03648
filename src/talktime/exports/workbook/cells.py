"""Cells as SpreadsheetML, a column of a thousand rows at a time: what holds for all of its cells is asked once.

Money is a number, because people add it up: the double that is nearest to the exact amount. Text is an inline string,
which nothing runs and nothing keeps in memory. Left out is only what XML cannot hold.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import escape
from types import NoneType
from typing import NamedTuple, cast

from talktime.core.insight.tables import Column, ColumnKind, checked, checked_instant, checked_local, format_instant
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.exports.xml_text import printable

WHOLE_MAX = 10**15  # Excel shows 15 digits; a longer number is an id, and an id is text

_CELL_UNITS_MAX = 32_767  # Excel's
_DAY = timedelta(days=1)
_DAY_SECONDS = 86_400
_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)  # Excel counts days from here, and wrongly before March 1900
_FIRST = datetime(1901, 1, 1, tzinfo=UTC)
# Excel reads _x0041_ as the letter A, in a text as well.
_READS_AS_CODE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_BETWEEN = "|"  # any printable character
# Behind or before the character between two texts, a space stands at the end of one.
_NEEDS_CARE = ("&", "<", ">", "_x", f" {_BETWEEN}", f"{_BETWEEN} ")


class Filled(NamedTuple):
    """A column's cells: a pattern for each row, and what fills its one `%s`; None where the pattern has none."""

    pattern: str
    values: Sequence[object] | None


def fill(column: Column, cells: Sequence[object], style: int) -> Filled:
    """Mark a column's cells up; raise TypeError or ValueError, by the column's name, for one that does not fit it."""
    kinds = set(map(type, cells))
    blank = f'<c s="{style}"/>'
    if kinds == {NoneType}:
        return Filled(blank, None)
    if NoneType not in kinds:
        return _FILLS[column.kind](column, cells, style)
    pattern, values = _FILLS[column.kind](column, [cell for cell in cells if cell is not None], style)
    assert values is not None, "a column that says something is filled"
    following = iter(values)
    return Filled("%s", [blank if cell is None else pattern % next(following) for cell in cells])


def text_cell(text: str, style: int) -> str:
    """Return the cell of a text."""
    written = escape(_cut(printable(text)), quote=False)
    if "_x" in written:
        written = _READS_AS_CODE.sub("_x005F_", written)
    keeps_space = ' xml:space="preserve"' if written != written.strip() else ""
    return f'<c s="{style}" t="inlineStr"><is><t{keeps_space}>{written}</t></is></c>'


def _fill_texts(column: Column, cells: Sequence[object], style: int) -> Filled:
    texts = (
        cast("Sequence[str]", cells)
        if set(map(type, cells)) == {str}
        else [str(checked(cell, str, column=column)) for cell in cells]
    )
    together = _BETWEEN.join(texts)
    is_plain = (
        together.isprintable()
        and not any(each in together for each in _NEEDS_CARE)
        and not together.startswith(" ")
        and not together.endswith(" ")
        and (len(together) < _CELL_UNITS_MAX // 2 or max(map(len, texts)) < _CELL_UNITS_MAX // 2)
    )
    if is_plain:
        return Filled(f'<c s="{style}" t="inlineStr"><is><t>%s</t></is></c>', texts)
    return Filled("%s", [text_cell(text, style) for text in texts])


def _fill_wholes(column: Column, cells: Sequence[object], style: int) -> Filled:
    wholes = [checked(cell, int, column=column) for cell in cells]
    for whole in (min(wholes), max(wholes)):
        if abs(whole) >= WHOLE_MAX:
            message = f"column {column.name!r}: {whole} has more digits than Excel keeps; make it text"
            raise ValueError(message)
    return _numbers(wholes, style)


def _fill_money(column: Column, cells: Sequence[object], style: int) -> Filled:
    if set(map(type, cells)) != {int}:
        cells = [checked(cell, int, column=column) for cell in cells]
    return _numbers([_units(cell) for cell in cells], style)


def _fill_instants(column: Column, cells: Sequence[object], style: int) -> Filled:
    return _fill_days([checked_instant(cell, column=column) for cell in cells], style, format_instant)


def _fill_local(column: Column, cells: Sequence[object], style: int) -> Filled:
    # What the clock there showed; a spreadsheet knows no zones.
    shown = [checked_local(cell, column=column).replace(tzinfo=UTC) for cell in cells]
    return _fill_days(shown, style, lambda instant: instant.replace(tzinfo=None).isoformat())


def _fill_days(instants: list[datetime], style: int, before_excel: Callable[[datetime], str]) -> Filled:
    pattern, values = _numbers([_days(instant) for instant in instants], style)
    if min(instants) >= _FIRST:
        return Filled(pattern, values)
    return Filled(
        "%s",
        [
            text_cell(before_excel(instant), style) if instant < _FIRST else pattern % _days(instant)
            for instant in instants
        ],
    )


def _numbers(values: Sequence[object], style: int) -> Filled:
    return Filled(f'<c s="{style}"><v>%s</v></c>', values)


_FILLS: dict[ColumnKind, Callable[[Column, Sequence[object], int], Filled]] = {
    ColumnKind.TEXT: _fill_texts,
    ColumnKind.WHOLE: _fill_wholes,
    ColumnKind.MONEY: _fill_money,
    ColumnKind.INSTANT: _fill_instants,
    ColumnKind.LOCAL: _fill_local,
}


# What calls cost repeats: a price times so many minutes.
@lru_cache(maxsize=2_048)
def _units(amount_micros: int) -> str:
    # One division of two whole numbers: the double that is nearest to the exact amount.
    return repr(amount_micros / MICROS_PER_UNIT)


def _days(instant: datetime) -> str:
    since = instant - _DAY_ZERO
    if since.microseconds:
        return repr(since / _DAY)
    return f"{since.days}{_part_of_day(since.seconds)}"


@lru_cache(maxsize=_DAY_SECONDS)
def _part_of_day(seconds: int) -> str:
    return f"{seconds / _DAY_SECONDS:.12f}"[1:].rstrip("0").rstrip(".")


def _cut(text: str) -> str:
    # Excel counts UTF-16 units, of which a character has one or two.
    if len(text) <= _CELL_UNITS_MAX // 2:
        return text
    return text.encode("utf-16-le")[: 2 * _CELL_UNITS_MAX].decode("utf-16-le", "ignore")
