"""What the streamed workbook promises beyond its cells: tables, local clocks, the same bytes again, other readers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports.excel import Sheet, write_workbook
from talktime.exports.workbook import sheets

NAME = Column("Name", ColumnKind.TEXT)
SECONDS = Column("Seconds", ColumnKind.WHOLE)
CHARGE = Column("Charge", ColumnKind.MONEY)
STARTED = Column("Start Time", ColumnKind.INSTANT)
LOCAL = Column("Start Time Local", ColumnKind.LOCAL)
EIGHT = datetime(2026, 7, 21, 8, tzinfo=UTC)
ROWS = [("Ana", 61, 13_500, EIGHT), ("Ben", 120, 27_000, EIGHT)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.xlsx"


def test_a_table_begins_with_its_header_and_ends_with_its_last_row(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, CHARGE, STARTED), ROWS, is_table=True)])

    sheet = openpyxl.load_workbook(path)["Usage"]
    (table,) = sheet.tables.values()
    assert (table.name, table.ref, table.autoFilter.ref) == ("Table_Usage", "A1:D3", "A1:D3")
    assert [column.name for column in table.tableColumns] == ["Name", "Seconds", "Charge", "Start Time"]
    assert [cell.value for cell in sheet[1]] == [column.name for column in table.tableColumns]
    assert table.totalsRowCount is None
    assert sheet.auto_filter.ref is None
    assert not sheet.merged_cells.ranges
    assert sheet.freeze_panes == "A2"


def test_a_table_that_outgrows_a_sheet_goes_on_as_another_one(path: Path) -> None:
    sheet = Sheet("Usage", (SECONDS,), [[number] for number in range(5)], is_table=True)

    write_workbook(path, [sheet], sheet_rows_max=4)

    workbook = openpyxl.load_workbook(path)
    tables = [table for sheet in workbook for table in sheet.tables.values()]
    assert [(table.name, table.ref) for table in tables] == [("Table_Usage", "A1:A4"), ("Table_Usage__2", "A1:A3")]
    assert len({table.id for table in tables}) == 2


def test_a_table_without_rows_has_one_empty_row_as_excel_wants_it(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME, SECONDS), [], is_table=True)])

    sheet = openpyxl.load_workbook(path)["Usage"]
    assert [table.ref for table in sheet.tables.values()] == ["A1:B2"]
    assert sheet.max_row == 1


@pytest.mark.parametrize("extra", [{"note": "USD"}, {"total_columns": ("Charge",)}])
def test_a_table_has_neither_note_nor_totals(extra: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Usage"):
        Sheet("Usage", (NAME, CHARGE), [], is_table=True, **extra)  # type: ignore[arg-type]


def test_a_local_time_is_what_the_clock_there_showed(path: Path) -> None:
    there = EIGHT.astimezone(ZoneInfo("America/New_York"))

    write_workbook(path, [Sheet("Usage", (STARTED, LOCAL), [(EIGHT, there)])])

    utc, local = openpyxl.load_workbook(path)["Usage"][2]
    assert utc.value == datetime(2026, 7, 21, 8)  # noqa: DTZ001 -- Excel's
    assert local.value == datetime(2026, 7, 21, 4)  # noqa: DTZ001 -- Excel's
    assert local.number_format == "yyyy-mm-dd hh:mm:ss"


def test_a_local_time_without_a_zone_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="Start Time Local"):
        write_workbook(path, [Sheet("Usage", (LOCAL,), [[datetime(2026, 7, 21, 8)]])])  # noqa: DTZ001 -- the mistake


def test_a_sheet_that_would_be_too_long_for_a_zip_goes_on_in_another_one(path: Path) -> None:
    rows = [[f"row {number}"] for number in range(3_500)]

    write_workbook(path, [Sheet("Usage", (NAME,), rows)], sheet_bytes_max=100_000)

    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames == ["Usage", "Usage (2)"]
    assert [[value] for sheet in workbook for (value,) in sheet.iter_rows(min_row=2, values_only=True)] == rows


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "one.xlsx", tmp_path / "two.xlsx"]
    columns = (NAME, SECONDS, CHARGE, STARTED)

    for path in paths:
        write_workbook(path, [Sheet("Usage", columns, ROWS, note="USD", total_columns=("Charge",))])

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_column_that_says_something_now_and_then_keeps_every_cell_in_its_place(path: Path) -> None:
    rows = [(f"n{row}" if row % 3 else None, row if row % 2 else None, row) for row in range(2_500)]

    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, Column("Row", ColumnKind.WHOLE)), rows)])

    assert list(openpyxl.load_workbook(path)["Usage"].iter_rows(min_row=2, values_only=True)) == rows


def test_readers_other_than_openpyxl_find_the_same_cells(path: Path) -> None:
    rows = [(f"+44{number}", number, number * 13_500, EIGHT + timedelta(seconds=number)) for number in range(1_500)]

    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, CHARGE, STARTED), rows, is_table=True)])

    read = CalamineWorkbook.from_path(path).get_sheet_by_name("Usage").to_python()
    assert read[0] == ["Name", "Seconds", "Charge", "Start Time"]
    assert [(row[0], row[1], round(row[2] * 1_000_000)) for row in read[1:]] == [row[:3] for row in rows]
    assert [row[3].replace(tzinfo=UTC) for row in read[1:]] == [row[3] for row in rows]


def test_what_excel_would_read_as_a_character_s_code_is_escaped(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME,), [["_x0041_"], ["a_x_b"]])])

    with ZipFile(path) as archive:
        markup = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<t>_x005F_x0041_</t>" in markup
    assert "<t>a_x_b</t>" in markup


def test_a_total_that_is_wider_than_a_million_rows_each_finds_room(path: Path) -> None:
    rows: Iterator[tuple[int]] = ((9_999_990_000,) for _ in range(3_000))

    write_workbook(path, [Sheet("Usage", (CHARGE,), rows, total_columns=("Charge",))])

    sheet = openpyxl.load_workbook(path)["Usage"]
    assert sheet.cell(sheet.max_row, 1).value == 29_999_970
    assert sheet.column_dimensions["A"].width >= len("29,999,970.00") + 3


@pytest.mark.parametrize(("number", "name"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA")])
def test_columns_have_letters(number: int, name: str) -> None:
    assert sheets.letters(number) == name


def test_a_sheet_s_title_that_needs_quotes_keeps_its_filter_and_its_header_on_paper(path: Path) -> None:
    write_workbook(path, [Sheet("Ana's <usage> & more", (NAME,), [["Ana"]])])

    sheet = openpyxl.load_workbook(path)["Ana's <usage> & more"]
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.auto_filter.ref == "A1:A2"
