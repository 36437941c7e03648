"""The last digits of whoever is no user of the organization are hidden, where its country asks for that (7.5).

Here alone: screens, exports and the API write numbers that came through `masked` or `shown_numbers`.
"""

from typing import NamedTuple

from talktime.core.calls.calls import EMERGENCY, INBOUND
from talktime.core.calls.cdrs import UsageRow

MASK = "*"
# By the organization's country, not the caller's (domain.md 7.5).
HIDDEN_DIGITS = {
    "BE": 3,
    "CH": 4,
    "DE": 3,
    "DK": 3,
    "ES": 3,
    "FI": 3,
    "FR": 4,
    "IT": 3,
    "NL": 3,
    "NO": 3,
    "SE": 3,
}


class ShownNumbers(NamedTuple):
    """The two numbers of a call as a report may show them, in digits without a plus."""

    caller: str
    called: str


def hidden_digits(country: str) -> int:
    """Return how many last digits an organization of a country does not see; 0 where it sees them all."""
    return HIDDEN_DIGITS.get(country, 0)


def masked(number: str, country: str) -> str:
    """Return a number, with or without plus, its last digits hidden; what is no number has no digits to hide."""
    hidden = hidden_digits(country)
    digits = number.removeprefix("+")
    if not hidden or not digits.isdecimal():
        return number
    shown = digits[:-hidden]
    return number[: len(number) - len(digits)] + shown + MASK * (len(digits) - len(shown))


def shown_numbers(row: UsageRow, country: str) -> ShownNumbers:
    """Return a call's numbers with the external party's masked: who calls in, who is called; help is no person."""
    if row.kind in EMERGENCY:
        return ShownNumbers(row.caller, row.called)
    if row.kind in INBOUND:
        return ShownNumbers(masked(row.caller, country), row.called)
    return ShownNumbers(row.caller, masked(row.called, country))
