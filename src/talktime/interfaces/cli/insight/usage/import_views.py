"""How an import of usage is shown: what it comes to, what is known already, and which lines are no calls."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.insight.importing.imported_calls import UsageLine
from talktime.core.insight.importing.tallies import CurrencySum, ImportTally, Known
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import facts, heading, instant, iso, money, table
from talktime.store.insight.usage.imported import UsageImport
from talktime.usecases.insight.import_usage import UsageImported

KINDS_SHOWN_MAX = 8
KNOWN_SHOWN_MAX = 5
CAUSES_SHOWN_MAX = 12
VALUE_CHARACTERS_MAX = 40
SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3_600
_KNOWN_WORDS = {
    Known.IN_FILE: "twice in the file",
    Known.IMPORTED: "imported before",
    Known.OWN: "charged by Talktime itself",
}


def view(imported: UsageImported, *, is_dry: bool) -> Group:
    """Return the report of an import, or of what one would do."""
    tally = imported.tally
    name = imported.organization.name
    verb = "would be imported" if is_dry else "imported"
    title = f"{_count(tally.new_count, 'call')} {verb} for {name}" if tally.new_count else f"No new calls for {name}"
    parts: list[RenderableType] = [
        heading(title, _span(tally)),
        "",
        facts(_facts(imported)),
    ]
    if tally.kinds:
        parts += ["", _kinds(tally)]
    if tally.not_rated:
        parts += ["", _reasons("Not rated, because", tally.not_rated)]
    if tally.rejects:
        parts += ["", _rejects(tally)]
    if tally.known_examples:
        parts += ["", _known(tally)]
    parts += [Text.assemble(("! ", "bold yellow"), (note, "yellow")) for note in tally.notes]
    return Group(*parts)


def document(imported: UsageImported, *, is_dry: bool) -> dict[str, Any]:
    """Return the same for programs."""
    tally = imported.tally
    return {
        "organization": imported.organization.name,
        "import_id": imported.import_id,
        "is_dry_run": is_dry,
        "deck": imported.deck or None,
        "lines": tally.lines_count,
        "new": tally.new_count,
        "known": {why.name.lower(): count for why, count in tally.known},
        "rejected": tally.rejected_count,
        "skipped": dict(tally.skipped),
        "used_seconds": tally.used_seconds,
        "kinds": {kind.value: count for kind, count in tally.kinds},
        "sums": _sums(tally.sums),
        "without_cost": tally.without_cost_count,
        "not_rated": dict(tally.not_rated),
        "first_started_at": iso(tally.first_started_at),
        "last_started_at": iso(tally.last_started_at),
        "rejects": [_reject_document(line) for line in tally.rejects],
        "known_first": [
            {"line": each.line, "part": each.part, "why": each.why.name.lower(), "first_line": each.first_line}
            for each in tally.known_examples
        ],
        "notes": list(tally.notes),
    }


def imports_view(name: str, listed: Sequence[UsageImport]) -> RenderableType:
    """Return the list of imports."""
    if not listed:
        return heading(f"No usage was imported for {name} yet")
    numbers = ("No.", "Calls", "Talked", "Cost")
    made = table("No.", "File", "Calls", "Talked", "Cost", "From", "To", "Imported", "By", numbers=numbers)
    for each in listed:
        made.add_row(
            str(each.import_id),
            each.file_name,
            f"{each.calls_count:,}",
            talked(each.used_seconds),
            "\n".join(money(sum_.charged_micros + sum_.rated_micros, sum_.currency) for sum_ in each.sums) or "–",
            *(f"{at:%Y-%m-%d}" if at else "–" for at in (each.first_started_at, each.last_started_at)),
            instant(each.imported_at.replace(second=0, microsecond=0)),
            each.imported_by,
        )
    return Group(heading(f"Imported usage of {name}", "touches no balance"), "", made)


def import_document(each: UsageImport) -> dict[str, Any]:
    """Return an import for programs."""
    return {
        "import_id": each.import_id,
        "file": each.file_name,
        "deck": each.deck or None,
        "calls": each.calls_count,
        "known": each.known_count,
        "rejected": each.rejected_count,
        "used_seconds": each.used_seconds,
        "sums": _sums(each.sums),
        "first_started_at": iso(each.first_started_at),
        "last_started_at": iso(each.last_started_at),
        "imported_at": iso(each.imported_at),
        "imported_by": each.imported_by,
    }


def removed_view(removed: UsageImport) -> RenderableType:
    """Return what was removed."""
    return heading(f"Import {removed.import_id} removed", removed.file_name, _count(removed.calls_count, "call"))


def talked(seconds: int) -> str:
    """Write a span of time as hours and minutes."""
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    return f"{hours:,} h {rest // SECONDS_PER_MINUTE:02} min" if hours else f"{rest // SECONDS_PER_MINUTE} min"


def _facts(imported: UsageImported) -> list[tuple[str, object]]:
    tally = imported.tally
    rows: list[tuple[str, object]] = [("Talked", talked(tally.used_seconds))] if tally.new_count else []
    for each in tally.sums:
        if each.charged_micros or not each.rated_micros:
            rows.append((f"Charged, {each.currency}", Text(money(each.charged_micros), "bold green")))
        if each.rated_micros:
            rows.append((f"Rated by {imported.deck}, {each.currency}", Text(money(each.rated_micros), "bold green")))
    if tally.without_cost_count:
        rows.append(("Without a cost", _count(tally.without_cost_count, "call")))
    rows += [(f"Not new, {_KNOWN_WORDS[why]}", _count(count, "call")) for why, count in tally.known]
    rows += [(f"Skipped, {reason}", _count(count, "line")) for reason, count in tally.skipped]
    if tally.rejected_count:
        rows.append(("Rejected", Text(_count(tally.rejected_count, "line"), "bold red")))
    rows.append(("Read", _count(tally.lines_count, "line")))
    return rows


def _kinds(tally: ImportTally) -> Table:
    made = table("Call type", "Calls", "", numbers=("Calls",))
    most = tally.kinds[0][1]
    for kind, count in tally.kinds[:KINDS_SHOWN_MAX]:
        made.add_row(kind.value, f"{count:,}", Text("█" * max(1, count * _BAR_WIDTH // most), "cyan"))
    if len(tally.kinds) > KINDS_SHOWN_MAX:
        rest = tally.kinds[KINDS_SHOWN_MAX:]
        made.add_row(f"{len(rest)} others", f"{sum(count for _, count in rest):,}", "")
    return made


_BAR_WIDTH = 24


def _reasons(title: str, reasons: Sequence[tuple[str, int]]) -> Table:
    made = table(title, "Calls", numbers=("Calls",))
    for reason, count in reasons:
        made.add_row(reason, f"{count:,}")
    return made


def _rejects(tally: ImportTally) -> Table:
    made = table("Rejected", "Because it", "Lines", "First in line", "Value", numbers=("Lines", "First in line"))
    shown = tally.causes[:CAUSES_SHOWN_MAX]
    for cause in shown:
        value = cause.first.reject.value if cause.first.reject else ""
        short = value if len(value) <= VALUE_CHARACTERS_MAX else value[:VALUE_CHARACTERS_MAX] + "…"
        where = _place(cause.first.line, cause.first.part)
        made.add_row(cause.column, cause.reason, f"{cause.lines_count:,}", where, Text(short, "red"))
    rest = tally.rejected_count - sum(cause.lines_count for cause in shown)
    if rest:
        made.add_row("…", "other reasons", f"{rest:,}", "", "")
    return made


def _known(tally: ImportTally) -> Table:
    made = table("Not new in line", "Why", numbers=("Not new in line",))
    for each in tally.known_examples[:KNOWN_SHOWN_MAX]:
        where = f", as in line {each.first_line:,}" if each.first_line else ""
        made.add_row(_place(each.line, each.part), _KNOWN_WORDS[each.why] + where)
    if tally.known_count > KNOWN_SHOWN_MAX:
        made.add_row("…", f"and {tally.known_count - KNOWN_SHOWN_MAX:,} more")
    return made


def _place(line: int, part: str) -> str:
    return f"{part}:{line:,}" if part else f"{line:,}"


def _span(tally: ImportTally) -> str:
    first, last = tally.first_started_at, tally.last_started_at
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else ""


def _sums(sums: Sequence[CurrencySum]) -> list[dict[str, Any]]:
    return [
        {
            "currency": each.currency,
            "calls": each.calls_count,
            "charged": format_micros(each.charged_micros),
            "rated": format_micros(each.rated_micros),
        }
        for each in sums
    ]


def _reject_document(line: UsageLine) -> dict[str, Any]:
    assert line.reject is not None
    reject = line.reject
    return {
        "line": line.line,
        "part": line.part,
        "column": reject.column,
        "value": reject.value[:VALUE_CHARACTERS_MAX],
        "reason": reject.reason,
    }


def _count(count: int, word: str) -> str:
    return f"{count:,} {word if count == 1 else word + 's'}"
