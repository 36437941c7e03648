"""Countries, currencies and time zones as people name them, checked against the lists of ISO and IANA."""

from functools import cache
from zoneinfo import ZoneInfo

import phonenumbers
from babel.core import get_global

from talktime.core.values.errors import Invalid


def read_country(text: str) -> str:
    """Return an ISO 3166 country code that has telephones; raise Invalid."""
    country = text.strip().upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        message = f"{text!r} is no country: write its two ISO 3166 letters, such as US or DE"
        raise Invalid(message, code="country")
    return country


def read_currency(text: str) -> str:
    """Return an ISO 4217 currency code that is legal tender somewhere today; raise Invalid."""
    currency = text.strip().upper()
    if currency not in currencies():
        message = f"{text!r} is no currency in use: write its three ISO 4217 letters, such as USD or EUR"
        raise Invalid(message, code="currency")
    return currency


def read_zone(text: str) -> ZoneInfo:
    """Return an IANA time zone; raise Invalid."""
    try:
        return ZoneInfo(text.strip())
    except (KeyError, ValueError, OSError) as failure:  # a file path, a folder or an empty name
        message = f"{text!r} is no time zone: write its IANA name, such as America/New_York or UTC"
        raise Invalid(message, code="time_zone") from failure


@cache
def currencies() -> frozenset[str]:
    """Return the currencies that are legal tender somewhere today."""
    by_country = get_global("territory_currencies")
    return frozenset(
        currency
        for periods in by_country.values()
        for currency, _, ended, is_tender in periods
        if ended is None and is_tender
    )


@cache
def currency_decimals(currency: str) -> int:
    """Return how many decimals the smallest unit has in which a currency is paid: JPY 0, USD 2, KWD 3 (money.md 49)."""
    fractions = get_global("currency_fractions")
    decimals: int = fractions.get(currency, fractions["DEFAULT"])[0]
    return decimals
