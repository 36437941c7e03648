import stat
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook

from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports import excel
from talktime.exports.excel import Sheet, write_workbook

MICRO = Fraction(1, 1_000_000)
EXACT_MAX_MICROS = 2**33 * 1_000_000
MEMORY_MAX_BYTES = 1_000_000  # 20,000 rows, were they kept, are 3 million
NAME = Column("Name", ColumnKind.TEXT)
SECONDS = Column("Seconds", ColumnKind.WHOLE)
CHARGE = Column("Charge", ColumnKind.MONEY)
STARTED = Column("Start Time", ColumnKind.INSTANT)
EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)

FORMULA_STARTS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    '=cmd|" /C calc"!A0',
    "{=1}",
    "http://example.com",
]


def column_of(column: Column, cells: list[object], *, path: Path) -> list[Cell]:
    """Write the cells as one column and return them as openpyxl reads them."""
    write_workbook(path, [Sheet("Usage", (column,), [[cell] for cell in cells])])
    return [row[0] for row in openpyxl.load_workbook(path)["Usage"].iter_rows(min_row=2)]


def values(sheet: Worksheet) -> list[tuple[object, ...]]:
    return list(sheet.iter_rows(values_only=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.xlsx"


def test_cells_are_typed(path: Path) -> None:
    row = ("+442079460000", 61, 13_500, EIGHT)

    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, CHARGE, STARTED), [row])])

    number, seconds, charge, started = openpyxl.load_workbook(path)["Usage"][2]
    assert (number.value, number.data_type) == ("+442079460000", "s")
    assert (seconds.value, seconds.data_type, seconds.number_format) == (61, "n", "#,##0")
    assert (charge.value, charge.data_type, charge.number_format) == (0.0135, "n", "#,##0.00####")
    assert (started.value, started.data_type) == (datetime(2026, 11, 21, 8), "d")  # noqa: DTZ001 -- Excel's
    assert started.number_format == "yyyy-mm-dd hh:mm:ss"


def test_what_looks_like_a_number_or_a_date_stays_text(path: Path) -> None:
    texts = ["00442079460000", "1E5", "2026-11-21", "TRUE", "12345678901234567890"]

    cells = column_of(NAME, [*texts], path=path)

    assert [(cell.value, cell.data_type) for cell in cells] == [(text, "s") for text in texts]


def test_another_reader_sees_the_same(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME, CHARGE, STARTED), [("=1+1", 13_500, EIGHT)])])

    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Usage").to_python()

    assert rows[1] == ["=1+1", 0.0135, datetime(2026, 11, 21, 8)]  # noqa: DTZ001 -- Excel's


@settings(max_examples=15)
@given(amounts_micros=st.lists(st.integers(1 - EXACT_MAX_MICROS, EXACT_MAX_MICROS - 1), min_size=20, max_size=200))
@example(amounts_micros=[EXACT_MAX_MICROS - 1, 1 - EXACT_MAX_MICROS, 1, -1, 0, 10**15 + 1])
def test_money_is_exact_to_the_micro(amounts_micros: list[int]) -> None:
    with TemporaryDirectory() as folder:
        cells = column_of(CHARGE, [*amounts_micros], path=Path(folder) / "usage.xlsx")

    assert [round(Fraction(cell.value) / MICRO) for cell in cells] == amounts_micros


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (datetime(1980, 1, 1, tzinfo=UTC), datetime(1980, 1, 1)),  # noqa: DTZ001 -- Excel's
        (datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=-8))), datetime(2026, 11, 21, 16)),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_an_instant_is_shown_in_utc_and_as_text_before_excel_can_count(
    path: Path, instant: datetime, shown: object
) -> None:
    (cell,) = column_of(STARTED, [instant], path=path)

    assert cell.value == shown


