"""Reports that are sent by themselves: each run is for the day, the week or the month that is over, and made once.

When a run is due is an instant on the organization's clock; a worker that was away for a while makes what was missed,
period by period.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.insight.exporting.exports import Export, ExportRequest, ExportState
from talktime.core.insight.tables import format_instant
from talktime.core.organizations.languages import read_language
from talktime.core.organizations.notices import read_recipient
from talktime.core.values.errors import Invalid
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period, add_months, start_of_day

RECIPIENTS_MAX = 20
# What mail servers take, with room for the rest of the mail and for its encoding.
ATTACHED_BYTES_MAX = 5_000_000
_HOUR = timedelta(hours=1)
_DAYS_A_WEEK = 7
_CAUSE = "schedule"


class Cadence(Enum):
    """How often a report is sent, and for which period: the day, the week from Monday, or the month before."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


# The highest day of a run: every month has 28.
RUN_DAY_MAX = {Cadence.DAILY: 1, Cadence.WEEKLY: _DAYS_A_WEEK, Cadence.MONTHLY: 28}


@frozen
class ReportSchedule:
    """Which report goes to whom and when; of the request's filter the period is not looked at.

    `run_day` is the weekday from Monday (1), or the day of the month; `next_run_at` is None where it was ended.
    """

    organization_id: int
    schedule_id: int
    cadence: Cadence
    run_day: int
    run_hour: int
    request: ExportRequest
    recipients: tuple[str, ...]
    language: str
    created_by: str
    created_at: datetime
    next_run_at: datetime | None


def checked(schedule: ReportSchedule) -> ReportSchedule:
    """Return the schedule; raise Invalid for a time that does not come or a recipient whom no mail reaches."""
    day_max = RUN_DAY_MAX[schedule.cadence]
    if not 1 <= schedule.run_day <= day_max:
        message = f"a {schedule.cadence.value} report runs on a day from 1 to {day_max}, not {schedule.run_day}"
        raise Invalid(message, code="run_day")
    if not 0 <= schedule.run_hour < DAY // _HOUR:
        message = f"there is no hour {schedule.run_hour}: choose 0 to 23"
        raise Invalid(message, code="run_hour")
    if not 1 <= len(schedule.recipients) <= RECIPIENTS_MAX:
        message = f"say to whom, 1 to {RECIPIENTS_MAX} addresses: --to finance@example.com"
        raise Invalid(message, code="recipients")
    recipients = tuple(map(read_recipient, schedule.recipients))
    for recipient in recipients:
        if "@" not in recipient:
            message = f"{recipient!r} is no address: a report goes to addresses, and not to roles"
            raise Invalid(message, code="recipients")
    return replace(schedule, recipients=recipients, language=read_language(schedule.language))


def next_run_after(schedule: ReportSchedule, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant later than `after` at which the schedule runs."""
    today = after.astimezone(zone).date()
    candidates = (_run_on(schedule, day, zone) for day in _days(schedule, today))
    return next(at for at in candidates if at > after)


def reported_period(schedule: ReportSchedule, run_at: datetime, zone: ZoneInfo) -> Period:
    """Return the period that a run reports: the one before the day, week or month of the run."""
    today = run_at.astimezone(zone).date()
    match schedule.cadence:
        case Cadence.DAILY:
            first, last = today - DAY, today
        case Cadence.WEEKLY:
            last = today - DAY * today.weekday()
            first = last - DAY * _DAYS_A_WEEK
        case Cadence.MONTHLY:
            last = today.replace(day=1)
            first = add_months(last, -1)
    return Period(start_of_day(first, zone), start_of_day(last, zone))


def request_for(schedule: ReportSchedule, period: Period) -> ExportRequest:
    """Return the export of one period."""
    return replace(schedule.request, shown=replace(schedule.request.shown, period=period))


def cause_of(schedule: ReportSchedule, period: Period, zone: ZoneInfo) -> str:
    """Return by what a period's export is known, so that there is one: `schedule:3:2026-10-01`."""
    return f"{_CAUSE}:{schedule.schedule_id}:{period.starts_at.astimezone(zone).date()}"


def schedule_id_of(cause: str) -> int | None:
    """Return the schedule that caused an export; None for one that a person asked for."""
    what, _, rest = cause.partition(":")
    return int(rest.partition(":")[0]) if what == _CAUSE else None


def told_of(export: Export, schedule: ReportSchedule, balance_micros: int, zone: ZoneInfo, *, reason: str) -> Event:
    """Return what the recipients are told: that the report is there, or why there is none; once for each export.

    `reason` is for outsiders: the export's own may name what is on the server.
    """
    assert export.finished_at is not None, "what is told of has ended"
    kind = EventKind.REPORT_READY if export.state is ExportState.DONE else EventKind.REPORT_FAILED
    period = export.request.shown.period
    last_at = period.ends_at - timedelta(microseconds=1)
    details = {
        "starts_on": period.starts_at.astimezone(zone).date().isoformat(),
        "last_on": last_at.astimezone(zone).date().isoformat(),
        "export": str(export.export_id),
        "schedule": str(schedule.schedule_id),
        "recipients": "\n".join(schedule.recipients),
        "language": schedule.language,
    }
    if export.made is not None and export.expires_at is not None:
        details |= {
            "file": export.file_name,
            "rows": str(export.made.rows_count),
            "bytes": str(export.made.bytes_count),
            "kept_until_at": format_instant(export.expires_at),
        }
        if export.made.complete_until < period.ends_at:
            details["complete_until_at"] = format_instant(export.made.complete_until)
    if reason:
        details["reason"] = reason
    event_id = f"{kind.value}:{export.export_id}"
    return Event(export.organization_id, event_id, kind, export.finished_at, balance_micros, tuple(details.items()))


def _days(schedule: ReportSchedule, today: date) -> tuple[date, ...]:
    """Return days on which it may run next: in the running period, and in the next one."""
    match schedule.cadence:
        case Cadence.DAILY:
            return today, today + DAY, today + 2 * DAY
        case Cadence.WEEKLY:
            in_this_week = today + DAY * (schedule.run_day - 1 - today.weekday())
            return in_this_week, in_this_week + DAY * _DAYS_A_WEEK
        case Cadence.MONTHLY:
            in_this_month = today.replace(day=schedule.run_day)
            return in_this_month, add_months(in_this_month, 1)


def _run_on(schedule: ReportSchedule, day: date, zone: ZoneInfo) -> datetime:
    # Within its own day, which tells what it reports: an hour that clocks skip is the next one, and the last one if
    # no other follows (in Nuuk, 23:00 becomes 00:00 in spring).
    on_the_clock = datetime.combine(day, time(schedule.run_hour), zone).astimezone(UTC)
    return min(on_the_clock, start_of_day(day + DAY, zone) - _HOUR)
