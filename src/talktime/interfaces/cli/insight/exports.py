"""`talktime exports`: files of usage that a worker makes while nobody waits; start, list, show, fetch."""

import getpass
import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.insight.exporting.exports import Export, ExportFormat, ExportRequest, ExportState
from talktime.core.insight.usage import EARLIEST, LATEST, ORIGINAL
from talktime.core.values.errors import Invalid, Unavailable
from talktime.interfaces.cli.files import STANDARD_OUTPUT, in_its_place
from talktime.interfaces.cli.insight.reports.arguments import EVERYTHING, Which, conditions_of
from talktime.interfaces.cli.insight.usage.usage import TWO_DECIMALS, LayoutName
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.insight.exporting.manage_exports import (
    Exports,
    ShowExport,
    StartExport,
    finished,
    list_exports,
    show_export,
    start_export,
)

if TYPE_CHECKING:
    from talktime.bootstrap import App as Talktime

app = App(name="exports", help="Files of usage that a worker makes while nobody waits: start, list, show, fetch.")

app.command(
    "talktime.interfaces.cli.insight.report_schedules:schedule",
    name="schedule",
    help="Send a report by mail, again and again.",
)
app.command(
    "talktime.interfaces.cli.insight.report_schedules:schedules", name="schedules", help="List what is sent by mail."
)
app.command(
    "talktime.interfaces.cli.insight.report_schedules:unschedule", name="unschedule", help="Send a report no more."
)

EXACT = "exact"
EXIT_NOT_MADE = 1
Number = Annotated[int, Parameter(help="The export's number; without it, the newest.")]


@app.command
def start(
    *,
    format: Annotated[  # noqa: A002 -- what it is called on the command line
        ExportFormat,
        Parameter(
            help="csv: exact, for programs. excel: a table to make pivots of. summary: a workbook with charts."
            " parquet: typed columns. zip: the original's archive."
        ),
    ] = ExportFormat.CSV,
    which: Which = EVERYTHING,
    layout: Annotated[
        LayoutName, Parameter(help="2025: the original's 25 columns; talktime: all of ours.")
    ] = LayoutName.ORIGINAL,
    decimals: Annotated[
        str, Parameter(help="exact, or to how many decimals money is rounded. Default: exact; in a zip 2, as there.")
    ] = "",
    at_once: Annotated[
        bool, Parameter(name="--now", negative=(), help="Make it here and now, without a worker.")
    ] = False,
    options: Options = DEFAULTS,
) -> int:
    """Ask for a file of usage; a worker makes it, and `talktime exports fetch` brings it."""
    from talktime.usecases.insight.reports.asking import ask

    at = now()
    with open_app(options.database) as talktime:
        asked = talktime.read(ask, conditions_of(which, at))
        request = ExportRequest(asked.shown, format, layout.value, decimals_of(decimals, format))
        owner = asked.organization
        export = talktime.run(start_export, StartExport(owner.organization_id, request, getpass.getuser(), at))
        if at_once:
            export = _made_now(talktime, export)
        document = _document(talktime, Exports(owner, (export,)), export)
    shown = Exports(owner, (export,))
    show(options, document, lambda: _view(shown, export, document))
    if not options.as_json:
        _say_next(export)
    return EXIT_NOT_MADE if export.state is ExportState.FAILED else 0


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List an organization's exports, the newest first, with how far each is."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_exports, organization)
        documents = [_document(talktime, shown, export) for export in shown.exports]
    if not shown.exports and not options.as_json:
        hint(f"{shown.organization.name} has no exports yet. Begin one: `talktime exports start --format excel`")
        return
    document = {"organization": shown.organization.name, "exports": documents}
    show(options, document, lambda: _list_view(shown))


@app.command(name="show")
def show_(number: Number = 0, *, organization: Whose = "", options: Options = DEFAULTS) -> int:
    """Show how an export stands: how far it is, or where its file is. The exit code is 1 where it failed."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_export, ShowExport(organization, number))
        (export,) = shown.exports
        document = _document(talktime, shown, export)
    show(options, document, lambda: _view(shown, export, document))
    if not options.as_json:
        _say_next(export)
    return EXIT_NOT_MADE if export.state is ExportState.FAILED else 0


@app.command
def fetch(
    number: Number = 0,
    *,
    output: Annotated[
        str,
        Parameter(help="Where to; - is standard output. Default: under its own name, here.", allow_leading_hyphen=True),
    ] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Fetch a finished file, and prove by its hash that it is the one that was made."""
    if output == STANDARD_OUTPUT and options.as_json:
        message = "--output - and --json would both write to standard output; choose one"
        raise Invalid(message, code="output_taken")
    with open_app(options.database) as talktime:
        shown = talktime.read(show_export, ShowExport(organization, number))
        (export,) = shown.exports
        made = finished(export, now())
        source = _source(talktime, export, made.sha256)
    if output == STANDARD_OUTPUT:
        with source.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
        return
    target = Path(output or export.file_name)
    target = target / export.file_name if target.is_dir() else target
    with in_its_place(target) as unfinished:
        shutil.copyfile(source, unfinished)
    document = {"export": export.export_id, "file": str(target), "bytes": made.bytes_count, "sha256": made.sha256}
    rows = [("Written", str(target)), ("Bytes", f"{made.bytes_count:,}"), ("SHA-256", made.sha256)]
    show(options, document, lambda: facts(rows))


