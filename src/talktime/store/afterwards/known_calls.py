"""Our calls of a file's period beside its records, on their scratch disk: found by other names, by numbers and time."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import NamedTuple

from talktime.core.calls.afterwards.joining import NEAR, NamedCall
from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.core.calls.calls import FROM_PHONE, CallKey, CallKind, CallSetup, key_of, text_of
from talktime.core.insight.privacy.erasing import number_left
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.store.instants import to_micros, to_micros_or_none

# How our calls go with the file: told by nothing yet, perhaps by a record of another id, or by a record by name.
_UNTOLD, _PERHAPS, _JOINED = range(3)
# Who names more calls alike names nothing.
_NAMESAKES_MAX = 16
_CREATE = (
    "CREATE TABLE known (call_key TEXT PRIMARY KEY, switch TEXT NOT NULL, leg TEXT NOT NULL, call_id TEXT NOT NULL,"
    " switch_ref TEXT NOT NULL, caller TEXT NOT NULL, called TEXT NOT NULL, user TEXT NOT NULL,"
    " started_at INTEGER NOT NULL, ended_at INTEGER, is_talked INTEGER NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID"
)
_INDEXES = (
    "CREATE INDEX known_by_call ON known (switch, call_id)",
    "CREATE INDEX known_by_ref ON known (switch, switch_ref)",
    "CREATE INDEX known_by_caller ON known (called, caller, started_at)",
    "CREATE INDEX known_by_user ON known (called, user, started_at)",
)
_ADD = "INSERT INTO known VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_RECORDED = "EXISTS (SELECT 1 FROM records r WHERE r.call_id = known.call_id AND r.leg = known.leg)"
# Another leg is another call; a record without one is about whatever bears its id.
_NAMED = (
    "SELECT call_key, caller, called, is_talked FROM known WHERE :call_id <> '' AND call_key IN ("
    "SELECT call_key FROM known WHERE switch = :switch AND switch_ref = :call_id UNION ALL"
    " SELECT call_key FROM known WHERE switch = :switch AND call_id = :call_id AND :leg = '')"
    f" AND told < {_JOINED} AND NOT {_RECORDED}"
    f" ORDER BY call_key LIMIT {_NAMESAKES_MAX}"
)
# A call that has a record of its own is another one, unless both went on at the same time.
_AT_THE_TIME = (
    "SELECT call_key FROM known WHERE called IN (:called, :called_left) AND {caller} AND started_at >= :earliest"
    " AND started_at <= :ended + :near AND (ended_at IS NULL OR ended_at >= :started - :near)"
    " AND (started_at < :ended AND (ended_at IS NULL OR ended_at > :started)"
    f" OR told < {_JOINED} AND (switch <> :switch OR NOT {_RECORDED}))"
    " ORDER BY abs(started_at - :started), call_key LIMIT 1"
)
_OF_CALLER = _AT_THE_TIME.format(caller="(caller IN (:caller, :caller_left) OR user = :user)")
# Of a record that does not say who called, it may have been anybody.
_OF_ANYBODY = _AT_THE_TIME.format(caller="TRUE")
_MISSING = (
    "SELECT call_key FROM known WHERE switch = :switch AND started_at >= :first AND started_at <= :last"
    f" AND ended_at <= :ended AND is_talked AND told = {_UNTOLD} AND NOT {_RECORDED} ORDER BY call_key"
)
_TELL = "UPDATE known SET told = max(told, ?) WHERE call_key = ?"
_MICROS_PER_SECOND = 1_000_000
_NEAR_MICROS = NEAR // timedelta(microseconds=1)
_NOBODY = "nobody"


class KnownCall(NamedTuple):
    """A call of ours; instants are microseconds, and an open call ends with its supervision, if that is known."""

    key: CallKey
    switch_ref: str
    caller: str
    called: str
    # Whose phone called, as `user_of` writes it: by another of his numbers it is the same caller.
    user: str
    started_at: int
    ended_at: int | None
    is_talked: bool


def user_of(organization_id: int, user_id: int | None, kind: CallKind) -> str:
    """Return who called from a phone of his, in one word; empty where it was nobody of ours."""
    return "" if user_id is None or kind not in FROM_PHONE else f"{organization_id} {user_id}"


class KnownCalls:
    """Our calls on a scratch database that holds a switch's records."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Make room for them."""
        self._connection = connection
        for statement in (_CREATE, *_INDEXES):
            connection.execute(statement)

    def add(self, calls: Iterable[KnownCall]) -> None:
        """Add calls of ours."""
        self._connection.execute("BEGIN")
        self._connection.executemany(_ADD, (_row_of(call, _UNTOLD) for call in calls))
        self._connection.execute("COMMIT")

    def has_switch(self, switch: str) -> bool:
        """Tell whether a call among them is of a switch."""
        found = self._connection.execute("SELECT EXISTS (SELECT 1 FROM known WHERE switch = ?)", (switch,))
        return bool(found.fetchone()[0])

    def named(self, switch: str, record: SwitchRecord) -> list[NamedCall]:
        """Return the switch's calls that a record names otherwise than by their keys, and no other record names."""
        asked = {"switch": switch, "call_id": record.call_id, "leg": record.leg}
        found = self._connection.execute(_NAMED, asked)
        return [NamedCall(key_of(key), caller, called, bool(talked)) for key, caller, called, talked in found]

    def at_the_time(self, switch: str, record: SwitchRecord, user: str) -> CallKey | None:
        """Return a call of the record's numbers near its time, under any switch and id; it is told by that."""
        started_at, ended_at = _span_of(record)
        asked = {
            "switch": switch,
            "called": record.called,
            "caller": record.caller,
            # Of a call whose people were forgotten or erased, this much is left of its numbers, and no other name.
            "called_left": number_left(record.called),
            "caller_left": number_left(record.caller),
            "user": user or _NOBODY,
            "earliest": started_at - CALL_MAX_SECONDS * _MICROS_PER_SECOND - _NEAR_MICROS,
            "started": started_at,
            "ended": ended_at,
            "near": _NEAR_MICROS,
        }
        found = self._connection.execute(_OF_CALLER if record.caller else _OF_ANYBODY, asked).fetchone()
        if found is None:
            return None
        self._connection.execute(_TELL, (_PERHAPS, found[0]))
        return key_of(found[0])

    def join(self, keys: Iterable[CallKey]) -> None:
        """Note calls that a record is about."""
        self._connection.executemany(_TELL, ((_JOINED, text_of(key)) for key in keys))

    def propose(self, setup: CallSetup, record: SwitchRecord) -> None:
        """Note a call that is charged as late usage, or would be: another record may be about the same."""
        user = user_of(setup.organization_id, setup.user_id, setup.kind)
        span = _span_of(record)
        call = KnownCall(setup.key, setup.switch_ref, setup.caller, setup.called, user, *span, is_talked=True)
        self._connection.execute(_ADD, _row_of(call, _JOINED))

    def missing(self, switch: str, first: datetime, last: datetime, ended: datetime) -> Iterator[CallKey]:
        """Yield the switch's talked calls that began in [first, last], ended by an instant, and are told by nothing."""
        asked = {"switch": switch, "first": to_micros(first), "last": to_micros(last), "ended": to_micros(ended)}
        with closing(self._connection.execute(_MISSING, asked)) as found:
            for (call_key,) in found:
                yield key_of(call_key)


def _row_of(call: KnownCall, told: int) -> tuple[str | int | None, ...]:
    key = call.key
    return (text_of(key), key.switch, key.leg, key.call_id, *call[1:], told)


def _span_of(record: SwitchRecord) -> tuple[int, int]:
    """Return when a record's call began and ended, at the least."""
    assert record.started_at is not None
    started_at = to_micros(record.started_at)
    talked_from = to_micros(record.answered_at or record.started_at)
    told = to_micros_or_none(record.ended_at)
    return started_at, max(talked_from + (record.talked_seconds or 0) * _MICROS_PER_SECOND, told or started_at)
