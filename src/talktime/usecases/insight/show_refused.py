"""Show why calls were refused in a period, and how many of them money would have let through (money.md 62)."""

from collections.abc import Mapping
from datetime import date

from talktime.core.calls.calls import LOST_BECAUSE_OF_BALANCE, DenialReason
from talktime.core.insight.usage import period_of
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization


@frozen
class ShowRefused:
    """Whose refused calls, on local days from the first to the last; None leaves that side open."""

    organization: str
    starts_on: date | None = None
    ends_on: date | None = None


@frozen
class RefusedShown:
    """How many calls were refused for which reason, the most frequent first."""

    organization: Organization
    period: Period
    counts: Mapping[DenialReason, int]

    @property
    def calls_count(self) -> int:
        """Return how many calls were refused."""
        return sum(self.counts.values())

    @property
    def lost_count(self) -> int:
        """Return how many of them were lost because of the balance."""
        return sum(count for reason, count in self.counts.items() if reason in LOST_BECAUSE_OF_BALANCE)


def show_refused(tx: Transaction, request: ShowRefused) -> RefusedShown:
    """Return the refused calls by reason; raise NotFound, or Invalid for an empty period."""
    organization = find_organization(tx, request.organization)
    if request.starts_on is not None and request.ends_on is not None and request.ends_on < request.starts_on:
        message = f"the period ends on {request.ends_on}, before it begins on {request.starts_on}"
        raise Invalid(message, code="period")
    period = period_of(request.starts_on, request.ends_on, organization.zone)
    found = tx.insight.refused(organization.organization_id, *period)
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0].value))
    return RefusedShown(organization, period, dict(ordered))
