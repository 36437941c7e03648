from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports.parquet import write_parquet

COLUMNS = (
    Column("Name", ColumnKind.TEXT),
    Column("Seconds", ColumnKind.WHOLE),
    Column("Charge", ColumnKind.MONEY),
    Column("Start Time", ColumnKind.INSTANT),
    Column("Start Time Local", ColumnKind.LOCAL),
)
EIGHT = datetime(2026, 7, 21, 8, 0, 0, 250_000, tzinfo=UTC)


def row(name: str | None = "Ana", micros: int | None = 13_500) -> tuple[object, ...]:
    return name, 61, micros, EIGHT, EIGHT.astimezone(ZoneInfo("Asia/Taipei"))


def test_columns_are_typed_and_cells_read_back(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"

    count = write_parquet(path, COLUMNS, [row(), (None,) * 5])

    table = pq.read_table(path)
    assert count == 2
    assert table.schema.types == [
        pa.string(),
        pa.int64(),
        pa.decimal128(19, 6),
        pa.timestamp("us", tz="UTC"),
        pa.timestamp("us"),
    ]
    first, second = table.to_pylist()
    assert (first["Name"], first["Seconds"], first["Charge"]) == ("Ana", 61, Decimal("0.013500"))
    assert first["Start Time"] == EIGHT
    assert first["Start Time Local"] == datetime(2026, 7, 21, 16, 0, 0, 250_000)  # noqa: DTZ001 -- a wall clock
    assert set(second.values()) == {None}


@pytest.mark.parametrize("micros", [0, 1, -1, 999_999, -13_500, 2**63 - 1, -(2**63)])
def test_money_is_exact_to_the_micro_with_its_sign(tmp_path: Path, micros: int) -> None:
    path = tmp_path / "usage.parquet"

    write_parquet(path, COLUMNS[2:3], [[micros], [None], [micros]])

    values = pq.read_table(path)["Charge"].to_pylist()
    assert values == [Decimal(micros).scaleb(-6), None, Decimal(micros).scaleb(-6)]


def test_a_million_rows_would_be_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"

    def rows() -> Iterator[list[int]]:
        yield from ([number] for number in range(150_000))

    count = write_parquet(path, COLUMNS[1:2], rows())

    about = pq.read_metadata(path)
    assert count == about.num_rows == 150_000
    assert about.num_row_groups == 3


def test_an_empty_report_has_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"

    assert write_parquet(path, COLUMNS, []) == 0
    assert pq.read_table(path).column_names == [column.name for column in COLUMNS]


@pytest.mark.parametrize(("place", "cell"), [(0, 44), (1, True), (2, 0.0135), (3, 45_000)])
def test_a_cell_of_another_kind_is_refused_by_the_name_of_its_column(tmp_path: Path, place: int, cell: object) -> None:
    cells = list(row())
    cells[place] = cell

    with pytest.raises(TypeError, match=COLUMNS[place].name):
        write_parquet(tmp_path / "usage.parquet", COLUMNS, [cells])


def test_a_row_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="argument"):
        write_parquet(tmp_path / "usage.parquet", COLUMNS, [row()[:3]])
