"""Rows of exports: what was asked for, who is at it, what became of it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from talktime.core.insight.exporting.exports import Export, ExportFormat, ExportRequest, ExportState, MadeFile
from talktime.core.insight.exporting.filter_texts import filter_text, read_filter
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import exports

_COLUMNS = tuple(exports.c)


class ExportKey(NamedTuple):
    """By what an export is found."""

    organization_id: int
    export_id: int


class ExportRows:
    """Exports; lock them before a decision on one."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def lock(self) -> None:
        """Let nobody else decide on exports until this transaction ends."""
        one_at_a_time(self._connection, "exports")

    def next_id(self, organization_id: int) -> int:
        """Return the number of an organization's next export; lock before."""
        newest = select(func.max(exports.c.export_id)).where(exports.c.organization_id == organization_id)
        return int(self._connection.scalar(newest) or 0) + 1

    def add(self, export: Export) -> None:
        """Insert an export."""
        self._connection.execute(insert(exports), _row_of(export))

    def save(self, export: Export) -> None:
        """Write an export."""
        key = _of(ExportKey(export.organization_id, export.export_id))
        self._connection.execute(update(exports).where(*key).values(_row_of(export)))

    def get(self, key: ExportKey) -> Export | None:
        """Return an export."""
        row = self._connection.execute(select(*_COLUMNS).where(*_of(key))).one_or_none()
        return None if row is None else _export_of(row)

    def of_cause(self, organization_id: int, cause: str) -> Export | None:
        """Return the export that a schedule asked for."""
        own = (exports.c.organization_id == organization_id, exports.c.cause == cause)
        row = self._connection.execute(select(*_COLUMNS).where(*own)).one_or_none()
        return None if row is None else _export_of(row)

    def newest(self, organization_id: int, most: int) -> list[Export]:
        """Return an organization's exports, the newest first."""
        own = select(*_COLUMNS).where(exports.c.organization_id == organization_id)
        found = self._connection.execute(own.order_by(exports.c.export_id.desc()).limit(most))
        return [_export_of(row) for row in found]

    def due(self, at: datetime, most: int) -> list[ExportKey]:
        """Return exports that a worker may take, the longest waiting first."""
        state = exports.c.state
        is_left = (state == ExportState.RUNNING.value) & (exports.c.lease_until <= to_micros(at))
        return self._keys(or_(state == ExportState.QUEUED.value, is_left), exports.c.requested_at, most)

    def over(self, at: datetime, most: int) -> list[ExportKey]:
        """Return finished exports that are kept no longer."""
        is_over = (exports.c.state == ExportState.DONE.value) & (exports.c.expires_at <= to_micros(at))
        return self._keys(is_over, exports.c.expires_at, most)

    def forget_names(self, organization_id: int, at: datetime) -> None:
        """End what an organization's finished files are kept for, and have those begun anew that are being made.

        For a person who is erased: his name stands in them.
        """
        own, state = exports.c.organization_id == organization_id, exports.c.state
        done = update(exports).where(own, state == ExportState.DONE.value, exports.c.expires_at > to_micros(at))
        self._connection.execute(done.values(expires_at=to_micros(at)))
        begun = update(exports).where(own, state == ExportState.RUNNING.value)
        self._connection.execute(begun.values(state=ExportState.QUEUED.value, lease_until=None))

    def _keys(self, which: ColumnElement[bool], order: ColumnElement[Any], most: int) -> list[ExportKey]:
        keys = select(exports.c.organization_id, exports.c.export_id).where(which).order_by(order).limit(most)
        return [ExportKey(*row) for row in self._connection.execute(keys)]


def _of(key: ExportKey) -> tuple[ColumnElement[bool], ...]:
    return exports.c.organization_id == key.organization_id, exports.c.export_id == key.export_id


def _row_of(export: Export) -> dict[str, object]:
    request, made = export.request, export.made
    return {
        "organization_id": export.organization_id,
        "export_id": export.export_id,
        "format": request.format.value,
        "layout": request.layout,
        "money_decimals": request.money_decimals,
        "filter": filter_text(request.shown),
        "requested_by": export.requested_by,
        "requested_at": to_micros(export.requested_at),
        "cause": export.cause,
        "state": export.state.value,
        "attempts_count": export.attempts_count,
        "lease_until": to_micros_or_none(export.lease_until),
        "rows_total": export.rows_total,
        "rows_done": export.rows_done,
        "finished_at": to_micros_or_none(export.finished_at),
        "expires_at": to_micros_or_none(export.expires_at),
        "bytes_count": None if made is None else made.bytes_count,
        "sha256": "" if made is None else made.sha256,
        "snapshot": "" if made is None else made.snapshot,
        "complete_until": None if made is None else to_micros(made.complete_until),
        "reason": export.reason,
    }


def _export_of(row: Any) -> Export:
    made = None
    if row.bytes_count is not None:
        complete_until = from_micros(row.complete_until)
        made = MadeFile(row.rows_total, row.bytes_count, row.sha256, row.snapshot, complete_until)
    return Export(
        row.organization_id,
        row.export_id,
        ExportRequest(read_filter(row.filter), ExportFormat(row.format), row.layout, row.money_decimals),
        row.requested_by,
        from_micros(row.requested_at),
        row.cause,
        ExportState(row.state),
        row.attempts_count,
        from_micros_or_none(row.lease_until),
        row.rows_total,
        row.rows_done,
        from_micros_or_none(row.finished_at),
        from_micros_or_none(row.expires_at),
        made,
        row.reason,
    )
