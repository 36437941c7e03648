"""Measure exports: a million usage rows to a file, each writer in a process of its own, Excel next to XlsxWriter."""

import json
import subprocess
import sys
from typing import NamedTuple

from talktime.interfaces.cli.bench.loads.exporting import COLUMNS, DIFFERENT_ROWS, NUMBERS_COUNT
from talktime.interfaces.cli.bench.measuring import lines
from talktime.interfaces.cli.bench.measuring.lines import Line

_PROGRAM = (sys.executable, "-m", "talktime.interfaces.cli.bench.loads.exporting")


class Volume(NamedTuple):
    """How many rows are written, and how many by what Excel is compared with, which is slow."""

    rows: int = 1_000_000
    baseline_rows: int = 100_000


AS_IT_SHOULD_BE = Volume()


def export_csv(volume: Volume) -> Line:
    """Return the line of CSV: 25 columns, their cells made of usage rows."""
    return {"name": "export.csv", **_line("csv", volume, columns=25)}


def export_parquet(volume: Volume) -> Line:
    """Return the line of Parquet: 25 columns, their cells made of usage rows."""
    return {"name": "export.parquet", **_line("parquet", volume, columns=25)}


def export_excel(volume: Volume) -> Line:
    """Return the line of Excel: 20 columns of cells that stand ready, as XlsxWriter's loop gets them too."""
    line = _line("excel", volume, columns=len(COLUMNS))
    rows = min(volume.rows, volume.baseline_rows)
    theirs = _measured("xlsxwriter", rows)
    baseline = {
        "name": f"XlsxWriter, constant_memory, {rows:,} rows" + ("" if rows == volume.rows else ", scaled"),
        "value": round(rows / theirs["seconds"]),
        "unit": "rows/s",
        "cpu_us": lines.cpu_us(theirs["cpu_seconds"], rows),
        "memory_peak_mb": theirs["memory_peak_mb"],
    }
    return {"name": "export.excel", **line, **lines.against(line["value"], baseline)}


def _line(writer: str, volume: Volume, *, columns: int) -> Line:
    found = _measured(writer, volume.rows)
    return {
        "value": round(volume.rows / found["seconds"]),
        "unit": "rows/s",
        "seconds": found["seconds"],
        **{name: found[name] for name in ("file_mb", "memory_before_mb", "memory_peak_mb")},
        **lines.against(0, None),
        "durable": "a file",
        "cpu_us": {"server": lines.cpu_us(found["cpu_seconds"], volume.rows), "database": None, "load": None},
        "load_average": lines.load_average(),
        "load": {
            "rows": volume.rows,
            "columns": columns,
            "different_rows": DIFFERENT_ROWS,
            "called_numbers": NUMBERS_COUNT,
        },
    }


def _measured(writer: str, rows: int) -> dict[str, float]:
    """Measure in a process of its own, because memory is told only at its highest."""
    ran = subprocess.run([*_PROGRAM, writer, str(rows)], capture_output=True, check=True, text=True)  # noqa: S603 -- ours
    found: dict[str, float] = json.loads(ran.stdout)
    return found
