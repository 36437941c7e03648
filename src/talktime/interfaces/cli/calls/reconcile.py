"""`talktime calls reconcile`: a switch's own file of its calls beside ours, and what differs settled."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TextIO

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.bootstrap import App as Talktime
from talktime.bootstrap import open_statements
from talktime.core.calls.afterwards.reconciling import (
    PROPOSED,
    TOLERANCE_SECONDS,
    Match,
    Reconciled,
    Total,
)
from talktime.core.values.money import format_micros
from talktime.core.values.places import read_zone
from talktime.imports.switch_files import SwitchFile, SwitchFormat, SwitchLine, open_switch_file
from talktime.interfaces.cli.files import text_stream
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    hint,
    instant,
    iso,
    money,
    now,
    open_app,
    progress,
    show,
    table,
    warn,
)
from talktime.store.afterwards.switch_records import Recorded, SwitchRecords
from talktime.usecases.calls.reconcile_calls import Books, ReconcileCalls, reconcile_calls

# Whoever has more than these wants them in a file.
SHOWN_MAX = 40
LINES_AT_ONCE = 1_000
WORDS: dict[Match, tuple[str, str]] = {
    Match.AGREED: ("agreed", ""),
    Match.DIFFERS: ("lasted otherwise", "yellow"),
    Match.ENDED_THERE: ("ended there, open here", "yellow"),
    Match.UNKNOWN: ("never started here", "red"),
    Match.PERHAPS: ("perhaps charged already", "red"),
    Match.REFUSED: ("refused here, talked there", "red"),
    Match.MISSING: ("not in the file", "red"),
    Match.SETTLED_OTHERWISE: ("corrected otherwise since", "dim"),
    Match.UNFINISHED: ("no end in the file", "dim"),
    Match.RUNNING: ("running on both sides", "dim"),
}
_COLUMNS = (
    *("what", "switch", "leg", "call_id", "line", "started_at", "here_seconds", "there_seconds", "cost"),
    *("change", "currency", "applied", "why_not"),
)


@dataclass(slots=True)
class _Told:
    """What was found so far: sums of everything, and the first rows that are worth a look."""

    file: Path
    switch: SwitchFile
    recorded: Recorded = field(default_factory=lambda: Recorded(0, 0, None, None, None))
    totals: dict[tuple[Match, str], Total] = field(default_factory=dict)
    rows: list[Reconciled] = field(default_factory=list)
    bad_lines: list[SwitchLine] = field(default_factory=list)
    bad_lines_count: int = 0

    def count(self, each: Reconciled) -> None:
        key = each.match, each.currency
        self.totals[key] = self.totals.get(key, Total()).plus(each)
        if each.match is not Match.AGREED and len(self.rows) < SHOWN_MAX:
            self.rows.append(each)

    def calls(self, *matches: Match) -> int:
        return sum(total.calls for (match, _), total in self.totals.items() if match in matches)

    @property
    def applied_count(self) -> int:
        return sum(total.applied for total in self.totals.values())


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Writing:
    """How a switch writes its file."""

    format: Annotated[SwitchFormat | None, Parameter(help="By default the file shows it.")] = None
    time_zone: Annotated[str, Parameter(help="The switch's clock, where the file states no offsets.")] = ""


_ITSELF = Writing()


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Settling:
    """What is done about differences."""

    apply: Annotated[bool, Parameter(negative=(), help="Correct and end what differs.")] = False
    charge: Annotated[
        bool, Parameter(negative=(), help="With --apply: charge calls that were never started here, as of their time.")
    ] = False
    charge_all_unknown: Annotated[
        bool, Parameter(negative=(), help="As --charge, even where no call of the file is known here.")
    ] = False


_TELLING = Settling()


def reconcile(
    file: Annotated[
        Path,
        Parameter(help="Asterisk's Master.csv, FreeSWITCH's CSV, Kamailio's acc table as CSV, or named columns."),
    ],
    *,
    switch: Annotated[str, Parameter(help="By which name its calls are known here: what it sends as `switch`.")],
    writing: Writing = _ITSELF,
    tolerance: Annotated[
        NonNegativeInt, Parameter(name="--tolerance-seconds", help="So many seconds of rounding are no difference.")
    ] = TOLERANCE_SECONDS,
    settling: Settling = _TELLING,
    output: Annotated[str, Parameter(help="Write every call that did not agree to this CSV file.")] = "",
    options: Options = DEFAULTS,
) -> int:
    """Compare a switch's own records with what was charged, and say what each difference costs.

    Nothing is changed without --apply. A file that is reconciled again changes nothing more. Return 0, or 1 where
    something differs that was not settled.
    """
    zone = read_zone(writing.time_zone) if writing.time_zone else None
    told = _Told(file, open_switch_file(file, writing.format, zone))
    request = ReconcileCalls(
        switch,
        now(),
        applies=settling.apply,
        charges_unknown=settling.charge,
        charges_all=settling.charge_all_unknown,
        tolerance_seconds=tolerance,
    )
    with open_app(options.database) as talktime, SwitchRecords() as records:
        told.recorded = _read(told, records)
        opened = text_stream(output, as_json=options.as_json) if output else nullcontext(None)
        with opened as stream:
            for each in _listed(_reconciled(talktime, records, told.recorded, request), stream):
                told.count(each)
    show(options, _document(told, request), lambda: _view(told, request))
    if not options.as_json:
        _next_steps(told, request)
    return int(told.calls(*(set(Match) - {Match.AGREED, Match.RUNNING})) > told.applied_count)


def _read(told: _Told, records: SwitchRecords) -> Recorded:
    """Put the file's records on the scratch disk, and keep the first lines that hold none."""
    with progress("Reading the switch's file", unit="lines") as advance:
        batch: list[SwitchLine] = []
        for line in told.switch.lines:
            if line.reason:
                told.bad_lines_count += 1
                told.bad_lines += [line] if len(told.bad_lines) < SHOWN_MAX else []
            elif line.record is not None:
                batch.append(line)
            if len(batch) == LINES_AT_ONCE:
                _add(records, batch)
                advance(len(batch))
                batch = []
        _add(records, batch)
    return records.finish()


