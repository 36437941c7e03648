"""`talktime exports schedule`: reports that are sent by mail, every day, week or month."""

import getpass
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from rich.console import Group, RenderableType

from talktime.core.insight.exporting.exports import ExportFormat, ExportRequest
from talktime.core.insight.exporting.schedules import Cadence, ReportSchedule
from talktime.core.insight.reports.groups import WEEKDAYS
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.insight.exports import EXACT, decimals_of
from talktime.interfaces.cli.insight.reports.arguments import EVERYTHING, Which, conditions_of
from talktime.interfaces.cli.insight.usage.usage import LayoutName
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.insight.exporting.send_reports import (
    EndSchedule,
    Schedules,
    add_schedule,
    end_schedule,
    list_schedules,
)

ENDED = "ended"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Sending:
    """To whom a report is sent, and when."""

    to: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """To which address; repeatable."""

    day: int = 1
    """Weekly: the weekday, 1 is Monday. Monthly: the day, 1 to 28."""

    hour: int = 7
    """The hour on the organization's clock, 0 to 23."""

    language: str = ""
    """en, ru, zh-CN or zh-TW. Default: the organization's."""


NOT_SAID = Sending()


def schedule(
    cadence: Annotated[Cadence, Parameter(help="How often: of the day, the week or the month before.")],
    *,
    sending: Sending = NOT_SAID,
    format: Annotated[ExportFormat, Parameter(help="As for `exports start`.")] = ExportFormat.EXCEL,  # noqa: A002
    layout: Annotated[LayoutName, Parameter(help="As for `exports start`.")] = LayoutName.ORIGINAL,
    decimals: Annotated[str, Parameter(help="As for `exports start`.")] = "",
    which: Which = EVERYTHING,
    options: Options = DEFAULTS,
) -> None:
    """Send a report by mail again and again; a file of up to 5 MB goes along, others are named."""
    from talktime.usecases.insight.reports.asking import ask

    if which.starts_on is not None or which.ends_on is not None:
        message = "a schedule reports the day, week or month before each run: leave --from and --to away"
        raise Invalid(message, code="period")
    at = now()
    with open_app(options.database) as talktime:
        asked = talktime.read(ask, conditions_of(which, at))
        request = ExportRequest(asked.shown, format, layout.value, decimals_of(decimals, format))
        owner = asked.organization
        wanted = ReportSchedule(
            organization_id=owner.organization_id,
            schedule_id=0,
            cadence=cadence,
            run_day=sending.day,
            run_hour=sending.hour,
            request=request,
            recipients=sending.to,
            language=sending.language,
            created_by=getpass.getuser(),
            created_at=at,
            next_run_at=None,
        )
        added = talktime.run(add_schedule, wanted)
    shown = Schedules(owner, (added,))
    show(options, _document(shown, added), lambda: _view(shown))
    if not options.as_json:
        hint("A worker makes and sends it: `talktime worker`, or `talktime serve`, which brings one along.")


def schedules(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the reports that are sent by mail, and those that were ended."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_schedules, organization)
    if not shown.schedules and not options.as_json:
        hint(
            f"{shown.organization.name} sends no reports. Begin: `talktime exports schedule monthly --to"
            " finance@example.com`"
        )
        return
    document = {
        "organization": shown.organization.name,
        "schedules": [_document(shown, each) for each in shown.schedules],
    }
    show(options, document, lambda: _view(shown))


def unschedule(
    number: Annotated[int, Parameter(help="The schedule's number.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Send a report no more; what is being made is still sent."""
    with open_app(options.database) as talktime:
        ended = talktime.run(end_schedule, EndSchedule(organization, number))
        shown = Schedules(talktime.read(list_schedules, organization).organization, (ended,))
    show(options, _document(shown, ended), lambda: _view(shown))


def _document(shown: Schedules, each: ReportSchedule) -> dict[str, Any]:
    request = each.request
    return {
        "organization": shown.organization.name,
        "schedule": each.schedule_id,
        "cadence": each.cadence.value,
        "day": each.run_day,
        "hour": each.run_hour,
        "format": request.format.value,
        "layout": request.layout,
        "decimals": EXACT if request.money_decimals is None else request.money_decimals,
        "recipients": list(each.recipients),
        "language": each.language or None,
        "created_by": each.created_by,
        "created_at": each.created_at,
        "next_run_at": each.next_run_at,
    }


def _view(shown: Schedules) -> RenderableType:
    drawn = table("Number", "Report", "When", "To", "Next", numbers=("Number",))
    for each in shown.schedules:
        drawn.add_row(
            str(each.schedule_id),
            f"{each.request.format.value}, {each.request.layout}",
            _when(each, shown.organization.zone),
            ", ".join(each.recipients),
            ENDED if each.next_run_at is None else instant(each.next_run_at, shown.organization.zone),
        )
    return Group(heading(f"Reports that {shown.organization.name} sends"), drawn)


def _when(each: ReportSchedule, zone: ZoneInfo) -> str:
    on = {
        Cadence.DAILY: "every day",
        Cadence.WEEKLY: f"every {WEEKDAYS[each.run_day - 1]}",
        Cadence.MONTHLY: f"on day {each.run_day} of the month",
    }[each.cadence]
    return f"{on} at {each.run_hour:02}:00 ({zone.key})"
