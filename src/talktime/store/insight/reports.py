"""What reports and audits read; nothing here is written."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, text

from talktime.core.calls.calls import Call, DenialReason
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting.meters import POOL, Meter
from talktime.core.credit.ledger import Account, Posting
from talktime.core.insight.receipts import DeckLabel, LotLabel, ParkedReport
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.periods import Period
from talktime.store.charging import rows
from talktime.store.insight.balance_changes import BalanceChangeRows
from talktime.store.insight.books import BookRows
from talktime.store.insight.general_ledger import LedgerRows
from talktime.store.insight.privacy.call_details import CallDetailRows
from talktime.store.insight.privacy.imported_details import ImportedDetailRows
from talktime.store.insight.privacy.imported_people import ImportedPersonRows
from talktime.store.insight.privacy.people import PersonRows
from talktime.store.insight.privacy.retentions import RetentionRows
from talktime.store.insight.reporting import ReportingRows
from talktime.store.insight.usage.pages import UsagePageRows
from talktime.store.instants import from_micros, to_micros
from talktime.store.schema import (
    calls,
    credit_lots,
    deck_versions,
    meters,
    organizations,
    parked_reports,
    postings,
    usage_rows,
    users,
)

_CALL = text(
    f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS} FROM calls"
    " WHERE organization_id = (SELECT organization_id FROM call_keys WHERE call_key = :call_key)"
    " AND call_key = :call_key"
)
_CALLS_OF_ID = text(
    "SELECT call_key FROM call_keys WHERE call_key LIKE :suffix ESCAPE '\\'"
    " UNION SELECT call_key FROM parked_reports WHERE call_key LIKE :suffix ESCAPE '\\' ORDER BY call_key"
)
_USAGE_OF_CALL = text(
    f"SELECT {rows.USAGE_COLUMNS} FROM usage_rows"
    " WHERE organization_id = :organization_id AND call_key = :call_key ORDER BY line"
)


class InsightRows:
    """Reads across the rooms, streamed where there can be many."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection
        self.books = BookRows(connection)
        self.ledger = LedgerRows(connection)
        self.balance_changes = BalanceChangeRows(connection)
        self.usage_pages = UsagePageRows(connection)
        self.reporting = ReportingRows(connection)
        self.call_details = CallDetailRows(connection)
        self.imported_details = ImportedDetailRows(connection)
        self.imported_people = ImportedPersonRows(connection)
        self.person = PersonRows(connection)
        self.retentions = RetentionRows(connection)

    def usage(self, organization_id: int, starts_at: datetime, ends_at: datetime) -> Iterator[ReportedUsage]:
        """Return the usage rows of calls that started in [starts_at, ends_at), in that order, at constant memory."""
        return self.usage_pages.stream(organization_id, UsageFilter(Period(starts_at, ends_at)))

    def usage_count(self, organization_id: int, starts_at: datetime, ends_at: datetime) -> int:
        """Return how many usage rows `usage` would yield."""
        return self.usage_pages.count(organization_id, UsageFilter(Period(starts_at, ends_at)))

    def spent_micros(self, organization_id: int, starts_at: datetime, ends_at: datetime) -> int:
        """Return what calls that started in [starts_at, ends_at) have cost."""
        started_at = usage_rows.c.started_at
        statement = select(func.sum(usage_rows.c.cost_micros)).where(
            usage_rows.c.organization_id == organization_id,
            started_at >= to_micros(starts_at),
            started_at < to_micros(ends_at),
        )
        return int(self._connection.scalar(statement) or 0)

    def usage_span(self, organization_id: int) -> Period | None:
        """Return when the first and the last call in the usage rows started, or None where there are no rows."""
        started_at = usage_rows.c.started_at
        # One by one, because only so does SQLite take each from the end of an index.
        first, last = (
            self._connection.scalar(select(end(started_at)).where(usage_rows.c.organization_id == organization_id))
            for end in (func.min, func.max)
        )
        return None if first is None or last is None else Period(from_micros(first), from_micros(last))

    def first_calls(self, organization_id: int) -> dict[int, datetime]:
        """Return when each user's first call in the usage rows started; who has none is left out."""
        user_id = usage_rows.c.user_id
        found = select(user_id, func.min(usage_rows.c.started_at)).where(
            usage_rows.c.organization_id == organization_id, user_id.is_not(None)
        )
        return {user: from_micros(at) for user, at in self._connection.execute(found.group_by(user_id))}

    def call(self, call_key: str) -> Call | None:
        """Return a call by its key."""
        row = self._connection.execute(_CALL, {"call_key": call_key}).one_or_none()
        return None if row is None else rows.call_of(tuple(row))

    def call_keys(self, call_id: str) -> list[str]:
        """Return the keys of all legs on all switches that bear a call id, those of parked reports too."""
        escaped = call_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return list(self._connection.scalars(_CALLS_OF_ID, {"suffix": f"%|%|{escaped}"}))

    def usage_of_call(self, organization_id: int, call_key: str) -> tuple[UsageRow, ...]:
        """Return the usage rows of one call, in the order in which they were written."""
        key = {"organization_id": organization_id, "call_key": call_key}
        return tuple(rows.usage_of(tuple(row)) for row in self._connection.execute(_USAGE_OF_CALL, key))

    def postings(self, organization_id: int, entry_ids: Iterable[str]) -> list[tuple[str, Posting]]:
        """Return the postings of journal entries, each with the id of its entry."""
        columns = (postings.c[name] for name in ("entry_id", "debit", "credit", "amount_micros", "lot_id"))
        statement = (
            select(*columns)
            .where(postings.c.organization_id == organization_id, postings.c.entry_id.in_(list(entry_ids)))
            .order_by(postings.c.entry_id, postings.c.line)
        )
        return [
            (entry_id, Posting(Account(debit), Account(credit), amount, lot_id))
            for entry_id, debit, credit, amount, lot_id in self._connection.execute(statement)
        ]

    def lot_labels(self, organization_id: int, lot_ids: Iterable[int]) -> dict[int, LotLabel]:
        """Return by what names and dates people know lots."""
        columns = (credit_lots.c[name] for name in ("lot_id", "reference", "purchased_at", "expires_at"))
        statement = select(*columns).where(
            credit_lots.c.organization_id == organization_id, credit_lots.c.lot_id.in_(list(lot_ids))
        )
        return {
            lot_id: LotLabel(lot_id, reference, from_micros(purchased_at), from_micros(expires_at))
            for lot_id, reference, purchased_at, expires_at in self._connection.execute(statement)
        }

    def pools(self, organization_id: int, month: str) -> dict[str, Meter]:
        """Return what the minute pools of a month have counted, by their meters' names."""
        return self._meters(organization_id, meters.c.meter.like(f"{POOL}/%/{month}"))

    def meters(self, organization_id: int, names: Iterable[str]) -> dict[str, Meter]:
        """Return what meters have counted, by their names; those that counted nothing are not there."""
        return self._meters(organization_id, meters.c.meter.in_(list(names)))

    def _meters(self, organization_id: int, which: ColumnElement[bool]) -> dict[str, Meter]:
        statement = select(meters.c.meter, meters.c.used, meters.c.held)
        found = self._connection.execute(statement.where(meters.c.organization_id == organization_id, which))
        return {name: Meter(used, held) for name, used, held in found}

    def user_names(self, organization_id: int, user_ids: Iterable[int]) -> dict[int, str]:
        """Return the user principal names of users."""
        columns = (users.c.user_id, users.c.user_principal_name)
        statement = select(*columns).where(
            users.c.organization_id == organization_id, users.c.user_id.in_(list(user_ids))
        )
        return dict(map(tuple, self._connection.execute(statement)))

    def refused(self, organization_id: int, starts_at: datetime, ends_at: datetime) -> dict[DenialReason, int]:
        """Return how many calls were refused for which reason that would have begun in [starts_at, ends_at)."""
        statement = (
            select(calls.c.denial, func.count())
            .where(
                calls.c.organization_id == organization_id,
                calls.c.denial.is_not(None),
                calls.c.started_at >= to_micros(starts_at),
                calls.c.started_at < to_micros(ends_at),
            )
            .group_by(calls.c.denial)
        )
        return {DenialReason(denial): count for denial, count in self._connection.execute(statement)}

    def name_and_currency(self, organization_id: int) -> tuple[str, str]:
        """Return by what name an organization goes, and in what currency it pays."""
        columns = (organizations.c.name, organizations.c.currency)
        found = self._connection.execute(select(*columns).where(organizations.c.organization_id == organization_id))
        return tuple(found.one())

    def deck_label(self, version_id: int) -> DeckLabel | None:
        """Return by what name people know a deck version."""
        columns = (deck_versions.c.deck, deck_versions.c.number, deck_versions.c.source)
        row = self._connection.execute(select(*columns).where(deck_versions.c.version_id == version_id)).one_or_none()
        return None if row is None else DeckLabel(*row)

    def parked(self, call_key: str) -> tuple[ParkedReport, ...]:
        """Return what switches reported of a call and could not be charged, oldest first."""
        columns = (parked_reports.c[name] for name in ("reason", "used_seconds", "received_at"))
        statement = select(*columns).where(parked_reports.c.call_key == call_key)
        found = self._connection.execute(statement.order_by(parked_reports.c.received_at))
        return tuple(ParkedReport(reason, used, from_micros(received)) for reason, used, received in found)

    def parked_count(self) -> int:
        """Return how many reports wait for an operator."""
        waiting = select(func.count()).select_from(parked_reports).where(parked_reports.c.resolved_at.is_(None))
        return self._connection.scalar(waiting) or 0