def _add(records: SwitchRecords, batch: Iterable[SwitchLine]) -> None:
    records.add((line.token, line.record) for line in batch if line.record is not None)


def _reconciled(
    talktime: Talktime, records: SwitchRecords, recorded: Recorded, request: ReconcileCalls
) -> Iterator[Reconciled]:
    with (
        closing(open_statements(talktime.settings.database_url)) as statements,
        progress("Comparing", recorded.calls_count, "calls") as advance,
    ):
        books = Books(talktime.read, talktime.run, statements, talktime.settings.charging_terms)
        for each in reconcile_calls(books, records, recorded, request):
            yield each
            advance(1)


def _listed(found: Iterable[Reconciled], stream: TextIO | None) -> Iterator[Reconciled]:
    """Write what did not agree to a file, if one is wanted."""
    writer = None if stream is None else csv.writer(stream)
    if writer is not None:
        writer.writerow(_COLUMNS)
    for each in found:
        if writer is not None and each.match is not Match.AGREED:
            document = _row_document(each)
            writer.writerow(["" if document[name] is None else document[name] for name in _COLUMNS])
        yield each


def _row_document(each: Reconciled) -> dict[str, Any]:
    record = each.record
    return {
        "what": each.match.value,
        "switch": each.key.switch,
        "leg": each.key.leg,
        "call_id": each.key.call_id,
        "line": None if record is None else record.line,
        "started_at": iso(each.started_at),
        "here_seconds": each.used_seconds,
        "there_seconds": None if record is None else record.talked_seconds,
        "cost": format_micros(each.cost_micros),
        "change": format_micros(each.change_micros),
        "currency": each.currency,
        "applied": each.is_applied,
        "why_not": each.why_not,
    }


def _document(told: _Told, request: ReconcileCalls) -> dict[str, Any]:
    return {
        "file": str(told.file),
        "format": told.switch.format.value,
        "switch": request.switch,
        "lines": told.recorded.lines_count + told.bad_lines_count,
        "calls": told.recorded.calls_count,
        "from": iso(told.recorded.first_start_at),
        "to": iso(told.recorded.last_start_at),
        "applied": told.applied_count,
        "totals": [
            {
                "what": match.value,
                "currency": currency,
                "calls": total.calls,
                "here_seconds": total.here_seconds,
                "there_seconds": total.there_seconds,
                "cost": format_micros(total.cost_micros),
                "charged_more": format_micros(total.more_micros),
                "given_back": format_micros(total.less_micros),
                "applied": total.applied,
                "cannot_be_settled": total.refused,
            }
            for (match, currency), total in sorted(told.totals.items(), key=_in_order)
        ],
        "rows": [_row_document(each) for each in told.rows],
        "bad_lines": told.bad_lines_count,
        "bad_lines_shown": [{"line": each.line, "reason": each.reason} for each in told.bad_lines],
    }


def _in_order(item: tuple[tuple[Match, str], Total]) -> tuple[int, str]:
    (match, currency), _ = item
    return list(WORDS).index(match), currency


def _view(told: _Told, request: ReconcileCalls) -> RenderableType:
    recorded = told.recorded
    span = "no call" if recorded.first_start_at is None else instant(recorded.first_start_at)
    if recorded.last_start_at is not None:
        span = f"{span} to {instant(recorded.last_start_at)}"
    title = heading(
        f"{told.file.name} beside {request.switch}",
        f"{recorded.calls_count:,} calls",
        f"on {recorded.lines_count:,} lines" if recorded.lines_count != recorded.calls_count else "",
        told.switch.format.value,
        span,
    )
    parts: list[RenderableType] = [title, "", _totals(told)]
    if told.rows:
        parts += ["", _rows(told)]
    if told.bad_lines:
        parts += ["", _bad_lines(told)]
    return Group(*parts)


