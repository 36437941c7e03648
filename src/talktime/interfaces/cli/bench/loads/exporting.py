"""Write generated usage rows to a file, in a process of its own: `python -m … WRITER ROWS`; a JSON line is the answer.

The rows are 70,000 different ones again and again: more than any cache holds. 3,000 people call 30,000 numbers.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, repeat
from pathlib import Path
from random import Random
from typing import Any

from talktime.core.calls.calls import CallKey, CallKind, Ending, Flags, PaysFrom
from talktime.core.calls.cdrs import UsageRow
from talktime.core.insight.tables import ColumnKind
from talktime.core.insight.usage import ORIGINAL, ReportedUsage
from talktime.core.values.money import MICROS_PER_UNIT

DIFFERENT_ROWS, NUMBERS_COUNT = 70_000, 30_000
# What the original always leaves empty, or says twice, is left away.
_LEFT_AWAY = frozenset({"Conference ID", "Caller ID", "Operator", "Source of Call Duration", "Administrative Units"})
_PLACES = [place for place, column in enumerate(ORIGINAL.columns) if column.name not in _LEFT_AWAY]
COLUMNS = tuple(ORIGINAL.columns[place] for place in _PLACES)
_DESTINATIONS = (("Germany", "4930"), ("France Mobile", "336"), ("United States", "1212"), ("Japan", "813"))
_COUNTRY, _USERS, _SECONDS_MAX, _SEED = "GB", 3_000, 3_600, 6
_KILOBYTE = 1024


def reported_rows() -> Iterator[ReportedUsage]:
    """Yield the different rows."""
    dice, begins_at = Random(_SEED), datetime(2026, 1, 1, tzinfo=UTC)  # noqa: S311 -- repeatable chance is the point
    for number in range(DIFFERENT_ROWS):
        user, talked = dice.randrange(_USERS), dice.randrange(1, _SECONDS_MAX)
        number_called = dice.randrange(NUMBERS_COUNT)
        destination, prefix = _DESTINATIONS[number_called % len(_DESTINATIONS)]
        started_at = begins_at + timedelta(seconds=37 * number)
        row = UsageRow(
            organization_id=1,
            key=CallKey("sbc1", f"{dice.getrandbits(64):016x}@sbc1.example", ""),
            line=0,
            kind=CallKind.USER_OUT,
            user_id=user,
            conference_id="",
            caller=f"442079{user:06}",
            called=f"{prefix}{2_000_000 + number_called}",
            destination=destination,
            prefix=prefix,
            deck_version_id=1,
            started_at=started_at,
            answered_at=started_at,
            ended_at=started_at + timedelta(seconds=talked),
            used_seconds=talked,
            billed_seconds=-(-talked // 60) * 60,
            connection_fee_micros=0,
            cost_micros=-(-talked // 60) * dice.choice((13_500, 21_000, 8_700)),
            uncovered_micros=0,
            currency="USD",
            paid_by=PaysFrom.CREDIT,
            ending=Ending.HANGUP,
            flags=Flags(0),
            capability="MCOPSTNPP",
        )
        yield ReportedUsage(row, f"user{user}@example.com", f"User {user}", _COUNTRY, "Sales", "standard", 1)


def cells_of(reported: ReportedUsage) -> tuple[object, ...]:
    """Return twenty cells of the original's columns."""
    cells = ORIGINAL.cells(reported, _COUNTRY)
    return tuple(cells[place] for place in _PLACES)


def _write_excel(path: Path, rows: Iterator[tuple[object, ...]]) -> None:
    from talktime.exports.excel import Sheet, write_workbook

    write_workbook(path, [Sheet("Usage", COLUMNS, rows, is_table=True)])


def _write_with_xlsxwriter(path: Path, rows: Iterator[tuple[object, ...]]) -> None:
    """Write as its documentation says for large files: a row after the other, each cell by its kind."""
    import xlsxwriter  # type: ignore[import-untyped]

    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)}) as workbook:
        sheet = workbook.add_worksheet("Usage")
        instant = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        amount = workbook.add_format({"num_format": "#,##0.00####"})
        writers: dict[ColumnKind, Callable[[int, int, Any], object]] = {
            ColumnKind.TEXT: sheet.write_string,
            ColumnKind.WHOLE: sheet.write_number,
            ColumnKind.MONEY: lambda row, place, cell: sheet.write_number(row, place, cell / MICROS_PER_UNIT, amount),
            ColumnKind.INSTANT: lambda row, place, cell: sheet.write_datetime(
                row, place, cell.replace(tzinfo=None), instant
            ),
        }
        written_by = [writers[column.kind] for column in COLUMNS]
        for place, column in enumerate(COLUMNS):
            sheet.write_string(0, place, column.name)
        for number, row in enumerate(rows, start=1):
            for place, (write, cell) in enumerate(zip(written_by, row, strict=True)):
                if cell is not None:
                    write(number, place, cell)


def _write_csv(path: Path, rows: Iterator[ReportedUsage]) -> None:
    from talktime.exports.csv import write_csv

    with path.open("w", newline="", encoding="utf-8") as stream:
        write_csv(stream, ORIGINAL.columns, (ORIGINAL.cells(reported, _COUNTRY) for reported in rows))


def _write_parquet(path: Path, rows: Iterator[ReportedUsage]) -> None:
    from talktime.exports.parquet import write_parquet

    write_parquet(path, ORIGINAL.columns, (ORIGINAL.cells(reported, _COUNTRY) for reported in rows))


# What each writer is handed: cells that stand ready, or usage rows of which it makes the cells.
WRITERS: dict[str, tuple[Callable[[ReportedUsage], Any], Callable[[Path, Iterator[Any]], None]]] = {
    "excel": (cells_of, _write_excel),
    "xlsxwriter": (cells_of, _write_with_xlsxwriter),
    "csv": (lambda reported: reported, _write_csv),
    "parquet": (lambda reported: reported, _write_parquet),
}


def measure(writer: str, rows_count: int) -> dict[str, float]:
    """Write so many rows; return seconds, processor seconds, megabytes of file and memory, before and at most."""
    prepared, write = WRITERS[writer]
    ready = [prepared(reported) for reported in reported_rows()]
    rows = islice(chain.from_iterable(repeat(ready)), rows_count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"usage.{writer}"
        before, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
        write(path, rows)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        return {
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "file_mb": round(path.stat().st_size / 1_000_000, 1),
            "memory_before_mb": before,
            "memory_peak_mb": _peak_mb(),
        }


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTE / 1_000_000, 1)


def main() -> None:
    """Measure what the command line names."""
    _, writer, rows_count = sys.argv
    print(json.dumps(measure(writer, int(rows_count))))


if __name__ == "__main__":
    main()
