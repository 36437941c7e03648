"""Usage rows by any filter: all of them, one page, how many there are, what they come to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from talktime.core.calls.calls import CallKind, PaysFrom, text_of
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.reports.local_clock import Offset, offsets
from talktime.core.insight.reports.paging import (
    IN_TIME,
    PAGE_ROWS_MAX,
    SortKey,
    UsageOrder,
    UsagePage,
    UsagePlace,
)
from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.periods import Period
from talktime.store.charging import rows
from talktime.store.insight.books import CHUNK_ROWS
from talktime.store.insight.usage.statements import UsageStatements
from talktime.store.instants import EPOCH, from_micros, to_micros
from talktime.store.schema import usage_rows

_NAMES_COUNT = 6
_HOURS = 24
_LOCAL = frozenset({GroupBy.DAY, GroupBy.HOUR})
_GROUPS: dict[GroupBy, Callable[[Any], object]] = {
    GroupBy.PAID_BY: PaysFrom,
    GroupBy.KIND: CallKind,
    GroupBy.DAY: lambda day: (EPOCH + timedelta(days=int(day))).date(),
    GroupBy.HOUR: lambda hour: divmod(int(hour), _HOURS),
}


class UsagePageRows:
    """Reads usage rows of one organization at a time; `hidden_digits` of external numbers cannot be searched for."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def stream(
        self, organization_id: int, shown: UsageFilter, order: UsageOrder = IN_TIME, *, hidden_digits: int = 0
    ) -> Iterator[ReportedUsage]:
        """Yield all rows in their order, at constant memory here; the database sorts all but the order in time."""
        statement = self._statements(organization_id, shown, hidden_digits).all(order)
        with self._connection.execute(statement, execution_options={"stream_results": True}) as streamed:
            for chunk in streamed.partitions(CHUNK_ROWS):
                for row in chunk:
                    yield _reported(tuple(row))

    def page(
        self,
        organization_id: int,
        shown: UsageFilter,
        order: UsageOrder = IN_TIME,
        *,
        after: UsagePlace | None = None,
        rows_max: int = PAGE_ROWS_MAX,
        hidden_digits: int = 0,
    ) -> UsagePage:
        """Return the rows behind a place, the first ones without; one more is read to tell whether there are more."""
        statements = self._statements(organization_id, shown, hidden_digits)
        found = self._connection.execute(statements.page(order, after=after, rows_max=rows_max + 1)).all()
        page = tuple(_reported(tuple(row)) for row in found[:rows_max])
        return UsagePage(page, _place(page[-1], order) if len(found) > rows_max else None)

    def count(self, organization_id: int, shown: UsageFilter, *, hidden_digits: int = 0) -> int:
        """Return how many rows there are; it looks at each, so a page does not ask it."""
        return sum(each.rows for each in self.sums(organization_id, shown, None, hidden_digits=hidden_digits))

    def sums(
        self,
        organization_id: int,
        shown: UsageFilter,
        by: GroupBy | None,
        *,
        zone: ZoneInfo | None = None,
        hidden_digits: int = 0,
    ) -> list[UsageSum]:
        """Return what rows come to by group and currency; None is all in one. Days and hours are those of the zone."""
        statements = self._statements(organization_id, shown, hidden_digits)
        clock: tuple[Offset, ...] = ()
        if by in _LOCAL:
            assert zone is not None
            clock = offsets(zone, self._within(organization_id, shown.period))
        group_of = _GROUPS.get(by, lambda group: group) if by is not None else lambda _: None
        found = self._connection.execute(statements.sums(by, clock))
        return [UsageSum(group_of(group), currency, *map(int, amounts)) for group, currency, *amounts in found]

    def _statements(self, organization_id: int, shown: UsageFilter, hidden_digits: int) -> UsageStatements:
        return UsageStatements(self._connection.dialect.name, organization_id, shown, hidden_digits)

    def _within(self, organization_id: int, period: Period) -> Period:
        """Return the part of a period in which there are rows: an open side goes on for thousands of years."""
        started_at = usage_rows.c.started_at
        first, last = self._connection.execute(
            select(func.min(started_at), func.max(started_at)).where(
                usage_rows.c.organization_id == organization_id,
                started_at >= to_micros(period.starts_at),
                started_at < to_micros(period.ends_at),
            )
        ).one()
        return Period(period.starts_at, period.starts_at) if first is None else Period(*map(from_micros, (first, last)))


def _reported(row: tuple[Any, ...]) -> ReportedUsage:
    name, display_name, location, department, deck, number = row[-_NAMES_COUNT:]
    return ReportedUsage(
        rows.usage_of(row[:-_NAMES_COUNT]),
        name or "",
        display_name or "",
        location or "",
        department or "",
        deck or "",
        number,
    )


def _place(last: ReportedUsage, order: UsageOrder) -> UsagePlace:
    row = last.row
    values: dict[SortKey, int | str] = {
        SortKey.START: to_micros(row.started_at),
        SortKey.COST: row.cost_micros,
        SortKey.DURATION: row.used_seconds,
        SortKey.DESTINATION: row.destination,
        SortKey.USER: last.user_principal_name,
    }
    return UsagePlace(values[order.key], to_micros(row.started_at), text_of(row.key), row.line)
