"""Calls as columns of int64: a number is its leading digits, padded to 18, and how many there are."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Int8 = NDArray[np.int8]

# As many decimal digits as int64 holds, and more than E.164 allows.
DIGITS = 18
# The column that a batch may have or not.
ANSWERED_AT = "answered_at"
_LEADING = rf"(?s)^([0-9]{{0,{DIGITS}}}).*$"


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Calls, one a row; `called` and `caller` are padded digits, instants are microseconds since 1970 UTC.

    The length of a called number is 0 where it is none; of a caller that is a name, its leading digits count.
    """

    called: Int64
    called_digits: Int8
    caller: Int64
    caller_digits: Int8
    # By the start the version is chosen, by the answer the price.
    started_at_micros: Int64
    answered_at_micros: Int64
    used_seconds: Int64

    def __len__(self) -> int:
        """Return how many calls there are."""
        return len(self.called)

    def at(self, rows: slice) -> Self:
        """Return adjoining calls, without copying them."""
        return self._each(lambda column: column[rows])

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return some calls by their places."""
        return self._each(lambda column: column.take(rows))

    def _each(self, of: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        return type(self)(*(of(getattr(self, field.name)) for field in fields(self)))


def call_columns(batch: pa.RecordBatch) -> CallColumns:
    """Return the columns caller, called (text), started_at, answered_at if known (µs, UTC) and used_seconds."""
    called, caller = (_text(batch.column(name)) for name in ("called", "caller"))
    called_padded, called_digits = _leading_digits(called)
    caller_padded, caller_digits = _leading_digits(caller)
    # A number with anything else in it is a name, and one of more than 18 digits is no number either.
    called_digits[_numbers(pc.binary_length(called)) != called_digits] = 0
    started_at_micros = _micros(batch.column("started_at"))
    # Recorded calls are taken to be answered when they began, unless the batch knows better.
    answered_at_micros = started_at_micros
    if ANSWERED_AT in batch.schema.names:
        answered_at_micros = _micros(pc.coalesce(batch.column(ANSWERED_AT), batch.column("started_at")))
    return CallColumns(
        called_padded,
        called_digits,
        caller_padded,
        caller_digits,
        started_at_micros,
        answered_at_micros,
        _numbers(batch.column("used_seconds").cast(pa.int64())),
    )


def _text(column: pa.Array) -> pa.Array:
    return pc.fill_null(column.cast(pa.string()), "")


def _leading_digits(numbers: pa.Array) -> tuple[Int64, Int8]:
    is_plain = pc.all(pc.match_substring_regex(numbers, rf"^[0-9]{{1,{DIGITS}}}$")).as_py()
    leading = numbers if is_plain else pc.replace_substring_regex(numbers, pattern=_LEADING, replacement=r"\1")
    padded = pc.ascii_rpad(leading, DIGITS, "0")
    return _numbers(padded.cast(pa.int64())), _numbers(pc.binary_length(leading)).astype(np.int8)


def _micros(instants: pa.Array) -> Int64:
    micros: Int64 = _numbers(instants.cast(pa.timestamp("us", "UTC")).cast(pa.int64()))
    return micros


def _numbers(column: pa.Array) -> Any:
    # Writable and without nulls, as numpy wants it.
    return column.to_numpy(zero_copy_only=False)
