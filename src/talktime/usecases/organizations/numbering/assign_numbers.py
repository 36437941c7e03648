"""Assign numbers to people and services, take them back, and release them (domain.md 4.1, 4.3)."""

from datetime import datetime

from talktime.core.organizations.numbering import assigning, ordering, phone_numbers
from talktime.core.organizations.numbering.phone_numbers import HeldNumber, NumberState
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.values.errors import Conflict, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import is_e164, normalize
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class AssignNumber:
    """A number and who is to answer it: a user principal name, or empty for the organization's conference bridge."""

    organization: str
    number: str
    to: str


@frozen
class TakeNumber:
    """A number that is taken back from whom it is assigned to, or released."""

    organization: str
    number: str
    at: datetime


def assign_number(tx: Transaction, request: AssignNumber) -> HeldNumber:
    """Let somebody answer a number; raise NotFound, Invalid for the wrong kind, or Conflict where it is not free."""
    organization = lock_organization(tx, request.organization)
    held = _held(tx, organization, request.number)
    target = find_user(tx, organization, request.to) if request.to else None
    listing = held.phone.listing
    assigning.check(listing.number, listing.use, target)
    if held.phone.state is NumberState.ASSIGNED and held.user == target:
        return held
    assigned = phone_numbers.assign(held.phone)
    arrangements = tx.arrangements.of(organization.organization_id)
    ordering.check_toll_free(listing.use, organization, arrangements)
    tx.numbering.save([assigned])
    tx.numbering.let_answer(organization.organization_id, listing, None if target is None else target.user_id)
    return HeldNumber(assigned, target)


def unassign_number(tx: Transaction, request: TakeNumber) -> HeldNumber:
    """Let nobody answer a number; it stays the organization's. Raise NotFound or Conflict."""
    organization = lock_organization(tx, request.organization)
    held = _held(tx, organization, request.number)
    free = phone_numbers.unassign(held.phone)
    tx.numbering.let_nobody_answer(organization.organization_id, free.listing.number)
    tx.numbering.save([free])
    return HeldNumber(free)


def release_number(tx: Transaction, request: TakeNumber) -> HeldNumber:
    """Give a number back to the inventory, or away if it was brought; raise Conflict while it is assigned or used."""
    organization = lock_organization(tx, request.organization)
    held = _held(tx, organization, request.number)
    phone = phone_numbers.as_of(held.phone, request.at)
    released = phone if phone.state is NumberState.AVAILABLE else phone_numbers.release(phone)
    number = released.listing.number
    if tx.numbering.has_open_calls(organization.organization_id, number):
        message = f"calls with +{number} are running: release it when they have ended"
        raise Conflict(message, code="number_in_use")
    if released.is_ported:
        tx.numbering.forget(number)
    else:
        tx.numbering.save([released])
    return HeldNumber(released)


def find_user(tx: Transaction, organization: Organization, user_principal_name: str) -> User:
    """Return a person or resource account by name; raise NotFound."""
    found = tx.organizations.people_named(organization.organization_id, [user_principal_name.strip().lower()])
    if not found:
        message = (
            f"{organization.name} has no user {user_principal_name!r}; `talktime users` lists people,"
            " `talktime accounts` attendants and queues"
        )
        raise NotFound(message, code="user_not_found")
    return found[0]


def _held(tx: Transaction, organization: Organization, number: str) -> HeldNumber:
    digits = normalize(number)
    held = tx.numbering.one(organization.organization_id, digits) if is_e164(digits) else None
    if held is None:
        message = (
            f"{organization.name} has no number {number!r}: `talktime numbers list` shows what it has,"
            " `talktime numbers reserve` and `order` get more"
        )
        raise NotFound(message, code="number_not_found")
    return held
