"""Usage as a workbook to make pivots of: one flat Excel table of all rows, and beside it what they come to.

The table begins in the first row and has one header row, no merged cells, no totals among its rows; times stand in UTC
and on the organization's clock (money.md 73). For charts there is the summary workbook.
"""

from collections.abc import Iterator
from pathlib import Path

from talktime.core.insight.exporting.contents import UsageContents
from talktime.core.insight.usage_totals import TOTAL_COLUMNS, UsageTotals
from talktime.exports.excel import Sheet, write_workbook


def write_data_workbook(path: Path, contents: UsageContents) -> int:
    """Write the workbook, some rows in memory at a time; return the number of rows."""
    totals = UsageTotals()
    rows = contents.cells_with_local_times(totals.add)
    usage = Sheet("Usage", contents.columns_with_local_times, rows, is_table=True)
    summary = Sheet("Totals", TOTAL_COLUMNS, _totals(totals), note=contents.about, is_summary=True)
    return write_workbook(path, [usage, summary], title=f"Usage of {contents.organization.name}")


def _totals(totals: UsageTotals) -> Iterator[tuple[object, ...]]:
    # Asked for when all rows have gone by: only then do the totals hold them.
    for total in totals.all():
        yield total.cells()
