"""List the calls in progress: who calls whom, since when, and what each has been granted and promised."""

from collections.abc import Sequence
from datetime import datetime

from talktime.core.calls.calls import Call
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.live_calls import EVERYBODY
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.organizations.policies.block_users import named_user


@frozen
class ListLiveCalls:
    """Whose open calls: everybody's where no organization is named; at most so many."""

    organization: str
    user: str
    at: datetime
    most: int


@frozen
class LiveCall:
    """An open call, who pays it, and who calls where that is a user."""

    call: Call
    organization: Organization
    user: str


@frozen
class LiveCalls:
    """Open calls, and how many there are in all."""

    calls: tuple[LiveCall, ...]
    count: int
    at: datetime


def list_live_calls(tx: Transaction, request: ListLiveCalls) -> LiveCalls:
    """Return the open calls; raise NotFound for an organization or a user that is none, Invalid for no number."""
    if request.most <= 0:
        raise Invalid("at least one call must be asked for", code="most")
    organization_id, user_id = whose(tx, request.organization, request.user)
    found = tx.live_calls.calls(organization_id, user_id, most=request.most)
    return LiveCalls(with_names(tx, found), tx.live_calls.count(organization_id, user_id), request.at)


def whose(tx: Transaction, organization: str, user: str) -> tuple[int, int]:
    """Return the ids of an organization and of one of its users, as the store takes them."""
    if not organization and not user:
        return EVERYBODY, EVERYBODY
    owner = find_organization(tx, organization)
    if not user:
        return owner.organization_id, EVERYBODY
    return owner.organization_id, named_user(tx, owner, user).user_id


def with_names(tx: Transaction, calls: Sequence[Call]) -> tuple[LiveCall, ...]:
    """Return the calls with the names of who pays and who calls."""
    owners = tx.organizations.with_ids({call.setup.organization_id for call in calls})
    names = {
        organization_id: tx.insight.user_names(organization_id, _users_of(organization_id, calls))
        for organization_id in owners
    }
    return tuple(
        LiveCall(
            call,
            owners[call.setup.organization_id],
            names[call.setup.organization_id].get(call.setup.user_id or EVERYBODY, ""),
        )
        for call in calls
    )


def _users_of(organization_id: int, calls: Sequence[Call]) -> set[int]:
    setups = (call.setup for call in calls)
    return {each.user_id for each in setups if each.user_id is not None and each.organization_id == organization_id}
