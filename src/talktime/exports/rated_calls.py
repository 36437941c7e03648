"""Rated calls as CSV or Parquet: what the kernel's columns hold, with amounts as exact decimals."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from talktime.core.values.errors import Invalid
from talktime.core.values.money import MICRO_DECIMALS

SUFFIXES = (".csv", ".parquet")
_MICROS = "_micros"
_AMOUNT_DIGITS = 38
# What begins so is run by a spreadsheet; a text from outside gets an apostrophe before it (exports/csv.py).
_RUNS = r"^([=+\-@\t\r\n＝＋－＠])"


class Write(Protocol):
    """Writes a batch of rated calls, all of one schema."""

    def __call__(self, rated: pa.RecordBatch, /) -> None:
        """Write it."""
        ...


@contextmanager
def rated_writer(path: Path, suffix: str) -> Iterator[Write]:
    """Open a file of a suffix of SUFFIXES under a path; without a batch it stays empty. Raise Invalid."""
    if suffix not in SUFFIXES:
        message = f"rated calls are written as .csv or .parquet, and not as {suffix or 'a file without an ending'}"
        raise Invalid(message, code="output_format")
    writer: pa_csv.CSVWriter | pq.ParquetWriter | None = None
    path.touch()

    def write(rated: pa.RecordBatch) -> None:
        nonlocal writer
        exact = _in_units(rated)
        if suffix == ".csv":
            exact = _harmless(exact)
        if writer is None:
            make = pa_csv.CSVWriter if suffix == ".csv" else pq.ParquetWriter
            writer = make(str(path), exact.schema)
        writer.write_batch(exact)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _in_units(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn `cost_micros` into `cost`, the same number six decimals further right; nothing is computed."""
    columns = {
        name.removesuffix(_MICROS): _amounts(column) if name.endswith(_MICROS) else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _amounts(micros: pa.Array) -> pa.Array:
    whole = micros.cast(pa.decimal128(_AMOUNT_DIGITS, 0))
    return pa.Array.from_buffers(
        pa.decimal128(_AMOUNT_DIGITS, MICRO_DECIMALS), len(whole), whole.buffers(), null_count=whole.null_count
    )


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_harmless_column(column) for column in batch.columns], names=batch.schema.names)


def _harmless_column(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _harmless_column(column.dictionary))
    if pa.types.is_string(column.type):
        return pc.replace_substring_regex(column, _RUNS, r"'\1")
    return column
