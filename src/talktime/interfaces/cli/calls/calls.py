"""`talktime calls`: replay recorded calls; the receipt of one call."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.bootstrap import App as Talktime
from talktime.bootstrap import open_statements
from talktime.core.calls.calls import EXPLANATIONS
from talktime.core.calls.replaying import ReplayedCall, ReplaySummary, summary_of
from talktime.core.values.money import format_micros
from talktime.core.values.places import read_zone
from talktime.imports.call_files import CallLine, read_call_file
from talktime.interfaces.cli.calls.cut import cut
from talktime.interfaces.cli.calls.live import live
from talktime.interfaces.cli.calls.orphans import orphans
from talktime.interfaces.cli.calls.receipts import receipt
from talktime.interfaces.cli.calls.reconcile import reconcile
from talktime.interfaces.cli.calls.refused import refused
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Advance,
    Options,
    facts,
    heading,
    hint,
    money,
    now,
    open_app,
    progress,
    show,
    table,
)
from talktime.usecases.calls.replay_calls import (
    PrepareReplay,
    ReplayedPeriod,
    ReplayPrepared,
    prepare_replay,
    replay_calls,
    uncovered_micros,
)

# Whoever has more lines to mend than these wants them as JSON.
REJECTED_SHOWN_MAX = 20
UNKNOWN_SHOWN_MAX = 5
SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3_600

app = App(name="calls")
app.command(live)
app.command(cut)
app.command(receipt)
app.command(refused)
app.command(reconcile)
app.command(orphans)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A file of calls, and what became of them."""

    path: Path
    lines: Sequence[CallLine]
    prepared: ReplayPrepared
    summary: ReplaySummary
    uncovered_micros: int

    @property
    def rejected(self) -> list[CallLine]:
        """Return the lines that hold no call."""
        return [line for line in self.lines if line.call is None]


@app.command
def replay(
    file: Annotated[
        Path,
        Parameter(
            help="CSV with call_id, from, to, kind, started_at, ring_seconds, duration_seconds (or what other switches"
            " call these), or a phone's log in the nodobo study's layout."
        ),
    ],
    *,
    organization: Annotated[
        str, Parameter(help="Whose calls; may be left out where there is only one organization.")
    ] = "",
    create_users: Annotated[
        bool, Parameter(negative=(), help="Create a user with all licenses for each name that is new.")
    ] = False,
    time_zone: Annotated[str, Parameter(help="The clock of instants in the file that state no offset.")] = "",
    quantum: Annotated[PositiveInt, Parameter(help="How many seconds a call is granted at a time.")] = 60,
    options: Options = DEFAULTS,
) -> None:
    """Charge recorded calls as if they happened now, on their own clock: start, answer, extend, end.

    A file that is replayed again is charged once: its calls are known by their ids.
    """
    zone = read_zone(time_zone) if time_zone else None
    with open_app(options.database) as talktime:
        replayed = replay_file(
            talktime, file, organization, zone=zone, creates_users=create_users, quantum_seconds=quantum
        )
    show(options, _document(replayed), lambda: _view(replayed))
    if not options.as_json:
        _next_steps(replayed)


def replay_file(
    talktime: Talktime,
    path: Path,
    organization: str,
    *,
    zone: ZoneInfo | None = None,
    creates_users: bool = False,
    quantum_seconds: int = 60,
) -> Replayed:
    """Read the file, and charge its calls on their own clock with a line of progress."""
    lines: list[CallLine] = []
    with progress("Reading calls", unit="lines") as advance:
        for line in read_call_file(path, zone):
            lines.append(line)
            advance(1)
    calls = [line.call for line in lines if line.call is not None]
    prepared = talktime.run(prepare_replay, PrepareReplay(organization, calls, now(), creates_users=creates_users))
    settings = replace(talktime.settings, quantum_seconds=quantum_seconds)
    statements = open_statements(settings.database_url)
    with closing(statements), progress("Replaying", len(calls), "calls") as advance:
        summary = summary_of(_counted(replay_calls(statements, settings.charging_terms, calls), advance))
    starts = [call.started_at for call in calls]
    uncovered = 0
    if starts:
        period = ReplayedPeriod(prepared.organization.name, min(starts), max(starts) + timedelta(microseconds=1))
        uncovered = talktime.read(uncovered_micros, period)
    return Replayed(path, lines, prepared, summary, uncovered)


