"""What the pictures of an organization show: its balance, its spend, the hours of its week, who and where it calls."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime

from talktime.core.calls.calls import PaysFrom
from talktime.core.insight.advice.balance_forecast import BalanceForecast
from talktime.core.insight.pictures.balances import BalanceHistory, balance_history
from talktime.core.insight.pictures.pool_bars import PoolBars, pool_bars
from talktime.core.insight.pictures.rankings import Ranked, RankedUsage, Ranking, Subject, ranking
from talktime.core.insight.pictures.rhythms import Measure, WeekRhythm, measured, week_rhythm
from talktime.core.insight.pictures.spending import PaidSums, SpendHistory, spend_history
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period, start_of_day
from talktime.store.transaction import Transaction
from talktime.usecases.insight.show_pools import ShowPools, show_pools
from talktime.usecases.organizations.manage_organizations import find_organization

DAYS_SHOWN = 30
# A picture of more than this says nothing about any day of it.
DAYS_MAX = 3_700
# Only the first have a bar with a name.
_NAMED_MAX = 100


@frozen
class ShowPicture:
    """Whose picture, as of when, of which local days, both included: by default the last thirty, today the last.

    A measure of None is what was paid, or the minutes where nothing was.
    """

    organization: str
    at: datetime
    starts_on: date | None = None
    ends_on: date | None = None
    measure: Measure | None = None
    forecast: BalanceForecast | None = None


def show_balance(tx: Transaction, request: ShowPicture) -> BalanceHistory:
    """Return the balance by the journal, and the trigger where one is set; raise NotFound, Invalid for the period."""
    organization, period = _begun(tx, request)
    organization_id = organization.organization_id
    policy = tx.purchases.watch(organization_id).policy
    history = balance_history(
        tx.documents.journal.balance(organization_id, period.starts_at),
        tx.insight.balance_changes.of(organization_id, period),
        period,
        request.at,
        zone=organization.zone,
        currency=organization.currency,
    )
    trigger_micros = policy.trigger_micros if policy.is_on else None
    return replace(history, trigger_micros=trigger_micros, forecast=request.forecast)


def show_spend(tx: Transaction, request: ShowPicture) -> SpendHistory:
    """Return what the days cost, by what paid; raise NotFound, Invalid for the period."""
    organization, period = _begun(tx, request)

    def paid_by(*sources: PaysFrom) -> tuple[UsageSum, ...]:
        return tuple(_sums(tx, organization, period, GroupBy.DAY, frozenset(sources)))

    credit, overage = paid_by(PaysFrom.CREDIT), paid_by(PaysFrom.OVERAGE)
    included = paid_by(PaysFrom.MINUTES, PaysFrom.INCLUDED)
    return spend_history(PaidSums(credit, overage, included), period, organization.zone, organization.currency)


def show_rhythm(tx: Transaction, request: ShowPicture) -> WeekRhythm:
    """Return what the hours of the week come to; raise NotFound, Invalid for the period."""
    organization, period = _begun(tx, request)
    sums = _sums(tx, organization, period, GroupBy.HOUR)
    return week_rhythm(sums, period, organization.zone, currency=organization.currency, measure=_measure(request, sums))


def show_ranking(tx: Transaction, request: ShowPicture, subject: Subject) -> Ranking:
    """Return the first destinations or users, and what the rest comes to; raise NotFound, Invalid for the period."""
    organization, period = _begun(tx, request)
    by = GroupBy.DESTINATION if subject is Subject.DESTINATIONS else GroupBy.USER
    sums = _sums(tx, organization, period, by)
    measure = _measure(request, sums)
    first = sorted(sums, key=lambda each: -measured(measure, each))
    names: dict[int, str] = {}
    if subject is Subject.USERS:
        users = [each.group for each in first[:_NAMED_MAX] if isinstance(each.group, int)]
        names = tx.insight.user_names(organization.organization_id, users)
    found = tuple(Ranked(_name(each.group, names), each.calls, each.used_seconds, each.cost_micros) for each in first)
    return ranking(RankedUsage(subject, period, organization.zone, organization.currency, found), measure)


def show_pool_bars(tx: Transaction, request: ShowPicture) -> PoolBars:
    """Return the minute pools of the month in which the period ends; raise NotFound."""
    month = None if request.ends_on is None else request.ends_on.replace(day=1)
    shown = show_pools(tx, ShowPools(request.organization, request.at, month))
    return pool_bars(shown.report, shown.first_day)


def _begun(tx: Transaction, request: ShowPicture) -> tuple[Organization, Period]:
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    ends_on = request.ends_on or request.at.astimezone(organization.zone).date()
    starts_on = request.starts_on or ends_on - (DAYS_SHOWN - 1) * DAY
    if starts_on > ends_on:
        message = f"the period ends on {ends_on}, before it begins on {starts_on}"
        raise Invalid(message, code="period")
    if ends_on - starts_on > DAYS_MAX * DAY:
        message = f"a picture shows ten years at most: choose a first day after {ends_on - DAYS_MAX * DAY}"
        raise Invalid(message, code="period")
    zone = organization.zone
    return organization, Period(start_of_day(starts_on, zone), start_of_day(ends_on + DAY, zone))


def _sums(
    tx: Transaction,
    organization: Organization,
    period: Period,
    by: GroupBy,
    paid_by: AbstractSet[PaysFrom] = frozenset(),
) -> list[UsageSum]:
    """Return the sums in the organization's currency; amounts of two currencies cannot be added up."""
    shown = UsageFilter(period, paid_by=paid_by)
    sums = tx.insight.usage_pages.sums(organization.organization_id, shown, by, zone=organization.zone)
    return [each for each in sums if each.currency == organization.currency]


def _measure(request: ShowPicture, sums: list[UsageSum]) -> Measure:
    has_cost = any(each.cost_micros for each in sums)
    return request.measure or (Measure.COST if has_cost else Measure.MINUTES)


def _name(group: object, names: Mapping[int, str]) -> str:
    if isinstance(group, int):
        return names.get(group, f"user {group}")
    return str(group or "")
