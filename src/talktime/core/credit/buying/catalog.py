"""What is sold: Communications Credits, an add-on of whole units, from a minimum per currency on (S43, D3)."""

from collections.abc import Mapping
from dataclasses import field

from talktime.core.organizations.licenses import CALLING_PLANS, CONFERENCING, License
from talktime.core.organizations.licensing.products import product_of
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS, MICROS_PER_UNIT, parse_micros
from talktime.core.values.places import currency_decimals, read_currency

COMMUNICATIONS_CREDITS = product_of(License.COMMUNICATIONS_CREDITS)

# About 20 USD in whole units, rounded to what people pay (D3, S44); an operator may set others.
_MINIMUM_UNITS = {
    "AED": 75,
    "AUD": 30,
    "BRL": 100,
    "CAD": 25,
    "CHF": 20,
    "CLP": 20_000,
    "COP": 80_000,
    "CZK": 500,
    "DKK": 150,
    "EGP": 1_000,
    "EUR": 20,
    "GBP": 15,
    "HKD": 150,
    "HUF": 7_500,
    "IDR": 300_000,
    "ILS": 75,
    "JPY": 3_000,
    "KES": 2_500,
    "KWD": 6,
    "MAD": 200,
    "MXN": 400,
    "MYR": 90,
    "NGN": 30_000,
    "NOK": 200,
    "NZD": 35,
    "OMR": 8,
    "PEN": 75,
    "PHP": 1_000,
    "PLN": 80,
    "QAR": 75,
    "RON": 100,
    "SAR": 75,
    "SEK": 200,
    "SGD": 30,
    "THB": 700,
    "TND": 60,
    "TRY": 800,
    "USD": 20,
    "VND": 500_000,
    "ZAR": 400,
}
# For a currency that nobody listed: unlike a refusal it lets people buy, and a gateway refuses what is too little.
_UNLISTED_UNITS = 20
_UNLISTED_UNITS_WITHOUT_CENTS = 2_000


@frozen
class BuyingTerms:
    """What an operator sets about buying; the multiples are of the currency's minimum, so that they fit each."""

    # In whole units, in place of the table's.
    minimum_units: Mapping[str, int] = field(default_factory=dict)
    # Above so many minimums (10,000 USD) an order must be confirmed (money.md 53).
    confirmed_above_minimums: int = 500
    # A slip, and beyond what card gateways take at once (999,999.99 USD).
    most_minimums: int = 25_000
    # D20: any one of these, or a bundle with it, lets an organization buy.
    unlocked_by: License = License.PHONE_SYSTEM | CONFERENCING | CALLING_PLANS


DEFAULT_TERMS = BuyingTerms()


def minimum_micros(currency: str, terms: BuyingTerms = DEFAULT_TERMS) -> int:
    """Return the least that an order or a recharge may buy (D3)."""
    unlisted = _UNLISTED_UNITS if currency_decimals(currency) else _UNLISTED_UNITS_WITHOUT_CENTS
    units = terms.minimum_units.get(currency, _MINIMUM_UNITS.get(currency, unlisted))
    return units * MICROS_PER_UNIT


def maximum_micros(currency: str, terms: BuyingTerms = DEFAULT_TERMS) -> int:
    """Return the most that one order may buy."""
    return minimum_micros(currency, terms) * terms.most_minimums


def confirmed_above_micros(currency: str, terms: BuyingTerms = DEFAULT_TERMS) -> int:
    """Return the amount above which an order must be confirmed."""
    return minimum_micros(currency, terms) * terms.confirmed_above_minimums


def fits_currency(amount_micros: int, currency: str) -> bool:
    """Tell whether an amount can be paid: no finer than the currency's smallest unit (money.md 49)."""
    step: int = 10 ** (MICRO_DECIMALS - currency_decimals(currency))
    return amount_micros % step == 0


def is_whole(amount_micros: int) -> bool:
    """Tell whether an amount is of whole units, as credit is sold (domain.md 1.3)."""
    return amount_micros % MICROS_PER_UNIT == 0


def read_minimums(text: str) -> dict[str, int]:
    """Read `USD=50, EUR=40`, whole units; raise Invalid."""
    minimums: dict[str, int] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        currency, _, amount = part.partition("=")
        try:
            micros = parse_micros(amount)
        except ValueError as failure:
            message = f"{part!r} sets no minimum: write USD=50, several separated by commas"
            raise Invalid(message, code="minimums") from failure
        if micros <= 0 or not is_whole(micros):
            message = f"{part!r} sets no minimum: it must be of whole units, above 0"
            raise Invalid(message, code="minimums")
        minimums[read_currency(currency)] = micros // MICROS_PER_UNIT
    return minimums
