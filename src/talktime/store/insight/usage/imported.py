"""Rows of imported usage: staged in chunks under an import, seen once it is complete, swept in chunks."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, text, update

from talktime.core.calls.calls import key_of
from talktime.core.insight.importing.duplicates import CLOCKS_DIFFER_MAX, OwnCall
from talktime.core.insight.importing.imported_calls import ImportedCall, UsageKind
from talktime.core.insight.importing.tallies import CurrencySum, ImportTally
from talktime.core.insight.reports.filters import Direction
from talktime.core.insight.usage import usage_id_of
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import imported_calls, usage_imports, usage_rows

# So many are deleted in some milliseconds: charging, which waits for its turn on SQLite, must not notice.
SWEPT_ROWS = 1_000
_READ_ROWS = 5_000
_CLOCKS_DIFFER_MICROS = CLOCKS_DIFFER_MAX.seconds * 1_000_000
# CROSS: SQLite looks each span up in the index, in the order in which they are written.
_OWN = (
    "WITH spans(first_at, last_at) AS (VALUES {spans})"
    " SELECT u.call_key, u.line, u.called, u.started_at, u.used_seconds"
    " FROM spans CROSS JOIN usage_rows u WHERE u.organization_id = :organization_id"
    " AND u.started_at >= spans.first_at AND u.started_at <= spans.last_at"
)


# Plain text, because both databases know the clause and SQLAlchemy's insert of both does not.
_NAMES = [column.name for column in imported_calls.columns]
_STAGE = text(
    f"INSERT INTO imported_calls ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)})"
    " ON CONFLICT (organization_id, identity) DO NOTHING"
)


class ImportState(Enum):
    """How far an import has come."""

    STAGING = "staging"
    COMPLETE = "complete"
    REMOVING = "removing"


@frozen
class NewImport:
    """What is known of an import when it begins."""

    organization_id: int
    file_name: str
    deck: str
    imported_by: str
    imported_at: datetime


@frozen
class UsageImport:
    """A complete import."""

    import_id: int
    file_name: str
    deck: str
    calls_count: int
    known_count: int
    rejected_count: int
    used_seconds: int
    sums: tuple[CurrencySum, ...]
    first_started_at: datetime | None
    last_started_at: datetime | None
    imported_at: datetime
    imported_by: str


@frozen
class StagedCall:
    """A call to be kept, its identity, and the line that it stands in."""

    identity: bytes
    line: int
    call: ImportedCall


class ImportedRows:
    """Imports of usage and their calls, which touch no balance."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def begin(self, new: NewImport) -> int:
        """Begin an import and return its id; nothing of it is seen before `complete`. Ends the one that is staging."""
        one_at_a_time(self._connection, f"usage_imports/{new.organization_id}")
        # One at a time: an import that another one finds at work was killed, or is told so at its next chunk.
        others = update(usage_imports).where(_of(new.organization_id), _is(ImportState.STAGING))
        self._connection.execute(others.values(state=ImportState.REMOVING.value))
        newest = select(func.max(usage_imports.c.import_id)).where(_of(new.organization_id))
        import_id = (self._connection.scalar(newest) or 0) + 1
        row = {
            "organization_id": new.organization_id,
            "import_id": import_id,
            "file_name": new.file_name,
            "deck": new.deck,
            "state": ImportState.STAGING.value,
            **dict.fromkeys(("calls_count", "known_count", "rejected_count", "used_seconds"), 0),
            "sums": "[]",
            "imported_at": to_micros(new.imported_at),
            "imported_by": new.imported_by,
        }
        self._connection.execute(insert(usage_imports), row)
        return import_id

    def add(self, organization_id: int, import_id: int, staged: Sequence[StagedCall]) -> None:
        """Stage calls that are not known; twice is once. Raise Conflict where the import was swept meanwhile."""
        self._hold(organization_id, import_id)
        if staged:
            named = [_row(organization_id, import_id, each) for each in staged]
            self._connection.execute(_STAGE, named)

    def complete(self, organization_id: int, import_id: int, tally: ImportTally) -> None:
        """Let the calls of an import be seen, all at once; raise Conflict where it was swept meanwhile."""
        if self._hold(organization_id, import_id) is ImportState.COMPLETE:
            return  # A commit that got no answer is asked for again.
        sums = [[each.currency, each.calls_count, each.charged_micros, each.rated_micros] for each in tally.sums]
        statement = update(usage_imports).where(_of(organization_id), usage_imports.c.import_id == import_id)
        values = {
            "state": ImportState.COMPLETE.value,
            "calls_count": tally.new_count,
            "known_count": tally.known_count,
            "rejected_count": tally.rejected_count,
            "used_seconds": tally.used_seconds,
            "sums": json.dumps(sums),
            "first_started_at": to_micros_or_none(tally.first_started_at),
            "last_started_at": to_micros_or_none(tally.last_started_at),
        }
        self._connection.execute(statement.values(values))

    def hide(self, organization_id: int, import_id: int) -> bool:
        """Let the calls of an import be seen no more, at once; tell whether there is such an import."""
        statement = update(usage_imports).where(_of(organization_id), usage_imports.c.import_id == import_id)
        hidden = self._connection.execute(statement.values(state=ImportState.REMOVING.value))
        return hidden.rowcount > 0

    def sweep(self, organization_id: int) -> int:
        """Delete some rows of imports that are not to be seen again; return how many, 0 once there are none."""
        leaving = select(usage_imports.c.import_id).where(_of(organization_id), _is(ImportState.REMOVING))
        import_id = self._connection.scalar(leaving.limit(1).with_for_update())
        if import_id is None:
            return 0
        within = (imported_calls.c.organization_id == organization_id, imported_calls.c.import_id == import_id)
        some = list(self._connection.scalars(select(imported_calls.c.identity).where(*within).limit(SWEPT_ROWS)))
        if some:
            self._connection.execute(delete(imported_calls).where(*within, imported_calls.c.identity.in_(some)))
            return len(some)
        statement = delete(usage_imports).where(_of(organization_id), usage_imports.c.import_id == import_id)
        return self._connection.execute(statement).rowcount

    def known(self, organization_id: int, identities: Sequence[bytes], import_id: int | None) -> set[bytes]:
        """Return which identities another import than this one has; of none, as a dry run sees it, a complete one."""
        # A row that is about to be deleted is in the way still: it is told, and not silently left away.
        is_other = _is(ImportState.COMPLETE) if import_id is None else usage_imports.c.import_id != import_id
        statement = (
            select(imported_calls.c.identity)
            .join(usage_imports, _SAME_IMPORT)
            .where(
                imported_calls.c.organization_id == organization_id,
                imported_calls.c.identity.in_(list(identities)),
                is_other,
            )
        )
        return {bytes(identity) for identity in self._connection.scalars(statement)}

    def own_calls(self, organization_id: int, starts: Sequence[datetime]) -> Iterator[OwnCall]:
        """Yield our own usage rows that began about when these calls did."""
        spans = list(_spans(sorted(map(to_micros, starts))))
        if not spans:
            return
        values = ", ".join(f"(:first_{place}, :last_{place})" for place in range(len(spans)))
        within = {f"first_{place}": first for place, (first, _) in enumerate(spans)}
        within |= {f"last_{place}": last for place, (_, last) in enumerate(spans)}
        statement = text(_OWN.format(spans=values))
        for row in self._connection.execute(statement, {"organization_id": organization_id, **within}):
            key = key_of(row.call_key)
            own_id = usage_id_of(organization_id, key, row.line)
            yield OwnCall(own_id, key.call_id, row.called, from_micros(row.started_at), row.used_seconds)

    def own_span(self, organization_id: int) -> tuple[datetime, datetime] | None:
        """Return when the first and the last call that we charged began; None where there are none."""
        started_at = usage_rows.c.started_at
        span = select(func.min(started_at), func.max(started_at)).where(usage_rows.c.organization_id == organization_id)
        first, last = self._connection.execute(span).one()
        return None if first is None else (from_micros(first), from_micros(last))

    def imports(self, organization_id: int) -> list[UsageImport]:
        """Return the complete imports, newest last."""
        statement = (
            select(usage_imports)
            .where(_of(organization_id), _is(ImportState.COMPLETE))
            .order_by(usage_imports.c.import_id)
        )
        return [
            UsageImport(
                row.import_id,
                row.file_name,
                row.deck,
                row.calls_count,
                row.known_count,
                row.rejected_count,
                row.used_seconds,
                tuple(CurrencySum(*each) for each in json.loads(row.sums)),
                from_micros_or_none(row.first_started_at),
                from_micros_or_none(row.last_started_at),
                from_micros(row.imported_at),
                row.imported_by,
            )
            for row in self._connection.execute(statement)
        ]

    def calls(self, organization_id: int, period: Period) -> Iterator[ImportedCall]:
        """Yield the calls of complete imports that started in a period, in the order in which they started."""
        statement = (
            select(imported_calls)
            .join(usage_imports, _SAME_IMPORT)
            .where(
                imported_calls.c.organization_id == organization_id,
                imported_calls.c.started_at >= to_micros(period.starts_at),
                imported_calls.c.started_at < to_micros(period.ends_at),
                _is(ImportState.COMPLETE),
            )
            .order_by(imported_calls.c.started_at, imported_calls.c.identity)
        )
        with self._connection.execution_options(yield_per=_READ_ROWS).execute(statement) as found:
            for row in found:
                yield _call(row)

    def _hold(self, organization_id: int, import_id: int) -> ImportState:
        """Keep the import from being swept until this transaction ends."""
        statement = select(usage_imports.c.state).where(_of(organization_id), usage_imports.c.import_id == import_id)
        state = self._connection.scalar(statement.with_for_update())
        if state is None or state == ImportState.REMOVING.value:
            message = "another import of this organization has begun since, and swept this one: import the file again"
            raise Conflict(message, code="usage_import_swept")
        return ImportState(state)


