"""A switch's records of calls on a scratch disk: as many as there are, merged by call, at constant memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.store.afterwards.known_calls import KnownCalls
from talktime.store.instants import from_micros_or_none, to_micros_or_none

Row = tuple[Any, ...]
ALIKE_MAX = 100

_CREATE = (
    "CREATE TABLE records (token TEXT PRIMARY KEY, line INTEGER NOT NULL, call_id TEXT NOT NULL, leg TEXT NOT NULL,"
    " started_at INTEGER, answered_at INTEGER, ended_at INTEGER, used_seconds INTEGER, caller TEXT NOT NULL,"
    " called TEXT NOT NULL, lines_count INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID"
)
# A call may have several lines: one for each attempt to reach somebody, or one for its answer and one for its end.
_ADD = (
    "INSERT INTO records (token, line, call_id, leg, started_at, answered_at, ended_at, used_seconds, caller, called)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET"
    " leg = CASE WHEN leg = '' THEN excluded.leg ELSE leg END,"
    " started_at = coalesce(min(started_at, excluded.started_at), started_at, excluded.started_at),"
    " answered_at = coalesce(min(answered_at, excluded.answered_at), answered_at, excluded.answered_at),"
    " ended_at = coalesce(max(ended_at, excluded.ended_at), ended_at, excluded.ended_at),"
    " used_seconds = coalesce(max(used_seconds, excluded.used_seconds), used_seconds, excluded.used_seconds),"
    " caller = CASE WHEN caller = '' THEN excluded.caller ELSE caller END,"
    " called = CASE WHEN called = '' THEN excluded.called ELSE called END, lines_count = lines_count + 1"
)
_COLUMNS = "line, call_id, leg, started_at, answered_at, ended_at, used_seconds, caller, called"
_ALL = f"SELECT {_COLUMNS} FROM records ORDER BY line"
_ALIKE = f"SELECT {_COLUMNS} FROM records WHERE call_id = ? ORDER BY leg LIMIT ?"
_SPAN = "SELECT count(*), sum(lines_count), min(started_at), max(started_at), max(ended_at) FROM records"


class Recorded(NamedTuple):
    """How many calls, on how many lines, and the span of time that they cover; None where no record says when."""

    calls_count: int
    lines_count: int
    first_start_at: datetime | None
    last_start_at: datetime | None
    last_end_at: datetime | None


class SwitchRecords:
    """A scratch database that goes away when it is closed."""

    def __init__(self) -> None:
        """Open it; without a name SQLite keeps it in a file of its own as soon as it outgrows its cache."""
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(_CREATE)
        self.known = KnownCalls(self._connection)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw it away."""
        self._connection.close()

    def add(self, records: Iterable[tuple[str, SwitchRecord]]) -> None:
        """Add records; those of the same token are about the same call."""
        self._connection.execute("BEGIN")
        self._connection.executemany(_ADD, ((token, *_row_of(record)) for token, record in records))
        self._connection.execute("COMMIT")

    def finish(self) -> Recorded:
        """Return what there is, once all was added, and make it ready to be read."""
        self._connection.execute("CREATE INDEX records_by_line ON records (line)")
        self._connection.execute("CREATE INDEX records_by_call ON records (call_id, leg)")
        calls, lines, *instants = self._connection.execute(_SPAN).fetchone()
        return Recorded(calls, lines or 0, *map(from_micros_or_none, instants))

    def all(self) -> Iterator[SwitchRecord]:
        """Yield the merged records in the order of their first lines."""
        with closing(self._connection.execute(_ALL)) as found:
            for row in found:
                yield _record_of(row)

    def alike(self, record: SwitchRecord) -> list[SwitchRecord]:
        """Return records of the same call id, itself among them; so many at the most as attempts are likely."""
        return [_record_of(row) for row in self._connection.execute(_ALIKE, (record.call_id, ALIKE_MAX))]


def _row_of(record: SwitchRecord) -> Row:
    return (
        record.line,
        record.call_id,
        record.leg,
        to_micros_or_none(record.started_at),
        to_micros_or_none(record.answered_at),
        to_micros_or_none(record.ended_at),
        record.used_seconds,
        record.caller,
        record.called,
    )


def _record_of(row: Row) -> SwitchRecord:
    line, call_id, leg, started_at, answered_at, ended_at, used_seconds, caller, called = row
    return SwitchRecord(
        line,
        call_id,
        leg,
        from_micros_or_none(started_at),
        from_micros_or_none(answered_at),
        from_micros_or_none(ended_at),
        used_seconds,
        caller,
        called,
    )