@settings(max_examples=10)
@given(
    instants=st.lists(
        st.datetimes(datetime(1901, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
        min_size=20,
        max_size=100,
    )
)
def test_an_instant_is_the_second_that_it_was(instants: list[datetime]) -> None:
    whole_seconds = [instant.replace(microsecond=0) for instant in instants]
    with TemporaryDirectory() as folder:
        cells = column_of(STARTED, [*whole_seconds], path=Path(folder) / "usage.xlsx")

    assert [cell.value.replace(tzinfo=UTC) for cell in cells] == whole_seconds


@pytest.mark.parametrize("text", FORMULA_STARTS)
def test_no_text_is_a_formula_or_a_link(path: Path, text: str) -> None:
    (cell,) = column_of(NAME, [text], path=path)

    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


@pytest.mark.parametrize("text", ["=1+1", "<r></is></c></r>", "a & b"])
def test_headers_notes_and_titles_are_text_too(path: Path, text: str) -> None:
    sheet = Sheet("=Usage & more", (Column(text, ColumnKind.TEXT),), [["Ana"]], note=text)

    write_workbook(path, [sheet], title=text)

    workbook = openpyxl.load_workbook(path)
    note, header = workbook["=Usage & more"]["A1"], workbook["=Usage & more"]["A3"]
    assert [(cell.value, cell.data_type) for cell in (note, header)] == [(text, "s")] * 2
    assert workbook.properties.title == text


def test_a_control_character_in_a_sheet_s_title_is_left_out(path: Path) -> None:
    write_workbook(path, [Sheet("Us\x07age", (NAME,), [])])

    assert openpyxl.load_workbook(path).sheetnames == ["Usage"]


@pytest.mark.parametrize(
    "text",
    [
        "<r></r>",
        "<r><t>rich</t></r>",
        '<r></is></c><c r="B2"><f>1+1</f></c><c t="inlineStr"><is><r></r>',
    ],
)
def test_no_text_is_markup(path: Path, text: str) -> None:
    (cell,) = column_of(NAME, [text], path=path)

    assert (cell.value, cell.data_type) == (text, "s")
    assert openpyxl.load_workbook(path)["Usage"].max_column == 1


@pytest.mark.parametrize("beyond", ["", " and beyond"])
def test_no_text_becomes_markup_where_it_is_cut(path: Path, beyond: str) -> None:
    start, end = '<r></is></c><c r="B2"><f>1+1</f></c><c t="inlineStr"><is><r>', "</r>"
    text = start + "x" * (32_767 - len(start) - len(end)) + end + beyond

    (cell,) = column_of(NAME, [text], path=path)

    assert cell.data_type == "s"
    assert openpyxl.load_workbook(path)["Usage"].max_column == 1


def test_what_xml_cannot_hold_is_left_out(path: Path) -> None:
    texts = ["a\x00b", "a\x1bb", "a\rb", "a\ud800b", "a\uffffb", "a\tb", "a\nb", "  a  ", "\x07"]

    cells = column_of(NAME, [*texts], path=path)

    assert [cell.value or "" for cell in cells] == ["ab"] * 5 + ["a\tb", "a\nb", "  a  ", ""]


@settings(max_examples=20)
@given(texts=st.lists(st.text(), min_size=20, max_size=100))
def test_every_text_gives_a_file_that_opens(texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        cells = column_of(NAME, [*texts], path=Path(folder) / "usage.xlsx")

    assert len(cells) == len(texts)
    assert {cell.data_type for cell in cells} <= {"s", "n"}  # "n" is openpyxl's word for an empty cell


@pytest.mark.parametrize("text", ["王小明", "Иван Петров", "Björn & Söhne <GmbH>", "🙂", "مرحبا"])
def test_text_of_every_script_reads_back(path: Path, text: str) -> None:
    (cell,) = column_of(NAME, [text], path=path)

    assert cell.value == text


def test_a_text_longer_than_a_cell_is_cut_between_characters(path: Path) -> None:
    (cell,) = column_of(NAME, ["🙂" * 20_000], path=path)

    assert cell.value == "🙂" * 16_383


def test_nothing_to_say_is_an_empty_cell(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, CHARGE, STARTED), [(None,) * 4, ("Ana", 1, 1, EIGHT)])])

    assert values(openpyxl.load_workbook(path)["Usage"])[1] == (None, None, None, None)


def test_a_sheet_without_rows_says_so(path: Path) -> None:
    count = write_workbook(path, [Sheet("Usage", (NAME, CHARGE), [], total_columns=("Charge",))])

    assert count == 0
    assert values(openpyxl.load_workbook(path)["Usage"]) == [("Name", "Charge"), ("No rows", None)]


