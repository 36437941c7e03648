"""Countries as price lists write them, and the prefixes that their numbers begin with."""

import re
import unicodedata
from functools import cache

import phonenumbers
from babel.core import Locale, get_global

from talktime.core.values import numbers

NORTH_AMERICA = "1"
_UNITED_STATES = "US"
_AREA_CODES = range(200, 1_000)
# Subscriber numbers that number plans allow; which of them does not matter, an area code belongs to one country.
_SUBSCRIBERS = ("2345678", "5550123")
_ALIASES = {
    "america": "US",
    "britain": "GB",
    "burma": "MM",
    "capeverde": "CV",
    "congo": "CG",
    "congobrazzaville": "CG",
    "congodemocraticrepublic": "CD",
    "czechrepublic": "CZ",
    "democraticrepublicofcongo": "CD",
    "democraticrepublicofthecongo": "CD",
    "drcongo": "CD",
    "easttimor": "TL",
    "greatbritain": "GB",
    "holland": "NL",
    "hongkong": "HK",
    "iranislamicrepublic": "IR",
    "ivorycoast": "CI",
    "koreanorth": "KP",
    "korearepublic": "KR",
    "koreasouth": "KR",
    "macao": "MO",
    "macau": "MO",
    "macedonia": "MK",
    "myanmar": "MM",
    "palestine": "PS",
    "republicofcongo": "CG",
    "republicofireland": "IE",
    "republicofkorea": "KR",
    "russianfederation": "RU",
    "slovakrepublic": "SK",
    "swaziland": "SZ",
    "syrianarabrepublic": "SY",
    "turkey": "TR",
    "turkiye": "TR",
    "uae": "AE",
    "uk": "GB",
    "unitedstatesofamerica": "US",
    "usvirginislands": "VI",
    "vatican": "VA",
}


def find_country(text: str) -> str | None:
    """Return the ISO 3166 country of an English name, `GB`, `GBR` or a usual alias; None if it is none of these."""
    return _countries_by_name().get(_name_key(text))


def calling_code(country: str) -> str:
    """Return the calling code of an ISO 3166 country, without `+`."""
    return str(phonenumbers.country_code_for_region(country))


def own_prefixes(country: str) -> tuple[str, ...]:
    """Return the prefixes that mean this country; raise ValueError where its calling code means another one.

    In North America these are the country's area codes; the United States are `1`, what the others leave.
    """
    code = calling_code(country)
    if code == NORTH_AMERICA:
        return north_american_prefixes(country)
    sharing = numbers.country_codes()[code]
    if sharing[0] != country:
        message = f"shares the calling code {code} with {sharing[0]}: state its prefixes"
        raise ValueError(message)
    return (code,)


def north_american_prefixes(country: str) -> tuple[str, ...]:
    """Return `1` with each area code of a country under calling code 1; for the United States `1` alone."""
    return (NORTH_AMERICA,) if country == _UNITED_STATES else _area_codes_by_country()[country]


@cache
def trunk_prefix(code: str) -> str:
    """Return the digit(s) that callers inside a calling code dial before the area code; empty if none."""
    regions = numbers.country_codes().get(code, ())
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(regions[0], None) if regions else None
    return "" if metadata is None else metadata.national_prefix or ""


@cache
def _area_codes_by_country() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for area_code in _AREA_CODES:
        regions = (_region_of(f"{area_code}{subscriber}") for subscriber in _SUBSCRIBERS)
        region = next(filter(None, regions), None)
        if region is not None:
            found[region] = (*found.get(region, ()), f"{NORTH_AMERICA}{area_code}")
    return found


def _region_of(national_number: str) -> str | None:
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(national_number))
    return phonenumbers.region_code_for_number(number)


@cache
def _countries_by_name() -> dict[str, str]:
    known: dict[str, str] = {}
    for country, name in Locale.parse("en").territories.items():
        if country in phonenumbers.SUPPORTED_REGIONS:
            known[_name_key(name)] = country
            known[country.lower()] = country
    # CLDR keeps the three-letter codes as aliases of the two-letter ones.
    for alias, countries in get_global("territory_aliases").items():
        if len(alias) == len("ISO") and alias.isalpha() and countries[0] in phonenumbers.SUPPORTED_REGIONS:
            known.setdefault(alias.lower(), countries[0])
    return {**known, **_ALIASES}


def _name_key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    words = re.findall(r"[a-z]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))
    return "".join("st" if word == "saint" else word for word in words if word != "the")
