"""A report as an Excel workbook for people: typed cells, text that cannot run, one row in memory at a time.

Money is a number, because people add it up. Excel's numbers are doubles: every micro is kept up to ± 8.58
billion units (2³³) and shown up to 1 billion (15 digits); beyond that the cell is the nearest double, and the
CSV is exact. Text, ids and phone numbers are string cells: a leading = + - or @ is a character like any
other, so nothing is put in front of it. Left out is only what XML cannot hold: control characters other than
tab and line feed, and half surrogates.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import east_asian_width

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.exceptions import FileCreateError, XlsxInputError  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]

from talktime.core.insight.tables import Column, ColumnKind, checked, checked_instant, format_instant
from talktime.core.values import money

SHEET_ROWS_MAX = 1_048_576  # Excel's, the header included
SHEET_TITLE_CHARACTERS_MAX = 31  # Excel's
WHOLE_MAX = 10**15  # Excel shows 15 digits; a longer number is an id, and an id is text

_CELL_UNITS_MAX = 32_767  # Excel's
_PROGRESS_ROWS = 1_000  # often enough for a progress bar, too seldom to cost anything
_WIDTH_ROWS = 500  # the first rows of a sheet say how wide its columns are
_WIDTH_CHARACTERS_MAX = 40
_FILTER_BUTTON_CHARACTERS = 3
_MARGIN_CHARACTERS = 3
_PAGE_CHARACTERS = 180  # what a landscape page shows across and one can still read
_WIDTH_CHARACTERS_MIN = {
    ColumnKind.TEXT: 6,
    ColumnKind.WHOLE: 9,
    ColumnKind.MONEY: 12,
    ColumnKind.INSTANT: 19,
}

_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)  # Excel counts days from here, and wrongly before March 1900
_FIRST_YEAR = 1901
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_ROWS = "No rows"

_FONT = {"font_name": "Calibri", "font_size": 10}
_INK, _PALE_INK, _LINE, _PALE_FILL = "#1F2A37", "#6B7280", "#D9DEE5", "#EEF1F5"
_CELL_LOOKS: dict[ColumnKind, dict[str, object]] = {
    ColumnKind.TEXT: {"align": "left", "indent": 1},
    ColumnKind.WHOLE: {"align": "right", "indent": 1, "num_format": "#,##0"},
    ColumnKind.MONEY: {"align": "right", "indent": 1, "num_format": "#,##0.00####"},
    ColumnKind.INSTANT: {"align": "left", "indent": 1, "num_format": "yyyy-mm-dd hh:mm:ss"},
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook; its rows are read once, when its turn comes.

    `note` is a line above the header. `total_columns` names WHOLE and MONEY columns that a bold last row adds
    up exactly; whoever names a money column knows that it holds one currency. A summary stands where it is
    listed, but its rows are read after those of all other sheets, so that they may depend on what was seen
    there.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[object]]
    note: str | None = None
    total_columns: tuple[str, ...] = ()
    is_summary: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if a column is to be totalled that is not there, or cannot be."""
        countable = {column.name for column in self.columns if column.kind in {ColumnKind.WHOLE, ColumnKind.MONEY}}
        if unknown := set(self.total_columns) - countable:
            message = f"sheet {self.title!r} cannot total {sorted(unknown)}"
            raise ValueError(message)


def write_workbook(
    path: Path,
    sheets: Sequence[Sheet],
    *,
    title: str = "Talktime report",
    progress: Callable[[int], None] | None = None,
    sheet_rows_max: int = SHEET_ROWS_MAX,
) -> int:
    """Write the sheets in their order, put the finished file in the path's place; return the number of rows.

    Rows are counted without headers, totals and summaries; `progress` is told their number so far, now and
    then and at the end. Rows beyond Excel's limit go on in a sheet "Usage (2)". A sheet without rows says so
    below its header. The file is built in a hidden folder beside the path, so a failure leaves what was there
    before. Raise TypeError or ValueError for a cell or row that does not fit its columns, ValueError for a
    sheet title that Excel does not take (over 31 characters, with brackets, colon, slash, star or question
    mark, or twice the same), OSError if the file cannot be written. Excel's cells hold 32,767 characters; a
    longer text is cut.
    """
    assert sheets, "a workbook has at least one sheet"
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        unfinished = Path(folder) / "workbook.xlsx"
        count = _write_file(unfinished, sheets, title, progress or _ignore, sheet_rows_max)
        unfinished.replace(path)
    return count


