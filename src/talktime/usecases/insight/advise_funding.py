"""Advise an organization how much to fund: when somebody asks, each month by itself, and when spend leaves its cone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from talktime.core.calls.calls import LOST_BECAUSE_OF_BALANCE
from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.insight.advice import drift, reporting
from talktime.core.insight.advice.demand import DAYS_MAX, ReadSpend, read_sources
from talktime.core.insight.advice.drift import Drift, GivenAdvice
from talktime.core.insight.advice.funding_advice import (
    DEFAULT_FUNDING_TERMS,
    WEEKS_ENOUGH,
    Funding,
    FundingAdvice,
    FundingTerms,
    advise,
    risk_of,
)
from talktime.core.insight.advice.reporting import AdviceReport
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, Period, add_months
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.ports import Transact

REVIEWED_MAX = 100
# Far enough back that two whole weeks are in it, wherever the usage ends.
_DRIFT_LOOKED_AT = timedelta(days=35)
_LOOKED_AT = (DAYS_MAX + 1) * DAY
LOST_LOOKED_AT = timedelta(days=90)
MONTHLY = "monthly"


@frozen
class AdviseFunding:
    """Whose funding, and what the advice must hold to."""

    organization: str
    at: datetime
    terms: FundingTerms = DEFAULT_FUNDING_TERMS


@frozen
class FundingAdvised:
    """The advice beside what is set; `policy_risk` is None where nothing is recharged, or no usage tells."""

    organization: Organization
    report: AdviceReport
    policy: RechargePolicy
    policy_risk: float | None
    available_micros: int
    drifts: tuple[Drift, ...]
    # Calls of the last ninety days that credit would have let through: what they would have cost, nobody knows.
    lost_count: int


@frozen
class DueReviews:
    """At most a hundred organizations after one of this id."""

    beyond: int = 0


@frozen
class ReviewAdvice:
    """An organization whose advice may be out of date."""

    organization_id: int
    at: datetime
    terms: FundingTerms = DEFAULT_FUNDING_TERMS


@frozen
class AdviceReviewed:
    """What was told, and why; None where nothing had to be."""

    organization: Organization
    funding: Funding
    reason: str


@frozen
class _Review:
    """New advice, beside what was last known, and why it is told; None where nobody needs to know."""

    organization: Organization
    last: GivenAdvice | None
    advice: FundingAdvice
    made: GivenAdvice
    reason: str | None


def advise_funding(tx: Transaction, request: AdviseFunding) -> FundingAdvised:
    """Return advice from all that the organization's calls cost, ours and imported; raise NotFound or Invalid."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    organization_id, currency = organization.organization_id, organization.currency
    read = _spend(tx, organization, request.at - _LOOKED_AT, request.at)
    found = reporting.report(read, currency, request.terms)
    policy = tx.purchases.watch(organization_id).policy
    return FundingAdvised(
        organization,
        found,
        policy,
        _risk_of(policy, found, request.terms),
        tx.credit.credit(organization_id).spendable_micros(request.at),
        drift.settings_drift(policy, found.advice),
        sum(
            count
            for reason, count in tx.insight.refused(organization_id, request.at - LOST_LOOKED_AT, request.at).items()
            if reason in LOST_BECAUSE_OF_BALANCE
        ),
    )


def due_reviews(tx: Transaction, request: DueReviews) -> Sequence[int]:
    """Return at most a hundred organizations to review."""
    return tx.advice.to_review(beyond=request.beyond, most=REVIEWED_MAX)


def review_advice(read: Transact, transact: Transact, request: ReviewAdvice) -> AdviceReviewed | None:
    """Advise anew once a month, and at once when two weeks left the cone; tell what is far from what was told.

    With less than four weeks of usage nobody is told anything: it would be another amount each week. All is read and
    thought about before the short transaction that writes, so that charging does not wait for it.
    """
    review = read(_review, request)
    return None if review is None else transact(_keep, review)


