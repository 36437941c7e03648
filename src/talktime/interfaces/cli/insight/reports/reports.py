"""`talktime reports`: where the money goes, by call, destination, user, organizer and department; and what was refused.

Whoever may read the database may read and export every report; there are no roles yet.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.insight.reports.report_tables import ReportTable, sorted_by, with_columns
from talktime.core.insight.reports.usage_details import DETAILS
from talktime.core.values.money import format_micros
from talktime.exports.csv import write_csv
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream
from talktime.interfaces.cli.insight.pools import pools
from talktime.interfaces.cli.insight.privacy.retention import retention
from talktime.interfaces.cli.insight.reports.arguments import (
    AS_ALWAYS,
    EVERYTHING,
    Layout,
    Which,
    check_outputs,
    column_names,
    conditions_of,
    order_of,
)
from talktime.interfaces.cli.insight.reports.departments import departments
from talktime.interfaces.cli.insight.reports.views import (
    complete_line,
    counted,
    period_text,
    report_document,
    rows_document,
    say_why_empty,
    table_view,
    warn_of_parked,
    without_what_says_nothing,
    write_table,
)
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, money, now, open_app, show
from talktime.usecases.insight.reports.asking import Asked, Conditions
from talktime.usecases.insight.reports.list_usage import ROWS_SHOWN, ListUsage, UsageListed, list_usage
from talktime.usecases.insight.reports.report_refused import RefusedReported, report_refused
from talktime.usecases.insight.reports.sum_usage import (
    ReportDialOut,
    Reported,
    report_destinations,
    report_dial_out,
    report_users,
)

app = App(name="reports")
app.command(pools, name="pools")
app.command(departments, name="departments")
app.command(retention, name="retention")

Limit = Annotated[
    int | None, Parameter(help="Rows of a page, up to 1,000; without it 50 are shown, and --csv gets all rows.")
]
_ON_SCREEN = ("Start Time", "Username", "Call Type", "Called To", "Destination Dialed", "Duration", "Cost", "Paid By")
_UNCOVERED = ("Start Time", "Username", "Called To", "Destination Dialed", "Duration", "Cost", "Uncovered")


@app.command
def usage(
    *,
    which: Which = EVERYTHING,
    layout: Layout = AS_ALWAYS,
    limit: Limit = None,
    after: Annotated[str, Parameter(help="The cursor that the page before ended with.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Show usage details, a page at a time; sort by start, cost, duration, destination or user."""
    _list(which, layout, options, limit=limit, after=after)


