"""What the columns of price lists say, and the names that many vendors give them."""

from collections.abc import Mapping
from enum import StrEnum


class Field(StrEnum):
    """What a column says about a rate."""

    PREFIX = "prefix"
    AREA_CODES = "area codes"
    CALLING_CODE = "country code"
    COUNTRY = "country"
    ISO = "ISO country"
    DESTINATION = "destination"
    PRICE = "price"
    PRICE_FIRST = "price of the first increment"
    PRICE_NEXT = "price of the following increments"
    CONNECTION_FEE = "connection fee"
    INTERVAL_FIRST = "first increment"
    INTERVAL_NEXT = "next increment"
    INCREMENTS = "increments"
    INCLUDED_SECONDS = "included seconds"
    EFFECTIVE_DATE = "effective date"
    END_DATE = "end date"
    STATUS = "status"
    FORBIDDEN = "forbidden"
    CHANGE = "change"
    TIME_PROFILE = "time profile"
    ORIGIN = "origin prefixes"
    NUMBER_TYPE = "number type"
    CURRENCY = "currency"
    EXACT_MATCH = "exact match"


MONEY_FIELDS = frozenset({Field.PRICE, Field.PRICE_FIRST, Field.PRICE_NEXT, Field.CONNECTION_FEE})
PLACE_FIELDS = (Field.PREFIX, Field.AREA_CODES, Field.CALLING_CODE, Field.COUNTRY, Field.ISO)
# Where two columns describe, the first in this table is taken; two that decide are refused.
DESCRIBING_FIELDS = frozenset({Field.DESTINATION, Field.COUNTRY, Field.ISO})

# Upper and lower case, spaces, signs and underscores do not matter; "per minute" and a currency neither.
SYNONYMS: Mapping[Field, tuple[str, ...]] = {
    Field.PREFIX: (
        "prefix",
        "prefixes",
        "code",
        "codes",
        "dial code",
        "dial codes",
        "dialing code",
        "dialling code",
        "dialcode prefix",
        "destination code",
        "destination prefix",
        "destination prefixes",
        "pattern",
    ),
    Field.AREA_CODES: ("area code", "area codes", "city code", "city codes", "national code", "ndc"),
    Field.CALLING_CODE: ("country code", "country codes", "calling code", "country prefix"),
    Field.COUNTRY: ("country", "country name"),
    Field.ISO: ("iso", "iso2", "iso3", "country iso", "iso code", "iso country"),
    Field.DESTINATION: (
        "destination",
        "destination name",
        "code name",
        "description",
        "zone",
        "zone name",
        "comment",
        "name",
    ),
    Field.PRICE: (
        "rate",
        "price",
        "cost",
        "new rate",
        "new price",
        "voice rate",
        "voice price",
        "call rate",
        "call price",
        "outbound voice price",
        "inbound voice price",
    ),
    Field.PRICE_FIRST: ("price 1", "rate 1", "initial rate", "initial price", "first rate", "first price"),
    Field.PRICE_NEXT: (
        "price n",
        "rate n",
        "increment rate",
        "increment price",
        "next rate",
        "next price",
        "recurring rate",
        "additional rate",
        "subsequent rate",
    ),
    Field.CONNECTION_FEE: (
        "connection fee",
        "connect fee",
        "connection cost",
        "connect cost",
        "connection charge",
        "connect charge",
        "setup fee",
        "setup cost",
        "sf",
        "initial cost",
        "price per call",
        "call setup fee",
    ),
    Field.INTERVAL_FIRST: (
        "interval 1",
        "initial increment",
        "initial interval",
        "init inc",
        "init block",
        "min",
        "minimum",
        "first",
        "first increment",
        "first interval",
        "initial time",
        "minimum duration",
    ),
    Field.INTERVAL_NEXT: (
        "interval n",
        "increment",
        "inc",
        "int",
        "interval",
        "billing block",
        "next",
        "next increment",
        "next interval",
        "billable unit",
        "subsequent increment",
        "voice unit in seconds",
    ),
    Field.INCREMENTS: (
        "increments",
        "billing terms",
        "billing increment",
        "billing increments",
        "rounding",
        "billing interval",
        "billing",
    ),
    Field.INCLUDED_SECONDS: (
        "included seconds",
        "grace",
        "grace time",
        "grace period",
        "grace volume",
        "free seconds",
    ),
    Field.EFFECTIVE_DATE: (
        "effective date",
        "effective from",
        "effective",
        "start date",
        "valid from",
        "activation",
        "activation date",
    ),
    Field.END_DATE: ("end date", "expires", "expiry date", "valid to", "valid until", "discontinued"),
    Field.STATUS: ("status", "state"),
    Field.FORBIDDEN: ("forbidden", "blocked"),
    Field.CHANGE: ("change", "changes", "rate change"),
    Field.TIME_PROFILE: ("time profile", "time of day", "time slot", "timing", "time class", "peak", "time band"),
    Field.ORIGIN: (
        "origin prefix",
        "origin prefixes",
        "origination prefix",
        "origination prefixes",
        "origin set",
        "origin",
        "origination",
        "origin code",
        "src code",
        "src prefix",
    ),
    Field.NUMBER_TYPE: ("number type", "phone number type"),
    Field.CURRENCY: ("currency", "currency code"),
    Field.EXACT_MATCH: ("exact match",),
}
