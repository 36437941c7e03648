"""One sheet, written while its rows come, and its continuations where it outgrows Excel's limit.

A sheet's head says how wide its columns are and comes before its rows: the first thousand rows decide. Cells do not
name their places, which stand in their order; readers count.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count, islice
from typing import IO, NamedTuple
from unicodedata import east_asian_width

from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values import money
from talktime.exports.workbook import looks
from talktime.exports.workbook.cells import fill, text_cell
from talktime.exports.workbook.looks import Role, style_of
from talktime.exports.xml_text import printable

SHEET_ROWS_MAX = 1_048_576  # Excel's, the header included
TITLE_CHARACTERS_MAX = 31  # Excel's

# Beyond, a zip needs a form that not every reader knows; a million rows of 35 columns have as much.
SHEET_BYTES_MAX = 2_000_000_000
_CHUNK_ROWS = 1_000  # often enough for a progress bar, enough to ask once for all
_WIDTH_ROWS = 500  # the first rows of a sheet say how wide its columns are
_FILTER_BUTTON_CHARACTERS = 3
_MARGIN_CHARACTERS = 3
# What a million rows come to is longer than each of them by six digits and two commas.
_TOTAL_CHARACTERS = 8
_PAGE_CHARACTERS = 180  # what a landscape page shows across and one can still read
_HEADER_OFFSET_BELOW_NOTE = 2
_NO_ROWS = "No rows"
_NAMESPACES = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook; its rows are read once, when its turn comes.

    `note` is a line above the header. `total_columns` names WHOLE and MONEY columns that a bold last row adds
    up exactly; whoever names a money column knows that it holds one currency. A summary stands where it is
    listed, but its rows are read after those of all other sheets, so that they may depend on what was seen
    there. A table is for pivots and programs: an Excel table from the first row to the last, with neither note
    nor totals.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[object]]
    note: str | None = None
    total_columns: tuple[str, ...] = ()
    is_summary: bool = False
    is_table: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if a column is to be totalled that is not there, or cannot be."""
        countable = {column.name for column in self.columns if column.kind in {ColumnKind.WHOLE, ColumnKind.MONEY}}
        if unknown := set(self.total_columns) - countable:
            message = f"sheet {self.title!r} cannot total {sorted(unknown)}"
            raise ValueError(message)
        if self.is_table and (self.note is not None or self.total_columns):
            message = f"sheet {self.title!r} is a table: it begins with its header and ends with its rows"
            raise ValueError(message)


@dataclass(slots=True)
class Part:
    """A sheet of the file: its number and title, and its rows from the header, counted from 1, to the last filtered."""

    sheet: Sheet
    number: int
    title: str
    header_row: int
    filtered_to: int

    @property
    def area(self) -> str:
        """Return the cells from the first header to the last filtered row: `$A$3:$D$5`."""
        return f"$A${self.header_row}:${letters(len(self.sheet.columns))}${self.filtered_to}"


class Limits(NamedTuple):
    """How many rows, the header included, and how many bytes of markup a sheet of the file has, about."""

    rows: int = SHEET_ROWS_MAX
    bytes_count: int = SHEET_BYTES_MAX


# Opens the file of a sheet in the zip, which takes one after the other.
OpenSheet = Callable[[Part], AbstractContextManager[IO[bytes]]]


class SheetWriter:
    """Writes one sheet; its parts are known when it is written."""

    def __init__(self, sheet: Sheet, open_sheet: OpenSheet, limits: Limits) -> None:
        """Write nothing yet."""
        self.sheet = sheet
        self.parts: list[Part] = []
        self._open_sheet = open_sheet
        self._limits = limits
        self._header_row = 1 if sheet.note is None else 1 + _HEADER_OFFSET_BELOW_NOTE
        assert self._header_row < limits.rows, "a sheet has room for its header and a row"

    def write(self, progress: Callable[[int], None], *, counted: int, numbers: "count[int]") -> int:
        """Write all rows, totals and the end of the sheet; return `counted` plus the number of rows."""
        source = _Source(self.sheet, counted)
        while not source.has_ended:
            title = _part_title(printable(self.sheet.title), len(self.parts) + 1)
            part = Part(self.sheet, next(numbers), title, self._header_row, self._header_row)
            self.parts.append(part)
            with self._open_sheet(part) as stream:
                _PartWriter(part, stream, self._limits).write(source, progress)
        return source.count


