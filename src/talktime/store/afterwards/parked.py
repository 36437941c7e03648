"""Rows of reports that could not be charged: they wait for an operator, and stay when he has settled them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, text

from talktime.core.calls.afterwards.parking import ParkedCall
from talktime.core.calls.calls import CallKey, key_of, text_of
from talktime.store.instants import from_micros, from_micros_or_none, to_micros

_COLUMNS = (
    "p.call_key, p.reason, p.used_seconds, p.received_at, p.resolved_at, p.resolved_by, p.resolution,"
    " c.state, c.used_seconds, o.name"
)
_PARKED = (
    f"SELECT {_COLUMNS} FROM parked_reports p LEFT JOIN call_keys k ON k.call_key = p.call_key"
    " LEFT JOIN calls c ON c.organization_id = k.organization_id AND c.call_key = p.call_key"
    " LEFT JOIN organizations o ON o.organization_id = k.organization_id"
)
_WAITING = text(f"{_PARKED} WHERE p.resolved_at IS NULL ORDER BY p.received_at, p.call_key LIMIT :most")
_ALL = text(f"{_PARKED} ORDER BY p.received_at DESC, p.call_key LIMIT :most")
_COUNT = text("SELECT count(*) FROM parked_reports WHERE resolved_at IS NULL")
_OF_ID = text(
    "SELECT call_key FROM parked_reports WHERE resolved_at IS NULL"
    " AND (call_key = :call OR call_key LIKE :suffix ESCAPE '\\') ORDER BY call_key"
)
_RESOLVE = text(
    "UPDATE parked_reports SET resolved_at = :at, resolved_by = :by, resolution = :resolution"
    " WHERE resolved_at IS NULL AND call_key IN :keys"
).bindparams(bindparam("keys", expanding=True))


class ParkedRows:
    """Parked reports, on an open transaction."""

    def __init__(self, connection: Connection) -> None:
        """Work on the connection."""
        self._connection = connection

    def waiting(self, most: int) -> list[ParkedCall]:
        """Return the reports that nobody has settled, those that wait longest first."""
        return [_parked_of(*row) for row in self._connection.execute(_WAITING, {"most": most})]

    def all(self, most: int) -> list[ParkedCall]:
        """Return reports that wait and reports that were settled, the newest first."""
        return [_parked_of(*row) for row in self._connection.execute(_ALL, {"most": most})]

    def waiting_count(self) -> int:
        """Return how many wait."""
        return self._connection.scalar(_COUNT) or 0

    def waiting_keys(self, call: str) -> list[CallKey]:
        """Return the keys of the waiting reports of a call: its id as the switch gave it, or `switch|leg|id`."""
        escaped = call.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = self._connection.scalars(_OF_ID, {"call": call, "suffix": f"%|%|{escaped}"})
        return [key_of(each) for each in dict.fromkeys(found)]

    def resolve(self, keys: Collection[CallKey], *, by: str, resolution: str, at: datetime) -> int:
        """Settle all that waits of these calls; return how many reports there were."""
        if not keys:
            return 0
        told = {"at": to_micros(at), "by": by, "resolution": resolution, "keys": [text_of(key) for key in keys]}
        return self._connection.execute(_RESOLVE, told).rowcount


def _parked_of(
    call_key: str,
    reason: str,
    used_seconds: int,
    received_at: int,
    resolved_at: int | None,
    *others: str | int | None,
) -> ParkedCall:
    resolved_by, resolution, state, charged_seconds, organization = others
    return ParkedCall(
        key_of(call_key),
        reason,
        used_seconds,
        from_micros(received_at),
        from_micros_or_none(resolved_at),
        str(resolved_by),
        str(resolution),
        str(state or ""),
        None if charged_seconds is None else int(charged_seconds),
        str(organization or ""),
    )
