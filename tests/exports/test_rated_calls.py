"""Rated calls as files: amounts are exact decimals, and nothing in a CSV runs in a spreadsheet."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from talktime.core.values.errors import Invalid
from talktime.exports.rated_calls import rated_writer

BATCH = pa.RecordBatch.from_pydict(
    {
        "call_id": ["a", "=1+1", "@c"],
        "destination": pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int32()), ["Germany", "=cmd()"]),
        "cost_micros": pa.array([13_500, None, 10**15], pa.int64()),
        "used_seconds": pa.array([1, 2, 3], pa.int64()),
    }
)


def written(path: Path) -> Path:
    with rated_writer(path, path.suffix) as write:
        write(BATCH)
        write(BATCH)
    return path


def test_parquet_holds_amounts_as_exact_decimals(tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path / "rated.parquet"))

    assert table["cost"].to_pylist() == [Decimal("0.0135"), None, Decimal(1_000_000_000)] * 2
    assert table["call_id"].to_pylist()[:2] == ["a", "=1+1"]


def test_csv_holds_amounts_as_exact_decimals_and_no_formula(tmp_path: Path) -> None:
    lines = written(tmp_path / "rated.csv").read_text().splitlines()

    assert lines == [
        '"call_id","destination","cost","used_seconds"',
        *('"a","Germany",0.013500,1', '"\'=1+1","\'=cmd()",,2', '"\'@c",,1000000000.000000,3') * 2,
    ]


def test_a_file_without_a_call_is_empty_and_one_of_another_kind_is_refused(tmp_path: Path) -> None:
    with rated_writer(tmp_path / "none.csv", ".csv"):
        pass

    assert (tmp_path / "none.csv").read_text() == ""
    with pytest.raises(Invalid, match=r"\.csv or \.parquet"), rated_writer(tmp_path / "x.xlsx", ".xlsx"):
        pass
