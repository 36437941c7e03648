"""Where a license exists and where it is sold, by the country table (S17, domain.md 2.1, 2.5, 3)."""

from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable, pool_country
from talktime.core.organizations.licenses import CALLING_PLANS, MINUTE_PLANS, License, services_of
from talktime.core.organizations.licensing.products import Product, product_of
from talktime.core.values.frozen import frozen

# Others include what their country's row says (domain.md 2.1).
MINUTES_OF_SMALL_PLANS = {
    License.DOMESTIC_120: 120,
    License.DOMESTIC_240: 240,
    License.DOMESTIC_120_NOT_POOLED: 120,
}
_ZONES = {License.PAY_AS_YOU_GO_1: "1", License.PAY_AS_YOU_GO_2: "2", License.PAY_AS_YOU_GO_MEXICO: "MX"}
_IN_ZONES = _ZONES.keys()
# Of the small plans the USA have the one of 120 minutes only.
_NOT_IN_USA = License.DOMESTIC_240
# Tax on use per minute kept these from being sold there; one bought elsewhere may be given to users there.
_NOT_SOLD_IN_USA = License.PAY_AS_YOU_GO_1 | License.PAY_AS_YOU_GO_2
_USA = "US"
_SALES = {
    ConferencingSale.PAY_PER_MINUTE: "is sold by the minute only: buy Audio Conferencing pay per minute",
    ConferencingSale.PARTNER: "is sold by a partner",
    ConferencingSale.NOT_SOLD: "is not sold",
}


@frozen
class Offer:
    """A product in a country: its minutes for each license and month there, and why it cannot be had, if so."""

    product: Product
    domestic_minutes: int
    international_minutes: int
    refusal: str


def missing_in(held: License, country: str, countries: CountryTable) -> str:
    """Tell why users in a country cannot have a plan that the licenses bring; empty: they can."""
    rule = countries.of(country)
    for plan in services_of(held) & CALLING_PLANS:
        if not _exists(plan, rule):
            partner = f": calling plans there are sold by {rule.plan_partner}" if rule.plan_partner else ""
            return f"{product_of(plan).name} does not exist in {country}{partner}"
    return ""


def not_sold(product: Product, country: str, countries: CountryTable) -> str:
    """Tell why an organization of a country cannot buy a license; empty: it can."""
    if product.license & _NOT_SOLD_IN_USA and pool_country(country) == _USA:
        return f"{product.name} is not sold in {country}"
    if product.license is License.AUDIO_CONFERENCING and country in countries.rules:
        refusal = _SALES.get(countries.of(country).conferencing)
        return f"{product.name} {refusal} in {country}" if refusal else ""
    return ""


def offer(product: Product, country: str, countries: CountryTable) -> Offer:
    """Return what a product is in a country (S17, S59)."""
    rule = countries.of(country)
    refusal = missing_in(product.license, country, countries) or not_sold(product, country, countries)
    domestic, international = (0, 0) if refusal else monthly_minutes(product.license, rule)
    return Offer(product, domestic, international, refusal)


def monthly_minutes(license_: License, rule: CountryRule) -> tuple[int, int]:
    """Return the minutes that a license includes in a country where it exists: domestic and international ones."""
    plan = services_of(license_) & MINUTE_PLANS
    if not plan:
        return 0, 0
    international = rule.international_minutes if plan is License.DOMESTIC_AND_INTERNATIONAL else 0
    return MINUTES_OF_SMALL_PLANS.get(plan, rule.domestic_minutes), international


def _exists(plan: License, rule: CountryRule) -> bool:
    if plan in _IN_ZONES:
        return rule.pay_as_you_go_zone == _ZONES[plan]
    if plan is License.DOMESTIC_AND_INTERNATIONAL:
        return rule.international_minutes > 0
    if plan & _NOT_IN_USA and pool_country(rule.country) == _USA:
        return False
    return rule.domestic_minutes > 0
