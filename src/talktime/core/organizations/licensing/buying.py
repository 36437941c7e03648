"""How many licenses an organization may have bought, and of which (domain.md 1.2, 2.1, 4.5, 6.3)."""

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing import assigning, offers
from talktime.core.organizations.licensing.products import product_of
from talktime.core.values.errors import Conflict, Invalid

# Beyond every organization that there is: a slip.
QUANTITY_MAX = 10_000_000


def check_sold(license_: License, country: str, countries: CountryTable) -> None:
    """Raise Invalid where a license is not sold at all, or not to organizations of a country."""
    product = product_of(license_)
    if product.is_unlimited:
        message = f"{product.name} cost nothing and are unlimited: assign them, there is nothing to buy"
        raise Invalid(message, code="license_not_bought")
    if product.is_allotted:
        message = (
            f"{product.name} is allotted and not bought: {assigning.RESOURCE_ACCOUNTS_FREE} are free, and one more"
            f" for each {assigning.PHONE_SYSTEMS_FOR_ONE_MORE} licenses with Phone System"
        )
        raise Invalid(message, code="license_not_bought")
    refusal = offers.not_sold(product, country, countries)
    if refusal:
        raise Invalid(refusal, code="license_not_sold")


def check_quantity(license_: License, quantity: int, arrangements: Arrangements) -> None:
    """Raise Invalid for an impossible quantity, Conflict for one below what is assigned, or what that stands on."""
    product = product_of(license_)
    if not 0 <= quantity <= QUANTITY_MAX:
        message = f"{quantity:,} {product.name} cannot be bought: write 0 to {QUANTITY_MAX:,}"
        raise Invalid(message, code="license_quantity")
    assigned = assigning.assigned_counts(arrangements)
    if quantity < min(assigned[license_], arrangements.purchased.get(license_, 0)):
        message = (
            f"{assigned[license_]:,} users have {product.name}: take it from {assigned[license_] - quantity:,} of them"
            " first (`talktime licenses assign`)"
        )
        raise Conflict(message, code="license_assigned")
    before = assigning.available(License.RESOURCE_ACCOUNT, arrangements.purchased)
    after = assigning.available(License.RESOURCE_ACCOUNT, {**arrangements.purchased, license_: quantity})
    assert before is not None
    assert after is not None
    if after < min(assigned[License.RESOURCE_ACCOUNT], before):
        message = (
            f"{assigned[License.RESOURCE_ACCOUNT]:,} resource accounts are licensed, and with so few {product.name}"
            f" {after:,} are allotted: take the license from some of them first"
        )
        raise Conflict(message, code="license_assigned")
