"""Send reports by a schedule: add one, list, end; begin what is due, and tell its recipients when it has ended."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from talktime.core.insight.exporting import schedules
from talktime.core.insight.exporting.exports import Export
from talktime.core.insight.exporting.schedules import ReportSchedule
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import NotFound
from talktime.store.insight.report_schedules import ScheduleKey
from talktime.store.transaction import Transaction
from talktime.usecases.insight.exporting import manage_exports
from talktime.usecases.insight.exporting.manage_exports import StartExport, start_export
from talktime.usecases.organizations.manage_organizations import find_organization

DUE_MAX = 100


class Schedules(NamedTuple):
    """An organization's schedules."""

    organization: Organization
    schedules: tuple[ReportSchedule, ...]


class EndSchedule(NamedTuple):
    """Send a report no more."""

    organization: str
    schedule_id: int


class RunSchedule(NamedTuple):
    """Begin the export that a schedule is due for."""

    key: ScheduleKey
    at: datetime


def add_schedule(tx: Transaction, wanted: ReportSchedule) -> ReportSchedule:
    """Add a schedule, its number and first run yet to be found; raise Invalid."""
    manage_exports.checked(wanted.request)
    schedule = schedules.checked(wanted)
    tx.schedules.lock()
    owner = tx.organizations.with_ids({schedule.organization_id})[schedule.organization_id]
    added = replace(
        schedule,
        schedule_id=tx.schedules.next_id(schedule.organization_id),
        next_run_at=schedules.next_run_after(schedule, schedule.created_at, owner.zone),
    )
    tx.schedules.add(added)
    return added


def list_schedules(tx: Transaction, organization: str) -> Schedules:
    """Return an organization's schedules, those that were ended too."""
    owner = find_organization(tx, organization)
    return Schedules(owner, tuple(tx.schedules.of(owner.organization_id)))


def end_schedule(tx: Transaction, request: EndSchedule) -> ReportSchedule:
    """End a schedule; what it began is still made and sent. Raise NotFound."""
    owner = find_organization(tx, request.organization)
    key = ScheduleKey(owner.organization_id, request.schedule_id)
    tx.schedules.lock()
    schedule = tx.schedules.get(key)
    if schedule is None:
        message = f"{owner.name} has no schedule {request.schedule_id}: `talktime exports schedules` lists them"
        raise NotFound(message, code="schedule_not_found")
    tx.schedules.run_next(key, None)
    return replace(schedule, next_run_at=None)


def due_schedules(tx: Transaction, at: datetime) -> list[ScheduleKey]:
    """Return schedules that must run."""
    return tx.schedules.due(at, DUE_MAX)


def run_schedule(tx: Transaction, request: RunSchedule) -> Export | None:
    """Put the export of a schedule's period in the queue; None where another worker was faster."""
    tx.schedules.lock()
    schedule = tx.schedules.get(request.key)
    if schedule is None or schedule.next_run_at is None or schedule.next_run_at > request.at:
        return None
    owner = tx.organizations.with_ids({schedule.organization_id})[schedule.organization_id]
    period = schedules.reported_period(schedule, schedule.next_run_at, owner.zone)
    export = start_export(
        tx,
        StartExport(
            schedule.organization_id,
            schedules.request_for(schedule, period),
            f"schedule {schedule.schedule_id}",
            request.at,
            schedules.cause_of(schedule, period, owner.zone),
        ),
    )
    # From the run that was due and not from now: what was missed meanwhile is made, too.
    tx.schedules.run_next(request.key, schedules.next_run_after(schedule, schedule.next_run_at, owner.zone))
    return export
