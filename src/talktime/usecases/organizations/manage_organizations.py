"""Add organizations and look at them."""

from datetime import datetime

from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country, read_currency, read_zone
from talktime.store.transaction import Transaction

NAME_CHARACTERS_MAX = 200


@frozen
class AddOrganization:
    """An organization as it is to be; `deck` may be imported later."""

    name: str
    country: str
    currency: str
    time_zone: str
    deck: str
    at: datetime


@frozen
class OrganizationOverview:
    """An organization and how much there is of what it owns."""

    organization: Organization
    users_count: int
    balance_micros: int
    available_micros: int
    held_micros: int
    receivable_micros: int
    deck_is_known: bool


@frozen
class LookAt:
    """One organization, by name, or the only one there is; seen at an instant."""

    name: str
    at: datetime


def add_organization(tx: Transaction, request: AddOrganization) -> Organization:
    """Add an organization; raise Invalid or Conflict, where the deck is priced in another currency too."""
    organization = Organization(
        organization_id=tx.organizations.next_id(),
        name=_read_name(request.name, "organization"),
        country=read_country(request.country),
        currency=read_currency(request.currency),
        zone=read_zone(request.time_zone),
        deck=_read_name(request.deck, "deck"),
    )
    for version in tx.rates.versions(organization.deck)[-1:]:
        if version.terms.currency != organization.currency:
            message = (
                f"the deck {organization.deck!r} is priced in {version.terms.currency}, the organization pays in"
                f" {organization.currency}: choose a deck in {organization.currency}, or the other currency"
            )
            raise Conflict(message, code="currency_differs")
    tx.organizations.add(organization, request.at)
    return organization


def list_organizations(tx: Transaction, at: datetime) -> list[OrganizationOverview]:
    """Return every organization in the order of their names."""
    return [_overview(tx, organization, at) for organization in tx.organizations.all()]


def show_organization(tx: Transaction, request: LookAt) -> OrganizationOverview:
    """Return one organization; raise NotFound, or Invalid where none is named and there are several."""
    return _overview(tx, find_organization(tx, request.name), request.at)


def find_organization(tx: Transaction, name: str) -> Organization:
    """Return the organization of that name; without a name, the only one there is."""
    if name:
        return tx.organizations.named(name)
    everyone = tx.organizations.all()
    if not everyone:
        message = "there is no organization yet: add one with `talktime organizations add NAME`"
        raise NotFound(message, code="organization_not_found")
    if len(everyone) > 1:
        named = ", ".join(organization.name for organization in everyone[:5])
        message = f"there are {len(everyone)} organizations ({named}{', …' if len(everyone) > 5 else ''}): say which"  # noqa: PLR2004
        raise Invalid(message, code="organization_not_named")
    return everyone[0]


def lock_organization(tx: Transaction, name: str) -> Organization:
    """Return what `find_organization` does, its row held until the transaction ends: who changes it comes first."""
    return tx.organizations.lock(find_organization(tx, name).name)


def _overview(tx: Transaction, organization: Organization, at: datetime) -> OrganizationOverview:
    credit = tx.credit.credit(organization.organization_id)
    return OrganizationOverview(
        organization,
        users_count=tx.organizations.users_count(organization.organization_id),
        balance_micros=credit.balance_micros,
        available_micros=credit.available_micros(at),
        held_micros=credit.held_micros(),
        receivable_micros=credit.receivable_micros,
        deck_is_known=bool(tx.rates.versions(organization.deck)),
    )


def _read_name(text: str, what: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        message = f"{text!r} cannot name an {what}: write 1 to {NAME_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="name")
    return name