class _Source:
    """The rows of a sheet, taken some at a time, one ahead; and what they come to."""

    def __init__(self, sheet: Sheet, counted: int) -> None:
        self.count = self._counted = counted
        self.totals = {place: 0 for place, column in enumerate(sheet.columns) if column.name in sheet.total_columns}
        # Rows, and what follows them, are written.
        self.has_ended = False
        self._columns = sheet.columns
        self._rows = iter(sheet.rows)
        self._ahead = list(islice(self._rows, 1))

    @property
    def is_over(self) -> bool:
        """Tell whether no row is left."""
        return not self._ahead

    @property
    def is_empty(self) -> bool:
        """Tell whether there was none."""
        return self.is_over and self.count == self._counted

    def take(self, most: int) -> list[Sequence[object]]:
        """Return the next rows."""
        taken = self._ahead + list(islice(self._rows, most))
        self._ahead = taken[most:]
        return taken[:most]

    def total_row(self) -> list[object]:
        """Return the cells of the last row."""
        label = next((place for place, column in enumerate(self._columns) if column.kind is ColumnKind.TEXT), None)
        return ["Total" if place == label else self.totals.get(place) for place in range(len(self._columns))]


class _PartWriter:
    """Writes one part to its file."""

    def __init__(self, part: Part, stream: IO[bytes], limits: Limits) -> None:
        self._part = part
        self._sheet = part.sheet
        self._stream = stream
        self._limits = limits
        self._next_row = part.header_row + 1
        self._bytes_count = 0

    def write(self, source: _Source, progress: Callable[[int], None]) -> None:
        """Write as much as fits."""
        rows = source.take(min(_CHUNK_ROWS, self._room))
        marked = self._marked(rows, Role.CELL, source)
        # Of a short sheet the totals are known before its head.
        widths = self._widths(rows, source.total_row() if source.is_over else (), has_more=not source.is_over)
        self._send(_head(self._part, widths))
        while rows:
            self._send(marked)
            self._part.filtered_to = self._next_row - 1
            source.count += len(rows)
            if len(rows) == _CHUNK_ROWS:
                progress(source.count)
            rows = source.take(min(_CHUNK_ROWS, self._room)) if self._bytes_count < self._limits.bytes_count else []
            marked = self._marked(rows, Role.CELL, source)
        if source.is_over:
            self._end(source)
        self._send(_tail(self._part, widths))

    @property
    def _room(self) -> int:
        return self._limits.rows - self._next_row + 1

    def _end(self, source: _Source) -> None:
        if source.is_empty and self._sheet.is_table:
            # Excel knows no table without a row.
            self._part.filtered_to = self._next_row
            source.has_ended = True
        elif source.is_empty:
            self._send(f'<row r="{self._next_row}">{text_cell(_NO_ROWS, looks.NOTE_STYLE)}</row>')
            source.has_ended = True
        elif not source.totals:
            source.has_ended = True
        elif self._room:
            self._send(self._marked([source.total_row()], Role.TOTAL, source))
            source.has_ended = True

    def _marked(self, rows: Sequence[Sequence[object]], role: Role, source: _Source) -> str:
        """Return rows as markup; add them to the totals."""
        if not rows:
            return ""
        pattern, values = [], []
        cells_of_columns = zip(*rows, strict=True)
        for place, (column, cells) in enumerate(zip(self._sheet.columns, cells_of_columns, strict=True)):
            filled = fill(column, cells, style_of(role, column.kind))
            pattern.append(filled.pattern)
            if filled.values is not None:
                values.append(filled.values)
            if place in source.totals and role is Role.CELL:
                source.totals[place] += sum(cell for cell in cells if cell is not None)
        numbers = range(self._next_row, self._next_row + len(rows))
        self._next_row += len(rows)
        row = f'<row r="%d">{"".join(pattern)}</row>'
        return "".join([row % cells for cells in zip(numbers, *values, strict=True)])

    def _widths(self, rows: Sequence[Sequence[object]], total_row: Sequence[object], *, has_more: bool) -> list[int]:
        widths = []
        for place, column in enumerate(self._sheet.columns):
            shown = (*(row[place] for row in rows[:_WIDTH_ROWS]), *total_row[place : place + 1])
            width = max(
                looks.WIDTH_CHARACTERS_MIN[column.kind],
                _width(column.name) + _FILTER_BUTTON_CHARACTERS,
                max((_shown_width(cell, column.kind) for cell in shown), default=0)
                + (_TOTAL_CHARACTERS if has_more and column.name in self._sheet.total_columns else 0),
            )
            widths.append(min(width, looks.WIDTH_CHARACTERS_MAX) + _MARGIN_CHARACTERS)
        return widths

    def _send(self, markup: str) -> None:
        written = markup.encode()
        self._bytes_count += len(written)
        self._stream.write(written)


