"""What programs read of calls and credit beside usage rows: dial-outs, attempts, blocked users, recharges."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, func, literal, select, tuple_

from talktime.core.calls.calls import FROM_CONFERENCE, CallKind, DenialReason, key_of
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.insight.call_records.attempts import Attempt
from talktime.core.insight.call_records.dial_outs import CalledByMeetings
from talktime.core.organizations.users import NumberUse
from talktime.core.values.numbers import is_e164
from talktime.core.values.periods import Period
from talktime.store.charging import watch_rows
from talktime.store.insight.books import CHUNK_ROWS
from talktime.store.instants import from_micros, from_micros_or_none, to_micros
from talktime.store.schema import calls, identities, purchases, usage_rows, users

_C, _R, _U = calls.c, usage_rows.c, users.c
_PURCHASE = tuple(purchases.c[name] for name in watch_rows.PURCHASE_COLUMNS.split(", "))
_NAMES = tuple(
    func.coalesce(column, "").label(column.name)
    for column in (_U.user_principal_name, _U.display_name, _U.usage_location)
)
_ATTEMPT = tuple(
    _C[name]
    for name in (
        "organization_id",
        "call_key",
        "kind",
        "caller",
        "called",
        "started_at",
        "user_id",
        "answered_at",
        "ended_at",
        "used_seconds",
        "denial",
    )
)


class CallRecordRows:
    """Reads rows of one organization at a time."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection
        self._is_postgresql = connection.dialect.name == "postgresql"

    def dial_outs(self, organization_id: int, period: Period) -> Iterator[CalledByMeetings]:
        """Yield what conferences called in calls that began in a period, by organizer, number and currency."""
        is_user = and_(_U.organization_id == _R.organization_id, _U.user_id == _R.user_id)
        calls_count = func.sum(case((_R.line == 0, 1), else_=0))
        groups = (_R.user_id, *_NAMES, _R.called, _R.currency)
        statement = (
            select(*groups, calls_count, func.sum(_R.used_seconds), func.sum(_R.cost_micros))
            .select_from(usage_rows.outerjoin(users, is_user))
            .where(
                _R.organization_id == organization_id,
                _R.started_at >= to_micros(period.starts_at),
                _R.started_at < to_micros(period.ends_at),
                _R.kind.in_(sorted(kind.value for kind in FROM_CONFERENCE)),
            )
            .group_by(_R.user_id, _U.user_principal_name, _U.display_name, _U.usage_location, _R.called, _R.currency)
        )
        streamed = self._connection.execute(statement, execution_options={"stream_results": True})
        for chunk in streamed.partitions(CHUNK_ROWS):
            for user_id, name, display_name, location, called, currency, *sums in chunk:
                yield CalledByMeetings(user_id, name, display_name, location, called, currency, *map(int, sums))

    def ended(self, organization_id: int, period: Period, after: tuple[int, str] | None, most: int) -> list[Attempt]:
        """Return calls that began in a period and have ended, by start and key, from behind a place on."""
        first_row = and_(_R.organization_id == _C.organization_id, _R.call_key == _C.call_key, _R.line == 0)
        found = select(*_ATTEMPT, *_NAMES).select_from(usage_rows.join(calls, first_row).outerjoin(users, _IS_CALLER))
        conditions = [_R.organization_id == organization_id]
        return self._attempts(found.where(*conditions), (_R.started_at, _R.call_key), period, after, most)

    def refused(self, organization_id: int, period: Period, after: tuple[int, str] | None, most: int) -> list[Attempt]:
        """Return calls that began in a period and were refused, by start and key, from behind a place on."""
        found = select(*_ATTEMPT, *_NAMES).select_from(calls.outerjoin(users, _IS_CALLER))
        conditions = [_C.organization_id == organization_id, _C.denial.is_not(None)]
        return self._attempts(found.where(*conditions), (_C.started_at, _C.call_key), period, after, most)

    def telephone_numbers(self, organization_id: int, user_ids: Iterable[int]) -> dict[int, str]:
        """Return one number of each user who has one, in E.164 digits."""
        statement = select(identities.c.user_id, identities.c.identity).where(
            identities.c.organization_id == organization_id,
            identities.c.user_id.in_(list(user_ids)),
            identities.c.use == NumberUse.USER.value,
        )
        found = self._connection.execute(statement).all()
        # The first in any order of a database's: extensions and names are no numbers.
        return {user_id: identity for user_id, identity in sorted(map(tuple, found), reverse=True) if is_e164(identity)}

    def recharges(self, organization_id: int, before_epoch: int | None, most: int) -> list[Purchase]:
        """Return recharges, the newest first: those of epochs before one."""
        statement = select(*_PURCHASE).where(
            purchases.c.organization_id == organization_id, purchases.c.cause == PurchaseCause.RECHARGE.value
        )
        if before_epoch is not None:
            statement = statement.where(purchases.c.epoch < before_epoch)
        found = self._connection.execute(statement.order_by(purchases.c.epoch.desc()).limit(most))
        return [watch_rows.purchase_of(tuple(row)) for row in found]

    def _attempts(
        self, statement: Any, place: tuple[Any, Any], period: Period, after: tuple[int, str] | None, most: int
    ) -> list[Attempt]:
        started_at, call_key = place
        # The order of PostgreSQL's own depends on where it was installed; this one is SQLite's and Python's.
        call_key = call_key.collate("C") if self._is_postgresql else call_key
        statement = statement.where(started_at >= to_micros(period.starts_at), started_at < to_micros(period.ends_at))
        if after is not None:
            behind = tuple_(started_at, call_key) > tuple_(*(literal(value) for value in after))
            # Said again by itself, because only this finds its place in the index on both databases.
            statement = statement.where(behind, started_at >= after[0])
        found = self._connection.execute(statement.order_by(started_at, call_key).limit(most))
        return [_attempt_of(row) for row in found.mappings()]


_IS_CALLER = and_(_U.organization_id == _C.organization_id, _U.user_id == _C.user_id)


def _attempt_of(row: RowMapping) -> Attempt:
    denial = row["denial"]
    return Attempt(
        row["organization_id"],
        key_of(row["call_key"]),
        CallKind(row["kind"]),
        row["caller"],
        row["called"],
        from_micros(row["started_at"]),
        row["user_id"],
        from_micros_or_none(row["answered_at"]),
        from_micros_or_none(row["ended_at"]),
        row["used_seconds"] or 0,
        None if denial is None else DenialReason(denial),
        row["user_principal_name"],
        row["display_name"],
        row["usage_location"],
    )
