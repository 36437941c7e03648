"""`talktime usage`: the usage report as CSV for machines, as a workbook for people."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.insight.usage import EARLIEST, LATEST, LAYOUTS, ORIGINAL, TALKTIME
from talktime.core.insight.usage_totals import TOTAL_COLUMNS
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.exports.csv import write_csv
from talktime.exports.excel import Sheet, write_workbook
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Advance,
    Options,
    err,
    facts,
    heading,
    hint,
    money,
    open_app,
    progress,
    show,
    table,
)
from talktime.usecases.insight.report_usage import OpenReport, ReportUsage, UsageReported, report_usage

app = App(name="usage")
app.command(
    "talktime.interfaces.cli.insight.usage.rerate:rerate",
    name="rerate",
    help="Rate charged calls anew by a deck, and charge or give back the difference.",
)
app.command(
    "talktime.interfaces.cli.insight.usage.importing:import_",
    name="import",
    help="Import calls of another system, for reports and advice; they touch no balance.",
)
app.command(
    "talktime.interfaces.cli.insight.usage.importing:imports",
    name="imports",
    help="What was imported: list it, remove it.",
)

TWO_DECIMALS = 2
_ADDED_UP = frozenset({"Duration Seconds", "Connection Fee", "Charge", "used_seconds", "billed_seconds", "cost"})


class LayoutName(Enum):
    """The columns: the original's 25 of 2025, or all of ours."""

    ORIGINAL = ORIGINAL.name
    TALKTIME = TALKTIME.name


@app.command
def export(
    *,
    csv: Annotated[
        str, Parameter(help="Write RFC 4180 CSV to this file; - is standard output.", allow_leading_hyphen=True)
    ] = "",
    xlsx: Annotated[Path | None, Parameter(help="Write an Excel workbook to this file.")] = None,
    organization: Annotated[
        str, Parameter(help="Whose usage; may be left out where there is only one organization.")
    ] = "",
    starts_on: Annotated[
        date | None,
        Parameter(name="--from", help="The first day, on the organization's clock. Default: the first call."),
    ] = None,
    ends_on: Annotated[
        date | None, Parameter(name="--to", help="The last day, itself included. Default: the last call.")
    ] = None,
    layout: Annotated[
        LayoutName,
        Parameter(help="2025: the original's 25 columns; talktime: all of ours, with deck version and lots' sums."),
    ] = LayoutName.ORIGINAL,
    two_decimals: Annotated[
        bool, Parameter(negative=(), help="Round each amount half-up to cents, as the original does. Default: exact.")
    ] = False,
    options: Options = DEFAULTS,
) -> None:
    """Export the usage rows of calls that began in a period, in the order in which they began."""
    writers: list[Callable[[OpenReport], object]] = []
    if csv.startswith("--"):
        message = f"--csv takes a path, or - for standard output, and not {csv}"
        raise Invalid(message, code="nowhere")
    if csv:
        writers.append(lambda report: write_csv_file(report, csv))
    if xlsx is not None:
        writers.append(lambda report: write_workbook_file(report, xlsx, two_decimals=two_decimals))
    if not writers:
        message = "say where to write: --csv PATH, --xlsx PATH, or both; --csv - is standard output"
        raise Invalid(message, code="nowhere")
    is_piped = csv == STANDARD_OUTPUT
    if is_piped and options.as_json:
        message = "--csv - and --json would both write to standard output; choose one"
        raise Invalid(message, code="output_taken")
    request = ReportUsage(
        organization, starts_on, ends_on, LAYOUTS[layout.value], TWO_DECIMALS if two_decimals else None, writers
    )
    with open_app(options.database) as talktime:
        reported = talktime.read(report_usage, request)
    files = [name for name in (csv, "" if xlsx is None else str(xlsx)) if name and name != STANDARD_OUTPUT]
    if is_piped:
        err().print(_view(reported, files))
    else:
        show(options, _document(reported, files), lambda: _view(reported, files))
    if reported.rows_count == 0 and not options.as_json:
        hint(_why_empty(reported))


