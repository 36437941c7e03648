"""`talktime audit`: prove that the books agree to the micro-unit."""

from collections.abc import Sequence
from typing import Any

from cyclopts import App
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from talktime.core.insight.books import Finding
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, now, open_app, progress, show, table
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books

EXIT_VIOLATED = 1
# What does not fit on a screen or two is read as JSON.
SHOWN_MAX = 50

app = App(name="audit")


@app.default
def audit(*, options: Options = DEFAULTS) -> int:
    """Check every invariant of the books on every row: lots, journal, calls, usage rows, prices, decks.

    The exit code is 1 where one does not hold. Calls go on while it reads; it sees the books as of one instant.
    """
    at = now()
    with open_app(options.database) as talktime:
        report = talktime.read(audit_books, AuditBooks(at, lambda calls: progress("Auditing", calls, "calls")))
    show(options, _document(report), lambda: _view(report))
    return 0 if report.is_clean else EXIT_VIOLATED


def _document(report: AuditReport) -> dict[str, Any]:
    return {
        "clean": report.is_clean,
        "checked": dict(report.counts),
        "violations_count": report.violations_count,
        "violations": [_finding(each) for each in report.violations],
        "notes_count": report.notes_count,
        "notes": [_finding(each) for each in report.notes],
        "parked_reports": report.parked_count,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.value,
        "organization_id": finding.organization_id,
        "row": finding.row,
        "expected": finding.expected,
        "found": finding.found,
    }


def _view(report: AuditReport) -> RenderableType:
    checked = " · ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.counts.items())
    parts: list[RenderableType] = [heading("Audit", checked)]
    if report.is_clean:
        parts.append(Text("✓ every invariant holds", "bold green"))
    else:
        parts.append(Text(f"✗ {report.violations_count:,} violations", "bold red"))
        parts += _listed(report.violations, report.violations_count)
    if report.notes:
        parts.append(Text(f"{report.notes_count:,} notes: nothing is wrong, something is left to do", "yellow"))
        parts += _listed(report.notes, report.notes_count)
    if report.parked_count:
        told = f"{report.parked_count:,} reports of switches could not be charged and are parked"
        parts.append(Text(told, "yellow"))
    return Group(*parts)


def _listed(findings: Sequence[Finding], count: int) -> list[RenderableType]:
    drawn = table("Rule", "Organization", "Row", "Expected", "Found")
    for each in findings[:SHOWN_MAX]:
        organization = "" if each.organization_id is None else str(each.organization_id)
        drawn.add_row(*map(escape, (each.rule.value, organization, each.row, each.expected, each.found)))
    if count <= SHOWN_MAX:
        return [drawn]
    return [drawn, Text(f"… and {count - SHOWN_MAX:,} more; --json lists the first 1,000", "dim")]
