"""Buy licenses: set how many of one an organization has; whose they are is another question (S59, domain.md 6.3)."""

from datetime import datetime

from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing import assigning, buying
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class BuyLicenses:
    """How many of a license there are to be from now on, those that there are included."""

    organization: str
    license: License
    quantity: int
    at: datetime


@frozen
class LicensesBought:
    """How many there were and are, and how many users have one."""

    organization: str
    license: License
    before: int
    quantity: int
    assigned: int


def buy_licenses(tx: Transaction, request: BuyLicenses) -> LicensesBought:
    """Set the quantity; raise Invalid for what is not sold, Conflict below what is assigned."""
    organization = lock_organization(tx, request.organization)
    arrangements = tx.arrangements.of(organization.organization_id)
    buying.check_sold(request.license, organization.country, tx.countries.in_force(request.at))
    buying.check_quantity(request.license, request.quantity, arrangements)
    tx.arrangements.set_purchased(organization.organization_id, request.license, request.quantity)
    return LicensesBought(
        organization.name,
        request.license,
        arrangements.purchased.get(request.license, 0),
        request.quantity,
        assigning.assigned_counts(arrangements)[request.license],
    )
