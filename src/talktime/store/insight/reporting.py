"""What reports read beside usage rows: what is pending, who people are, what was refused, departments' budgets."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, literal_column, or_, select

from talktime.core.calls.calls import CallState, DenialReason
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.lost_calls import PrefixCost
from talktime.core.insight.reports.usage_sums import Person
from talktime.core.insight.reports.watermarks import Pending
from talktime.core.insight.usage import BY_MONEY
from talktime.core.values.periods import Period
from talktime.store.instants import from_micros_or_none, to_micros
from talktime.store.schema import call_keys, calls, department_budgets, identities, parked_reports, usage_rows, users

# Databases bound the number of parameters of a statement.
LOOKUP_ROWS = 1_000
# Written out, so that a database sees that the index of open calls has them all.
_OPEN: ColumnElement[str] = literal_column(f"'{CallState.OPEN.value}'")
_SECOND_MICROS = 1_000_000
_MONEY = sorted(source.value for source in BY_MONEY)


class ReportingRows:
    """Reads for reports of one organization; budgets are written under its row's lock."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def pending(self, organization_id: int) -> Pending:
        """Return what can still add rows: its open calls, and parked reports that are its own or of nobody known."""
        opened = select(func.count(), func.min(calls.c.started_at)).where(
            calls.c.organization_id == organization_id, calls.c.state == _OPEN
        )
        open_count, open_at = self._connection.execute(opened).one()
        # A report that came late began earlier than that; where its call is known, the call says when.
        began = func.coalesce(
            calls.c.started_at, parked_reports.c.received_at - parked_reports.c.used_seconds * _SECOND_MICROS
        )
        is_its = and_(
            calls.c.organization_id == call_keys.c.organization_id, calls.c.call_key == parked_reports.c.call_key
        )
        parked = (
            select(func.count(), func.min(began))
            .select_from(parked_reports)
            .outerjoin(call_keys, call_keys.c.call_key == parked_reports.c.call_key)
            .outerjoin(calls, is_its)
            .where(
                parked_reports.c.resolved_at.is_(None),
                or_(call_keys.c.organization_id == organization_id, call_keys.c.organization_id.is_(None)),
            )
        )
        parked_count, parked_at = self._connection.execute(parked).one()
        return Pending(open_count, from_micros_or_none(open_at), parked_count, from_micros_or_none(parked_at))

    def people(self, organization_id: int, user_ids: Iterable[int]) -> dict[int, Person]:
        """Return who users are, by their numbers."""
        wanted = sorted(set(user_ids))
        columns = (users.c[name] for name in ("user_id", "user_principal_name", "display_name", "usage_location"))
        statement = select(*columns, users.c.department).where(users.c.organization_id == organization_id)
        found: dict[int, Person] = {}
        for begin in range(0, len(wanted), LOOKUP_ROWS):
            chunk = statement.where(users.c.user_id.in_(wanted[begin : begin + LOOKUP_ROWS]))
            found |= {row[0]: Person(*tuple(row)[1:]) for row in self._connection.execute(chunk)}
        return found

    def numbers(self, organization_id: int, user_ids: Sequence[int]) -> dict[int, str]:
        """Return a telephone number of each user who has one: the first in the order of digits."""
        found: dict[int, str] = {}
        for begin in range(0, len(user_ids), LOOKUP_ROWS):
            statement = (
                select(identities.c.user_id, func.min(identities.c.identity))
                .where(
                    identities.c.organization_id == organization_id,
                    identities.c.user_id.in_(user_ids[begin : begin + LOOKUP_ROWS]),
                    # A user principal name is one too.
                    ~identities.c.identity.contains("@"),
                )
                .group_by(identities.c.user_id)
            )
            found |= dict(map(tuple, self._connection.execute(statement)))
        return found

    def user_ids(self, organization_id: int, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of users by their principal names in lower case; those nobody has are not there."""
        wanted = sorted({name.lower() for name in names})
        statement = select(func.lower(users.c.user_principal_name), users.c.user_id).where(
            users.c.organization_id == organization_id, func.lower(users.c.user_principal_name).in_(wanted)
        )
        return dict(map(tuple, self._connection.execute(statement)))

    def users_in(self, organization_id: int, country: str) -> set[int]:
        """Return the numbers of users whose usage location is a country."""
        statement = select(users.c.user_id).where(
            users.c.organization_id == organization_id, users.c.usage_location == country
        )
        return set(self._connection.scalars(statement))

    def departments(self, organization_id: int) -> set[str]:
        """Return the departments that users are in, less those of none."""
        statement = select(users.c.department).where(
            users.c.organization_id == organization_id, users.c.department != ""
        )
        return set(self._connection.scalars(statement.distinct()))

    def refused(self, organization_id: int, shown: UsageFilter) -> dict[DenialReason, int]:
        """Return how many calls were refused for which reason; of the filter, period, users, departments and kinds."""
        statement = _refused(select(calls.c.denial, func.count()), organization_id, shown)
        found = self._connection.execute(statement.group_by(calls.c.denial))
        return {DenialReason(denial): count for denial, count in found}

    def refused_numbers(
        self, organization_id: int, shown: UsageFilter, reasons: Iterable[DenialReason]
    ) -> dict[DenialReason, dict[str, int]]:
        """Return how often each number was called in vain, by reason."""
        statement = _refused(select(calls.c.denial, calls.c.called, func.count()), organization_id, shown).where(
            calls.c.denial.in_(sorted(reason.value for reason in reasons))
        )
        found: dict[DenialReason, dict[str, int]] = {}
        for denial, called, count in self._connection.execute(statement.group_by(calls.c.denial, calls.c.called)):
            found.setdefault(DenialReason(denial), {})[called] = count
        return found

    def prefix_costs(self, organization_id: int, period: Period) -> dict[str, PrefixCost]:
        """Return what calls came to that money paid for, by the deck's prefix that priced them."""
        statement = (
            select(usage_rows.c.prefix, func.count(), func.sum(usage_rows.c.cost_micros))
            .where(
                usage_rows.c.organization_id == organization_id,
                usage_rows.c.started_at >= to_micros(period.starts_at),
                usage_rows.c.started_at < to_micros(period.ends_at),
                usage_rows.c.paid_by.in_(_MONEY),
                usage_rows.c.used_seconds > 0,
                usage_rows.c.correction_reference == "",
            )
            .group_by(usage_rows.c.prefix)
        )
        return {row[0]: PrefixCost(row[1], int(row[2])) for row in self._connection.execute(statement)}

    def budgets(self, organization_id: int) -> dict[str, int]:
        """Return departments' monthly budgets in micros, by department."""
        statement = select(department_budgets.c.department, department_budgets.c.monthly_micros).where(
            department_budgets.c.organization_id == organization_id
        )
        return dict(map(tuple, self._connection.execute(statement)))

    def set_budget(self, organization_id: int, department: str, monthly_micros: int | None, at: datetime) -> None:
        """Write a department's monthly budget; None takes it away."""
        of_department = and_(
            department_budgets.c.organization_id == organization_id, department_budgets.c.department == department
        )
        self._connection.execute(delete(department_budgets).where(of_department))
        if monthly_micros is not None:
            row: Mapping[str, object] = {
                "organization_id": organization_id,
                "department": department,
                "monthly_micros": monthly_micros,
                "set_at": to_micros(at),
            }
            self._connection.execute(insert(department_budgets), row)


def _refused(statement: Select[Any], organization_id: int, shown: UsageFilter) -> Select[Any]:
    asked = statement.where(
        calls.c.organization_id == organization_id,
        calls.c.denial.is_not(None),
        calls.c.started_at >= to_micros(shown.period.starts_at),
        calls.c.started_at < to_micros(shown.period.ends_at),
    )
    if shown.user_ids:
        asked = asked.where(calls.c.user_id.in_(sorted(shown.user_ids)))
    if shown.kinds:
        asked = asked.where(calls.c.kind.in_(sorted(kind.value for kind in shown.kinds)))
    if shown.departments:
        named = select(users.c.user_id).where(
            users.c.organization_id == organization_id, users.c.department.in_(sorted(shown.departments))
        )
        asked = asked.where(calls.c.user_id.in_(named))
    return asked
