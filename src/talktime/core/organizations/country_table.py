"""What is offered in which country: included minutes, zones, conferencing, numbers, credits (S17, domain.md 2, 3)."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from talktime.core.values.frozen import frozen

# Puerto Rico shares its plan pool with the USA and is domestic to it; Canada is so for minutes only (domain.md 2).
_ONE_POOL = {"PR": "US"}
_DOMESTIC_FOR_MINUTES = frozenset({"US", "PR", "CA"})
NORTH_AMERICA = _DOMESTIC_FOR_MINUTES
# Numbering plans call these premium; the service does not, and credits pay for them (domain.md 2.4).
SHARED_COST_PREFIXES = ("44843", "44844", "44845", "44870", "44871", "44872")


class ConferencingSale(Enum):
    """How Audio Conferencing is sold in a country."""

    SUBSCRIPTION = "yes"
    PAY_PER_MINUTE = "ppm-only"
    PARTNER = "partner"
    NOT_SOLD = "no"


class PremiumSupport(Enum):
    """Which numbers of special rate can be called in a country (domain.md 2.4)."""

    ALL = "all"
    SHARED_COST = "shared_cost"
    NONE = "none"


@frozen
class CountryRule:
    """One country's row; minutes are for each license and calendar month, 0 where no plan is sold."""

    country: str
    conferencing: ConferencingSale = ConferencingSale.NOT_SOLD
    is_zone_a: bool = False
    domestic_minutes: int = 0
    international_minutes: int = 0
    # "1", "2" or "MX": which pay-as-you-go plan its users can have; empty where none is sold.
    pay_as_you_go_zone: str = ""
    # Who sells calling plans where we do not: "Telstra", "SoftBank".
    plan_partner: str = ""
    premium: PremiumSupport = PremiumSupport.NONE
    has_toll_numbers: bool = False
    has_toll_free_numbers: bool = False
    has_credits: bool = True
    toll_city: str = ""


@frozen
class CountryTable:
    """One immutable version of the table, and the countries that the international plan reaches."""

    version_id: int
    rules: Mapping[str, CountryRule]
    international: frozenset[str]

    def of(self, country: str) -> CountryRule:
        """Return a country's row; one that nobody described offers nothing but credits."""
        return self.rules.get(country) or CountryRule(country)


NO_COUNTRIES = CountryTable(0, {}, frozenset())


def in_force(tables: tuple[tuple[datetime, CountryTable], ...], at: datetime) -> CountryTable:
    """Return the latest table that is valid at the instant; `tables` stand in the order of their first instant."""
    found = NO_COUNTRIES
    for valid_from, table in tables:
        if valid_from <= at:
            found = table
    return found


def pool_country(country: str) -> str:
    """Return the country under which a country's plan minutes are pooled: the USA for Puerto Rico."""
    return _ONE_POOL.get(country, country)


def pooled_countries(country: str) -> tuple[str, ...]:
    """Return the countries whose plan minutes are pooled under one."""
    return (country, *(each for each, pooled in _ONE_POOL.items() if pooled == country))


def is_own_country(home: str, destination: str) -> bool:
    """Tell whether a policy counts the destination as domestic: the USA with Puerto Rico, but not with Canada."""
    return pool_country(home) == pool_country(destination)


def is_domestic_for_minutes(home: str, destination: str) -> bool:
    """Tell whether a plan's domestic minutes reach the destination: USA and Canada count for each other."""
    return home == destination or (home in _DOMESTIC_FOR_MINUTES and destination in _DOMESTIC_FOR_MINUTES)
