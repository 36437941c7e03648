"""Call details, without touching what they cost: whose they were, and the numbers of both sides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, func, or_, select, update

from talktime.core.calls.calls import CallKind, CallState
from talktime.core.insight.privacy.erasing import (
    CALLED_IS_KEPT,
    Erasure,
    NumbersLeft,
    numbers_left,
    numbers_left_of,
    text_left,
)
from talktime.core.insight.privacy.masking import MASK
from talktime.store.instants import to_micros
from talktime.store.schema import calls, usage_rows, users

_TABLES = {table.name: table for table in (calls, usage_rows)}
# Both hold details; a call that was refused has no usage rows.
DETAIL_TABLES = tuple(_TABLES)
_KEPT_KINDS = sorted(kind.value for kind in CALLED_IS_KEPT)


class KeyRange(NamedTuple):
    """Call keys behind one and up to another, in the database's own order; None is open."""

    after: str
    last: str | None


class CallDetailRows:
    """Rewrites details of calls; the organization's row is held before anything is changed."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def range_after(self, organization_id: int, after: str, calls_max: int) -> KeyRange:
        """Return the range of the next calls; open at its end where there are no more than these."""
        statement = (
            select(calls.c.call_key)
            .where(calls.c.organization_id == organization_id, calls.c.call_key > after)
            .order_by(calls.c.call_key)
            .offset(calls_max - 1)
            .limit(1)
        )
        return KeyRange(after, self._connection.scalar(statement))

    def count_of(self, erasure: Erasure) -> dict[str, int]:
        """Return how many rows would change, by table."""
        return {table.name: len(self._mentions(table, erasure, KeyRange("", None))) for table in _TABLES.values()}

    def erase(self, erasure: Erasure, within: KeyRange) -> dict[str, int]:
        """Take a person out of a range of calls and of their usage rows; return how many rows changed, by table."""
        return {table.name: self._erase_in(table, erasure, within) for table in _TABLES.values()}

    def outdated(
        self,
        table_name: str,
        organization_id: int,
        own_country: str,
        cutoffs: Mapping[str, datetime],
        *,
        after: str,
        rows_max: int,
    ) -> list[str]:
        """Return keys of calls, in order, with details in a table that began before the cutoff of their user's country.

        The cutoff of the empty country is of all that are not named; a call of nobody is of the organization's own.
        A call that is open is not outdated.
        """
        table = _TABLES[table_name]
        country = func.coalesce(users.c.usage_location, own_country)
        by_country = [(country == name, to_micros(at)) for name, at in cutoffs.items() if name]
        others = to_micros(cutoffs[""])
        is_user = and_(users.c.organization_id == table.c.organization_id, users.c.user_id == table.c.user_id)
        statement = (
            select(table.c.call_key)
            .select_from(table.outerjoin(users, is_user))
            .where(
                table.c.organization_id == organization_id,
                table.c.call_key > after,
                table.c.started_at < (case(*by_country, else_=others) if by_country else others),
                _has_details(table),
            )
            .order_by(table.c.call_key)
            .limit(rows_max)
        )
        return list(dict.fromkeys(self._connection.scalars(statement)))

    def anonymize(self, organization_id: int, keys: Sequence[str]) -> int:
        """Take everybody out of calls; return how many rows changed."""
        return sum(self._anonymize_in(table, organization_id, keys) for table in _TABLES.values())

    def _anonymize_in(self, table: Table, organization_id: int, keys: Sequence[str]) -> int:
        found = self._connection.execute(
            select(*_key_of(table), table.c.kind, table.c.caller, table.c.called).where(
                table.c.organization_id == organization_id, table.c.call_key.in_(keys), _has_details(table)
            )
        ).all()
        changes = [
            {**_keyed(table, tuple(row)), **_numbers(numbers_left(CallKind(row.kind), row.caller, row.called))}
            for row in found
        ]
        others: dict[str, object] = {"user_id": None, "conference_id": ""}
        self._write(table, changes, others | ({"switch_ref": ""} if table is calls else {}))
        return len(changes)

    def _erase_in(self, table: Table, erasure: Erasure, within: KeyRange) -> int:
        changes = self._mentions(table, erasure, within)
        self._write(table, changes, {})
        return len(changes)

    def _mentions(self, table: Table, erasure: Erasure, within: KeyRange) -> list[dict[str, object]]:
        texts = [
            "conference_id",
            *(["switch_ref"] if table is calls else ["correction_reference", "correction_reason"]),
        ]
        numbers = list(erasure.numbers)
        is_his = or_(
            table.c.user_id == erasure.user_id,
            table.c.caller.in_(numbers),
            table.c.called.in_(numbers),
        )
        conditions = [table.c.organization_id == erasure.organization_id, table.c.call_key > within.after, is_his]
        if within.last is not None:
            conditions.append(table.c.call_key <= within.last)
        columns = (*_key_of(table), table.c.kind, table.c.user_id, table.c.caller, table.c.called)
        found = self._connection.execute(select(*columns, *(table.c[name] for name in texts)).where(*conditions))
        changes = []
        for row in found:
            before = {"caller": row.caller, "called": row.called, **{name: getattr(row, name) for name in texts}}
            left = numbers_left_of(erasure, CallKind(row.kind), row.user_id, NumbersLeft(row.caller, row.called))
            after = {**left._asdict(), **{name: text_left(erasure, str(before[name])) for name in texts}}
            if after != before:
                changes.append({**_keyed(table, tuple(row)), **{f"new_{name}": value for name, value in after.items()}})
        return changes

    def _write(self, table: Table, changes: Sequence[Mapping[str, object]], others: Mapping[str, object]) -> None:
        if not changes:
            return
        keys = [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]
        new = [name.removeprefix("new_") for name in changes[0] if name.startswith("new_")]
        values = {name: bindparam(f"new_{name}") for name in new} | dict(others)
        self._connection.execute(update(table).where(*keys).values(values), list(changes))


def _key_of(table: Table) -> tuple[ColumnElement[object], ...]:
    return tuple(table.primary_key.columns)


def _keyed(table: Table, row: tuple[object, ...]) -> dict[str, object]:
    return {f"key_{column.name}": value for column, value in zip(table.primary_key.columns, row, strict=False)}


def _numbers(left: NumbersLeft) -> dict[str, object]:
    return {f"new_{name}": value for name, value in left._asdict().items()}


def _has_details(table: Table) -> ColumnElement[bool]:
    details = or_(
        table.c.user_id.is_not(None),
        and_(table.c.caller != "", ~table.c.caller.contains(MASK)),
        and_(table.c.called != "", ~table.c.called.contains(MASK), table.c.kind.not_in(_KEPT_KINDS)),
        table.c.conference_id != "",
    )
    return and_(details, table.c.state != CallState.OPEN.value) if table is calls else details