def write_csv_file(report: OpenReport, path: str) -> None:
    """Write a report as CSV to a file, or to standard output where the path is `-`."""
    with text_stream(path) as stream, progress("Writing CSV", report.rows_count) as advance:
        write_csv(stream, report.layout.columns, _counted(report.rows(), advance))


def write_workbook_file(report: OpenReport, path: Path, *, two_decimals: bool) -> None:
    """Write a report as a workbook with its totals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = report.layout.columns
    about = f"{report.organization.name} · {_period(report)} · times in UTC"
    usage_note = f"{about} · amounts {'rounded to cents, each for itself' if two_decimals else 'exact'}"
    with progress("Writing workbook", report.rows_count) as advance:
        usage = Sheet(
            "Usage",
            columns,
            _counted(report.rows(), advance),
            note=usage_note,
            total_columns=tuple(column.name for column in columns if column.name in _ADDED_UP),
        )
        totals = Sheet("Totals", TOTAL_COLUMNS, _totals(report), note=f"{about} · amounts exact", is_summary=True)
        write_workbook(path, [usage, totals], title=f"Usage of {report.organization.name}")


def _totals(report: OpenReport) -> Iterator[tuple[object, ...]]:
    # Asked for when all rows have gone by: only then do the totals hold them.
    for total in report.totals.all():
        yield total.cells()


def _counted(rows: Iterator[tuple[object, ...]], advance: Advance) -> Iterator[tuple[object, ...]]:
    for row in rows:
        yield row
        advance(1)


def _period(report: OpenReport | UsageReported) -> str:
    zone = report.organization.zone
    starts_at, ends_at = report.period
    first = "the first call" if starts_at == EARLIEST else f"{starts_at.astimezone(zone):%Y-%m-%d}"
    last_at = (ends_at if ends_at == LATEST else ends_at - timedelta(microseconds=1)).astimezone(zone)
    last = "the last call" if ends_at == LATEST else f"{last_at:%Y-%m-%d}"
    return f"{first} to {last} ({zone.key})"


def _why_empty(reported: UsageReported) -> str:
    name = reported.organization.name
    if reported.span is None:
        return f"{name} has no usage yet: calls are reported when they have ended."
    zone = reported.organization.zone
    first, last = (instant.astimezone(zone).date() for instant in reported.span)
    return f"No call of {name} began in that period. Its usage goes from {first} to {last}: choose `--from` and `--to`."


def _document(reported: UsageReported, files: list[str]) -> dict[str, Any]:
    starts_at, ends_at = reported.period
    return {
        "organization": reported.organization.name,
        "starts_at": None if starts_at == EARLIEST else starts_at,
        "ends_at": None if ends_at == LATEST else ends_at,
        "files": files,
        "rows": reported.rows_count,
        "totals": [
            {
                "currency": total.currency,
                "kind": total.kind.value,
                "calls": total.calls,
                "rows": total.rows,
                "used_seconds": total.used_seconds,
                "included_seconds": total.included_seconds,
                "included_minutes": total.included_minutes,
                "paid_seconds": total.paid_seconds,
                "cost": format_micros(total.cost_micros),
                "uncovered": format_micros(total.uncovered_micros),
            }
            for total in reported.totals
        ],
        "message": _why_empty(reported).replace("`", "") if reported.rows_count == 0 else None,
    }


def _view(reported: UsageReported, files: list[str]) -> RenderableType:
    numbers = (
        *("Calls", "Usage rows", "Seconds", "Included seconds", "Pool minutes", "Paid seconds"),
        *("Charge", "Uncovered"),
    )
    drawn = table(
        *("Kind", *numbers),
        numbers=numbers,
    )
    for total in reported.totals:
        drawn.add_row(
            *(total.kind.value, f"{total.calls:,}", f"{total.rows:,}", f"{total.used_seconds:,}"),
            *(f"{total.included_seconds:,}", f"{total.included_minutes:,}", f"{total.paid_seconds:,}"),
            money(total.cost_micros, total.currency),
            money(total.uncovered_micros, total.currency),
        )
    top = heading(f"Usage of {reported.organization.name}", _period(reported), f"{reported.rows_count:,} rows")
    written = facts([("Written", name) for name in files])
    return Group(top, drawn, written) if reported.totals else Group(top, written)
