"""The original's archive: `Export.callingplans.<id>.zip`, with the rows as CSV and what was asked for as JSON.

`PSTN.calls.<UTC date>.csv` has the layout of 2025, 25 columns; `parameters.json` says which rows these are (domain.md
7.4). The same contents give the same bytes.
"""

import json
from io import TextIOWrapper
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from talktime.core.insight.exporting.contents import SCHEMA_VERSION, UsageContents
from talktime.core.insight.exporting.filter_texts import document_of
from talktime.core.insight.reports.groups import GroupBy
from talktime.core.insight.tables import format_instant
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.exports.csv import write_csv

PARAMETERS_NAME = "parameters.json"


def write_zip(path: Path, contents: UsageContents) -> int:
    """Write the archive, a few rows in memory at a time; return the number of rows."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        # A day of ten million calls is longer than four gigabytes.
        with (
            archive.open(calls_name(contents), "w", force_zip64=True) as file,
            TextIOWrapper(file, encoding="utf-8", newline="") as stream,
        ):
            count = write_csv(stream, contents.layout.columns, contents.cells(), money_decimals=contents.money_decimals)
        with archive.open(PARAMETERS_NAME, "w") as file:
            file.write(json.dumps(parameters(contents), ensure_ascii=False, indent=2).encode())
    return count


def calls_name(contents: UsageContents) -> str:
    """Return the name of the file of rows: its date is that until which they are complete, in UTC."""
    return f"PSTN.calls.{contents.watermark.complete_until:%Y-%m-%d}.csv"


def parameters(contents: UsageContents) -> dict[str, object]:
    """Return what was asked for, and what it came to."""
    starts_at, ends_at = contents.shown.period
    watermark = contents.watermark
    capabilities = sorted(str(each.group) for each in contents.sums(GroupBy.CAPABILITY))
    return {
        "schemaVersion": SCHEMA_VERSION,
        "layout": contents.layout.name,
        "organization": contents.organization.name,
        "startDateTime": None if starts_at == EARLIEST else format_instant(starts_at),
        "endDateTime": None if ends_at == LATEST else format_instant(ends_at),
        "capabilities": list(dict.fromkeys(capabilities)),
        "filter": document_of(contents.shown),
        "decimals": "exact" if contents.money_decimals is None else contents.money_decimals,
        "maskedDigits": contents.hidden_digits,
        "completeUntil": format_instant(watermark.complete_until),
        "isComplete": watermark.is_whole,
        "snapshot": contents.snapshot,
        "rows": contents.rows_count,
    }
