"""Micros to the minor units in which a card gateway counts, and back; never rounded (money.md 49).

How many decimals a currency has is Stripe's word here, not CLDR's: CLDR tells how people write amounts, and gives the
Albanian lek none where Stripe counts hundredths. That would be a charge a hundred times too small.
"""

from talktime.core.values.errors import Invalid
from talktime.core.values.money import MICROS_PER_UNIT, format_micros

# Stripe's documentation of currencies: what is not named has two decimals.
_WITHOUT_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
# Counted in thousandths, of which the last digit must be 0: the card networks cannot do more.
_IN_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Counted in hundredths for old times' sake, but only whole units can be charged.
_WHOLE_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
# ISO 4217 gives these three or four decimals and Stripe does not take them: two would be a guess.
_NOT_TAKEN = frozenset({"CLF", "IQD", "LYD", "UYW"})


def to_minor(amount_micros: int, currency: str) -> int:
    """Return an amount in minor units; raise Invalid for one finer than the currency, or a currency not taken."""
    minor, rest = divmod(amount_micros, _minor_micros(currency))
    if rest != 0 or amount_micros % step_micros(currency) != 0:
        message = (
            f"{format_micros(amount_micros)} {currency} cannot be charged to a card: "
            f"amounts go in steps of {format_micros(step_micros(currency), decimals_min=0)}"
        )
        raise Invalid(message, code="amount_too_fine")
    return minor


def from_minor(minor: int, currency: str) -> int:
    """Return micros of an amount that a gateway tells in minor units; raise Invalid for a currency not taken."""
    return minor * _minor_micros(currency)


def step_micros(currency: str) -> int:
    """Return the smallest amount of a currency by which two charges can differ."""
    minor_micros = _minor_micros(currency)
    if currency in _WHOLE_IN_HUNDREDTHS:
        return 100 * minor_micros
    return 10 * minor_micros if currency in _IN_THOUSANDTHS else minor_micros


def _minor_micros(currency: str) -> int:
    if currency in _NOT_TAKEN:
        message = f"{currency} cannot be charged to a card: no gateway here says how it counts {currency}"
        raise Invalid(message, code="currency_not_supported")
    if currency in _WITHOUT_DECIMALS:
        return MICROS_PER_UNIT
    return MICROS_PER_UNIT // 1000 if currency in _IN_THOUSANDTHS else MICROS_PER_UNIT // 100
