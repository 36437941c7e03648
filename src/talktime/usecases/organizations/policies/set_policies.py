"""Say where people and conferences may call: a policy for the organization, or for some an own one (domain.md 5)."""

from collections.abc import Sequence
from dataclasses import replace

from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.policies import DialOutPolicy
from talktime.core.organizations.users import User
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization


@frozen
class GrantPolicy:
    """A policy for the users of these names, for all users where there are none; None takes their own away."""

    organization: str
    policy: DialOutPolicy | None
    user_principal_names: tuple[str, ...] = ()
    is_dry_run: bool = False


@frozen
class SetTollFree:
    """Whether conferences of these organizers can be joined by toll-free numbers (domain.md 3)."""

    organization: str
    user_principal_names: tuple[str, ...]
    is_allowed: bool
    is_dry_run: bool = False


@frozen
class GrantRow:
    """What became of one name; refused where there is a problem. Empty where the organization's policy holds."""

    user_principal_name: str
    before: str = ""
    after: str = ""
    problem: str = ""


@frozen
class Granted:
    """One row per name, in the order asked; `is_saved` is True for all of them, or for none."""

    organization: Organization
    # Which policy holds for whoever has none of his own.
    everyone: DialOutPolicy
    rows: tuple[GrantRow, ...]
    is_saved: bool

    @property
    def refused(self) -> tuple[GrantRow, ...]:
        """Return the rows that have a problem."""
        return tuple(row for row in self.rows if row.problem)

    @property
    def changed(self) -> tuple[GrantRow, ...]:
        """Return the rows that differ from what they were."""
        return tuple(row for row in self.rows if row.before != row.after and not row.problem)


@frozen
class SetPolicy:
    """The policy of everybody who has none of his own."""

    organization: str
    policy: DialOutPolicy
    is_dry_run: bool = False


@frozen
class PolicySet:
    """The organization's policy before and after."""

    organization: Organization
    before: DialOutPolicy
    after: DialOutPolicy
    is_saved: bool


@frozen
class PoliciesShown:
    """The organization's policy, who has one of his own, and whose conferences have no toll-free dial-in."""

    organization: Organization
    everyone: DialOutPolicy
    own: tuple[User, ...]
    without_toll_free: tuple[User, ...]


def show_policies(tx: Transaction, organization: str) -> PoliciesShown:
    """Return which policy holds for whom."""
    found = find_organization(tx, organization)
    return PoliciesShown(
        found,
        tx.arrangements.of(found.organization_id).policy,
        tuple(tx.restrictions.with_own_policy(found.organization_id)),
        tuple(tx.restrictions.without_toll_free(found.organization_id)),
    )


def set_policy(tx: Transaction, request: SetPolicy) -> PolicySet:
    """Set the organization's policy; own ones stay, and go before it."""
    organization = lock_organization(tx, request.organization)
    arrangements = tx.arrangements.of(organization.organization_id)
    if not request.is_dry_run:
        changed = replace(arrangements, policy=request.policy)
        tx.arrangements.save_settings(organization.organization_id, changed)
    return PolicySet(organization, arrangements.policy, request.policy, not request.is_dry_run)


def grant_policy(tx: Transaction, request: GrantPolicy) -> Granted:
    """Give users a policy of their own, or take it away: all who are named, or nobody where one is not there."""
    organization = lock_organization(tx, request.organization)
    name = "" if request.policy is None else request.policy.name
    found = _found(tx, organization, request.user_principal_names)
    rows = tuple(
        GrantRow(each, problem=_unknown(organization))
        if isinstance(each, str)
        else GrantRow(each.user_principal_name, each.dialout_policy, name)
        for each in found
    )
    everyone = tx.arrangements.of(organization.organization_id).policy
    granted = Granted(organization, everyone, rows, is_saved=False)
    if request.is_dry_run or granted.refused:
        return granted
    user_ids = [each.user_id for each in found if isinstance(each, User) and each.dialout_policy != name]
    tx.restrictions.set_policy(organization.organization_id, user_ids, name)
    return replace(granted, is_saved=True)


def set_toll_free(tx: Transaction, request: SetTollFree) -> Granted:
    """Let organizers' conferences be joined by toll-free numbers, or not: all who are named, or nobody.

    Raise Invalid where nobody is named.
    """
    if not request.user_principal_names:
        raise Invalid("say whose conferences: user principal names", code="users_not_named")
    organization = lock_organization(tx, request.organization)
    found = _found(tx, organization, request.user_principal_names)
    after = _allowed(is_allowed=request.is_allowed)
    rows = tuple(
        GrantRow(each, problem=_unknown(organization))
        if isinstance(each, str)
        else GrantRow(each.user_principal_name, _allowed(is_allowed=each.is_toll_free_dial_in_allowed), after)
        for each in found
    )
    everyone = tx.arrangements.of(organization.organization_id).policy
    granted = Granted(organization, everyone, rows, is_saved=False)
    if request.is_dry_run or granted.refused:
        return granted
    user_ids = [each.user_id for each in found if isinstance(each, User)]
    tx.restrictions.set_toll_free(organization.organization_id, user_ids, is_allowed=request.is_allowed)
    return replace(granted, is_saved=True)


def _found(tx: Transaction, organization: Organization, names: Sequence[str]) -> list[User | str]:
    """Return the users of these names in their order, or the name where there is nobody; all users without names."""
    if not names:
        return list(tx.organizations.people(organization.organization_id))
    # A name that stands twice is meant once.
    wanted = {name.strip().lower(): name.strip() for name in names}
    people = tx.organizations.people_named(organization.organization_id, list(wanted))
    known = {user.user_principal_name.lower(): user for user in people}
    return [known.get(key, name) for key, name in wanted.items()]


def _unknown(organization: Organization) -> str:
    return f"{organization.name} has no user of this name"


def _allowed(*, is_allowed: bool) -> str:
    return "allowed" if is_allowed else "off"
