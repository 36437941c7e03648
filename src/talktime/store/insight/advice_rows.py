"""Rows of funding advice, and the spend that it is made from, added up where it lies by quarters of an hour."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, or_, select

from talktime.core.calls.calls import PaysFrom
from talktime.core.credit.recharging.simulating import Spent
from talktime.core.insight.advice.drift import GivenAdvice
from talktime.core.insight.advice.funding_advice import Funding
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.periods import Period
from talktime.store.insight.usage.imported import ImportState
from talktime.store.instants import from_micros, to_micros
from talktime.store.schema import funding_advice, imported_calls, organizations, usage_imports, usage_rows

# No clock on earth begins its hours or days within one.
_QUARTER_MICROS = timedelta(minutes=15) // timedelta(microseconds=1)


class AdviceRows:
    """Reads spend, and remembers what was advised."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def spent(self, organization_id: int, period: Period) -> Iterator[Spent]:
        """Yield what credit paid for calls that started in a period, our own, a quarter of an hour at a time."""
        rows = usage_rows.c
        mine = rows.organization_id == organization_id, rows.paid_by == PaysFrom.CREDIT.value
        cost = func.sum(rows.cost_micros)
        return self._quarters(_quarters(rows.started_at, cost, period).where(*mine))

    def imported(self, organization_id: int, period: Period, currency: str) -> Iterator[Spent]:
        """Yield what imported calls in a currency cost, by the file or by a deck; those of neither are not there."""
        rows = imported_calls.c
        cost = func.sum(func.coalesce(rows.charge_micros, rows.rated_micros, 0))
        is_seen = select(usage_imports.c.import_id).where(
            usage_imports.c.organization_id == organization_id,
            usage_imports.c.state == ImportState.COMPLETE.value,
        )
        statement = _quarters(rows.started_at, cost, period).where(
            rows.organization_id == organization_id, rows.currency == currency, rows.import_id.in_(is_seen)
        )
        return self._quarters(statement)

    def to_review(self, *, beyond: int, most: int) -> Sequence[int]:
        """Return the organizations that may have advice: they pay beforehand, in the order of their ids."""
        columns = organizations.c
        statement = select(columns.organization_id).where(
            columns.organization_id > beyond,
            columns.is_active.is_(True),
            columns.billing_mode == BillingMode.PREPAID.value,
            or_(
                select(usage_rows.c.line).where(usage_rows.c.organization_id == columns.organization_id).exists(),
                select(usage_imports.c.import_id)
                .where(usage_imports.c.organization_id == columns.organization_id)
                .exists(),
            ),
        )
        return list(self._connection.scalars(statement.order_by(columns.organization_id).limit(most)))

    def last(self, organization_id: int) -> GivenAdvice | None:
        """Return what was last advised."""
        found = self._connection.execute(select(funding_advice).where(_of(organization_id))).one_or_none()
        if found is None:
            return None
        return GivenAdvice(
            from_micros(found.advised_at),
            found.currency,
            Funding(found.trigger_micros, found.amount_micros),
            found.month_micros,
            found.week_low_micros,
            found.week_high_micros,
            found.weeks_count,
        )

    def keep(self, organization_id: int, given: GivenAdvice) -> None:
        """Remember advice in place of what was given before; under the organization's lock."""
        self._connection.execute(delete(funding_advice).where(_of(organization_id)))
        row = {
            "organization_id": organization_id,
            "advised_at": to_micros(given.advised_at),
            "currency": given.currency,
            "trigger_micros": given.funding.trigger_micros,
            "amount_micros": given.funding.amount_micros,
            "month_micros": given.month_micros,
            "week_low_micros": given.week_low_micros,
            "week_high_micros": given.week_high_micros,
            "weeks_count": given.weeks_count,
        }
        self._connection.execute(insert(funding_advice).values(row))

    def _quarters(self, statement: Select[int, int]) -> Iterator[Spent]:
        for quarter, cost in self._connection.execute(statement):
            yield Spent(from_micros(quarter * _QUARTER_MICROS), int(cost))


def _quarters(started_at: ColumnElement[int], cost: ColumnElement[int], period: Period) -> Select[int, int]:
    quarter = started_at // _QUARTER_MICROS
    within = started_at >= to_micros(period.starts_at), started_at < to_micros(period.ends_at)
    return select(quarter, cost).where(*within).group_by(quarter)


def _of(organization_id: int) -> ColumnElement[bool]:
    return funding_advice.c.organization_id == organization_id