def test_the_header_stays_in_sight_and_filters_the_rows_but_not_the_total(path: Path) -> None:
    rows = [("Ana", 13_500), ("Ben", 27_000)]

    write_workbook(path, [Sheet("Usage", (NAME, CHARGE), rows, note="USD", total_columns=("Charge",))])

    sheet = openpyxl.load_workbook(path)["Usage"]
    assert sheet["A1"].value == "USD"
    assert sheet["A3"].font.bold
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A4", "A3:B5")
    assert sheet.print_title_rows == "$3:$3"


def test_totals_are_added_up_exactly_in_a_bold_last_row(path: Path) -> None:
    rows = [("Ana", 60, 100_000), ("Ben", None, 200_000), ("Cem", 30, None)]

    write_workbook(path, [Sheet("Usage", (NAME, SECONDS, CHARGE), rows, total_columns=("Seconds", "Charge"))])

    sheet = openpyxl.load_workbook(path)["Usage"]
    assert values(sheet)[-1] == ("Total", 90, 0.3)
    assert all(cell.font.bold for cell in sheet[sheet.max_row])


@pytest.mark.parametrize("name", ["Name", "Minutes"])
def test_only_columns_of_numbers_are_totalled(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Sheet("Usage", (NAME, CHARGE), [], total_columns=(name,))


def test_a_summary_stands_first_and_knows_what_came_after_it(path: Path) -> None:
    seen: list[int] = []

    def usage() -> Iterator[tuple[str, int]]:
        for amount_micros in (1_000_000, 2_000_000):
            seen.append(amount_micros)
            yield "Ana", amount_micros

    def summary() -> Iterator[tuple[int, int]]:
        yield len(seen), sum(seen)

    totals = Sheet("Totals", (Column("Calls", ColumnKind.WHOLE), CHARGE), summary(), is_summary=True)
    count = write_workbook(path, [totals, Sheet("Usage", (NAME, CHARGE), usage())])

    workbook = openpyxl.load_workbook(path)
    assert count == 2
    assert workbook.sheetnames == ["Totals", "Usage"]
    assert values(workbook["Totals"])[1] == (2, 3)


def test_excel_s_limit_is_the_default() -> None:
    assert excel.SHEET_ROWS_MAX == 1_048_576
    assert write_workbook.__kwdefaults__["sheet_rows_max"] == excel.SHEET_ROWS_MAX


@pytest.mark.parametrize(
    ("rows", "sheets"),
    [(3, ["Usage"]), (4, ["Usage", "Usage (2)"]), (7, ["Usage", "Usage (2)", "Usage (3)"])],
)
def test_rows_beyond_the_limit_go_on_in_another_sheet(path: Path, rows: int, sheets: list[str]) -> None:
    numbers = list(range(rows))

    count = write_workbook(path, [Sheet("Usage", (SECONDS,), [[number] for number in numbers])], sheet_rows_max=4)

    workbook = openpyxl.load_workbook(path)
    assert count == rows
    assert workbook.sheetnames == sheets
    assert all(values(sheet)[0] == ("Seconds",) for sheet in workbook)
    assert [value for sheet in workbook for (value,) in values(sheet)[1:]] == numbers
    assert all(sheet.max_row <= 4 for sheet in workbook)
    assert all(sheet.auto_filter.ref == f"A1:A{sheet.max_row}" for sheet in workbook)


def test_a_total_that_finds_the_sheet_full_goes_on_too(path: Path) -> None:
    sheet = Sheet("Usage", (NAME, SECONDS), [("Ana", 1), ("Ben", 2), ("Cem", 3)], total_columns=("Seconds",))

    write_workbook(path, [sheet], sheet_rows_max=4)

    workbook = openpyxl.load_workbook(path)
    assert values(workbook["Usage (2)"]) == [("Name", "Seconds"), ("Total", 6)]
    assert workbook["Usage (2)"].auto_filter.ref == "A1:B1"


def test_a_continued_sheet_keeps_within_excel_s_title_length(path: Path) -> None:
    write_workbook(path, [Sheet("U" * 31, (SECONDS,), [[1], [2]])], sheet_rows_max=2)

    assert openpyxl.load_workbook(path).sheetnames == ["U" * 31, "U" * 27 + " (2)"]


def test_progress_is_told_now_and_then_and_at_the_end(path: Path) -> None:
    told: list[int] = []

    write_workbook(path, [Sheet("Usage", (SECONDS,), ([n] for n in range(2_500)))], progress=told.append)

    assert told == [1_000, 2_000, 2_500]


def test_columns_are_as_wide_as_what_stands_in_them_within_reason(path: Path) -> None:
    columns = (NAME, Column("Note", ColumnKind.TEXT), STARTED)

    write_workbook(path, [Sheet("Usage", columns, [("a" * 30, "b" * 500, EIGHT)])])

    widths = openpyxl.load_workbook(path)["Usage"].column_dimensions
    assert 30 <= widths["A"].width <= 36
    assert 40 <= widths["B"].width <= 46
    assert widths["C"].width >= 19


def test_the_file_says_what_it_is_and_not_who_made_it(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME,), [])], title="Usage, November 2026")

    properties = openpyxl.load_workbook(path).properties
    assert (properties.title, properties.subject) == ("Usage, November 2026", "Talktime")
    assert not properties.creator
    assert not properties.lastModifiedBy