def _write_file(
    path: Path, sheets: Sequence[Sheet], title: str, progress: Callable[[int], None], sheet_rows_max: int
) -> int:
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),  # where /tmp is memory, a million rows would fill it
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_format_properties": _FONT,
    }
    try:
        with xlsxwriter.Workbook(str(path), options) as workbook:
            workbook.set_properties({"title": _printable(title), "subject": "Talktime"})
            looks = _Looks.of(workbook)
            writers = []
            count = 0
            for sheet in sheets:
                writer = _SheetWriter(workbook, looks, sheet, sheet_rows_max)
                writers.append(writer)
                if not sheet.is_summary:
                    count = writer.write_rows(progress, counted=count)
            progress(count)
            for writer in writers:
                if writer.sheet.is_summary:
                    writer.write_rows(_ignore, counted=0)
    except FileCreateError as failure:
        raise failure.args[0] from failure  # the OSError that it was
    except XlsxInputError as failure:
        raise ValueError(str(failure)) from failure
    return count


@dataclass(frozen=True, slots=True)
class _Looks:
    """The formats of one workbook."""

    header: dict[ColumnKind, Any]
    cell: dict[ColumnKind, Any]
    total: dict[ColumnKind, Any]
    note: Any

    @classmethod
    def of(cls, workbook: Any) -> "_Looks":
        """Register the formats with the workbook."""
        base = {**_FONT, "font_color": _INK, "valign": "vcenter"}
        line = {"bottom": 1, "bottom_color": _LINE}
        header = {"bold": True, "font_color": "#FFFFFF", "bg_color": _INK, "num_format": "General"}
        total = {"bold": True, "bg_color": _PALE_FILL, "top": 1, "top_color": _INK}
        # The filter's button covers the right end of a header.
        beside_button = {"indent": 2}

        def formats(extra: Mapping[str, object], right: Mapping[str, object]) -> dict[ColumnKind, Any]:
            return {
                kind: workbook.add_format({**base, **look, **extra, **(right if look["align"] == "right" else {})})
                for kind, look in _CELL_LOOKS.items()
            }

        return cls(
            header=formats(header, beside_button),
            cell=formats(line, {}),
            total=formats(total, {}),
            note=workbook.add_format({**base, "font_color": _PALE_INK, "italic": True, "indent": 1}),
        )