def _review(tx: Transaction, request: ReviewAdvice) -> _Review | None:
    organization, at = tx.organizations.with_ids([request.organization_id])[request.organization_id], request.at
    last = tx.advice.last(organization.organization_id)
    left = _left_cone(tx, organization, last, at)
    if last is not None and left is None and not _is_month_old(last, organization, at):
        return None
    spend = _spend(tx, organization, at - _LOOKED_AT, at)
    advice = advise(spend.series, organization.currency, request.terms)
    if advice.forecast is None or spend.series.weeks_count < WEEKS_ENOUGH:
        return None
    made = drift.given(advice, at, spend.series)
    return _Review(organization, last, advice, made, _reason(tx, organization, last, left, advice))


def _keep(tx: Transaction, review: _Review) -> AdviceReviewed | None:
    organization = tx.organizations.lock_id(review.organization.organization_id)
    last, made = review.last, review.made
    if tx.advice.last(organization.organization_id) != last:
        # Another worker was here meanwhile.
        return None
    if review.reason is None and last is not None:
        # What was told stays what later advice is compared with, or it could creep away unnoticed.
        tx.advice.keep(organization.organization_id, drift.still_told(made, last))
        return None
    reason = review.reason or MONTHLY
    tx.advice.keep(organization.organization_id, made)
    _tell(tx, organization, review.advice, reason, made.advised_at)
    return AdviceReviewed(organization, review.advice.funding, reason)


def _spend(tx: Transaction, organization: Organization, since: datetime, at: datetime) -> ReadSpend:
    whole = Period(at - _LOOKED_AT, at)
    imported = list(tx.advice.imported(organization.organization_id, whole, organization.currency))
    # Whether our own usage has taken over cannot be told from its last weeks alone.
    own = list(tx.advice.spent(organization.organization_id, whole if imported else Period(since, at)))
    return read_sources(own, imported, organization.zone, at)


def _risk_of(policy: RechargePolicy, found: AdviceReport, terms: FundingTerms) -> float | None:
    forecast = found.advice.forecast
    if not policy.is_on or forecast is None:
        return None
    return risk_of(found.series, forecast, Funding(policy.trigger_micros, policy.amount_micros), terms.reaction)


def _left_cone(tx: Transaction, organization: Organization, last: GivenAdvice | None, at: datetime) -> Drift | None:
    if last is None:
        return None
    read = _spend(tx, organization, at - _DRIFT_LOOKED_AT, at)
    return drift.spend_drift(last, read.series)


def _is_month_old(last: GivenAdvice, organization: Organization, at: datetime) -> bool:
    today = at.astimezone(organization.zone).date()
    return today >= add_months(last.advised_at.astimezone(organization.zone).date(), 1)


def _reason(
    tx: Transaction,
    organization: Organization,
    last: GivenAdvice | None,
    left: Drift | None,
    advice: FundingAdvice,
) -> str | None:
    if last is None:
        return MONTHLY
    if left is not None:
        return left.value
    if drift.is_changed(last, advice):
        return MONTHLY
    settings = drift.settings_drift(tx.purchases.watch(organization.organization_id).policy, advice)
    return settings[0].value if settings else None


def _tell(tx: Transaction, organization: Organization, advice: FundingAdvice, reason: str, at: datetime) -> None:
    organization_id = organization.organization_id
    details = (
        ("currency", organization.currency),
        ("trigger_micros", str(advice.funding.trigger_micros)),
        ("amount_micros", str(advice.funding.amount_micros)),
        ("month_micros", str(advice.month_micros)),
        ("weeks", str(advice.weeks_count)),
        ("reason", reason),
    )
    event_id = f"{EventKind.FUNDING_ADVISED.value}:{at.astimezone(organization.zone).date()}"
    balance = tx.credit.credit(organization_id).balance_micros
    tx.notifications.tell([Event(organization_id, event_id, EventKind.FUNDING_ADVISED, at, balance, details)])