def _totals(told: _Told) -> Table:
    numbers = ("Calls", "Seconds here", "Seconds there", "Charged", "To charge", "To give back")
    drawn = table("", *numbers, "Currency", numbers=numbers)
    for (match, currency), total in sorted(told.totals.items(), key=_in_order):
        word, style = WORDS[match]
        drawn.add_row(
            Text(word, style),
            *(f"{number:,}" for number in (total.calls, total.here_seconds, total.there_seconds)),
            *(money(amount) if amount else "–" for amount in (total.cost_micros, total.more_micros, total.less_micros)),
            currency,
        )
    return drawn


def _rows(told: _Told) -> Table:
    numbers = ("Line", "Here", "There", "Difference")
    drawn = table("", "Line", "Call", "Started", "Here", "There", "Difference", "What is done", numbers=numbers)
    for each in told.rows:
        word, style = WORDS[each.match]
        talked = None if each.record is None else each.record.talked_seconds
        change = f"{'+' if each.change_micros > 0 else ''}{money(each.change_micros, each.currency)}"
        drawn.add_row(
            Text(word, style),
            "" if each.record is None else f"{each.record.line:,}",
            each.key.call_id + (f" · {each.key.leg}" if each.key.leg else ""),
            "" if each.started_at is None else instant(each.started_at),
            *("–" if seconds is None else f"{seconds:,} s" for seconds in (each.used_seconds, talked)),
            change if each.change_micros else "–",
            _done(each),
        )
    more = sum(total.calls for (match, _), total in told.totals.items() if match is not Match.AGREED) - len(told.rows)
    if more > 0:
        drawn.add_row("…", "", f"and {more:,} more: --output FILE lists them all", "", "", "", "", "")
    return drawn


def _done(each: Reconciled) -> Text:
    if each.why_not:
        return Text(each.why_not, "dim")
    if each.is_applied:
        return Text(_DONE[each.match], "green")
    return Text(_PROPOSALS.get(each.match, ""), "dim" if each.match not in PROPOSED else "")


_DONE = {Match.DIFFERS: "corrected", Match.ENDED_THERE: "ended", Match.UNKNOWN: "charged"}
# Of a record that is about a call of ours.
_KNOWN = frozenset(Match) - {Match.UNKNOWN, Match.PERHAPS, Match.MISSING}
_PROPOSALS = {
    Match.DIFFERS: "correct it",
    Match.ENDED_THERE: "end it",
    Match.UNKNOWN: "charge it as late usage, with --charge",
    Match.MISSING: "ask the switch; `talktime calls receipt` shows what was charged",
    Match.SETTLED_OTHERWISE: "stands as it was corrected last",
}


def _bad_lines(told: _Told) -> Table:
    drawn = table("Line", "Why it is no record", numbers=("Line",))
    for each in told.bad_lines[:SHOWN_MAX]:
        drawn.add_row(f"{each.line:,}", each.reason)
    if told.bad_lines_count > len(told.bad_lines):
        drawn.add_row("…", f"and {told.bad_lines_count - len(told.bad_lines):,} more")
    return drawn


def _next_steps(told: _Told, request: ReconcileCalls) -> None:
    if told.bad_lines_count:
        warn(f"{_count(told.bad_lines_count, 'line')} could not be read; the calls on them were not compared.")
    waiting = [
        (match, total)
        for (match, _), total in told.totals.items()
        if match in PROPOSED and total.calls - total.applied - total.refused > 0
    ]
    settles = sum(total.calls - total.applied - total.refused for match, total in waiting if match is not Match.UNKNOWN)
    late = sum(total.calls - total.applied - total.refused for match, total in waiting if match is Match.UNKNOWN)
    if told.applied_count:
        hint(f"Settled: {_count(told.applied_count, 'call')}. Whether all adds up: `talktime audit`.")
    if settles and not request.applies:
        hint(f"Nothing was changed. `--apply` settles {_count(settles, 'call')}.")
    if late and told.calls(*_KNOWN):
        hint(f"Never started here: {_count(late, 'call')}. `--apply --charge` charges late usage.")
    elif late:
        warn(f"No call of the file is known here: is {request.switch} its switch, and are its ids those sent here?")
    if told.calls(Match.PERHAPS):
        hint("What was perhaps charged already is not charged again: `talktime calls receipt` shows what was.")
    if not told.totals:
        hint("There is nothing to compare: the file holds no call.")
    elif not waiting and not told.applied_count and not told.calls(Match.MISSING, Match.REFUSED, Match.PERHAPS):
        hint("Nothing to do.")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