def _made_now(talktime: "Talktime", export: Export) -> Export:
    from talktime.interfaces.worker.exporting import Workshop, make_export
    from talktime.store.insight.exports import ExportKey

    made = make_export(Workshop(talktime, now), ExportKey(export.organization_id, export.export_id))
    # A worker may have been faster.
    return export if made is None else made


def _source(talktime: "Talktime", export: Export, sha256: str) -> Path:
    from talktime.interfaces.worker.exporting import file_of

    source = file_of(talktime, export)
    try:
        with source.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        message = (
            f"{export.file_name} is not in {source.parent}: was it made on another machine? Workers and this command"
            " must share TALKTIME_DATA_FOLDER"
        )
        raise Unavailable(message, code="export_file_missing") from None
    except PermissionError:
        message = f"{source} may be read only by who runs the worker: fetch it as that user of the machine"
        raise Unavailable(message, code="export_file_unreadable") from None
    if found != sha256:
        message = f"{source} is not the file that was made: its SHA-256 is {found}; start another export"
        raise Unavailable(message, code="export_file_changed")
    return source


def decimals_of(text: str, export_format: ExportFormat) -> int | None:
    """Return how many decimals money has, None for exact; raise Invalid for what is no number."""
    if not text:
        return TWO_DECIMALS if export_format is ExportFormat.ZIP else None
    if text == EXACT:
        return None
    if not (text.isascii() and text.isdigit()):
        message = f"--decimals takes {EXACT}, or a number from 0 to 6, and not {text!r}"
        raise Invalid(message, code="money_decimals")
    return int(text)


def _say_next(export: Export) -> None:
    if export.state in {ExportState.QUEUED, ExportState.RUNNING}:
        hint(f"A worker makes it (`talktime worker`); how far: `talktime exports show {export.export_id}`")
    if export.state is ExportState.DONE:
        hint(f"Bring it here: `talktime exports fetch {export.export_id}`")


def _document(talktime: "Talktime", shown: Exports, export: Export) -> dict[str, Any]:
    from talktime.interfaces.worker.exporting import file_of

    starts_at, ends_at = export.request.shown.period
    made = export.made
    is_there = export.state is ExportState.DONE and not export.is_over(now())
    return {
        "organization": shown.organization.name,
        "export": export.export_id,
        "format": export.request.format.value,
        "layout": export.request.layout,
        "decimals": EXACT if export.request.money_decimals is None else export.request.money_decimals,
        "starts_at": None if starts_at == EARLIEST else starts_at,
        "ends_at": None if ends_at == LATEST else ends_at,
        "state": export.state.value,
        "rows_done": export.rows_done,
        "rows_total": export.rows_total,
        "requested_by": export.requested_by,
        "requested_at": export.requested_at,
        "finished_at": export.finished_at,
        "expires_at": export.expires_at,
        "complete_until": None if made is None else made.complete_until,
        "snapshot": None if made is None else made.snapshot,
        "bytes": None if made is None else made.bytes_count,
        "sha256": None if made is None else made.sha256,
        "file": str(file_of(talktime, export)) if is_there else None,
        "reason": export.reason or None,
    }


def _list_view(shown: Exports) -> RenderableType:
    drawn = table("Number", "File", "Days", "Asked", "State", "Rows", "Size", numbers=("Number", "Rows", "Size"))
    zone = shown.organization.zone
    for export in shown.exports:
        drawn.add_row(
            str(export.export_id),
            export.file_name,
            _days(export, zone),
            f"{instant(export.requested_at, zone)} by {export.requested_by}",
            export.state.value,
            _rows(export),
            "" if export.made is None else _size(export.made.bytes_count),
        )
    return Group(heading(f"Exports of {shown.organization.name}", f"{len(shown.exports)} newest"), drawn)


def _view(shown: Exports, export: Export, document: dict[str, Any]) -> RenderableType:
    zone, made = shown.organization.zone, export.made
    rows: list[tuple[str, object]] = [
        ("State", export.state.value),
        ("Format", export.request.format.value),
        ("Columns", "the original's of 2025" if export.request.layout == ORIGINAL.name else export.request.layout),
        ("Days", _days(export, zone)),
        ("Asked", f"{instant(export.requested_at, zone)} by {export.requested_by}"),
        ("Rows", _rows(export)),
    ]
    if export.reason:
        rows.append(("Why", export.reason))
    if made is not None:
        rows += [
            ("Complete until", instant(made.complete_until, zone)),
            ("Size", _size(made.bytes_count)),
            ("SHA-256", made.sha256),
        ]
    if document["file"] is not None and export.expires_at is not None:
        rows += [("File", document["file"]), ("Kept until", instant(export.expires_at, zone))]
    return Group(heading(f"Export {export.export_id} of {shown.organization.name}", export.file_name), facts(rows))


def _days(export: Export, zone: ZoneInfo) -> str:
    starts_at, ends_at = export.request.shown.period
    first = "the first call" if starts_at == EARLIEST else f"{starts_at.astimezone(zone):%Y-%m-%d}"
    if ends_at == LATEST:
        return f"{first} to the last call"
    return f"{first} until {ends_at.astimezone(zone):%Y-%m-%d}, itself not included"


def _rows(export: Export) -> str:
    if export.state is ExportState.RUNNING:
        return f"{export.rows_done:,} of {export.rows_total:,}" if export.rows_total else "begun"
    return "" if export.made is None else f"{export.made.rows_count:,}"


def _size(bytes_count: int) -> str:
    size = float(bytes_count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:  # noqa: PLR2004 -- as disks are sold
            return f"{size:,.0f} {unit}"
        size /= 1_000
    return f"{size:,.1f} GB"
