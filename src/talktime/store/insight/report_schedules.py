"""Rows of reports that are sent by a schedule."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from talktime.core.insight.exporting.exports import ExportFormat, ExportRequest
from talktime.core.insight.exporting.filter_texts import filter_text, read_filter
from talktime.core.insight.exporting.schedules import Cadence, ReportSchedule
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import report_schedules

_COLUMNS = tuple(report_schedules.c)


class ScheduleKey(NamedTuple):
    """By what a schedule is found."""

    organization_id: int
    schedule_id: int


class ScheduleRows:
    """Schedules; lock them before a decision on one."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def lock(self) -> None:
        """Let nobody else decide on schedules until this transaction ends."""
        one_at_a_time(self._connection, "report_schedules")

    def next_id(self, organization_id: int) -> int:
        """Return the number of an organization's next schedule; lock before."""
        own = report_schedules.c.organization_id == organization_id
        newest = self._connection.scalar(select(func.max(report_schedules.c.schedule_id)).where(own))
        return int(newest or 0) + 1

    def add(self, schedule: ReportSchedule) -> None:
        """Insert a schedule."""
        request = schedule.request
        row = {
            "organization_id": schedule.organization_id,
            "schedule_id": schedule.schedule_id,
            "cadence": schedule.cadence.value,
            "run_day": schedule.run_day,
            "run_hour": schedule.run_hour,
            "format": request.format.value,
            "layout": request.layout,
            "money_decimals": request.money_decimals,
            "filter": filter_text(request.shown),
            "recipients": "\n".join(schedule.recipients),
            "language": schedule.language,
            "created_by": schedule.created_by,
            "created_at": to_micros(schedule.created_at),
            "next_run_at": to_micros_or_none(schedule.next_run_at),
        }
        self._connection.execute(insert(report_schedules), row)

    def run_next(self, key: ScheduleKey, at: datetime | None) -> None:
        """Write when a schedule runs next; None ends it."""
        statement = update(report_schedules).where(*_of(key))
        self._connection.execute(statement.values(next_run_at=to_micros_or_none(at)))

    def get(self, key: ScheduleKey) -> ReportSchedule | None:
        """Return a schedule."""
        row = self._connection.execute(select(*_COLUMNS).where(*_of(key))).one_or_none()
        return None if row is None else _schedule_of(row)

    def of(self, organization_id: int) -> list[ReportSchedule]:
        """Return an organization's schedules, those that were ended too."""
        own = select(*_COLUMNS).where(report_schedules.c.organization_id == organization_id)
        return [_schedule_of(row) for row in self._connection.execute(own.order_by(report_schedules.c.schedule_id))]

    def due(self, at: datetime, most: int) -> list[ScheduleKey]:
        """Return schedules that must run, the longest waiting first."""
        columns = (report_schedules.c.organization_id, report_schedules.c.schedule_id)
        statement = select(*columns).where(report_schedules.c.next_run_at <= to_micros(at))
        found = self._connection.execute(statement.order_by(report_schedules.c.next_run_at).limit(most))
        return [ScheduleKey(*row) for row in found]


def _of(key: ScheduleKey) -> tuple[ColumnElement[bool], ...]:
    columns = report_schedules.c
    return columns.organization_id == key.organization_id, columns.schedule_id == key.schedule_id


def _schedule_of(row: Any) -> ReportSchedule:
    return ReportSchedule(
        row.organization_id,
        row.schedule_id,
        Cadence(row.cadence),
        row.run_day,
        row.run_hour,
        ExportRequest(read_filter(row.filter), ExportFormat(row.format), row.layout, row.money_decimals),
        tuple(row.recipients.split("\n")),
        row.language,
        row.created_by,
        from_micros(row.created_at),
        from_micros_or_none(row.next_run_at),
    )
