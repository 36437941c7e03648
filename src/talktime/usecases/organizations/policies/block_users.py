"""Block accounts of which calls are made that nobody wants to pay: they may not call out until somebody unblocks them.

Emergency numbers, and calls that come in, are never blocked (domain.md 5).
"""

from dataclasses import replace
from datetime import datetime

from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization

REASON_CHARACTERS_MAX = 200


@frozen
class BlockUser:
    """Who may not call out any more, and why."""

    organization: str
    user_principal_name: str
    reason: str
    at: datetime


@frozen
class UnblockUser:
    """Who may call out again."""

    organization: str
    user_principal_name: str


@frozen
class Blocked:
    """A user, and since when he is blocked where he is; his reason stands on him."""

    organization: Organization
    user: User
    at: datetime | None


def block_user(tx: Transaction, request: BlockUser) -> Blocked:
    """Block a user; raise NotFound, Invalid for no reason, Conflict where he is blocked already."""
    reason = " ".join(request.reason.split())
    if not reason or len(reason) > REASON_CHARACTERS_MAX or not reason.isprintable():
        message = f"say why, in 1 to {REASON_CHARACTERS_MAX} printable characters: the list of blocked users shows it"
        raise Invalid(message, code="reason")
    organization = lock_organization(tx, request.organization)
    user = named_user(tx, organization, request.user_principal_name)
    if user.block_reason:
        message = f"{user.user_principal_name} is blocked already: {user.block_reason}"
        raise Conflict(message, code="user_blocked")
    tx.restrictions.block(organization.organization_id, user.user_id, reason, request.at)
    return Blocked(organization, replace(user, block_reason=reason), request.at)


def unblock_user(tx: Transaction, request: UnblockUser) -> Blocked:
    """Let a user call out again, and return what he was blocked for; raise NotFound, or Conflict where he was not."""
    organization = lock_organization(tx, request.organization)
    user = named_user(tx, organization, request.user_principal_name)
    if not user.block_reason:
        raise Conflict(f"{user.user_principal_name} is not blocked", code="user_not_blocked")
    tx.restrictions.unblock(organization.organization_id, user.user_id)
    return Blocked(organization, user, None)


def list_blocked(tx: Transaction, organization: str) -> tuple[Organization, list[Blocked]]:
    """Return who is blocked, in the order of their names."""
    found = find_organization(tx, organization)
    return found, [Blocked(found, user, at) for user, at in tx.restrictions.blocked(found.organization_id)]


def named_user(tx: Transaction, organization: Organization, name: str) -> User:
    """Return the user of that name; raise NotFound."""
    wanted = name.strip().lower()
    found = tx.organizations.people_named(organization.organization_id, [wanted])
    if not found:
        message = f"{organization.name} has no user {name!r}; `talktime users list` shows who is there"
        raise NotFound(message, code="user_not_found")
    return found[0]
