"""What people bring: each mistake is named, or mended where it can mean only one thing."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from talktime.core.insight.importing.cells import CellTerms, DateOrder
from talktime.core.insight.importing.reading import ReadingTerms
from talktime.core.values.errors import Invalid, NotFound
from talktime.imports.usage import HowToRead, UsageFormat, count_lines
from tests.imports.usage.exports import NOW, OF_2025, calls, lines, notes, row, saved, text_of

TWO = text_of([row(), row(UsageId="2")])


def refused(path: Path, how: HowToRead | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        lines(path, how or HowToRead(ReadingTerms(NOW)))
    return caught.value


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_recognized(delimiter: str, tmp_path: Path) -> None:
    assert len(calls(saved(tmp_path, text_of([row()], delimiter=delimiter)))) == 1


def test_a_delimiter_that_excel_declares_is_taken(tmp_path: Path) -> None:
    path = saved(tmp_path, "sep=;\r\n" + text_of([row(), row(Charge="x")], delimiter=";"))

    assert [line.line for line in lines(path)] == [3, 4]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", ["read as UTF-16"]),
        ("cp1252", ["not UTF-8: read as Windows-1252"]),
    ],
)
def test_every_encoding_of_the_last_decades_is_read(encoding: str, note: list[str], tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(User_Display_Name="Zoë Müller")]).encode(encoding))

    assert [call.user_name for call in calls(path)] == ["Zoë Müller"]
    assert notes(path) == note


def test_a_late_byte_that_is_no_utf8_is_one_of_windows(tmp_path: Path) -> None:
    rows = [row(UsageId=str(number)) for number in range(6_000)]
    content = text_of(rows).encode() + ",".join(row(User_Display_Name="Zoë \x81")).encode("latin-1") + b"\r\n"

    *_, last = lines(saved(tmp_path, content))

    assert len(content) > 1_000_000
    assert last.call is not None
    assert last.call.user_name == "Zoë \ufffd"


def test_local_dates_are_refused_until_their_order_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(Start_Time="01/02/2026 09:30", End_Time="01/02/2026 09:31")]))
    told = HowToRead(ReadingTerms(NOW, CellTerms(date_order=DateOrder.MONTH_FIRST)))

    (line,) = lines(path)
    (call,) = calls(path, told)

    assert line.reject is not None
    assert (line.reject.column, line.reject.value) == ("Start Time", "01/02/2026 09:30")
    assert "--dates" in line.reject.reason
    assert (call.started_at.month, call.started_at.day) == (1, 2)


def test_decimal_commas_are_refused_until_they_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(Charge="1.234,05")], delimiter=";"))
    told = HowToRead(ReadingTerms(NOW, CellTerms(decimal_comma=True)))

    (line,) = lines(path)

    assert line.reject is not None
    assert "--decimal-comma" in line.reject.reason
    assert calls(path, told)[0].charge_micros == 1_234_050_000


@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [
        ({"User_Display_Name": "=cmd|' /C calc'!A0"}, "User Display Name", "is a formula"),
        ({"Destination_Dialed": "@SUM(A1)"}, "Destination Dialed", "is a formula"),
        ({"Start_Time": "2027-01-01T00:00:00Z"}, "Start Time", "lies in the future"),
        ({"Duration_Seconds": "-60"}, "Duration Seconds", "is negative"),
        ({"User_Display_Name": "x" * 5_000}, "User Display Name", "has 5,000 characters, more than 1,000"),
        ({"User_Display_Name": "A\0da"}, "", "NUL byte"),
    ],
)
def test_a_row_that_is_no_call_is_rejected_alone(
    changed: dict[str, str], column: str, reason: str, tmp_path: Path
) -> None:
    # Far enough behind the beginning that the file is no binary.
    rows = [row(UsageId=str(number)) for number in range(6_000)]

    found = lines(saved(tmp_path, text_of([*rows, row(**changed), row(UsageId="last")])))

    *_, rejected, last = found
    assert rejected.reject is not None
    assert (rejected.line, rejected.reject.column) == (6_002, column)
    assert reason in rejected.reject.reason
    assert last.call is not None


def test_what_our_own_export_made_harmless_is_read_as_it_was(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(User_Display_Name="'=cmd|x", Caller_ID='"=""0049301234567"""')]))

    (call,) = calls(path)

    assert (call.user_name, call.caller) == ("=cmd|x", "49301234567")


def test_a_quote_that_is_never_closed_costs_its_lines_and_no_more(tmp_path: Path) -> None:
    broken = text_of([row(User_Display_Name='"Ada')]) + "x" * 140_000 + "\r\n" + ",".join(row()) + "\r\n"

    found = lines(saved(tmp_path, broken))

    assert found[0].reject is not None
    assert "no CSV" in found[0].reject.reason
    assert found[-1].call is not None


def test_rows_of_another_width_are_rejected_but_a_last_comma_is_not(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row()[:-1], [*row(), ""], [*row(), "x"], ["", ""]]))

    short, with_comma, long = lines(path)

    assert short.reject is not None
    assert short.reject.reason == "the row has 24 cells, the header 25"
    assert with_comma.call is not None
    assert long.reject is not None


@pytest.mark.parametrize("content", [b"", b"  \r\n\r\n", b"\xef\xbb\xbf\r\n", b"\xff\xfe"])
def test_an_empty_file_is_said_to_be_empty(content: bytes, tmp_path: Path) -> None:
    assert refused(saved(tmp_path, content)).code == "usage_file_empty"


