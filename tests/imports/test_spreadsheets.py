import csv
import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.errors import Invalid
from talktime.imports import spreadsheets
from talktime.imports.spreadsheets import read_sheet

Rows = list[tuple[int, tuple[str, ...]]]


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    return tmp_path / "rates.csv"


def rows_of(path: Path, data: bytes) -> Rows:
    path.write_bytes(data)
    return list(read_sheet(path))


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encodings_that_spreadsheets_write(text_file: Path, encoding: str) -> None:
    data = "prefix,destination\r\n225,Côte d’Ivoire\r\n".encode(encoding)

    assert rows_of(text_file, data) == [(1, ("prefix", "destination")), (2, ("225", "Côte d’Ivoire"))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_cuts_all_rows_alike(text_file: Path, delimiter: str) -> None:
    lines = ["destination;code;rate", "Peru, Lima;511;0,0123", "Peru;51;0,02"]
    data = "\n".join(lines).replace(";", delimiter) if delimiter != "," else "destination,code,rate\nPeru;x,51,0.1"

    rows = rows_of(text_file, data.encode())

    assert {len(cells) for _, cells in rows} == {3}


def test_a_delimiter_that_is_declared_is_taken(text_file: Path) -> None:
    assert rows_of(text_file, b"sep=;\r\na,b;c\r\n1,2;3\r\n") == [(2, ("a,b", "c")), (3, ("1,2", "3"))]


def test_a_cell_may_hold_delimiters_quotes_and_line_breaks(text_file: Path) -> None:
    data = b'a,b\n"x, ""y""\nz",2\n3,4\n'

    assert rows_of(text_file, data) == [(1, ("a", "b")), (2, ('x, "y"\nz', "2")), (4, ("3", "4"))]


def test_empty_lines_are_counted(text_file: Path) -> None:
    assert rows_of(text_file, b"title\n\na,b\n") == [(1, ("title",)), (2, ()), (3, ("a", "b"))]


def test_rows_may_be_read_again(text_file: Path) -> None:
    text_file.write_text("a,b\n1,2\n", "utf-8")
    sheet = read_sheet(text_file)

    assert list(sheet) == list(sheet)
    assert (sheet.name, sheet.rows_estimate) == ("rates.csv", 3)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "rates.csv: is empty"),
        (b" \n ", "rates.csv: is empty"),
        (b'a,b\n1,"2\n', "rates.csv, line 2: is no CSV: unexpected end of data"),
        (b'a,b\n1,2\n"3"x,4\n', "rates.csv, line 3: is no CSV"),
        (b"a,b\n\x00\x01,2", "is no text"),
        (b"\x81\x8d\x8f,b", "is no text"),
        (b"\xff\xfea", "is no text"),
        (b"a," + b"x" * 140_000, "line 1: is no CSV: field larger than field limit"),
    ],
)
def test_what_is_no_csv_is_refused_naming_the_place(text_file: Path, data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        rows_of(text_file, data)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=3, max_size=3),
        min_size=2,
        max_size=6,
    ).filter(lambda rows: any(any(map(str.strip, row)) for row in rows))
)
def test_what_is_written_as_csv_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["one", "two", "three"], *rows])
    path = tmp_path_factory.mktemp("csv") / "rates.csv"

    read = rows_of(path, stream.getvalue().encode())

    assert [list(cells) for _, cells in read][1:] == rows


# ── workbooks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_cells_of_a_workbook_become_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "rates.xlsx",
        Rates=[
            ["Vendor"],
            [],
            [93, 93.0, 436646570601, 0.2093, 0.00001, 0.1 + 0.2],
            ["93", True, None, date(2015, 10, 29), datetime(2015, 10, 29, 8, 30), time(8, 30)],  # noqa: DTZ001
        ],
    )

    sheet = read_sheet(path)

    assert list(sheet) == [
        (1, ("Vendor", "", "", "", "", "")),
        (2, ("", "", "", "", "", "")),
        (3, ("93", "93", "436646570601", "0.2093", "0.00001", "0.3")),
        (4, ("93", "true", "", "2015-10-29", "2015-10-29T08:30:00", "08:30:00")),
    ]
    assert (sheet.name, sheet.rows_estimate) == ("rates.xlsx, sheet Rates", 4)


def test_a_duration_is_text_too(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rates.xlsx", Rates=[[timedelta(hours=26), 1]])

    ((_, cells),) = read_sheet(path)

    assert cells[0] != ""


def test_the_first_sheet_is_read_unless_another_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rates.xlsx", Rates=[["a"]], Notes=[["b"]])

    assert list(read_sheet(path)) == [(1, ("a",))]
    assert list(read_sheet(path, sheet="Notes")) == [(1, ("b",))]
    with pytest.raises(Invalid, match="has no sheet 'Terms'; it has Rates, Notes"):
        read_sheet(path, sheet="Terms")


def test_prices_with_fifteen_digits_survive_a_workbook(tmp_path: Path) -> None:
    prices = [f"0.{digits:09d}" for digits in (123_456_789, 1, 31_135_104, 999_999_999, 100_000_001)]
    path = workbook(tmp_path / "rates.xlsx", Rates=[[float(price) for price in prices]])

    assert list(read_sheet(path)) == [(1, tuple(prices))]


def test_a_workbook_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1_000))

    with pytest.raises(Invalid, match=r"rates.xlsx: is protected by a password, or an old .xls file"):
        read_sheet(path)


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.xlsx"
    path.write_text("prefix,rate\n93,0.1\n", "utf-8")
    with pytest.raises(Invalid, match=r"rates.xlsx: is no XLSX workbook"):
        read_sheet(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no workbook")
    with pytest.raises(Invalid, match=r"rates.xlsx: is no XLSX workbook"):
        read_sheet(path)


def test_a_workbook_that_unfolds_without_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "rates.xlsx", Rates=[["a"]])
    monkeypatch.setattr(spreadsheets, "UNPACKED_MAX_BYTES", 1_000)

    with pytest.raises(Invalid, match="unpacks to more than"):
        read_sheet(path)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_too_large_is_refused(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "FILE_MAX_BYTES", 3)

    with pytest.raises(Invalid, match=r"rates.csv: is larger than"):
        rows_of(text_file, b"a,b\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"absent.csv: cannot be read: No such file"):
        read_sheet(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(Invalid, match=r"folder.csv: cannot be read: Is a directory"):
        read_sheet(tmp_path / "folder.csv")


@pytest.mark.parametrize("name", ["rates.xls", "rates.pdf", "rates"])
def test_other_formats_are_refused_saying_what_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match=r"save it as .csv or .xlsx"):
        read_sheet(tmp_path / name)


def test_a_text_file_has_no_sheets(text_file: Path) -> None:
    text_file.write_text("a,b\n", "utf-8")

    with pytest.raises(Invalid, match="only a workbook has sheets"):
        read_sheet(text_file, sheet="Rates")
