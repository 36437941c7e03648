"""Money is whole micros (10⁻⁶ of the currency unit); rates are whole nanos (10⁻⁹) per minute."""

import re
from decimal import Decimal
from enum import Enum

MICROS_PER_UNIT = 1_000_000
NANOS_PER_MICRO = 1_000
NANOS_PER_UNIT = MICROS_PER_UNIT * NANOS_PER_MICRO
MICRO_DECIMALS = 6
NANO_DECIMALS = 9
# A balance or a cost beyond this is a mistake, and int64 stays far away (money.md, case 53).
AMOUNT_MAX_MICROS = 1_000_000_000 * MICROS_PER_UNIT

# Digits, one point, and an exponent as spreadsheets write it; no sign of a thousand, no NaN, nothing that fills memory.
_AMOUNT = re.compile(r"[+-]?(?=[\d.]*\d)\d{0,30}\.?\d{0,30}(?:[eE][+-]?\d{1,2})?", re.ASCII)


class Rounding(Enum):
    """How a call's cost meets the deck's decimals, once per call."""

    HALF_UP = "half_up"
    UP = "up"


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Divide a non-negative numerator and round to a whole number in the named direction."""
    if rounding is Rounding.UP:
        return -(-numerator // denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def round_micros(amount_micros: int, decimals: int) -> int:
    """Round an amount to 0 to 6 decimals, half-up by its size: a refund is the mirror of its charge."""
    step = int(10 ** (MICRO_DECIMALS - decimals))
    rounded = divide(abs(amount_micros), step, Rounding.HALF_UP) * step
    return -rounded if amount_micros < 0 else rounded


def parse_micros(text: str) -> int:
    """Read a decimal amount such as `200` or `0.0135`, exactly; raise ValueError on anything finer than a micro."""
    return _parse_scaled(text, MICRO_DECIMALS)


def parse_nanos(text: str) -> int:
    """Read a decimal price such as `0.31135104`, exactly; raise ValueError on anything finer than a nano."""
    return _parse_scaled(text, NANO_DECIMALS)


def format_micros(amount_micros: int, *, decimals_min: int = 2) -> str:
    """Write micros as a decimal string, exact, with at least `decimals_min` decimals: 13500 → `0.0135`."""
    return _format_scaled(amount_micros, MICRO_DECIMALS, decimals_min)


def format_nanos(amount_nanos: int, *, decimals_min: int = 2) -> str:
    """Write nanos as a decimal string, exact, with at least `decimals_min` decimals."""
    return _format_scaled(amount_nanos, NANO_DECIMALS, decimals_min)


def _parse_scaled(text: str, decimals: int) -> int:
    written = text.strip()
    if _AMOUNT.fullmatch(written) is None:
        message = f"{text!r} is no decimal amount"
        raise ValueError(message)
    # As a ratio, because Decimal's own arithmetic rounds to 28 digits without a word.
    numerator, denominator = Decimal(written).as_integer_ratio()
    scale: int = 10**decimals
    whole, rest = divmod(numerator * scale, denominator)
    if rest != 0:
        message = f"{text!r} has more than {decimals} decimals"
        raise ValueError(message)
    return whole


def _format_scaled(amount: int, decimals: int, decimals_min: int) -> str:
    sign = "-" if amount < 0 else ""
    units, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0").ljust(decimals_min, "0")
    return f"{sign}{units}.{digits}" if digits else f"{sign}{units}"
