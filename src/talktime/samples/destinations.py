"""Destinations of the SAMPLE deck: every country's prefixes with price bands, and what belongs to no country.

`sample_countries.csv` was made once from phonenumbers 9.0.43: calling codes, and mobile prefixes cut to a few
digits. It is kept, not computed, so that a newer phonenumbers moves no sample price.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from babel import Locale

# Micros (10⁻⁶ USD) per minute, half-open: invented, in the order of magnitude that carriers ask.
BANDS: dict[str, range] = {
    "free": range(1),
    "A": range(10_000, 18_000),
    "B": range(18_000, 40_000),
    "C": range(40_000, 90_000),
    "D": range(90_000, 180_000),
    "E": range(180_000, 350_000),
    "F": range(350_000, 700_000),
    "G": range(700_000, 1_500_000),
    "H": range(2_000_000, 4_000_000),
    "satellite": range(6_000_000, 9_000_000),
}


@dataclass(frozen=True, slots=True)
class Country:
    """A country's prefixes, and the bands that its landline and mobile prices lie in."""

    iso: str
    name: str
    landline_prefixes: tuple[str, ...]
    mobile_prefixes: tuple[str, ...]
    landline_band: str
    mobile_band: str


class Special(NamedTuple):
    """Numbers under one prefix that are priced, or blocked, by what they are and not by where they are."""

    country: str
    kind: str
    prefix: str
    band: str
    is_blocked: bool = False

    @property
    def destination(self) -> str:
        """Return the name that a deck gives it."""
        return f"{self.country} - {self.kind}" if self.kind else self.country


@cache
def countries() -> tuple[Country, ...]:
    """Return every country and territory of the numbering plans, by ISO 3166 code."""
    text = resources.files(__package__).joinpath("sample_countries.csv").read_text("utf-8")
    return tuple(
        Country(
            iso=row["iso"],
            name=country_name(row["iso"]),
            landline_prefixes=tuple(row["landline_prefixes"].split()),
            mobile_prefixes=tuple(row["mobile_prefixes"].split()),
            landline_band=row["landline_band"],
            mobile_band=row["mobile_band"],
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def country_name(iso: str) -> str:
    """Return the English name of an ISO 3166 country."""
    name: str = Locale.parse("en").territories[iso]
    return name


def specials() -> tuple[Special, ...]:
    """Return premium rate (blocked), toll-free, satellites, networks without a country, Alaska and Hawaii."""
    premium = [
        Special(country_name(iso), "Premium rate", prefix, "H", is_blocked=True)
        for iso, prefixes in _PREMIUM_PREFIXES.items()
        for prefix in prefixes.split()
    ]
    toll_free = [
        Special(country_name(iso), "Toll free", prefix, band)
        for iso, (band, prefixes) in _TOLL_FREE_PREFIXES.items()
        for prefix in prefixes.split()
    ]
    return (*premium, *toll_free, *_WITHOUT_A_COUNTRY, *_FAR_STATES)


@cache
def known_prefixes() -> frozenset[str]:
    """Return the prefixes of all countries and specials: rows of their own, whatever else is priced beside them."""
    of_countries = (prefix for country in countries() for prefix in country.landline_prefixes + country.mobile_prefixes)
    return frozenset(of_countries) | {special.prefix for special in specials()}


_PREMIUM_PREFIXES = {
    "AT": "43900 43930",
    "AU": "61190",
    "BE": "3290",
    "CH": "41900 41901 41906",
    "DE": "49900",
    "DK": "4590",
    "ES": "34803 34806 34807",
    "FI": "358600 358700",
    "FR": "3389",
    "GB": "4490 4491 4498",
    "IE": "3531520 3531580",
    "IT": "39899",
    "JP": "81990",
    "NL": "31900 31906 31909",
    "NO": "47829",
    "PL": "4870",
    "RU": "7809",
    "SE": "46900 46939 46944",
    "US": "1900",
}

_TOLL_FREE_PREFIXES = {
    "DE": ("A", "49800"),
    "FR": ("A", "33800 33805"),
    "GB": ("A", "44800 44808"),
    "US": ("free", "1800 1833 1844 1855 1866 1877 1888"),
}

_WITHOUT_A_COUNTRY = (
    Special("International freephone", "", "800", "free"),
    Special("International shared cost", "", "808", "D"),
    Special("Satellite", "Inmarsat SNAC", "870", "satellite"),
    Special("Universal personal telecommunications", "", "878", "G"),
    Special("Satellite", "GMSS", "881", "satellite"),
    *(Special("Satellite", f"GMSS network 881 {digit}", f"881{digit}", "satellite") for digit in "6789"),
    Special("International networks", "882", "882", "H"),
    Special("International networks", "883", "883", "H"),
    Special("Disaster relief", "", "888", "H"),
    Special("International premium rate", "", "979", "H", is_blocked=True),
)

_FAR_STATES = (
    Special("United States", "Alaska", "1907", "C"),
    Special("United States", "Hawaii", "1808", "B"),
)
