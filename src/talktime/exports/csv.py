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
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from types import NoneType
from typing import NamedTuple, TextIO, cast

from talktime.core.insight.tables import Column, ColumnKind, checked, checked_instant, checked_local, format_instant
from talktime.core.values import money

_RUNS_IN_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,15}\*{0,4}")
# Enough to ask once what holds for all cells of a column; a fraction of a megabyte.
_CHUNK_ROWS = 500
_BETWEEN = "\n"
# In texts behind each other, one that would run.
_ONE_RUNS = re.compile(
    f"{_BETWEEN}(?=[{re.escape(''.join(_RUNS_IN_SPREADSHEETS))}])(?!{_PHONE_NUMBER.pattern}(?:{_BETWEEN}|\\Z))"
)

# A field with one of them stands in quotation marks; line feeds are looked for by counting.
_QUOTED = (",", '"', "\r")


class _Written(NamedTuple):
    """Fields of a column, and whether one of them may need quotation marks."""

    fields: Sequence[str]
    may_need_quotes: bool = False


_Cells = Sequence[object]
_Write = Callable[[_Cells], _Written]


def write_csv(
    stream: TextIO,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    money_decimals: int | None = None,
) -> int:
    """Write a header and the rows as they come, holding some at a time; return the number of rows.

    The stream must have been opened with `newline=""` (lines end in CRLF) and `encoding="utf-8"`. Money is
    written exactly (`12.30`, `0.0123`, at least 2 decimals), or rounded half-up, away from zero, to
    `money_decimals` (0 to 6). None is an empty field. Raise TypeError for a cell that is not of its column's
    kind, ValueError for an instant without a time zone and for a row that is longer or shorter than the
    header.
    """
    if money_decimals is not None and not 0 <= money_decimals <= money.MICRO_DECIMALS:
        message = f"money has 0 to {money.MICRO_DECIMALS} decimals, not {money_decimals}"
        raise ValueError(message)
    written_by = [_WRITERS[column.kind](column, money_decimals) for column in columns]
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    source, count = iter(rows), 0
    while chunk := list(islice(source, _CHUNK_ROWS)):
        cells_of_columns = zip(*chunk, strict=True)
        written = [write(cells) for write, cells in zip(written_by, cells_of_columns, strict=True)]
        lines = zip(*(column.fields for column in written), strict=True)
        # Alone in its line, an empty field is quoted too.
        if len(columns) == 1 or any(column.may_need_quotes for column in written):
            writer.writerows(lines)
        else:
            stream.write("\r\n".join(map(",".join, lines)) + "\r\n")
        count += len(chunk)
    return count


def format_money(amount_micros: int, *, decimals: int | None = None) -> str:
    """Write micros as a decimal string: exact without `decimals`, else rounded half-up (away from zero)."""
    if decimals is None:
        return money.format_micros(amount_micros)
    return money.format_micros(money.round_micros(amount_micros, decimals), decimals_min=decimals)


def harmless(text: str) -> str:
    """Return the text as a CSV field may hold it: with an apostrophe before what a spreadsheet would run."""
    if not text.startswith(_RUNS_IN_SPREADSHEETS) or _PHONE_NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _texts(column: Column, _decimals: int | None) -> _Write:
    def write(cells: _Cells) -> _Written:
        kinds = set(map(type, cells))
        if not kinds <= {str, NoneType}:
            cells = [None if cell is None else str(checked(cell, str, column=column)) for cell in cells]
        texts = cast("list[str]", [cell or "" for cell in cells] if kinds != {str} else cells)
        together = _BETWEEN + _BETWEEN.join(texts)
        may_break = together.count(_BETWEEN) != len(texts)
        if may_break or _ONE_RUNS.search(together):
            texts = [harmless(text) for text in texts]
        return _Written(texts, may_break or any(mark in together for mark in _QUOTED))

    return write


def _wholes(column: Column, _decimals: int | None) -> _Write:
    def write(cells: _Cells) -> _Written:
        if set(map(type, cells)) == {int}:
            return _Written(list(map(str, cells)))
        return _Written(["" if cell is None else str(checked(cell, int, column=column)) for cell in cells])

    return write


def _money(column: Column, decimals: int | None) -> _Write:
    # What calls cost repeats: a price times so many minutes.
    formatted = lru_cache(maxsize=2_048)(partial(format_money, decimals=decimals))

    def write(cells: _Cells) -> _Written:
        if set(map(type, cells)) == {int}:
            return _Written(list(map(formatted, cast("Sequence[int]", cells))))
        return _Written(["" if cell is None else formatted(checked(cell, int, column=column)) for cell in cells])

    return write


def _instants(column: Column, _decimals: int | None) -> _Write:
    def write(cells: _Cells) -> _Written:
        if set(map(type, cells)) == {datetime}:
            instants = cast("Sequence[datetime]", cells)
            if {instant.tzinfo for instant in instants} == {UTC}:
                return _Written(list(map(format_instant, instants)))
        return _Written(
            ["" if cell is None else format_instant(checked_instant(cell, column=column)) for cell in cells]
        )

    return write


def _local(column: Column, _decimals: int | None) -> _Write:
    return lambda cells: _Written(
        ["" if cell is None else checked_local(cell, column=column).isoformat() for cell in cells]
    )


_WRITERS: dict[ColumnKind, Callable[[Column, int | None], _Write]] = {
    ColumnKind.TEXT: _texts,
    ColumnKind.WHOLE: _wholes,
    ColumnKind.MONEY: _money,
    ColumnKind.INSTANT: _instants,
    ColumnKind.LOCAL: _local,
}
