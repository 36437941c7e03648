"""Millions of recorded calls from a CSV or Parquet file, as Arrow batches: each row a call, or the reason why not.

What the columns are called and how their cells read is as in call_files.py. Cells as machines write them are read by
column; any other cell is read by the functions of that module.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from talktime.core.calls.calls import INBOUND
from talktime.core.rates.rate_decks import Direction
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.numbers import normalize
from talktime.imports.call_files import CALL_KINDS, PARTY_CHARACTERS_MAX, call_places, read_instant, read_seconds
from talktime.imports.cells import DELIMITERS

# What is read at once: some eighty thousand calls.
BLOCK_BYTES = 4 * 1024 * 1024
BATCH_ROWS = 131_072
_HEADER_BYTES = 64 * 1024
_PARQUET = frozenset({".parquet", ".pq"})
_INSTANT = pa.timestamp("us", "UTC")
_EPOCH_TEXT = "1970-01-01T00:00:00Z"
# A day and any zone's offset beyond a start are still instants, and no call was in another year.
_YEARS = range(2, 9999)
_FIRST, _END = (pa.scalar(datetime(year, 1, 1, tzinfo=UTC), _INSTANT) for year in (_YEARS.start, _YEARS.stop))
_BEYOND = f"the start is not in the years from {_YEARS.start} to {_YEARS.stop - 1}"
_LINE_END = re.compile("\r\n|\n|\r")
# The whole numbers that a double holds, each by itself.
_WHOLE_MAX = 2**53
# As machines write instants; Arrow reads them as Python does.
_STATED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)$"
SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("call_id", pa.string()),
        pa.field("caller", pa.string()),
        pa.field("called", pa.string()),
        pa.field("started_at", _INSTANT),
        pa.field("used_seconds", pa.int64()),
    ]
)
_NO_CALLS = pa.RecordBatch.from_pylist([], schema=SCHEMA)
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that holds no call, counted from the first one below the header, and why."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class CallBatch:
    """Some rows of a file: its calls with row, call_id, caller, called, started_at, used_seconds; and the others."""

    calls: pa.RecordBatch
    refused: tuple[RefusedRow, ...]


@dataclass(frozen=True, slots=True)
class CallFile:
    """A file of calls, read as it is asked for; `rows_count` is None where only reading tells."""

    name: str
    rows_count: int | None
    batches: Iterator[CallBatch]


def open_call_columns(
    path: Path, zone: ZoneInfo | None, direction: Direction, *, block_bytes: int = BLOCK_BYTES
) -> CallFile:
    """Open a file; raise NotFound, or Invalid where it as a whole cannot be read. Errors in its midst come later.

    Of a file that tells kinds of calls, those of another direction are refused, as the deck's rates are not theirs.
    """
    if not path.exists():
        message = f"there is no file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    read = partial(_read, zone=zone, direction=direction)
    if path.suffix.lower() in _PARQUET:
        return _parquet_file(path, read)
    return CallFile(path.name, None, _csv_batches(path, read, block_bytes))


# Columns by our own names, the numbers of their rows, and why some of these places hold no call.
_Refused = dict[int, str]
_Read = Callable[[dict[str, pa.Array], Int64, _Refused], CallBatch]


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────


def _csv_batches(path: Path, read: _Read, block_bytes: int) -> Iterator[CallBatch]:
    lines_before, delimiter, header = _header(path)
    places = call_places(header)
    names = [f"c{place}" for place in range(len(header))]
    torn: list[RefusedRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        reason = f"the row has {row.actual_columns} cells, the header has {row.expected_columns}"
        torn.append(RefusedRow(row.number - lines_before, reason))
        return "skip"

    first = 1
    try:
        # One thread: only then does each row have its number.
        for batch in pa_csv.open_csv(
            path,
            pa_csv.ReadOptions(block_size=block_bytes, skip_rows=lines_before, column_names=names, use_threads=False),
            pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
            pa_csv.ConvertOptions(
                include_columns=[names[place] for place in places.values()],
                column_types=dict.fromkeys(names, pa.string()),
            ),
        ):
            columns = {column: pc.utf8_trim_whitespace(batch.column(names[place])) for column, place in places.items()}
            rows = _numbered(first, len(batch), torn)
            first = int(rows[-1]) + 1 if len(rows) else first
            found = read(columns, rows, {})
            gone_by = [each for each in torn if each.row < first]
            del torn[: len(gone_by)]
            yield CallBatch(found.calls, (*found.refused, *gone_by))
    except pa.ArrowInvalid as failure:
        raise _unreadable(path.name, first, failure) from failure
    if torn:
        yield CallBatch(_NO_CALLS, tuple(torn))


def _unreadable(name: str, first: int, failure: Exception) -> Invalid:
    """Say beyond which row a file cannot be read, and why."""
    why = next(iter(str(failure).splitlines()), "it is damaged")
    return Invalid(f"{name} cannot be read beyond row {first - 1:,}: {why}", code="call_file")


def _numbered(first: int, count: int, torn: Sequence[RefusedRow]) -> Int64:
    """Return the numbers of so many rows from the first on, those of torn rows left out."""
    missing = np.array([each.row for each in torn], dtype=np.int64)
    rows = np.arange(first, first + count + len(missing), dtype=np.int64)
    return rows[~np.isin(rows, missing)][:count]


def _header(path: Path) -> tuple[int, str, list[str]]:
    """Return how many lines stand before the first row, what parts their cells, and the header's."""
    with path.open("rb") as file:
        text = file.read(_HEADER_BYTES).decode("utf-8-sig", "replace")
    first, second, *_ = (*_LINE_END.split(text, 2), "")
    declared = first.strip().lower()
    if declared.startswith("sep=") and declared.removeprefix("sep=") in DELIMITERS:
        delimiter = declared.removeprefix("sep=")
        return 2, delimiter, _cells(path, second, delimiter)
    cut = {delimiter: _cells(path, first, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: len(cut[each]))
    if not first.strip():
        message = f"{path.name}: its first line is empty; a call file begins with a header"
        raise Invalid(message, code="call_file_header")
    return 1, delimiter, cut[delimiter]


def _cells(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as failure:
        message = f"{path.name}: its header cannot be read: {failure}"
        raise Invalid(message, code="call_file_header") from failure


def _parquet_file(path: Path, read: _Read) -> CallFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as failure:
        message = f"{path.name} is no Parquet file: {str(failure).splitlines()[0]}"
        raise Invalid(message, code="call_file") from failure
    schema = file.schema_arrow
    places = call_places(schema.names)
    for field in (schema.field(place) for place in places.values()):
        if pa.types.is_nested(field.type):
            message = f"{path.name}: column {field.name!r} holds {field.type}; a cell of a call is one text or number"
            raise Invalid(message, code="call_file")
    names = {column: schema.names[place] for column, place in places.items()}
    return CallFile(path.name, file.metadata.num_rows, _parquet_batches(path.name, file, names, read))


def _parquet_batches(name: str, file: pq.ParquetFile, names: Mapping[str, str], read: _Read) -> Iterator[CallBatch]:
    first = 1
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(names.values())):
            refused: _Refused = {}
            columns = {column: _as_text(column, batch.column(each), refused) for column, each in names.items()}
            yield read(columns, np.arange(first, first + len(batch), dtype=np.int64), refused)
            first += len(batch)
    # What a cell holds is refused by row: this is a damaged file, or a type that Arrow cannot turn into text.
    except (pa.ArrowException, OSError) as failure:
        raise _unreadable(name, first, failure) from failure


def _as_text(name: str, column: pa.Array, refused: _Refused) -> pa.Array:
    """Return cells as a CSV file would have them; instants of a zone stay instants."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        return _micros(column)
    if pa.types.is_floating(column.type):
        return _as_whole(column.cast(pa.float64()))
    if pa.types.is_decimal(column.type):
        return pc.replace_substring_regex(pc.fill_null(column.cast(pa.string()), ""), r"\.0*$", "")
    try:
        # From bytes, because only then Arrow looks whether they are UTF-8.
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        return pc.fill_null((column.cast(pa.binary()) if is_text else column).cast(pa.string()), "")
    except pa.ArrowInvalid:
        return _decoded(name, column.cast(pa.binary()), refused)


def _micros(column: pa.Array) -> pa.Array:
    """Return instants to the microsecond, and local times as text; what is finer is cut off."""
    zone = column.type.tz
    # Of other units nothing is cut off, and what is too large must not come back as another time.
    is_finer = column.type.unit == "ns"
    instants = column.cast(pa.timestamp("us", None if zone is None else "UTC"), safe=not is_finer)
    return instants if zone is not None else pc.fill_null(pc.strftime(instants, "%Y-%m-%dT%H:%M:%S"), "")


def _as_whole(column: pa.Array) -> pa.Array:
    """Return 442079460000.0 as 442079460000, and other numbers as they are."""
    is_whole = pc.and_(pc.equal(column, pc.trunc(column)), pc.less(pc.abs(column), _WHOLE_MAX))
    whole = pc.if_else(is_whole, column, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(whole, column.cast(pa.string()), pa.scalar(""))


def _decoded(name: str, column: pa.Array, refused: _Refused) -> pa.Array:
    """Return bytes as text where they are UTF-8, and refuse their row where they are not."""
    texts = []
    for place, cell in enumerate(column.to_pylist()):
        try:
            texts.append("" if cell is None else cell.decode())
        except UnicodeDecodeError:
            refused.setdefault(place, f"{name} is no UTF-8 text")
            texts.append("")
    return pa.array(texts, pa.string())


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(
    columns: dict[str, pa.Array], rows: Int64, refused: _Refused, *, zone: ZoneInfo | None, direction: Direction
) -> CallBatch:
    """Read the cells of some rows, column by column."""
    if "kind" in columns:
        _refuse_kinds(columns["kind"], direction, refused)
    caller = _parties("from", columns["from"], refused)
    called = _parties("to", columns["to"], refused)
    for place in np.flatnonzero(_flags(pc.equal(called, ""))):
        refused.setdefault(int(place), "to is missing")
    started_at = _within_years(_instants(columns["started_at"], zone, refused), refused)
    used_seconds = _seconds(columns["duration_seconds"], refused)
    call_id = columns["call_id"].cast(pa.string()) if "call_id" in columns else pa.nulls(len(rows), pa.string())
    calls = pa.RecordBatch.from_arrays(
        [pa.array(rows), call_id, caller, called, started_at, used_seconds], schema=SCHEMA
    )
    if refused:
        is_call = np.ones(len(rows), dtype=bool)
        is_call[list(refused)] = False
        calls = calls.filter(pa.array(is_call))
    return CallBatch(calls, tuple(RefusedRow(int(rows[place]), refused[place]) for place in sorted(refused)))


def _refuse_kinds(kinds: pa.Array, direction: Direction, refused: _Refused) -> None:
    """Few kinds stand in many rows: each is looked at once."""
    told = pc.dictionary_encode(kinds)
    for number, kind in enumerate(told.dictionary.to_pylist()):
        reason = _why_not_of_kind(kind.lower(), direction)
        if reason:
            refused.update(dict.fromkeys(map(int, np.flatnonzero(told.indices.to_numpy() == number)), reason))


def _why_not_of_kind(kind: str, direction: Direction) -> str:
    if kind not in CALL_KINDS:
        return f"kind {kind!r} is no kind of call"
    known = CALL_KINDS[kind]
    if known is None or (known in INBOUND) == (direction is not Direction.OUTBOUND):
        return ""
    return f"the call is {known.value}, and {direction.value} rates are not for it: --direction says whose are"


def _parties(column: str, cells: pa.Array, refused: _Refused) -> pa.Array:
    """Return normalized numbers or names; most are digits already, some behind a plus."""
    is_plain = _flags(pc.match_substring_regex(cells, r"^\+?[1-9][0-9]*$"))
    parties = pc.utf8_ltrim(cells, "+")
    others = np.flatnonzero(~is_plain)
    if not len(others):
        return parties
    return _by_hand(parties, cells, others, refused, partial(_party, column))


def _party(column: str, text: str) -> str:
    if len(text) > PARTY_CHARACTERS_MAX or not text.isprintable():
        raise ValueError(f"{column} is longer than {PARTY_CHARACTERS_MAX} characters, or not printable")
    return normalize(text)


def _instants(cells: pa.Array, zone: ZoneInfo | None, refused: _Refused) -> pa.Array:
    if cells.type == _INSTANT:
        for place in np.flatnonzero(_flags(cells.is_null())):
            refused.setdefault(int(place), "the start is missing")
        return pc.fill_null(cells, pa.scalar(0, _INSTANT))
    is_plain = _flags(pc.match_substring_regex(cells, _STATED))
    try:
        instants = pc.if_else(pa.array(is_plain), cells, _EPOCH_TEXT).cast(_INSTANT)
    except pa.ArrowInvalid:
        # Somewhere is a 30th of February.
        is_plain[:] = False
        instants = pa.array(np.zeros(len(cells), dtype=np.int64)).cast(_INSTANT)
    others = np.flatnonzero(~is_plain)
    if not len(others):
        return instants
    return _by_hand(instants, cells, others, refused, partial(_instant, zone))


def _instant(zone: ZoneInfo | None, text: str) -> datetime:
    try:
        return read_instant(text, zone)
    except OverflowError:
        # On the clock of Greenwich it is before the year 1 or after 9999.
        raise ValueError(_BEYOND) from None


def _within_years(instants: pa.Array, refused: _Refused) -> pa.Array:
    """Refuse starts of years in which no price can be looked up."""
    is_beyond = pc.or_(pc.less(instants, _FIRST), pc.greater_equal(instants, _END))
    places = np.flatnonzero(_flags(pc.fill_null(is_beyond, False)))  # noqa: FBT003 -- Arrow's
    for place in places:
        refused.setdefault(int(place), _BEYOND)
    return instants


def _seconds(cells: pa.Array, refused: _Refused) -> pa.Array:
    is_plain = _flags(pc.match_substring_regex(cells, r"^[0-9]{1,4}$"))
    seconds = pc.if_else(pa.array(is_plain), cells, "0").cast(pa.int64())
    others = np.flatnonzero(~is_plain)
    if not len(others):
        return seconds
    return _by_hand(seconds, cells, others, refused, lambda text: read_seconds("used_seconds", text))


def _by_hand(
    read: pa.Array,
    cells: pa.Array,
    places: NDArray[np.intp],
    refused: _Refused,
    read_one: Callable[[str], object],
) -> pa.Array:
    """Put in what a cell that is written otherwise says, or why it says nothing."""
    said: list[object] = []
    for place, text in zip(places.tolist(), cells.take(pa.array(places)).to_pylist(), strict=True):
        try:
            said.append(read_one(text))
        except ValueError as failure:
            refused.setdefault(place, str(failure))
            said.append(None)
    is_other = np.zeros(len(cells), dtype=bool)
    is_other[places] = True
    return pc.replace_with_mask(read, pa.array(is_other), pa.array(said, read.type))


def _flags(column: pa.Array) -> NDArray[np.bool_]:
    # Writable, as a copy is.
    flags: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return flags
