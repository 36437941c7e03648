"""Audit the books: stream all that is stored past the invariants, as of one instant."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from talktime.core.audit import Audit, deck_findings, guard_findings, license_findings
from talktime.core.insight.books import Finding, Pending
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.ports import Watch, unwatched

# Beyond these, more of the same helps nobody; all are counted.
FINDINGS_KEPT_MAX = 1_000
PROGRESS_CALLS = 1_000


@frozen
class AuditBooks:
    """Audit as of an instant; `watch` opens a progress line for so many calls, and is told how many more are done."""

    at: datetime
    watch: Watch = unwatched


@frozen
class AuditReport:
    """What was checked, how much does not hold, and the first of it."""

    counts: Mapping[str, int]
    violations_count: int
    violations: tuple[Finding, ...]
    notes_count: int
    notes: tuple[Finding, ...]
    parked_count: int

    @property
    def is_clean(self) -> bool:
        """Tell whether every invariant holds; notes do not count."""
        return self.violations_count == 0


def audit_books(tx: Transaction, request: AuditBooks) -> AuditReport:
    """Check every invariant on every row."""
    tx.insight.books.begin_snapshot()
    counts = tx.insight.books.counts()
    kept: dict[bool, list[Finding]] = {True: [], False: []}
    seen = {True: 0, False: 0}
    with request.watch(counts["calls"]) as advance:
        for finding in _findings(tx, request.at, advance):
            seen[finding.is_note] += 1
            if len(kept[finding.is_note]) < FINDINGS_KEPT_MAX:
                kept[finding.is_note].append(finding)
    return AuditReport(
        counts, seen[False], tuple(kept[False]), seen[True], tuple(kept[True]), tx.insight.parked_count()
    )


def _findings(tx: Transaction, at: datetime, advance: Callable[[int], object]) -> Iterator[Finding]:
    books = tx.insight.books
    organizations = dict(books.organizations())
    audit = Audit(organizations.keys(), books.rate_finder(), at)
    yield from guard_findings(books.guards())
    yield from chain.from_iterable(map(deck_findings, books.deck_versions()))
    yield from license_findings(books.licenses())
    for done, call in enumerate(books.calls(), start=1):
        yield from audit.call(call)
        if done % PROGRESS_CALLS == 0:
            advance(PROGRESS_CALLS)
    for organization_id, posting in books.other_postings():
        yield from audit.other_posting(organization_id, posting)
    for meter in books.meters():
        yield from audit.meter(meter)
    yield from audit.uncounted_meters()
    for lot in books.lots():
        yield from audit.lot(lot)
    yield from audit.unknown_held_lots()
    yield from audit.journal_of_unknown_organizations()
    refunding, contested = tx.lot_life.refunding_micros(), tx.lot_life.contested_micros()
    for organization_id, receivable_micros in organizations.items():
        pending = Pending(refunding.get(organization_id, 0), contested.get(organization_id, 0))
        yield from audit.organization(organization_id, receivable_micros, pending)
