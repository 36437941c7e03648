"""Show the numbers of an organization, how many it may have, and which toll-free ones are hardly called."""

from datetime import datetime, timedelta

from talktime.core.organizations.licenses import MINUTE_PLANS
from talktime.core.organizations.numbering import quotas
from talktime.core.organizations.numbering.phone_numbers import HeldNumber, NumberState, as_of
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import NumberUse
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period, month_of
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

# In many countries a toll-free number that is called less in a month may be reclaimed (domain.md 4.4).
WATCHED_MINUTES = 100
_SECONDS_PER_MINUTE = 60


@frozen
class Quota:
    """How many numbers of a use an organization may have, and has; those that it brought are counted apart."""

    use: NumberUse
    allowed: int
    held_count: int
    ported_count: int

    @property
    def left(self) -> int:
        """Return how many more can be ordered."""
        return max(self.allowed - self.held_count, 0)


@frozen
class Quotas:
    """The quotas, and the license counts from which they follow."""

    organization: Organization
    quotas: tuple[Quota, ...]
    plan_licenses: int
    pay_as_you_go_licenses: int
    service_licenses: int


@frozen
class WatchedNumber:
    """A toll-free number, and how long calls to it lasted in the month."""

    held: HeldNumber
    used_seconds: int

    @property
    def is_at_risk(self) -> bool:
        """Tell whether the number may be reclaimed."""
        return self.used_seconds < WATCHED_MINUTES * _SECONDS_PER_MINUTE


@frozen
class NumbersWatched:
    """The toll-free numbers that were active all through the last full month, least called first."""

    organization: Organization
    month: Period
    numbers: tuple[WatchedNumber, ...]


def list_numbers(tx: Transaction, request: LookAt) -> tuple[Organization, list[HeldNumber]]:
    """Return the numbers of an organization, as they stand at an instant."""
    organization = find_organization(tx, request.name)
    return organization, _held_at(tx, organization, request.at)


def show_quotas(tx: Transaction, request: LookAt) -> Quotas:
    """Return how many numbers of each use an organization may have and has (domain.md 4.2)."""
    organization = find_organization(tx, request.name)
    arrangements = tx.arrangements.of(organization.organization_id)
    held = [(each.phone.listing.use, each.phone.is_ported) for each in _held_at(tx, organization, request.at)]
    return Quotas(
        organization,
        tuple(
            Quota(use, quotas.quota(use, arrangements), held.count((use, False)), held.count((use, True)))
            for use in NumberUse
        ),
        quotas.licenses_of(arrangements, MINUTE_PLANS),
        quotas.licenses_of(arrangements, quotas.PAY_AS_YOU_GO),
        quotas.service_licenses(arrangements),
    )


def watch_numbers(tx: Transaction, request: LookAt) -> NumbersWatched:
    """Return how long each toll-free number was called in the last full month, on the organization's calendar."""
    organization = find_organization(tx, request.name)
    this_month = month_of(request.at, organization.zone)
    month = month_of(this_month.starts_at - timedelta(seconds=1), organization.zone)
    watched = [
        each
        for each in _held_at(tx, organization, request.at)
        if each.phone.listing.use is NumberUse.TOLL_FREE and _was_active(each, month)
    ]
    numbers = [each.phone.listing.number for each in watched]
    used = tx.numbering.used_seconds(organization.organization_id, numbers, month)
    rows = [WatchedNumber(each, used.get(each.phone.listing.number, 0)) for each in watched]
    return NumbersWatched(organization, month, tuple(sorted(rows, key=lambda row: row.used_seconds)))


def _held_at(tx: Transaction, organization: Organization, at: datetime) -> list[HeldNumber]:
    held = tx.numbering.held(organization.organization_id)
    return [each for each in held if as_of(each.phone, at).state is not NumberState.AVAILABLE]


def _was_active(held: HeldNumber, month: Period) -> bool:
    """A number that came during the month could not be called all through it; when one was brought, nobody knows."""
    if held.phone.state not in {NumberState.ACTIVATED, NumberState.ASSIGNED}:
        return False
    return held.phone.activated_at is None or held.phone.activated_at <= month.starts_at
