"""Whether the books agree after a load: with themselves, and with what the server has answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from talktime.bootstrap import App
from talktime.core.calls.calls import key_of
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.bench.measuring.reports import NOT_TOLD
from talktime.settings import Settings
from talktime.store.bench.sums import Sums, charged_calls, sums
from talktime.store.engine import open_engine
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.ports import Watch, unwatched

# The first of what does not agree; the rest is counted.
PROBLEMS_MAX = 3


@dataclass(frozen=True, slots=True)
class Books:
    """What was counted, and every sentence that would have to be untrue."""

    counts: Mapping[str, object]
    problems: tuple[str, ...]

    @property
    def document(self) -> dict[str, object]:
        """Return what a line says of the books."""
        told = {"reconciled": not self.problems, **self.counts}
        return {**told, "problems": list(self.problems)} if self.problems else told


def sums_of(database_url: str) -> Sums:
    """Add up the books as they stand."""
    engine = open_engine(database_url, reads_only=True)
    try:
        return sums(engine)
    finally:
        engine.dispose()


def reconcile(database_url: str, before: Sums, switch: str, acknowledged: Mapping[str, int]) -> Books:
    """Compare what a switch was answered (call id → charge) with CDRs, calls, journal and lots."""
    after = sums_of(database_url)
    engine = open_engine(database_url, reads_only=True)
    try:
        charged = {key_of(key).call_id: found for key, found in charged_calls(engine, switch).items()}
    finally:
        engine.dispose()
    grown = Sums(*(now - then for now, then in zip(after, before, strict=True)))
    is_told = NOT_TOLD not in acknowledged.values()
    answered = sum(acknowledged.values()) if is_told else grown.usage_micros
    problems = (*_differences(answered, grown), *_unlike(acknowledged, charged))
    counts = {
        "ends_acknowledged": len(acknowledged),
        "cdrs": grown.cdrs_count,
        "charged": format_micros(answered) if is_told else None,
        "usage": format_micros(grown.usage_micros),
        "journal": format_micros(grown.journal_micros),
        "lots": format_micros(grown.spent_micros),
        "open_calls": after.open_calls_count,
    }
    return Books(counts, problems)


def audited(database_url: str, at: datetime, watch: Watch = unwatched) -> Books:
    """Audit every row of the books, as `talktime audit` does."""
    with App(Settings(database=database_url)) as app:
        audit = app.read(audit_books, AuditBooks(at, watch))
    problems = (f"{each.rule.value} {each.row}: {each.expected}, not {each.found}" for each in audit.violations)
    counts = {**audit.counts, "violations": audit.violations_count, "parked_reports": audit.parked_count}
    return Books(counts, tuple(problems)[:PROBLEMS_MAX])


def _differences(answered: int, grown: Sums) -> list[str]:
    told = {
        "the usage rows": grown.usage_micros,
        "the calls": grown.calls_micros,
        "the journal's revenue": grown.journal_micros,
        "the lots, and what is owed beyond them": grown.spent_micros + grown.receivable_micros,
    }
    return [
        f"{name} grew by {format_micros(amount)}, and not by {format_micros(answered)}"
        for name, amount in told.items()
        if amount != answered
    ]


def _unlike(acknowledged: Mapping[str, int], charged: Mapping[str, tuple[int, int]]) -> list[str]:
    """Find an acknowledged end without exactly one CDR of its charge, and a CDR that nobody was told of."""
    problems = [
        f"{key} was answered with {format_micros(micros)}, and has {charged.get(key, (0, 0))[0]} CDRs"
        f" of {format_micros(charged.get(key, (0, 0))[1])}"
        for key, micros in acknowledged.items()
        if charged.get(key) != (1, micros) and (micros != NOT_TOLD or charged.get(key, (0, 0))[0] != 1)
    ]
    unheard = len(charged.keys() - acknowledged.keys())
    if unheard:
        problems.append(f"{unheard} calls have a CDR whose end was never acknowledged")
    more = len(problems) - PROBLEMS_MAX
    return problems if more <= 0 else [*problems[:PROBLEMS_MAX], f"and {more} more like these"]