class _SheetWriter:
    """Writes one sheet, and its continuations where it outgrows Excel's limit."""

    def __init__(self, workbook: Any, looks: _Looks, sheet: Sheet, sheet_rows_max: int) -> None:
        self.sheet = sheet
        self._workbook = workbook
        self._looks = looks
        self._rows_max = sheet_rows_max
        self._header_row = 0 if sheet.note is None else 2
        assert self._header_row + 1 < sheet_rows_max, "a sheet has room for its header and a row"
        self._totals = {index: 0 for index, column in enumerate(sheet.columns) if column.name in sheet.total_columns}
        self._part = 0
        self._open_part()

    def write_rows(self, progress: Callable[[int], None], *, counted: int) -> int:
        """Write all rows, totals and the end of the sheet; return `counted` plus the number of rows."""
        count = counted
        for row in self.sheet.rows:
            self._write_row(row, self._looks.cell)
            self._filtered_to = self._next_row - 1
            for index in self._totals:
                self._totals[index] += checked(row[index] or 0, int, column=self.sheet.columns[index])
            count += 1
            if count % _PROGRESS_ROWS == 0:
                progress(count)
        if count == counted:
            self._worksheet.write_string(self._next_row, 0, _NO_ROWS, self._looks.note)
        elif self._totals:
            self._write_row(self._total_row(), self._looks.total)
        self._close_part()
        return count

    def _write_row(self, row: Sequence[object], formats: dict[ColumnKind, Any]) -> None:
        if self._next_row == self._rows_max:
            self._close_part()
            self._open_part()
        for index, (column, cell) in enumerate(zip(self.sheet.columns, row, strict=True)):
            _write_cell(self._worksheet, (self._next_row, index), cell, column=column, look=formats[column.kind])
        # Totals may be wider than all that they add up.
        if self._next_row <= self._header_row + _WIDTH_ROWS or formats is self._looks.total:
            self._measure(row)
        self._next_row += 1

    def _total_row(self) -> list[object]:
        label = next((i for i, column in enumerate(self.sheet.columns) if column.kind is ColumnKind.TEXT), None)
        return ["Total" if i == label else self._totals.get(i) for i in range(len(self.sheet.columns))]

    def _open_part(self) -> None:
        self._part += 1
        worksheet = self._workbook.add_worksheet(_part_title(_printable(self.sheet.title), self._part))
        worksheet.hide_gridlines(2)
        worksheet.set_landscape()
        worksheet.set_paper(9)  # A4
        worksheet.set_footer("&L&A&RPage &P of &N")
        worksheet.repeat_rows(self._header_row)
        worksheet.freeze_panes(self._header_row + 1, 0)
        if self.sheet.note is not None:
            worksheet.write_string(0, 0, _inline(self.sheet.note), self._looks.note)
        worksheet.set_row(self._header_row, 21)
        for index, column in enumerate(self.sheet.columns):
            worksheet.write_string(self._header_row, index, _inline(column.name), self._looks.header[column.kind])
        self._worksheet = worksheet
        self._next_row = self._header_row + 1
        self._filtered_to = self._header_row
        self._widths = [
            max(_WIDTH_CHARACTERS_MIN[column.kind], _width(column.name) + _FILTER_BUTTON_CHARACTERS)
            for column in self.sheet.columns
        ]

    def _close_part(self) -> None:
        last = len(self.sheet.columns) - 1
        widths = [min(width, _WIDTH_CHARACTERS_MAX) + _MARGIN_CHARACTERS for width in self._widths]
        for index, width in enumerate(widths):
            self._worksheet.set_column(index, index, width)
        self._worksheet.fit_to_pages(1 + sum(widths) // _PAGE_CHARACTERS, 0)
        self._worksheet.autofilter(self._header_row, 0, self._filtered_to, last)
        # Without this, Excel marks every phone number with a green corner.
        everywhere = f"A1:{xl_col_to_name(last)}{SHEET_ROWS_MAX}"
        self._worksheet.ignore_errors({"number_stored_as_text": everywhere})

    def _measure(self, row: Sequence[object]) -> None:
        for index, (column, cell) in enumerate(zip(self.sheet.columns, row, strict=True)):
            self._widths[index] = max(self._widths[index], _shown_width(cell, column.kind))


def _write_cell(worksheet: Any, place: tuple[int, int], cell: object, *, column: Column, look: Any) -> None:
    if cell is None:
        worksheet.write_blank(*place, None, look)
        return
    match column.kind:
        case ColumnKind.TEXT:
            worksheet.write_string(*place, _inline(checked(cell, str, column=column)), look)
        case ColumnKind.WHOLE:
            worksheet.write_number(*place, _whole(cell, column), look)
        case ColumnKind.MONEY:
            # One division of two whole numbers: the double that is nearest to the exact amount.
            worksheet.write_number(*place, checked(cell, int, column=column) / money.MICROS_PER_UNIT, look)
        case ColumnKind.INSTANT:
            instant = checked_instant(cell, column=column)
            if instant.year < _FIRST_YEAR:
                worksheet.write_string(*place, format_instant(instant), look)
                return
            worksheet.write_number(*place, (instant - _DAY_ZERO) / timedelta(days=1), look)


def _whole(cell: object, column: Column) -> int:
    whole = checked(cell, int, column=column)
    if abs(whole) >= WHOLE_MAX:
        message = f"column {column.name!r}: {whole} has more digits than Excel keeps; make it text"
        raise ValueError(message)
    return whole


def _inline(text: str) -> str:
    printable = _cut(_printable(text))
    # XlsxWriter copies a string of this form into the file as markup: a caller's display name could write
    # cells and formulas. What we give it is markup already, with the text escaped in it, and reads as the
    # text.
    if printable.startswith("<r>") and printable.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(printable, quote=False)}</t></r>'
    return printable


def _printable(text: str) -> str:
    return text if text.isprintable() else _NOT_IN_XML.sub("", text)


def _cut(text: str) -> str:
    # Excel counts UTF-16 units, of which a character has one or two.
    if len(text) <= _CELL_UNITS_MAX // 2:
        return text
    return text.encode("utf-16-le")[: 2 * _CELL_UNITS_MAX].decode("utf-16-le", "ignore")


def _part_title(title: str, part: int) -> str:
    if part == 1:
        return title
    suffix = f" ({part})"
    return title[: SHEET_TITLE_CHARACTERS_MAX - len(suffix)] + suffix


def _shown_width(cell: object, kind: ColumnKind) -> int:
    """Return how many digits wide the cell is, as the look of its kind shows it."""
    if not isinstance(cell, int) or kind not in {ColumnKind.WHOLE, ColumnKind.MONEY}:
        return _width(cell) if isinstance(cell, str) else 0
    if kind is ColumnKind.WHOLE:
        return len(f"{cell:,}")
    units, _, decimals = money.format_micros(abs(cell)).partition(".")
    return len(f"{int(units):,}") + len(".") + len(decimals) + (cell < 0)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _ignore(_count: int) -> None:
    """Tell nobody how far it is."""
