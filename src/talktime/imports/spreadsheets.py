"""CSV files and XLSX workbooks as rows of text, each with the line that it stands in."""

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

import python_calamine

from talktime.core.values.errors import Invalid
from talktime.imports.cells import DELIMITERS, delimiter_of

FILE_MAX_BYTES = 64 * 1024 * 1024
# What a workbook of the maximum size unfolds to, when honest; a zip bomb unfolds to a thousand times itself.
UNPACKED_MAX_BYTES = 1024 * 1024 * 1024
# A workbook keeps numbers in binary with 17 digits and shows 15: the others are noise of its arithmetic.
_SIGNIFICANT_DIGITS = 15
_TEXT_SUFFIXES = frozenset({".csv", ".txt", ".tsv"})
_SNIFFED_ROWS = 50
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")

_Cell = int | float | str | bool | time | date | datetime | timedelta  # what calamine finds in a cell


@dataclass(frozen=True, slots=True)
class SpreadsheetRows:
    """The rows of one sheet, empty ones too, read as they are asked for; iterate as often as needed."""

    name: str
    rows_estimate: int
    _source: "_TextSource | _WorkbookSource"

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the line that a row begins in, from 1, and its cells as text."""
        return self._source.rows()


def read_sheet(path: Path, *, sheet: str | None = None) -> SpreadsheetRows:
    """Open a .csv, .txt, .tsv or .xlsx file; of a workbook the first sheet unless one is named. Raise Invalid."""
    suffix = path.suffix.lower()
    if suffix != ".xlsx" and suffix not in _TEXT_SUFFIXES:
        raise Invalid(f"{path.name}: {suffix or 'a file without an ending'} is not read; save it as .csv or .xlsx")
    data = _bytes_of(path)
    if suffix == ".xlsx":
        return _workbook_rows(path.name, data, sheet)
    if sheet is not None:
        raise Invalid(f"{path.name}: only a workbook has sheets, so there is no sheet {sheet!r}")
    return _text_rows(path.name, data)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as failure:
        raise Invalid(f"{path}: cannot be read: {failure.strerror}") from failure
    if len(data) > FILE_MAX_BYTES:
        raise Invalid(f"{path.name}: is larger than {FILE_MAX_BYTES // 1024 // 1024} MB")
    if not data.strip():
        raise Invalid(f"{path.name}: is empty")
    return data


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _TextSource:
    name: str
    text: str
    delimiter: str
    lines_before: int

    def rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        # newline="": a line break inside quotes is part of its cell.
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True)
        line = self.lines_before + 1
        try:
            for cells in reader:
                yield line, tuple(cells)
                line = self.lines_before + reader.line_num + 1
        except csv.Error as failure:
            raise Invalid(f"{self.name}, line {line}: is no CSV: {failure}") from failure


def _text_rows(name: str, data: bytes) -> SpreadsheetRows:
    text = _decoded(name, data)
    first, _, rest = text.partition("\n")
    declared = first.strip().lower()
    if declared.startswith("sep=") and declared.removeprefix("sep=") in DELIMITERS:
        return _text_sheet(name, rest, delimiter=declared.removeprefix("sep="), lines_before=1)
    return _text_sheet(name, text, delimiter=_sniffed(text), lines_before=0)


def _text_sheet(name: str, text: str, *, delimiter: str, lines_before: int) -> SpreadsheetRows:
    return SpreadsheetRows(name, text.count("\n") + 1, _TextSource(name, text, delimiter, lines_before))


def _decoded(name: str, data: bytes) -> str:
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Invalid(f"{name}: is no text: save it as CSV in UTF-8")


def _sniffed(text: str) -> str:
    return delimiter_of(list(islice(io.StringIO(text), _SNIFFED_ROWS)))


# ── workbooks ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _WorkbookSource:
    sheet: python_calamine.CalamineSheet

    def rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        rows: Iterable[list[_Cell]] = self.sheet.to_python(skip_empty_area=False)
        for line, cells in enumerate(rows, start=1):
            yield line, tuple([cell if type(cell) is str else _text_of(cell) for cell in cells])


def _workbook_rows(name: str, data: bytes, sheet: str | None) -> SpreadsheetRows:
    if data.startswith(_COMPOUND_FILE):
        raise Invalid(f"{name}: is protected by a password, or an old .xls file: save it as .xlsx without one")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        if unpacked_bytes > UNPACKED_MAX_BYTES:
            raise Invalid(f"{name}: unpacks to more than {UNPACKED_MAX_BYTES // 1024 // 1024} MB")
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        found = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
    except python_calamine.WorksheetNotFound as failure:
        raise Invalid(
            f"{name}: has no sheet {sheet or 'to read'!r}; it has {', '.join(workbook.sheet_names)}"
        ) from failure
    except (python_calamine.CalamineError, zipfile.BadZipFile) as failure:
        raise Invalid(f"{name}: is no XLSX workbook: {failure}") from failure
    return SpreadsheetRows(f"{name}, sheet {found.name}", found.height, _WorkbookSource(found))


def _text_of(cell: _Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _number_text(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _number_text(number: float) -> str:
    """Write 93.0 as `93` and 0.00001 as `0.00001`: whole numbers exactly, others as the workbook shows them."""
    if number.is_integer():
        return str(int(number))
    return f"{Decimal(f'{number:.{_SIGNIFICANT_DIGITS}g}'):f}"
