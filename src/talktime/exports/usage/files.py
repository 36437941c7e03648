"""One function for each format of an export: it writes the whole file and returns the number of its rows."""

from collections.abc import Callable
from pathlib import Path

from talktime.core.insight.exporting.contents import UsageContents
from talktime.core.insight.exporting.exports import ExportFormat
from talktime.exports.csv import write_csv
from talktime.exports.parquet import write_parquet
from talktime.exports.usage.calling_plans_zip import write_zip
from talktime.exports.usage.data_workbook import write_data_workbook


def write_usage(path: Path, export_format: ExportFormat, contents: UsageContents) -> int:
    """Write the contents in a format."""
    return _WRITERS[export_format](path, contents)


def _write_csv(path: Path, contents: UsageContents) -> int:
    with path.open("w", newline="", encoding="utf-8") as stream:
        return write_csv(stream, contents.layout.columns, contents.cells(), money_decimals=contents.money_decimals)


def _write_summary(path: Path, contents: UsageContents) -> int:
    from talktime.exports.usage.summary_workbook import write_summary_workbook  # noqa: PLC0415 -- XlsxWriter takes its time

    return write_summary_workbook(path, contents)


def _write_parquet(path: Path, contents: UsageContents) -> int:
    columns = contents.columns_with_local_times
    return write_parquet(path, columns, contents.cells_with_local_times())


_WRITERS: dict[ExportFormat, Callable[[Path, UsageContents], int]] = {
    ExportFormat.CSV: _write_csv,
    ExportFormat.EXCEL: write_data_workbook,
    ExportFormat.SUMMARY: _write_summary,
    ExportFormat.PARQUET: _write_parquet,
    ExportFormat.ZIP: write_zip,
}
