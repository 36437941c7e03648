"""Show the minute pools of a month: what licenses bring, what is used, what is left (domain.md 7.7)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from talktime.core.calls.counting.meters import month_of
from talktime.core.insight.pool_report import PoolFacts, PoolReport, pool_report
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import add_months, start_of_day
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization

# Who has a plan of his own minutes may be one of very many.
USERS_SHOWN_MAX = 10
_MICROSECOND = timedelta(microseconds=1)


@frozen
class ShowPools:
    """Whose pools, and of which month, by its first day; without one, the month that `at` is in."""

    organization: str
    at: datetime
    month: date | None = None


@frozen
class PoolsShown:
    """The pools of a month, when they are renewed, and what users of own minutes are called, by their numbers."""

    organization: Organization
    report: PoolReport
    first_day: date
    renews_on: date
    is_current: bool
    user_names: Mapping[int, str]


def show_pools(tx: Transaction, request: ShowPools) -> PoolsShown:
    """Return the pools by the licenses of now and the country table of the month; raise NotFound."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    first_day = request.month or request.at.astimezone(organization.zone).date().replace(day=1)
    renews_on = add_months(first_day, 1)
    starts_at, ends_at = (start_of_day(day, organization.zone) for day in (first_day, renews_on))
    month = month_of(starts_at, organization.zone)
    facts = PoolFacts(
        tx.arrangements.of(organization.organization_id),
        tx.countries.in_force(min(max(request.at, starts_at), ends_at - _MICROSECOND)),
        organization.country,
        tx.insight.pools(organization.organization_id, month),
    )
    report = pool_report(month, facts, USERS_SHOWN_MAX)
    users = [] if report.own is None else [int(line.pool.counter) for line in report.own.most_used]
    names = tx.insight.user_names(organization.organization_id, users)
    return PoolsShown(organization, report, first_day, renews_on, starts_at <= request.at < ends_at, names)
