"""How reports look: tables of any columns, the line that says how far they are complete, JSON of the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.insight.reports.report_tables import ReportTable
from talktime.core.insight.reports.watermarks import Watermark
from talktime.core.insight.tables import Column, ColumnKind, format_instant
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.core.values.money import format_micros
from talktime.core.values.periods import Period
from talktime.exports.csv import write_csv
from talktime.interfaces.cli.files import text_stream
from talktime.interfaces.cli.terminal import hint, instant, money, table, warn
from talktime.usecases.insight.reports.asking import Asked

ROWS_SHOWN_MAX = 100
_DURATION = "Duration"
_SHARE, _BAR_CHARACTERS = "Share %", 20
_NOTHING = "–"


def table_view(shown: ReportTable, zone: ZoneInfo) -> RenderableType:
    """Draw a table; of very many rows the first."""
    numbers = [column.name for column in shown.columns if column.kind in {ColumnKind.WHOLE, ColumnKind.MONEY}]
    drawn = table(*(column.name for column in shown.columns), numbers=numbers)
    for row in shown.rows[:ROWS_SHOWN_MAX]:
        drawn.add_row(*(_cell(cell, column, zone) for cell, column in zip(row, shown.columns, strict=True)))
    if shown.totals is not None and len(shown.rows) > 1:
        drawn.add_section()
        cells = zip(shown.totals, shown.columns, strict=True)
        drawn.add_row(*(_cell(cell, column, zone, nothing="") for cell, column in cells), style="bold")
    if len(shown.rows) <= ROWS_SHOWN_MAX:
        return drawn
    more = f"… and {len(shown.rows) - ROWS_SHOWN_MAX:,} more lines: --csv FILE or --json has them all"
    return Group(drawn, Text(more, "dim"))


def without_what_says_nothing(shown: ReportTable) -> ReportTable:
    """Return the table without its columns that are empty or zero in every row, and with one currency said once.

    For people only: files and JSON have every column.
    """
    kept = [
        index
        for index, column in enumerate(shown.columns)
        if index == 0 or (column.name != "Seconds" and any(row[index] not in {None, "", 0} for row in shown.rows))
    ]
    place = next((index for index, column in enumerate(shown.columns) if column.name == "Currency"), None)
    currencies = set() if place is None else {row[place] for row in shown.rows}
    currency = f" {currencies.pop()}" if len(currencies) == 1 else ""
    if currency and place is not None:
        kept.remove(place)
    return ReportTable(
        shown.name,
        tuple(_with_currency(shown.columns[index], currency) for index in kept),
        tuple(tuple(row[index] for index in kept) for row in shown.rows),
        None if shown.totals is None else tuple(shown.totals[index] for index in kept),
    )


def complete_line(asked: Asked, snapshot: str) -> Text:
    """Say how far the report is complete, and by what name the same report can be recognized."""
    mark = asked.watermark
    named = f"  snapshot {snapshot}" if snapshot else ""
    if mark.is_whole:
        return Text.assemble(("✓ complete", "green"), (named, "dim"))
    until = f"complete until {instant(mark.complete_until, asked.organization.zone)}"
    return Text.assemble((until, "yellow"), (f"  {_why_incomplete(mark)}", "dim"), (named, "dim"))


def period_text(asked: Asked) -> str:
    """Write the period as local days."""
    zone = asked.organization.zone
    starts_at, ends_at = asked.shown.period
    first = "the first call" if starts_at == EARLIEST else f"{starts_at.astimezone(zone):%Y-%m-%d}"
    last = (
        "the last call" if ends_at == LATEST else f"{(ends_at - timedelta(microseconds=1)).astimezone(zone):%Y-%m-%d}"
    )
    return f"{first} to {last} ({zone.key})"


def report_document(asked: Asked, snapshot: str) -> dict[str, Any]:
    """Return what every report says of itself, for programs."""
    mark = asked.watermark
    starts_at, ends_at = asked.shown.period
    return {
        "organization": asked.organization.name,
        "currency": asked.organization.currency,
        "time_zone": asked.organization.zone.key,
        "starts_at": None if starts_at == EARLIEST else starts_at,
        "ends_at": None if ends_at == LATEST else ends_at,
        "complete_until": mark.complete_until,
        "is_complete": mark.is_whole,
        "open_calls": mark.pending.open_calls_count,
        "parked_reports": mark.pending.parked_count,
        "snapshot": snapshot or None,
    }


def rows_document(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    """Return rows for programs: money as decimal strings, instants in UTC, names of columns as they are."""
    return [{column.name: _json_cell(cell, column) for cell, column in zip(row, columns, strict=True)} for row in rows]


def write_table(shown: ReportTable, path: str) -> None:
    """Write a table as CSV: every row and every column, without the last line, which other programs would count in."""
    with text_stream(path) as stream:
        write_csv(stream, shown.columns, shown.rows)


def say_why_empty(asked: Asked) -> None:
    """Say what to do where a report has no rows."""
    name = asked.organization.name
    if asked.span is None:
        hint(f"{name} has no usage yet: calls are reported when they have ended. `talktime demo` shows a month of it.")
        return
    first, last = (each.astimezone(asked.organization.zone).date() for each in asked.span)
    if _touches(asked.span, asked.shown.period):
        if asked.shown.is_uncovered:
            hint(f"Credit covered every call of {name} in that period: nothing is owed for it.")
            return
        hint(f"No call of {name} fulfills all of these conditions from {period_text(asked)}: leave one out.")
        return
    hint(f"No call of {name} began in that period. Its usage goes from {first} to {last}: `--from {first} --to {last}`")


def warn_of_parked(watermark: Watermark) -> None:
    """Say what stops a report from being complete, where somebody has to do something about it."""
    count = watermark.pending.parked_count
    if count and not watermark.is_whole:
        waiting = counted(count, "report of a switch waits", "reports of switches wait")
        warn(f"{waiting} for somebody to settle, and may add rows: talktime calls orphans")


def counted(count: int, one: str, many: str) -> str:
    """Write how many there are of something."""
    return f"{count:,} {one if count == 1 else many}"


def _why_incomplete(mark: Watermark) -> str:
    pending = mark.pending
    found = []
    if pending.oldest_open_at is not None and pending.oldest_open_at <= mark.complete_until:
        found.append(counted(pending.open_calls_count, "call is open", "calls are open"))
    if pending.oldest_parked_at is not None and pending.oldest_parked_at <= mark.complete_until:
        found.append(counted(pending.parked_count, "report is parked", "reports are parked"))
    return " and ".join(found) if found else "calls of the last minutes may still be told"


def _with_currency(column: Column, currency: str) -> Column:
    return Column(column.name + currency, column.kind) if column.kind is ColumnKind.MONEY else column


def _touches(span: Period, period: Period) -> bool:
    return span.starts_at < period.ends_at and span.ends_at >= period.starts_at


def _cell(cell: object, column: Column, zone: ZoneInfo, nothing: str = _NOTHING) -> Text | str:
    if cell is None or cell == "":
        return nothing
    if isinstance(cell, datetime):
        # Without the zone, which stands above the table, and with all seconds, so that they stand below each other.
        return f"{cell.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if column.name == _DURATION and isinstance(cell, int):
        return str(timedelta(seconds=cell))
    if column.kind is ColumnKind.MONEY and isinstance(cell, int):
        return money(cell)
    if column.name == _SHARE and isinstance(cell, int):
        return Text.assemble(("█" * (cell * _BAR_CHARACTERS // 100), "cyan"), f" {cell:>3}")
    if column.kind is ColumnKind.WHOLE:
        return f"{cell:,}"
    return Text(str(cell))


def _json_cell(cell: object, column: Column) -> object:
    if column.kind is ColumnKind.MONEY and isinstance(cell, int):
        return format_micros(cell)
    return format_instant(cell) if isinstance(cell, datetime) else cell
