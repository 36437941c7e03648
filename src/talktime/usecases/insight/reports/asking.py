"""What a person asks of a report, in names and local days, becomes a filter; and how far the report is complete."""

from dataclasses import field, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.insight.reports.watermarks import Watermark, watermark_of
from talktime.core.insight.usage import period_of
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization

# As the original's report does without being asked (domain.md 7.1).
DAYS_SHOWN = 28
_NAMES_SHOWN_MAX = 12


@frozen
class Conditions:
    """Which usage, as people say it; without days, the last 28. An empty condition holds always."""

    organization: str
    at: datetime
    starts_on: date | None = None
    ends_on: date | None = None
    users: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    kinds: frozenset[CallKind] = field(default_factory=frozenset)
    direction: Direction | None = None
    destinations: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    paid_by: frozenset[PaysFrom] = field(default_factory=frozenset)
    cost_min_micros: int | None = None
    cost_max_micros: int | None = None
    text: str = ""


@frozen
class Asked:
    """Whose rows are shown, by which filter, how far they are complete, and when its calls began of all times."""

    organization: Organization
    shown: UsageFilter
    watermark: Watermark
    span: Period | None


def ask(tx: Transaction, conditions: Conditions) -> Asked:
    """Read the conditions as of one instant; raise NotFound for who is not there, Invalid for an empty period."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, conditions.organization)
    period = _period(conditions, organization)
    shown = UsageFilter(
        period,
        user_ids=_user_ids(tx, organization, conditions.users),
        departments=_departments(tx, organization, conditions.departments),
        kinds=conditions.kinds,
        direction=conditions.direction,
        destinations=frozenset(conditions.destinations),
        capabilities=frozenset(name.upper() for name in conditions.capabilities),
        paid_by=conditions.paid_by,
        cost_min_micros=conditions.cost_min_micros,
        cost_max_micros=conditions.cost_max_micros,
        text=conditions.text,
    )
    pending = tx.insight.reporting.pending(organization.organization_id)
    span = tx.insight.usage_span(organization.organization_id)
    return Asked(organization, shown, watermark_of(pending, period, conditions.at), span)


def narrowed(asked: Asked, **changes: object) -> Asked:
    """Return the same question with other conditions."""
    return replace(asked, shown=replace(asked.shown, **changes))  # type: ignore[arg-type]


def _period(conditions: Conditions, organization: Organization) -> Period:
    starts_on, ends_on = conditions.starts_on, conditions.ends_on
    if starts_on is None and ends_on is None:
        ends_on = conditions.at.astimezone(organization.zone).date()
        starts_on = ends_on - timedelta(days=DAYS_SHOWN - 1)
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        message = f"the period ends on {ends_on}, before it begins on {starts_on}"
        raise Invalid(message, code="period")
    low, high = conditions.cost_min_micros, conditions.cost_max_micros
    if low is not None and high is not None and high < low:
        message = "the highest cost is below the lowest: no call can cost that"
        raise Invalid(message, code="costs")
    return period_of(starts_on, ends_on, organization.zone)


def _user_ids(tx: Transaction, organization: Organization, names: tuple[str, ...]) -> frozenset[int]:
    found = tx.insight.reporting.user_ids(organization.organization_id, names)
    unknown = [name for name in names if name.lower() not in found]
    if unknown:
        message = (
            f"{organization.name} has no user named {', '.join(unknown)}: `talktime users` lists them by the names that"
            " look like mail addresses"
        )
        raise NotFound(message, code="user_not_found")
    return frozenset(found.values())


def _departments(tx: Transaction, organization: Organization, names: tuple[str, ...]) -> frozenset[str]:
    if not names:
        return frozenset()
    known = tx.insight.reporting.departments(organization.organization_id)
    unknown = [name for name in names if name and name not in known]
    if unknown:
        near = get_close_matches(unknown[0], known, n=1) or sorted(known)[:_NAMES_SHOWN_MAX]
        there = f"did you mean {', '.join(map(repr, near))}?" if near else "nobody is in any"
        message = f"{organization.name} has no department {unknown[0]!r}: {there}"
        raise NotFound(message, code="department_not_found")
    return frozenset(names)