def letters(number: int) -> str:
    """Return the letters of a column, counted from 1."""
    name = ""
    while number:
        number, place = divmod(number - 1, 26)
        name = chr(ord("A") + place) + name
    return name


def _head(part: Part, widths: Sequence[int]) -> str:
    sheet, header_row = part.sheet, part.header_row
    # What Excel adds to the width that it shows: the margins of a cell.
    columns = "".join(
        f'<col min="{place}" max="{place}" width="{width + 0.7109375}" customWidth="1"/>'
        for place, width in enumerate(widths, start=1)
    )
    note = "" if sheet.note is None else f'<row r="1">{text_cell(sheet.note, looks.NOTE_STYLE)}</row>'
    header = "".join(text_cell(column.name, style_of(Role.HEADER, column.kind)) for column in sheet.columns)
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet {_NAMESPACES}>'
        '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView showGridLines="0" workbookViewId="0"><pane ySplit="{header_row}"'
        f' topLeftCell="A{header_row + 1}" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>'
        f'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols><sheetData>{note}'
        f'<row r="{header_row}" ht="{looks.HEADER_POINTS}" customHeight="1">{header}</row>'
    )


def _tail(part: Part, widths: Sequence[int]) -> str:
    columns_count = len(part.sheet.columns)
    pages = 1 + sum(widths) // _PAGE_CHARACTERS
    table = '<tableParts count="1"><tablePart r:id="rId1"/></tableParts>' if part.sheet.is_table else ""
    # Without its errors ignored, Excel marks every phone number with a green corner.
    return (
        f"</sheetData>{'' if part.sheet.is_table else _filter(part)}"
        '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        f'<pageSetup paperSize="9" fitToWidth="{pages}" fitToHeight="0" orientation="landscape"/>'
        "<headerFooter><oddFooter>&amp;L&amp;A&amp;RPage &amp;P of &amp;N</oddFooter></headerFooter>"
        f'<ignoredErrors><ignoredError sqref="A1:{letters(columns_count)}{SHEET_ROWS_MAX}" numberStoredAsText="1"/>'
        f"</ignoredErrors>{table}</worksheet>"
    )


def _filter(part: Part) -> str:
    return f'<autoFilter ref="{part.area.replace("$", "")}"/>'


def _part_title(title: str, part: int) -> str:
    if part == 1:
        return title
    suffix = f" ({part})"
    return title[: TITLE_CHARACTERS_MAX - len(suffix)] + suffix


def _shown_width(cell: object, kind: ColumnKind) -> int:
    """Return how many digits wide the cell is, as the look of its kind shows it."""
    if not isinstance(cell, int) or kind not in {ColumnKind.WHOLE, ColumnKind.MONEY}:
        return _width(cell) if isinstance(cell, str) else 0
    if kind is ColumnKind.WHOLE:
        return len(f"{cell:,}")
    units, _, decimals = money.format_micros(abs(cell)).partition(".")
    return len(f"{int(units):,}") + len(".") + len(decimals) + (cell < 0)


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(2 if east_asian_width(each) in "WF" else 1 for each in text)
