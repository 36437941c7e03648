"""Cap what calls of a user or a department may cost in a calendar month; charging holds every cap while calls run."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.organizations import capping
from talktime.core.organizations.arrangements import Caps
from talktime.core.organizations.capping import EACH_USER, CapKind, CapTarget
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import month_of
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization
from talktime.usecases.organizations.policies.block_users import named_user


@frozen
class SetCap:
    """A cap for one user, one department, or, without either, for each user; None removes it."""

    organization: str
    micros: int | None
    at: datetime
    user_principal_name: str = ""
    department: str = ""


@frozen
class CapRow:
    """A cap, and what of it this month's calls have used and hold; of `EACH_USER` a meter of nobody."""

    target: CapTarget
    # Whose: a user principal name, a department.
    name: str
    micros: int
    meter: Meter = UNUSED

    @property
    def left_micros(self) -> int:
        """Return what calls may still cost this month."""
        return self.meter.left(self.micros)


@frozen
class CapSet:
    """A cap that was set, or removed where `row` is None; `people_count` is how many it is for today."""

    organization: Organization
    month: str
    name: str
    row: CapRow | None
    people_count: int
    # The departments that there are, for who has mistyped one.
    departments: tuple[str, ...] = ()


@frozen
class CapsShown:
    """All caps of an organization; `common` are users who have used something under the cap of everybody."""

    organization: Organization
    month: str
    caps: Caps
    own: tuple[CapRow, ...]
    common: tuple[CapRow, ...]


def show_caps(tx: Transaction, request: LookAt) -> CapsShown:
    """Return the caps, those with the least left first, and how this month stands."""
    organization = find_organization(tx, request.name)
    month = meters.month_of(request.at, organization.zone)
    caps = tx.arrangements.of(organization.organization_id).caps
    people = tx.organizations.people(organization.organization_id) if caps != Caps() else []
    persons = [user for user in people if user.account is AccountKind.PERSON]
    wanted = [*_user_rows(caps, persons), *_department_rows(caps)]
    rows = _read(tx, organization, wanted, month)
    is_own = {row.target: capping.cap_of(caps, row.target) is not None for row in rows}
    common = [row for row in rows if not is_own[row.target] and row.meter != UNUSED]
    return CapsShown(
        organization,
        month,
        caps,
        _least_left_first(row for row in rows if is_own[row.target]),
        _least_left_first(common),
    )


def set_cap(tx: Transaction, request: SetCap) -> CapSet:
    """Set or remove a cap; raise NotFound, or Invalid for no amount or an account that has no cap.

    What is new in its month begins with what the calls have cost that began in it and have ended, whoever paid: those
    of a department by where their users are now. What calls hold that are in progress is not known of them: it counts
    only on caps that were there when they started.
    """
    organization = lock_organization(tx, request.organization)
    target, name = _target(tx, organization, request)
    organization_id = organization.organization_id
    arrangements = tx.arrangements.of(organization_id)
    before = arrangements.caps
    after = capping.with_cap(before, target, request.micros)
    tx.arrangements.save_settings(organization_id, replace(arrangements, caps=after))
    _begin_meters(tx, organization, before, after, request.at)
    month = meters.month_of(request.at, organization.zone)
    departments = tx.restrictions.departments(organization_id)
    row = None
    if request.micros is not None:
        row = _read(tx, organization, [CapRow(target, name, request.micros)], month)[0]
    return CapSet(organization, month, name, row, _people_count(tx, organization, target), tuple(departments))


def _target(tx: Transaction, organization: Organization, request: SetCap) -> tuple[CapTarget, str]:
    if request.department:
        # As users are kept: the same letters, no blanks around them.
        department = " ".join(request.department.split())
        return CapTarget(CapKind.DEPARTMENT, department=department), department
    if not request.user_principal_name:
        return EACH_USER, ""
    user = named_user(tx, organization, request.user_principal_name)
    if user.account is not AccountKind.PERSON:
        message = (
            f"{user.user_principal_name} is no person: calls of auto attendants and call queues count on no user's cap"
        )
        raise Invalid(message, code="cap_of_account")
    return CapTarget(CapKind.USER, user_id=user.user_id), user.user_principal_name


def _begin_meters(tx: Transaction, organization: Organization, before: Caps, after: Caps, at: datetime) -> None:
    """Let new caps count what the month has cost so far: their meters were not moved by the calls before."""
    month = meters.month_of(at, organization.zone)
    organization_id = organization.organization_id
    costs: dict[str, int] = {}
    for user_id, department, micros in tx.meters.costs(organization_id, month_of(at, organization.zone)):
        if capping.begins_to_count_user(before, after, user_id):
            costs[meters.user_meter(user_id, month)] = micros
        if capping.begins_to_count_department(before, after, department):
            name = meters.department_meter(department, month)
            costs[name] = costs.get(name, 0) + micros
    known, before_them = tx.meters.of(organization_id, list(costs)), tx.meters.used_before(organization_id, list(costs))
    begun = {
        name: capping.begun(micros, known.get(name, UNUSED).used, before_them.get(name, 0))
        for name, micros in costs.items()
    }
    tx.meters.begin(organization_id, begun)


def _user_rows(caps: Caps, persons: Iterable[User]) -> list[CapRow]:
    return [
        CapRow(CapTarget(CapKind.USER, user_id=user.user_id), user.user_principal_name, micros)
        for user in persons
        if (micros := caps.of_user(user.user_id)) is not None
    ]


def _department_rows(caps: Caps) -> list[CapRow]:
    return [
        CapRow(CapTarget(CapKind.DEPARTMENT, department=department), department, micros)
        for department, micros in caps.by_department_micros.items()
    ]


def _read(tx: Transaction, organization: Organization, rows: list[CapRow], month: str) -> list[CapRow]:
    names = [_meter_of(row.target, month) for row in rows]
    found = tx.meters.of(organization.organization_id, [name for name in names if name])
    return [replace(row, meter=found.get(name, UNUSED)) for row, name in zip(rows, names, strict=True)]


def _meter_of(target: CapTarget, month: str) -> str:
    match target.kind:
        case CapKind.USER:
            return meters.user_meter(target.user_id, month)
        case CapKind.DEPARTMENT:
            return meters.department_meter(target.department, month)
        case CapKind.EACH_USER:  # pragma: no branch -- there is no other kind
            return ""


def _people_count(tx: Transaction, organization: Organization, target: CapTarget) -> int:
    departments = tx.restrictions.departments(organization.organization_id)
    match target.kind:
        case CapKind.USER:
            return 1
        case CapKind.DEPARTMENT:
            return departments.get(target.department, 0)
        case CapKind.EACH_USER:  # pragma: no branch -- there is no other kind
            return tx.organizations.users_count(organization.organization_id)


def _least_left_first(rows: Iterable[CapRow]) -> tuple[CapRow, ...]:
    return tuple(sorted(rows, key=lambda row: (row.left_micros, row.name)))