def _counted(replayed: Iterable[ReplayedCall], advance: Advance) -> Iterator[ReplayedCall]:
    for each in replayed:
        yield each
        advance(1)


def _document(replayed: Replayed) -> dict[str, Any]:
    summary, organization = replayed.summary, replayed.prepared.organization
    return {
        "file": str(replayed.path),
        "organization": organization.name,
        "lines": len(replayed.lines),
        "classes": dict(Counter(line.label for line in replayed.lines)),
        "calls": summary.calls_count,
        "answered": summary.answered_count,
        "talk_seconds": summary.used_seconds,
        "currency": organization.currency,
        "charged": format_micros(summary.charged_micros),
        "uncovered": format_micros(replayed.uncovered_micros),
        "cut": summary.cut_count,
        "denied": {reason.value: count for reason, count in summary.denials.items()},
        "users_created": len(replayed.prepared.created),
        "parked": [{"call_id": each.call.call_id, "reason": each.parked} for each in summary.parked],
        "rejected": [{"line": line.line, "class": line.label, "reason": line.reason} for line in replayed.rejected],
    }


def _view(replayed: Replayed) -> Group:
    summary, currency = replayed.summary, replayed.prepared.organization.currency
    denied = f"{summary.denied_count:,}" if summary.denied_count else "none"
    rows: list[tuple[str, object]] = [
        ("Charged", Text(money(summary.charged_micros, currency), "bold green")),
        ("Talked", f"{talk_time(summary.used_seconds)} in {summary.answered_count:,} answered calls"),
        ("Denied", denied),
        ("Cut", f"{summary.cut_count:,} when their credit ended" if summary.cut_count else "none"),
        ("Uncovered", money(replayed.uncovered_micros, currency) if replayed.uncovered_micros else "nothing"),
    ]
    if replayed.prepared.created:
        rows.append(("Users created", f"{len(replayed.prepared.created):,}"))
    parts: list[RenderableType] = [
        heading(f"{summary.calls_count:,} calls of {replayed.prepared.organization.name}", replayed.path.name),
        "",
        facts(rows),
        "",
        _classes(replayed.lines),
    ]
    if summary.denials:
        parts.append(denials_table(summary))
    if summary.parked:
        parts.append(_parked(summary))
    if replayed.rejected:
        parts.append(_rejected(replayed.rejected))
    return Group(*parts)


def talk_time(seconds: int) -> str:
    """Write a span of time as people say it."""
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    return (
        f"{hours:,} h {rest // SECONDS_PER_MINUTE} min"
        if hours
        else f"{rest // SECONDS_PER_MINUTE} min {rest % SECONDS_PER_MINUTE} s"
    )


def denials_table(summary: ReplaySummary) -> Table:
    """Return why calls were refused, the most frequent reason first, and what would let them through."""
    made = table("Denied", "Calls", "Why, and what to do", numbers=("Calls",))
    for reason, count in summary.denials.items():
        made.add_row(reason.value, f"{count:,}", Text(EXPLANATIONS[reason], "dim"))
    return made


def _classes(lines: Sequence[CallLine]) -> Table:
    made = table("Class in the file", "Lines", numbers=("Lines",))
    for label, count in Counter(line.label for line in lines).most_common():
        made.add_row(label, f"{count:,}")
    return made


def _parked(summary: ReplaySummary) -> Table:
    made = table("Set aside for an operator", "Reason")
    for each in summary.parked[:REJECTED_SHOWN_MAX]:
        made.add_row(each.call.call_id, each.parked)
    return made


def _rejected(rejected: Sequence[CallLine]) -> Table:
    made = table("Rejected line", "Class", "Reason", numbers=("Rejected line",))
    for line in rejected[:REJECTED_SHOWN_MAX]:
        made.add_row(f"{line.line:,}", line.label, line.reason)
    if len(rejected) > REJECTED_SHOWN_MAX:
        made.add_row("…", "", f"and {len(rejected) - REJECTED_SHOWN_MAX:,} more; --json lists them all")
    return made


def _next_steps(replayed: Replayed) -> None:
    unknown = replayed.prepared.unknown
    if unknown:
        named = ", ".join(unknown[:UNKNOWN_SHOWN_MAX]) + (", …" if len(unknown) > UNKNOWN_SHOWN_MAX else "")
        hint(f"{len(unknown):,} callers belong to nobody: {named}. Names become users with `--create-users`.")
    hint("Every charge: `talktime usage export --xlsx usage.xlsx`. Whether all adds up: `talktime audit`.")