def _of(organization_id: int) -> ColumnElement[bool]:
    return usage_imports.c.organization_id == organization_id


def _is(state: ImportState) -> ColumnElement[bool]:
    return usage_imports.c.state == state.value


_SAME_IMPORT = (imported_calls.c.organization_id == usage_imports.c.organization_id) & (
    imported_calls.c.import_id == usage_imports.c.import_id
)


def _spans(starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the time around each start, of starts that lie near each other together, so that no row comes twice."""
    first = last = None
    for start in starts:
        if first is None or last is None:
            first = start
        elif start - last > 2 * _CLOCKS_DIFFER_MICROS:
            yield first - _CLOCKS_DIFFER_MICROS, last + _CLOCKS_DIFFER_MICROS
            first = start
        last = start
    if first is not None and last is not None:
        yield first - _CLOCKS_DIFFER_MICROS, last + _CLOCKS_DIFFER_MICROS


def _row(organization_id: int, import_id: int, staged: StagedCall) -> dict[str, object]:
    call = staged.call
    return {
        "organization_id": organization_id,
        "identity": staged.identity,
        "import_id": import_id,
        "line": staged.line,
        "kind": call.kind.value,
        "direction": call.direction.value,
        "started_at": to_micros(call.started_at),
        "ended_at": to_micros(call.ended_at),
        "used_seconds": call.used_seconds,
        "source_id": call.source_id,
        "call_id": call.call_id,
        "conference_id": call.conference_id,
        "user_principal_name": call.user,
        "user_object_id": call.user_id,
        "display_name": call.user_name,
        "department": call.department,
        "user_location": call.user_location,
        "caller": call.caller,
        "called": call.called,
        "destination": call.destination,
        "country": call.country,
        "number_type": call.number_type,
        "is_domestic": call.is_domestic,
        "connection_fee_micros": call.connection_fee_micros,
        "charge_micros": call.charge_micros,
        "currency": call.currency,
        "capability": call.capability,
        "rated_micros": call.rated_micros,
        "not_rated": call.not_rated,
    }


def _call(row: Row[Any]) -> ImportedCall:
    return ImportedCall(
        UsageKind(row.kind),
        Direction(row.direction),
        from_micros(row.started_at),
        from_micros(row.ended_at),
        row.used_seconds,
        row.source_id,
        row.call_id,
        row.conference_id,
        row.user_principal_name,
        row.user_object_id,
        row.display_name,
        row.department,
        row.user_location,
        row.caller,
        row.called,
        row.destination,
        row.country,
        row.number_type,
        row.is_domestic,
        row.connection_fee_micros,
        row.charge_micros,
        row.currency,
        row.capability,
        row.rated_micros,
        row.not_rated,
    )
