"""The benchmark of exports in the small: what a line says, and that the rows are those of the report."""

from itertools import islice
from pathlib import Path

import openpyxl
import pytest

from talktime.core.insight.usage import ORIGINAL
from talktime.interfaces.cli.bench.charging import Duration
from talktime.interfaces.cli.bench.exporting import Volume
from talktime.interfaces.cli.bench.loads import exporting
from talktime.interfaces.cli.bench.suite import Run, run_suite
from talktime.interfaces.cli.bench.world.filling import Shape


def test_excel_is_measured_beside_xlsxwriter_in_the_same_run(tmp_path: Path) -> None:
    run = Run(
        (f"sqlite:///{tmp_path / 'bench.db'}",),
        Shape(1, 1, 1),
        Duration(0.1, 0.1),
        "export.excel",
        exported=Volume(rows=300, baseline_rows=200),
    )

    (line,) = run_suite(run)

    assert line["name"] == "export.excel"
    assert line["load"]["rows"] == 300
    assert line["load"]["columns"] == len(exporting.COLUMNS) == 20
    assert line["baseline"]["name"] == "XlsxWriter, constant_memory, 200 rows, scaled"
    assert line["ratio"] > 0
    assert line["memory_peak_mb"] >= line["memory_before_mb"] > 0
    assert line["cpu_us"]["server"] > 0


@pytest.mark.parametrize("writer", ["excel", "xlsxwriter"])
def test_both_writers_of_workbooks_write_the_same_cells(tmp_path: Path, writer: str) -> None:
    cells = [exporting.cells_of(reported) for reported in islice(exporting.reported_rows(), 5)]
    path = tmp_path / "usage.xlsx"

    exporting.WRITERS[writer][1](path, iter(cells))

    header, *rows = openpyxl.load_workbook(path)["Usage"].iter_rows(values_only=True)
    assert list(header) == [column.name for column in exporting.COLUMNS]
    assert [row[0] for row in rows] == [row[0] for row in cells]
    charge = header.index("Charge")
    assert [round(float(str(row[charge])) * 1_000_000) for row in rows] == [row[charge] for row in cells]


def test_csv_and_parquet_are_written_from_usage_rows(tmp_path: Path) -> None:
    for writer in ("csv", "parquet"):
        path = tmp_path / f"usage.{writer}"

        exporting.WRITERS[writer][1](path, islice(exporting.reported_rows(), 5))

        assert path.stat().st_size > 0
    assert (tmp_path / "usage.csv").read_text("utf-8").count("\n") == 6
    assert (tmp_path / "usage.csv").read_text("utf-8").startswith(ORIGINAL.columns[0].name)