def test_a_failure_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    def failing() -> Iterator[tuple[str]]:
        yield ("new",)
        raise ConnectionError("the database went away")

    path.write_text("the old file")
    with pytest.raises(ConnectionError, match="went away"):
        write_workbook(path, [Sheet("Usage", (NAME,), failing())])

    assert path.read_text() == "the old file"
    assert list(path.parent.iterdir()) == [path]


def test_success_replaces_the_old_file_and_leaves_nothing_else(path: Path) -> None:
    path.write_text("the old file")

    write_workbook(path, [Sheet("Usage", (NAME,), [["new"]])])

    assert openpyxl.load_workbook(path)["Usage"]["A2"].value == "new"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_has_the_permissions_of_any_new_file(path: Path) -> None:
    ordinary = path.with_name("ordinary")
    ordinary.touch()

    write_workbook(path, [Sheet("Usage", (NAME,), [])])

    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_workbook(tmp_path / "absent" / "usage.xlsx", [Sheet("Usage", (NAME,), [])])


@pytest.mark.parametrize("titles", [["a/b"], ["U" * 32], ["Usage", "usage"]])
def test_a_title_that_excel_does_not_take_is_refused(path: Path, titles: list[str]) -> None:
    with pytest.raises(ValueError, match=r"(?i)sheet"):
        write_workbook(path, [Sheet(title, (NAME,), []) for title in titles])

    assert not path.exists()


@pytest.mark.parametrize(
    ("column", "cell"),
    [(CHARGE, 0.0135), (CHARGE, "0.0135"), (SECONDS, True), (NAME, 44), (STARTED, 45_000)],
)
def test_a_cell_of_another_kind_is_refused_by_the_name_of_its_column(path: Path, column: Column, cell: object) -> None:
    with pytest.raises(TypeError, match=column.name):
        column_of(column, [cell], path=path)


def test_a_whole_number_that_excel_would_change_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="make it text"):
        column_of(SECONDS, [10**15], path=path)


def test_no_shared_text_is_kept_in_memory_or_in_the_file(path: Path) -> None:
    write_workbook(path, [Sheet("Usage", (NAME,), [["Ana"]])])

    with ZipFile(path) as archive:
        assert "xl/sharedStrings.xml" not in archive.namelist()


def test_200_000_rows_need_no_more_memory_than_a_few(path: Path) -> None:
    def rows() -> Iterator[tuple[str, int]]:
        for number in range(200_000):
            # Tracing is slow, and a row that is kept shows among the last as among the first.
            if number == 180_000:
                tracemalloc.start()
            yield f"call {number}", number * 13

    try:
        count = write_workbook(path, [Sheet("Usage", (NAME, CHARGE), rows(), total_columns=("Charge",))])
        _now, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 200_000
    assert peak_bytes < MEMORY_MAX_BYTES