def test_a_file_with_a_header_alone_has_no_calls(tmp_path: Path) -> None:
    assert lines(saved(tmp_path, text_of([]))) == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        lines(tmp_path / "none.csv")


def test_missing_columns_are_named_with_those_that_are_there(tmp_path: Path) -> None:
    failure = refused(saved(tmp_path, "Name,Amount\r\nAda,5\r\n"))

    assert failure.code == "usage_columns"
    assert "no column says started_at and used_seconds or ended_at" in failure.message
    assert "'Name', 'Amount'" in failure.message


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(64), "old .xls"),
        (b"MZ\x90\x00" + bytes(64), "no text"),
    ],
)
def test_a_file_of_another_type_is_named(content: bytes, word: str, tmp_path: Path) -> None:
    failure = refused(saved(tmp_path, content))

    assert failure.code == "usage_file_type"
    assert word in failure.message


def test_a_line_without_an_end_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    failure = refused(saved(tmp_path, text_of([row()]) + "x" * 1_500_000))

    assert failure.code == "usage_line_too_long"


@pytest.mark.parametrize("piece", ['"abc\n",', '"' + "a" * 2_000 + '\n",'], ids=["lines", "characters"])
def test_a_row_of_quoted_line_breaks_without_an_end_is_refused_before_it_fills_memory(
    piece: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, text_of([row(), row(UsageId="2")]) + piece * 100_000)

    tracemalloc.start()
    try:
        failure = refused(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert failure.code == "usage_row_too_long"
    assert "line 4: the row that begins here" in failure.message
    assert peak_bytes < 32 << 20


def test_a_row_may_have_line_breaks_in_quotes_and_so_may_the_next(tmp_path: Path) -> None:
    broken = [row(UsageId=str(number), Operator='"' + "x\n" * 900 + '"') for number in range(3)]

    assert [line.line for line in lines(saved(tmp_path, text_of(broken)))] == [2, 903, 1_804]


# ── archives ────────────────────────────────────────────────────────────────────────────────────────────────


def zipped(folder: Path, parts: dict[str, str | bytes], name: str = "Export.callingplans.1.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


def test_the_zip_of_an_export_is_read_file_by_file(tmp_path: Path) -> None:
    path = zipped(
        tmp_path,
        {
            "parameters.json": '{"startDateTime": "2026-03-01", "capabilities": ["MCOPSTNPP"]}',
            "PSTN.calls.2026-03-10.csv": TWO,
            "PSTN.calls.2026-03-11.csv": text_of([row(Charge="x")]),
            "readme.md": "hello",
        },
    )

    found = lines(path)

    assert [(line.part, line.note) for line in found if line.note] == [
        ("parameters.json", "asked for: startDateTime 2026-03-01"),
        ("readme.md", "no file of calls: left aside"),
    ]
    assert [line.line for line in found if line.call] == [2, 3]
    assert [(line.part, line.line) for line in found if line.reject] == [("PSTN.calls.2026-03-11.csv", 2)]


@pytest.mark.parametrize("parameters", ["no json", "[1]", "{}", "[" * 100_000])
def test_parameters_that_say_nothing_are_left_aside(parameters: str, tmp_path: Path) -> None:
    path = zipped(tmp_path, {"parameters.json": parameters, "PSTN.calls.csv": TWO})

    assert next(line.note for line in lines(path) if line.note).endswith("left aside")
    assert len(calls(path)) == 2


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_a_truncated_zip_is_refused(kept: float, tmp_path: Path) -> None:
    whole = zipped(tmp_path, {"PSTN.calls.csv": text_of([row(UsageId=str(number)) for number in range(500)])})
    content = whole.read_bytes()

    failure = refused(saved(tmp_path, content[: int(len(content) * kept)], "cut.zip"))

    assert failure.code == "usage_zip"
    assert "download it again" in failure.message


def test_a_zip_that_is_damaged_inside_is_refused_where_the_damage_is(tmp_path: Path) -> None:
    whole = zipped(tmp_path, {"PSTN.calls.csv": text_of([row(UsageId=str(number)) for number in range(3_000)])})
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF

    assert refused(saved(tmp_path, bytes(content), "damaged.zip")).code == "usage_zip"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"PSTN.calls.csv": b"0" * 200_000_000})

    assert path.stat().st_size < 400_000
    assert refused(path).code == "usage_zip_too_large"


def test_a_zip_of_too_many_files_or_of_none_is_refused(tmp_path: Path) -> None:
    many = zipped(tmp_path, {f"{number}.csv": "" for number in range(1_001)})
    assert refused(many).code == "usage_zip_too_large"

    none = zipped(tmp_path, {"picture.png": b"x"})
    assert refused(none).message.endswith("but picture.png")


def test_lines_are_counted_before_they_are_read_where_that_is_possible(tmp_path: Path) -> None:
    assert count_lines(saved(tmp_path, TWO)) == 3
    assert count_lines(saved(tmp_path, "[]", "pages.json")) is None
    assert count_lines(zipped(tmp_path, {"PSTN.calls.csv": TWO})) is None
    assert count_lines(tmp_path / "none.csv") is None


def test_a_file_that_is_said_to_be_csv_is_read_as_such(tmp_path: Path) -> None:
    path = saved(tmp_path, "[start time],duration\n2026-03-02T12:00:00Z,5\n")

    failure = refused(path)
    (line,) = lines(path, HowToRead(ReadingTerms(NOW), UsageFormat.CSV))

    assert failure.code == "usage_json"
    assert line.reject is not None
    assert OF_2025[8] not in line.reject.reason
