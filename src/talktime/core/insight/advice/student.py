"""Student's distribution: the tails of what is known from few weeks (Abramowitz and Stegun 26.7.3 and 26.7.4)."""

from math import atan, cos, pi, sin, sqrt

_QUANTILE_STEPS = 60
_QUANTILE_MOST = 1e3


def tail(value: float, degrees: int) -> float:
    """Return the probability that Student's t of so many degrees of freedom (1 or more) is above a value."""
    angle = atan(abs(value) / sqrt(degrees))
    above = (1 - _within(angle, degrees)) / 2
    return above if value >= 0 else 1 - above


def quantile(probability: float, degrees: int) -> float:
    """Return the value below which Student's t lies with a probability, between 0 and 1."""
    low, high = -_QUANTILE_MOST, _QUANTILE_MOST
    for _ in range(_QUANTILE_STEPS):
        middle = (low + high) / 2
        if tail(middle, degrees) > 1 - probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _within(angle: float, degrees: int) -> float:
    """Return the probability between minus and plus the value, whose angle this is."""
    cosine, is_odd = cos(angle), degrees % 2
    if degrees == 1:
        return 2 * angle / pi
    term = total = cosine if is_odd else 1.0
    for step in range(3 if is_odd else 2, degrees, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    return 2 / pi * (angle + sin(angle) * total) if is_odd else sin(angle) * total
