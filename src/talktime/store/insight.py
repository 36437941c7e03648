"""What reports and audits read; nothing here is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from talktime.core.calls.calls import Call
from talktime.core.calls.cdrs import UsageRow
from talktime.store import charging_rows as rows
from talktime.store.instants import to_micros

CHUNK_ROWS = 2_000
_PREFIXED_USAGE = ", ".join(f"r.{name.strip()}" for name in rows.USAGE_COLUMNS.split(","))
_USAGE = text(
    f"SELECT {_PREFIXED_USAGE}, u.user_principal_name, u.display_name, u.usage_location, u.department"  # noqa: S608
    " FROM usage_rows r LEFT JOIN users u ON u.organization_id = r.organization_id AND u.user_id = r.user_id"
    " WHERE r.organization_id = :organization_id AND r.started_at >= :starts_at AND r.started_at < :ends_at"
    " ORDER BY r.started_at, r.call_key, r.line"
)
_CALL = text(
    f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS} FROM calls"  # noqa: S608
    " WHERE organization_id = (SELECT organization_id FROM call_keys WHERE call_key = :call_key)"
    " AND call_key = :call_key"
)
_CALLS_OF_ID = text("SELECT call_key FROM call_keys WHERE call_key LIKE :suffix ESCAPE '\\' ORDER BY call_key")


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """A usage row with the names that the people of the organization bear today; empty where nobody is meant."""

    row: UsageRow
    user_principal_name: str
    display_name: str
    usage_location: str
    department: str


class InsightRows:
    """Reads across the rooms, streamed where there can be many."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def usage(self, organization_id: int, starts_at: datetime, ends_at: datetime) -> Iterator[ReportedUsage]:
        """Yield the usage rows of calls that started in [starts_at, ends_at), in that order, at constant memory."""
        parameters = {
            "organization_id": organization_id,
            "starts_at": to_micros(starts_at),
            "ends_at": to_micros(ends_at),
        }
        streamed = self._connection.execution_options(stream_results=True).execute(_USAGE, parameters)
        for chunk in streamed.partitions(CHUNK_ROWS):
            for row in chunk:
                *usage, name, display_name, location, department = row
                yield ReportedUsage(
                    rows.usage_of(tuple(usage)), name or "", display_name or "", location or "", department or ""
                )

    def call(self, call_key: str) -> Call | None:
        """Return a call by its key."""
        row = self._connection.execute(_CALL, {"call_key": call_key}).one_or_none()
        return None if row is None else rows.call_of(tuple(row))

    def call_keys(self, call_id: str) -> list[str]:
        """Return the keys of all legs on all switches that bear a call id."""
        escaped = call_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return list(self._connection.scalars(_CALLS_OF_ID, {"suffix": f"%|%|{escaped}"}))