@app.command
def uncovered(
    *,
    which: Which = EVERYTHING,
    layout: Layout = AS_ALWAYS,
    limit: Limit = None,
    after: Annotated[str, Parameter(help="The cursor that the page before ended with.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Show calls that cost more than there was credit for: what the next purchase repays."""
    _list(which, layout, options, limit=limit, after=after, is_uncovered=True)


@app.command
def destinations(*, which: Which = EVERYTHING, layout: Layout = AS_ALWAYS, options: Options = DEFAULTS) -> None:
    """Add up what credit and the bill paid, by destination."""
    _sum("Credit usage by destination", report_destinations, conditions_of(which, now()), layout, options)


@app.command
def users(*, which: Which = EVERYTHING, layout: Layout = AS_ALWAYS, options: Options = DEFAULTS) -> None:
    """Add up what credit and the bill paid, by user."""
    _sum("Credit usage by user", report_users, conditions_of(which, now()), layout, options)


@app.command
def dialout(
    *,
    which: Which = EVERYTHING,
    country: Annotated[str, Parameter(help="Only organizers whose usage location this is: DE.")] = "",
    layout: Layout = AS_ALWAYS,
    options: Options = DEFAULTS,
) -> None:
    """Add up what conferences dialed out, by organizer; with --user, also where to."""
    request = ReportDialOut(conditions_of(which, now()), country)
    _sum("Conference dial-out by organizer", report_dial_out, request, layout, options)


@app.command
def refused(*, which: Which = EVERYTHING, layout: Layout = AS_ALWAYS, options: Options = DEFAULTS) -> None:
    """Count refused calls by reason, value those that were lost because of the balance, and list who is blocked."""
    check_outputs(layout, options)
    with open_app(options.database) as talktime:
        found = talktime.read(report_refused, conditions_of(which, now()))
    reasons = _arranged(found.reasons, layout)
    if layout.csv:
        write_table(reasons, layout.csv)
    if layout.csv != STANDARD_OUTPUT:
        show(options, _refused_document(found, reasons), lambda: _refused_view(found, reasons))
    if not options.as_json:
        _hint_of_refused(found)


def _list(
    which: Which, layout: Layout, options: Options, *, limit: int | None, after: str, is_uncovered: bool = False
) -> None:
    check_outputs(layout, options)
    request = ListUsage(
        conditions_of(which, now()),
        order_of(layout.sort),
        after,
        limit or ROWS_SHOWN,
        is_uncovered=is_uncovered,
        write_all=(lambda rows: _write_all(rows, layout)) if layout.csv and limit is None and not after else None,
    )
    with open_app(options.database) as talktime:
        listed = talktime.read(list_usage, request)
    country = listed.asked.organization.country
    details = ReportTable("usage", DETAILS.columns, tuple(DETAILS.cells(row, country) for row in listed.rows))
    chosen = with_columns(details, _names(layout))
    if layout.csv and request.write_all is None:
        write_table(chosen, layout.csv)
    on_screen = chosen if layout.columns else with_columns(details, _UNCOVERED if is_uncovered else _ON_SCREEN)
    if layout.csv != STANDARD_OUTPUT:
        document = _listed_document(listed, chosen)
        title = "Uncovered usage" if is_uncovered else "Usage"
        show(options, document, lambda: _listed_view(title, listed, on_screen))
    if not options.as_json:
        _hint_of_page(listed, is_whole=request.write_all is not None)


def _write_all(rows: Iterator[tuple[object, ...]], layout: Layout) -> None:
    chosen = with_columns(ReportTable("usage", DETAILS.columns, ()), _names(layout)).columns
    places = [DETAILS.columns.index(column) for column in chosen]
    with text_stream(layout.csv) as stream:
        write_csv(stream, chosen, (tuple(row[place] for place in places) for row in rows))


def _sum(
    title: str,
    use_case: Callable[[Any, Any], Reported],
    request: Conditions | ReportDialOut,
    layout: Layout,
    options: Options,
) -> None:
    check_outputs(layout, options)
    with open_app(options.database) as talktime:
        reported = talktime.read(use_case, request)
    first, *drilled = reported.tables
    arranged = _arranged(first, layout)
    if layout.csv:
        write_table(arranged, layout.csv)
    if layout.csv != STANDARD_OUTPUT:
        document = report_document(reported.asked, reported.snapshot)
        document |= {each.name: rows_document(each.columns, each.rows) for each in (arranged, *drilled)}
        show(options, document, lambda: _sum_view(title, reported, (arranged, *drilled), layout))
    if not options.as_json:
        if not first.rows:
            say_why_empty(reported.asked)
        warn_of_parked(reported.asked.watermark)


def _arranged(shown: ReportTable, layout: Layout) -> ReportTable:
    if layout.sort:
        shown = sorted_by(shown, layout.sort.removeprefix("-"), is_descending=layout.sort.startswith("-"))
    return with_columns(shown, _names(layout))


def _names(layout: Layout) -> tuple[str, ...]:
    return column_names("" if layout.columns == "all" else layout.columns)


def _title(title: str, asked: Asked, *details: str) -> Text:
    return heading(f"{title} of {asked.organization.name}", period_text(asked), *details)


def _sum_view(title: str, reported: Reported, tables: Sequence[ReportTable], layout: Layout) -> RenderableType:
    asked = reported.asked
    parts: list[RenderableType] = [_title(title, asked)]
    for each in tables:
        shown = each if layout.columns else without_what_says_nothing(each)
        parts += ["", table_view(shown, asked.organization.zone)] if each.rows else []
    return Group(*parts, "", complete_line(asked, reported.snapshot))


def _listed_view(title: str, listed: UsageListed, on_screen: ReportTable) -> RenderableType:
    asked = listed.asked
    totals = [
        f"{counted(each.rows, 'row', 'rows')} of {counted(each.calls, 'call', 'calls')}"
        f", {money(each.cost_micros, each.currency)}"
        + (f", {money(each.uncovered_micros)} of it uncovered" if each.uncovered_micros else "")
        for each in listed.sums
    ]
    parts: list[RenderableType] = [_title(title, asked, *totals)]
    parts += ["", table_view(on_screen, asked.organization.zone)] if listed.rows else []
    return Group(*parts, "", complete_line(asked, listed.snapshot))


def _listed_document(listed: UsageListed, chosen: ReportTable) -> dict[str, Any]:
    return report_document(listed.asked, listed.snapshot) | {
        "rows": rows_document(chosen.columns, chosen.rows),
        "after": listed.next_cursor or None,
        "totals": [
            {
                "currency": each.currency,
                "calls": each.calls,
                "rows": each.rows,
                "used_seconds": each.used_seconds,
                "cost": format_micros(each.cost_micros),
                "uncovered": format_micros(each.uncovered_micros),
            }
            for each in listed.sums
        ],
    }


def _hint_of_page(listed: UsageListed, *, is_whole: bool) -> None:
    if not listed.rows:
        say_why_empty(listed.asked)
    warn_of_parked(listed.asked.watermark)
    if listed.next_cursor and not is_whole:
        hint(f"More rows follow: the same command with `--after {listed.next_cursor}`")


def _refused_view(found: RefusedReported, reasons: ReportTable) -> RenderableType:
    asked = found.asked
    parts: list[RenderableType] = [_title("Refused calls", asked, f"{found.calls_count:,}")]
    if reasons.rows:
        parts += ["", table_view(reasons, asked.organization.zone)]
    if found.lost.calls_count:
        lost = f"{found.lost.calls_count:,} of {found.calls_count:,} were lost because of the balance"
        worth = f", about {money(found.lost.worth_micros, asked.organization.currency)} of calls"
        known = f" (valued by the average paid call to the same prefix: {found.lost.known_count:,} of them)"
        parts += ["", Text(lost + (worth + known if found.lost.known_count else ""), "yellow")]
    if found.blocked.rows:
        parts += ["", heading("Blocked users", f"{len(found.blocked.rows):,}")]
        parts += ["", table_view(found.blocked, asked.organization.zone)]
    return Group(*parts, "", complete_line(asked, found.snapshot))


def _refused_document(found: RefusedReported, reasons: ReportTable) -> dict[str, Any]:
    lost = found.lost
    return report_document(found.asked, found.snapshot) | {
        "calls": found.calls_count,
        "lost_because_of_balance": lost.calls_count,
        "lost_worth_about": format_micros(lost.worth_micros) if lost.known_count else None,
        "lost_valued": lost.known_count,
        "reasons": rows_document(reasons.columns, reasons.rows),
        "blocked_users": rows_document(found.blocked.columns, found.blocked.rows),
    }


def _hint_of_refused(found: RefusedReported) -> None:
    if not found.calls_count:
        hint(f"No call of {found.asked.organization.name} was refused in that period.")
    if found.lost.calls_count:
        hint("Credit lets these through: `talktime credit buy`, or `talktime credit recharge` to never run out.")
