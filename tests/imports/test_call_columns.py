"""Call files as columns: what machines write is read by column, anything else as call_files.py reads it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from talktime.bulk.engines.local import LocalEngine
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rated_calls import RatesInForce
from talktime.core.rates.rating import SECONDS_PER_DAY, Price, PriceStep, TimeProfile, Window
from talktime.core.values.errors import Invalid, NotFound
from talktime.imports.call_columns import BLOCK_BYTES, RefusedRow, open_call_columns
from talktime.imports.call_files import read_call_file

HEADER = "caller,called,started_at,used_seconds"
LINE = "+442079460001,+4930123456,2026-03-01T09:30:00Z,61"


def written(tmp_path: Path, *lines: str, name: str = "calls.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def read(
    path: Path,
    zone: ZoneInfo | None = None,
    direction: Direction = Direction.OUTBOUND,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[list[dict[str, object]], list[RefusedRow]]:
    calls: list[dict[str, object]] = []
    refused: list[RefusedRow] = []
    for batch in open_call_columns(path, zone, direction, block_bytes=block_bytes).batches:
        calls += batch.calls.to_pylist()
        refused += batch.refused
    return calls, sorted(refused, key=lambda each: each.row)


def test_a_call_is_read_with_its_row(tmp_path: Path) -> None:
    calls, refused = read(written(tmp_path, HEADER, LINE))

    assert refused == []
    assert calls == [
        {
            "row": 1,
            "call_id": None,
            "caller": "442079460001",
            "called": "4930123456",
            "started_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            "used_seconds": 61,
        }
    ]


def test_other_writings_and_names_of_columns_are_read_too(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "UniqueId;A number;destination_number;start stamp;billsec",
        'x1;"sip:+44 20 7946 0123@host;user=phone";00 49 (30) 123456;2026-03-01 10:00:00+01:00;12.5',
        "x2;alice@example.org;4930123456;2026-03-01T09:00Z;3600.0",
        encoding="utf-8-sig",
    )

    calls, refused = read(path)

    assert refused == []
    assert [(call["call_id"], call["caller"], call["called"], call["used_seconds"]) for call in calls] == [
        ("x1", "442079460123", "4930123456", 13),
        ("x2", "alice@example.org", "4930123456", 3_600),
    ]
    assert {call["started_at"] for call in calls} == {datetime(2026, 3, 1, 9, tzinfo=UTC)}


def test_rows_that_hold_no_call_are_refused_with_their_number_and_why(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        HEADER,
        LINE,
        "1,2",
        "1,4930123456,2026-02-30T10:00:00Z,5",
        "1,,2026-02-03T10:00:00Z,5",
        "1,4930123456,2026-02-03T10:00:00,5",
        "1,4930123456,2026-02-03T10:00:00Z,86401",
        "1,4930123456,2026-02-03T10:00:00Z,-1",
        "1,2,3,4,5",
        LINE,
    )

    calls, refused = read(path)

    assert [call["row"] for call in calls] == [1, 9]
    assert [each.row for each in refused] == [2, 3, 4, 5, 6, 7, 8]
    reasons = ("2 cells", "no instant", "to is missing", "time zone", "longer than a day", "from 0 up", "5 cells")
    for each, reason in zip(refused, reasons, strict=True):
        assert reason in each.reason


def test_row_numbers_stand_across_blocks(tmp_path: Path) -> None:
    lines = [LINE if number % 97 else "torn" for number in range(1, 3_001)]

    calls, refused = read(written(tmp_path, HEADER, *lines), block_bytes=4_096)

    assert [each.row for each in refused] == [number for number in range(1, 3_001) if number % 97 == 0]
    assert [call["row"] for call in calls] == [number for number in range(1, 3_001) if number % 97]


def test_columns_and_single_cells_are_read_alike(tmp_path: Path) -> None:
    dice = Random(5)
    lines = [
        ",".join(
            (
                dice.choice(("442079460001", "+1 212 555 0100", "bob@example.org", "")),
                dice.choice(("4930123456", "004930123456", "+33 1 40205050", "112", "", "0")),
                dice.choice(
                    ("2026-03-01T09:30:00Z", "2026-03-29 02:30:00", "2026-10-25T01:30:00", "2026-13-01T00:00:00Z")
                ),
                dice.choice(("0", "7", "7.2", "99999", "", "00012", "x")),
            )
        )
        for _ in range(300)
    ]
    path, zone = written(tmp_path, HEADER, *lines), ZoneInfo("Europe/London")

    calls, refused = read(path, zone)

    one_by_one = list(read_call_file(path, zone))
    assert [
        (call["row"], call["caller"], call["called"], call["started_at"], call["used_seconds"]) for call in calls
    ] == [
        (line.line - 1, line.call.caller, line.call.called, line.call.started_at, line.call.duration_seconds)
        for line in one_by_one
        if line.call is not None
    ]
    assert [each.row for each in refused] == [line.line - 1 for line in one_by_one if line.call is None]


def test_calls_of_another_direction_are_not_rated_as_though_they_were_of_this_one(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER},kind", *(f"{LINE},{kind}" for kind in ("", "user_out", "in", "IN", "odd")))

    outbound, refused = read(path)
    inbound, _ = read(path, direction=Direction.TOLL_FREE_INBOUND)

    assert [call["row"] for call in outbound] == [1, 2]
    assert [(each.row, each.reason.partition(",")[0]) for each in refused] == [
        *((3, "the call is user_in"), (4, "the call is user_in"), (5, "kind 'odd' is no kind of call")),
    ]
    assert [call["row"] for call in inbound] == [1, 3, 4]


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    path = tmp_path / "calls.parquet"
    table = pa.table(
        {
            "caller": ["442079460001", None],
            "called": pa.array([4930123456, 4930123457]),
            "started_at": pa.array([at, at], pa.timestamp("ms", "UTC")),
            "used_seconds": pa.array([61.5, None], pa.float64()),
            "more": [1, 2],
        }
    )
    pq.write_table(table, path)

    calls, refused = read(path)

    assert open_call_columns(path, None, Direction.OUTBOUND).rows_count == 2
    assert [(call["called"], call["started_at"], call["used_seconds"]) for call in calls] == [("4930123456", at, 62)]
    assert refused == [RefusedRow(2, "used_seconds is missing")]


def test_local_times_of_parquet_need_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    local = pa.array([datetime(2026, 7, 1, 9, 30)], pa.timestamp("us"))  # noqa: DTZ001 -- the file states no zone
    pq.write_table(pa.table({"from": ["1"], "to": ["4930123456"], "start": local, "billsec": [5]}), path)

    _, refused = read(path)
    calls, _ = read(path, ZoneInfo("Europe/London"))

    assert "time zone" in refused[0].reason
    assert calls[0]["started_at"] == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


def test_files_that_cannot_be_read_as_a_whole_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(Invalid, match="no column for started_at"):
        read(written(tmp_path, "caller,called,used_seconds", "1,2,3"))
    with pytest.raises(Invalid, match="first line is empty"):
        read(written(tmp_path, "", HEADER))
    with pytest.raises(Invalid, match="no Parquet file"):
        read(written(tmp_path, HEADER, LINE, name="calls.parquet"))
    with pytest.raises(Invalid, match="cannot be read beyond row 0"):
        read(written(tmp_path, HEADER, "Zoë,4930123456,2026-03-01T09:30:00Z,61", encoding="latin-1"))


def test_a_line_that_names_the_delimiter_is_read_over(tmp_path: Path) -> None:
    calls, refused = read(written(tmp_path, "sep=;", HEADER.replace(",", ";"), LINE.replace(",", ";"), "torn"))

    assert [call["row"] for call in calls] == [1]
    assert [each.row for each in refused] == [2]


AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def parquet(tmp_path: Path, **columns: object) -> Path:
    """Write two calls, of which the second has something to be refused for in one of these columns."""
    table = {
        "caller": ["442079460001"] * 2,
        "called": ["4930123456"] * 2,
        "started_at": pa.array([AT] * 2, pa.timestamp("us", "UTC")),
        "used_seconds": [61, 62],
        **columns,
    }
    pq.write_table(pa.table(table), tmp_path / "calls.parquet")
    return tmp_path / "calls.parquet"


def test_a_local_start_that_is_missing_is_refused_by_its_row(tmp_path: Path) -> None:
    local = pa.array([AT.replace(tzinfo=None), None], pa.timestamp("us"))

    calls, refused = read(parquet(tmp_path, started_at=local), ZoneInfo("UTC"))

    assert [call["started_at"] for call in calls] == [AT]
    assert refused == [RefusedRow(2, "the start is missing")]


@pytest.mark.parametrize("zone", ["UTC", None])
def test_what_is_finer_than_a_microsecond_is_cut_off(tmp_path: Path, zone: str | None) -> None:
    nanos = int(AT.timestamp()) * 10**9 + 123_456_789

    calls, refused = read(
        parquet(tmp_path, started_at=pa.array([nanos] * 2, pa.timestamp("ns", zone))), ZoneInfo("UTC")
    )

    assert {call["started_at"] for call in calls} == {AT.replace(microsecond=123_456)}
    assert refused == []


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_bytes_that_are_no_text_are_refused_by_their_row(tmp_path: Path, kind: pa.DataType) -> None:
    calls, refused = read(parquet(tmp_path, called=pa.array([b"4930123456", b"49\xff"], kind)))

    assert [call["called"] for call in calls] == ["4930123456"]
    assert refused == [RefusedRow(2, "to is no UTF-8 text")]


def test_text_that_is_no_text_is_refused_by_its_row_too(tmp_path: Path) -> None:
    cells = pa.array([b"4930123456", b"49\xff"], pa.binary())
    unchecked = pa.Array.from_buffers(pa.string(), 2, cells.buffers())

    calls, refused = read(parquet(tmp_path, called=unchecked))

    assert [call["row"] for call in calls] == [1]
    assert refused == [RefusedRow(2, "to is no UTF-8 text")]


@pytest.mark.parametrize(
    "called",
    [
        pa.array([442079460000.0, None]),
        pa.array([Decimal("442079460000.00"), None]),
        pa.array(["442079460000", None]).dictionary_encode(),
        pa.array(["442079460000", None], pa.large_string()),
    ],
)
def test_a_number_is_its_digits_whatever_type_a_column_has(tmp_path: Path, called: pa.Array) -> None:
    calls, refused = read(parquet(tmp_path, called=called))

    assert [call["called"] for call in calls] == ["442079460000"]
    assert refused == [RefusedRow(2, "to is missing")]


def test_columns_of_lists_and_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"calls\.parquet: column 'called' holds list<.*; a cell of a call is one text"):
        read(parquet(tmp_path, called=[["1"], ["2"]]))
    path = parquet(tmp_path, caller=[f"4420794{number:05}" for number in range(2)])
    whole = path.read_bytes()
    path.write_bytes(b"PAR1" + bytes(100) + whole[104:])
    with pytest.raises(Invalid, match=r"calls\.parquet cannot be read beyond row 0"):
        read(path)


def test_an_instant_too_large_to_be_one_is_not_read_as_another(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read beyond row 0"):
        read(parquet(tmp_path, started_at=pa.array([0, 2**60], pa.timestamp("ms", "UTC"))))


def test_lines_that_end_as_on_an_old_mac_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(f"{HEADER}\r{LINE}\rtorn\r{LINE}\r".encode())

    calls, refused = read(path)

    assert [call["row"] for call in calls] == [1, 3]
    assert [each.row for each in refused] == [2]


@pytest.mark.parametrize(
    "start",
    [
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "9999-01-01T00:00:00Z", "9999-12-31T23:59-12:00"),
        *("0001-01-01T00:00:00+10:00", "0001-12-31T23:59:59Z", "0001-01-01T00:00+10:00"),
    ],
)
def test_starts_of_years_in_which_no_price_can_be_looked_up_are_refused(tmp_path: Path, start: str) -> None:
    calls, refused = read(written(tmp_path, HEADER, f"1,4930123456,{start},5", LINE))

    assert [call["row"] for call in calls] == [2]
    assert refused == [RefusedRow(1, "the start is not in the years from 2 to 9998")]


def test_the_first_and_the_last_start_that_are_taken_can_be_rated_by_the_hour(tmp_path: Path) -> None:
    halves = (TimeProfile("am", _windows(0, 43_200)), TimeProfile("pm", _windows(43_200, SECONDS_PER_DAY)))
    prices = tuple(Price(0, (PriceStep(0, 60, 10**9),), half) for half in halves)
    first, last = "0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z"
    path = written(tmp_path, HEADER, *(f"1,442079460000,{start},86400" for start in (first, last)))

    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        rate = Rate(Direction.OUTBOUND, "44", "", "United Kingdom", prices, blocked=False)
        deck = RateDeck(version_id=1, terms=DeckTerms("USD", ZoneInfo(zone)), rates=[rate])
        published = (DeckPublication(1, datetime(1, 1, 1, tzinfo=UTC)),)
        rates = RatesInForce(Direction.OUTBOUND, published, {1: deck})
        (calls,) = open_call_columns(path, None, Direction.OUTBOUND).batches
        (rated,) = LocalEngine().rate(rates, [calls.calls])

        assert rated.column("cost_micros").to_pylist() == [1_440_000_000] * 2


def _windows(from_second: int, to_second: int) -> tuple[Window, ...]:
    return tuple(Window(weekday, from_second, to_second) for weekday in range(7))
