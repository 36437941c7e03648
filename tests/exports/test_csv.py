import csv
import io
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports.csv import write_csv

MICRO = Fraction(1, 1_000_000)
MEMORY_MAX_BYTES = 1_000_000  # 20,000 rows, were they kept, are 3 million
NAME = Column("Name", ColumnKind.TEXT)
SECONDS = Column("Seconds", ColumnKind.WHOLE)
CHARGE = Column("Charge", ColumnKind.MONEY)
STARTED = Column("Start Time", ColumnKind.INSTANT)

amounts_micros = st.integers(-(2**63), 2**63 - 1)


def written(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, money_decimals: int | None = None) -> str:
    stream = io.StringIO(newline="")
    write_csv(stream, columns, rows, money_decimals=money_decimals)
    return stream.getvalue()


def written_cell(column: Column, cell: object, *, money_decimals: int | None = None) -> str:
    text = written([column], [[cell]], money_decimals=money_decimals)
    _header, (read_back,) = csv.reader(io.StringIO(text, newline=""))
    return read_back


def test_a_report_is_a_header_and_rows_with_rfc_4180_line_ends() -> None:
    rows = [("Ana", 60, 13_500, datetime(2026, 11, 21, 8, tzinfo=UTC)), (None, None, None, None)]

    text = written([NAME, SECONDS, CHARGE, STARTED], rows)

    assert text == "Name,Seconds,Charge,Start Time\r\nAna,60,0.0135,2026-11-21T08:00:00Z\r\n,,,\r\n"


def test_the_number_of_rows_is_returned() -> None:
    assert write_csv(io.StringIO(), [NAME], [["Ana"], ["Ben"]]) == 2


def test_an_empty_report_is_its_header() -> None:
    assert written([NAME, CHARGE], []) == "Name,Charge\r\n"


@pytest.mark.parametrize(
    ("amount_micros", "text"),
    [
        (0, "0.00"),
        (12_300, "0.0123"),
        (12_300_000, "12.30"),
        (200_000_000, "200.00"),
        (1, "0.000001"),
        (-13_500, "-0.0135"),
    ],
)
def test_money_is_written_with_all_its_decimals_and_at_least_two(amount_micros: int, text: str) -> None:
    assert written_cell(CHARGE, amount_micros) == text


@given(amount_micros=amounts_micros)
def test_money_reads_back_to_the_micro(amount_micros: int) -> None:
    assert Fraction(written_cell(CHARGE, amount_micros)) == amount_micros * MICRO


@given(amount_micros=amounts_micros, decimals=st.integers(0, 6))
def test_rounded_money_is_the_nearest_and_the_half_goes_away_from_zero(amount_micros: int, decimals: int) -> None:
    unit = Fraction(1, 10**decimals)

    text = written_cell(CHARGE, amount_micros, money_decimals=decimals)

    size, rounded_size = abs(amount_micros) * MICRO, abs(Fraction(text))
    assert -unit / 2 < size - rounded_size < unit / 2 or rounded_size - size == unit / 2
    assert len(text.partition(".")[2]) == decimals
    assert Fraction(text) * amount_micros >= 0


@pytest.mark.parametrize(
    ("amount_micros", "text"),
    [(5_000, "0.01"), (4_999, "0.00"), (-5_000, "-0.01"), (-4_999, "0.00"), (12_300_000, "12.30")],
)
def test_the_original_width_has_two_decimals(amount_micros: int, text: str) -> None:
    assert written_cell(CHARGE, amount_micros, money_decimals=2) == text


@pytest.mark.parametrize("decimals", [-1, 7])
def test_more_decimals_than_a_micro_has_are_refused(decimals: int) -> None:
    with pytest.raises(ValueError, match="0 to 6 decimals"):
        written([CHARGE], [], money_decimals=decimals)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 11, 21, 8, tzinfo=UTC), "2026-11-21T08:00:00Z"),
        (datetime(2026, 11, 21, 8, 0, 0, 250_000, tzinfo=UTC), "2026-11-21T08:00:00.250000Z"),
        (datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-21T02:30:00Z"),
    ],
)
def test_an_instant_is_written_in_utc(instant: datetime, text: str) -> None:
    assert written_cell(STARTED, instant) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_could_run_gets_an_apostrophe(start: str) -> None:
    text = f'{start}HYPERLINK("http://example.com","Ana")'

    assert written_cell(NAME, text) == f"'{text}"


@pytest.mark.parametrize("number", ["+442079460000", "+1", "+123456789012345", "+4930123456***"])
def test_a_phone_number_stays_as_it_is(number: str) -> None:
    assert written_cell(NAME, number) == number


@pytest.mark.parametrize(
    "text", ["+", "+44 20 7946 0000", "+1234567890123456", "+44-1", "+44\n", "+٤٤", "+44*2", "+44*****"]
)
def test_what_only_resembles_a_phone_number_gets_an_apostrophe(text: str) -> None:
    assert written_cell(NAME, text) == f"'{text}"


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back_but_for_the_apostrophe(text: str) -> None:
    assert written_cell(NAME, text) in {text, f"'{text}"}


@pytest.mark.parametrize("text", ["王小明", "Иван Петров", 'O"Neill, Ana', "two\r\nlines"])
def test_text_of_every_script_and_with_separators_reads_back(text: str) -> None:
    assert written_cell(NAME, text) == text


@pytest.mark.parametrize(
    ("column", "cell"), [(CHARGE, 0.0135), (CHARGE, "0.0135"), (SECONDS, True), (NAME, 44), (STARTED, "now")]
)
def test_a_cell_of_another_kind_is_refused_by_the_name_of_its_column(column: Column, cell: object) -> None:
    with pytest.raises(TypeError, match=column.name):
        written([column], [[cell]])


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Start Time"):
        written([STARTED], [[datetime(2026, 11, 21, 8)]])  # noqa: DTZ001 -- the mistake itself


@pytest.mark.parametrize("row", [["Ana"], ["Ana", 60, 1]])
def test_a_row_that_does_not_fit_its_header_is_refused(row: list[object]) -> None:
    with pytest.raises(ValueError, match="zip"):
        written([NAME, SECONDS], [row])


def test_200_000_rows_need_no_more_memory_than_a_few() -> None:
    class Nowhere(io.TextIOBase):
        def write(self, text: str) -> int:
            return len(text)

    def rows() -> Iterator[tuple[str, int]]:
        for number in range(200_000):
            # Tracing is slow, and a row that is kept shows among the last as among the first.
            if number == 180_000:
                tracemalloc.start()
            yield f"call {number}", number * 13

    try:
        count = write_csv(Nowhere(), [NAME, CHARGE], rows())
        _now, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 200_000
    assert peak_bytes < MEMORY_MAX_BYTES
