"""Show the catalog: what of it an organization has bought and assigned, and its plans with prices (S17, S59)."""

from collections.abc import Mapping
from datetime import datetime

from talktime.core.organizations.licensing import assigning, offers
from talktime.core.organizations.licensing.offers import Offer
from talktime.core.organizations.licensing.products import CATALOG, Family, Product
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization

FAMILIES_WITH_PRICES = (Family.CALLING_PLANS, Family.CONFERENCING, Family.PHONE_SYSTEM)


@frozen
class LicenseOverview:
    """A product, how many may be assigned in all (None: any number), and how many users have it where."""

    product: Product
    available: int | None
    assigned: int
    by_country: Mapping[str, int]

    @property
    def free(self) -> int | None:
        """Return how many are left to assign; None: any number. Below 0, more are assigned than were bought."""
        return None if self.available is None else self.available - self.assigned


@frozen
class ShowPlans:
    """Plans as a country has them, or, without one, with their prices only."""

    country: str
    at: datetime


def show_licenses(tx: Transaction, organization: str) -> tuple[Organization, tuple[LicenseOverview, ...]]:
    """Return the whole catalog, in its order."""
    found = find_organization(tx, organization)
    arrangements = tx.arrangements.of(found.organization_id)
    assigned = assigning.assigned_counts(arrangements)
    return found, tuple(
        LicenseOverview(
            product,
            assigning.available(product.license, arrangements.purchased),
            assigned[product.license],
            {
                country: users_count
                for (license_, country), users_count in sorted(
                    arrangements.assigned.items(), key=lambda item: (-item[1], item[0][1])
                )
                if license_ is product.license
            },
        )
        for product in CATALOG
    )


def show_plans(tx: Transaction, request: ShowPlans) -> tuple[Offer, ...]:
    """Return the three families of which plans and prices are shown; raise Invalid for what is no country."""
    products = [product for product in CATALOG if product.family in FAMILIES_WITH_PRICES]
    if not request.country:
        return tuple(Offer(product, 0, 0, "") for product in products)
    country = read_country(request.country)
    countries = tx.countries.in_force(request.at)
    return tuple(offers.offer(product, country, countries) for product in products)
