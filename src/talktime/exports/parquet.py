"""A report as Parquet, for programs that read millions of rows: typed columns, exact money, instants in UTC.

Money is decimal128 with six decimals, made of the micros themselves; instants are microseconds in UTC, local times
microseconds without a zone.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talktime.core.insight.tables import Column, ColumnKind, checked, checked_instant, checked_local

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# As many become Arrow columns at a time; eight times as many are a row group, which readers skip as a whole.
_CHUNK_ROWS = 8_192
_CHUNKS_PER_GROUP = 8
_MONEY_DIGITS, _MONEY_DECIMALS = 19, 6  # int64 micros


def write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> int:
    """Write the rows as they come, a row group in memory at a time; return the number of rows.

    Raise TypeError or ValueError for a cell or row that does not fit its columns.
    """
    # Here, because it takes a while and sixty megabytes, and nothing else of ours needs it.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]  # noqa: PLC0415

    schema = pa.schema([(column.name, _type_of(column)) for column in columns])
    source, count = iter(rows), 0
    with ParquetWriter(path, schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        while chunk := list(islice(source, _CHUNK_ROWS)):
            cells_of_columns = zip(*chunk, strict=True)
            arrays = [_array(column, cells) for column, cells in zip(columns, cells_of_columns, strict=True)]
            group.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += len(chunk)
            if len(group) == _CHUNKS_PER_GROUP:
                writer.write_table(pa.Table.from_batches(group))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group))
    return count


def _type_of(column: Column) -> "pa.DataType":
    import pyarrow as pa  # noqa: PLC0415 -- as above

    match column.kind:
        case ColumnKind.TEXT:
            return pa.string()
        case ColumnKind.WHOLE:
            return pa.int64()
        case ColumnKind.MONEY:
            return pa.decimal128(_MONEY_DIGITS, _MONEY_DECIMALS)
        case ColumnKind.INSTANT:
            return pa.timestamp("us", tz="UTC")
        case ColumnKind.LOCAL:
            return pa.timestamp("us")


def _array(column: Column, cells: Sequence[object]) -> "pa.Array":
    import pyarrow as pa  # noqa: PLC0415 -- as above

    checks: dict[ColumnKind, Callable[[object], Any]] = {
        ColumnKind.TEXT: lambda cell: checked(cell, str, column=column),
        ColumnKind.WHOLE: lambda cell: checked(cell, int, column=column),
        ColumnKind.MONEY: lambda cell: checked(cell, int, column=column),
        ColumnKind.INSTANT: lambda cell: checked_instant(cell, column=column),
        ColumnKind.LOCAL: lambda cell: _wall_clock(cell, column),
    }
    check = checks[column.kind]
    values = [None if cell is None else check(cell) for cell in cells]
    if column.kind is not ColumnKind.MONEY:
        return pa.array(values, _type_of(column))
    return _decimals(pa.array(values, pa.int64()), _type_of(column))


def _decimals(micros: "pa.Array", kind: "pa.DataType") -> "pa.Array":
    """Take whole micros as the digits of decimals, without a division: sixteen bytes each, the lower half first."""
    import numpy as np  # noqa: PLC0415 -- as above
    import pyarrow as pa  # noqa: PLC0415 -- as above

    lower = micros.fill_null(0).to_numpy()
    halves = np.empty((len(lower), 2), dtype="<i8")
    halves[:, 0] = lower
    halves[:, 1] = lower >> 63
    validity = micros.buffers()[0]
    return pa.Array.from_buffers(kind, len(lower), [validity, pa.py_buffer(halves.tobytes())])


def _wall_clock(cell: object, column: Column) -> datetime:
    return checked_local(cell, column=column).replace(tzinfo=None)
