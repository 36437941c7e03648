"""A report as an Excel workbook for people: typed cells, text that cannot run, some rows in memory at a time.

Money is a number, because people add it up. Excel's numbers are doubles: every micro is kept up to ± 8.58
billion units (2³³) and shown up to 1 billion (15 digits); beyond that the cell is the nearest double, and the
CSV is exact. Text, ids and phone numbers are string cells: a leading = + - or @ is a character like any
other, so nothing is put in front of it. Left out is only what XML cannot hold: control characters other than
tab and line feed, and half surrogates.
"""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from talktime.exports.workbook.package import WorkbookFile
from talktime.exports.workbook.sheets import SHEET_BYTES_MAX, SHEET_ROWS_MAX, Limits, Sheet, SheetWriter

__all__ = ["SHEET_ROWS_MAX", "Sheet", "write_workbook"]


def write_workbook(
    path: Path,
    sheets: Sequence[Sheet],
    *,
    title: str = "Talktime report",
    progress: Callable[[int], None] | None = None,
    sheet_rows_max: int = SHEET_ROWS_MAX,
    sheet_bytes_max: int = SHEET_BYTES_MAX,
) -> int:
    """Write the sheets in their order, put the finished file in the path's place; return the number of rows.

    Rows are counted without headers, totals and summaries; `progress` is told their number so far, now and
    then and at the end. Rows beyond Excel's limit, or beyond so many bytes of markup, go on in a sheet
    "Usage (2)". A sheet without rows says so below its header. The file is built in a hidden folder beside
    the path, so a failure leaves what was there before. The same sheets give the same bytes. Raise TypeError
    or ValueError for a cell or row that does not fit its columns, ValueError for a sheet title that Excel
    does not take (over 31 characters, with brackets, colon, slash, star or question mark, or twice the same),
    OSError if the file cannot be written. Excel's cells hold 32,767 characters; a longer text is cut.
    """
    assert sheets, "a workbook has at least one sheet"
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        unfinished = Path(folder) / "workbook.xlsx"
        limits = Limits(sheet_rows_max, sheet_bytes_max)
        rows_count = _write_file(unfinished, sheets, title, progress or _ignore, limits)
        unfinished.replace(path)
    return rows_count


def _write_file(
    path: Path, sheets: Sequence[Sheet], title: str, progress: Callable[[int], None], limits: Limits
) -> int:
    with WorkbookFile(path) as file:
        writers = [SheetWriter(sheet, file.open_sheet, limits) for sheet in sheets]
        numbers, rows_count = count(1), 0
        for writer in writers:
            if not writer.sheet.is_summary:
                rows_count = writer.write(progress, counted=rows_count, numbers=numbers)
        progress(rows_count)
        for writer in writers:
            if writer.sheet.is_summary:
                writer.write(_ignore, counted=0, numbers=numbers)
        file.finish([part for writer in writers for part in writer.parts], title)
    return rows_count


def _ignore(_count: int) -> None:
    """Tell nobody how far it is."""
