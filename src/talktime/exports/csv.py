"""A report as RFC 4180 CSV: a format for machines, exact, streamed, and harmless if a spreadsheet opens it.

A spreadsheet runs a cell that begins with = + - or @ as a formula, also behind a tab or a line break, and in
some languages the full-width forms of the four. A text that begins so gets a leading apostrophe; a reader
takes it away where one of those characters follows. Not so a phone number in E.164 form (`+442079460000`, or
masked at its end, `+44207946****`): it is data that other machines match on, and nothing in it can run. The
workbook (`excel.py`) is the form for people; it changes no text, because its cells say that they are text.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from talktime.core.insight.tables import Column, ColumnKind, checked, checked_instant, format_instant
from talktime.core.values import money

_RUNS_IN_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,15}\*{0,4}")

_Format = Callable[[object], str | int]


def write_csv(
    stream: TextIO,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    money_decimals: int | None = None,
) -> int:
    """Write a header and the rows as they come, holding one row at a time; return the number of rows.

    The stream must have been opened with `newline=""` (lines end in CRLF) and `encoding="utf-8"`. Money is
    written exactly (`12.30`, `0.0123`, at least 2 decimals), or rounded half-up, away from zero, to
    `money_decimals` (0 to 6). None is an empty field. Raise TypeError for a cell that is not of its column's
    kind, ValueError for an instant without a time zone and for a row that is longer or shorter than the
    header.
    """
    if money_decimals is not None and not 0 <= money_decimals <= money.MICRO_DECIMALS:
        message = f"money has 0 to {money.MICRO_DECIMALS} decimals, not {money_decimals}"
        raise ValueError(message)
    formats = [_format_of(column, money_decimals) for column in columns]
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    count = 0
    for row in rows:
        writer.writerow(
            None if cell is None else format_cell(cell) for format_cell, cell in zip(formats, row, strict=True)
        )
        count += 1
    return count


def format_money(amount_micros: int, *, decimals: int | None = None) -> str:
    """Write micros as a decimal string: exact without `decimals`, else rounded half-up (away from zero)."""
    if decimals is None:
        return money.format_micros(amount_micros)
    step = 10 ** (money.MICRO_DECIMALS - decimals)
    # A refund is the mirror of its charge, so the amount is rounded and the sign put back.
    rounded = money.divide(abs(amount_micros), step, money.Rounding.HALF_UP) * step
    return money.format_micros(-rounded if amount_micros < 0 else rounded, decimals_min=decimals)


def harmless(text: str) -> str:
    """Return the text as a CSV field may hold it: with an apostrophe before what a spreadsheet would run."""
    if not text.startswith(_RUNS_IN_SPREADSHEETS) or _PHONE_NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _format_of(column: Column, money_decimals: int | None) -> _Format:
    match column.kind:
        case ColumnKind.TEXT:
            return lambda cell: harmless(checked(cell, str, column=column))
        case ColumnKind.WHOLE:
            return lambda cell: checked(cell, int, column=column)
        case ColumnKind.MONEY:
            return lambda cell: format_money(checked(cell, int, column=column), decimals=money_decimals)
        case ColumnKind.INSTANT:
            return lambda cell: format_instant(checked_instant(cell, column=column))
