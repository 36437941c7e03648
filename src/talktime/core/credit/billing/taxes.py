"""Tax on credit, by country: on top of what is bought, or contained in what is used (domain.md 1.3, money.md 54)."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS, Rounding, divide
from talktime.core.values.places import currency_decimals

PARTS_PER_MILLION = 1_000_000


class TaxedAt(Enum):
    """When credit is taxed: a voucher for one purpose when it is sold, one for several when it is redeemed."""

    PURCHASE = "purchase"
    USE = "use"


@frozen
class TaxRule:
    """What a country takes from `valid_from` on, until its next rule; 19 % are 190,000 parts per million."""

    country: str
    name: str
    rate_ppm: int
    taxed_at: TaxedAt
    # A local day of the organization that is taxed.
    valid_from: date

    def __post_init__(self) -> None:
        """No tax is more than what it is taken from."""
        assert 0 <= self.rate_ppm <= PARTS_PER_MILLION


class Taxed(NamedTuple):
    """An amount of an invoice and the tax on top of it."""

    net_micros: int
    tax_micros: int


def rule_on(rules: Iterable[TaxRule], day: date) -> TaxRule | None:
    """Return which of a country's rules is in force on a day; None where nothing is taxed yet."""
    return max((rule for rule in rules if rule.valid_from <= day), key=lambda rule: rule.valid_from, default=None)


def rule_at(rules: Iterable[TaxRule], at: datetime, zone: ZoneInfo) -> TaxRule | None:
    """Return which of a country's rules is in force at an instant, on the organization's calendar."""
    return rule_on(rules, at.astimezone(zone).date())


def tax_micros(amount_micros: int, rule: TaxRule | None, currency: str) -> int:
    """Return the tax on top of a purchase, half-up to the currency's minor unit; 0 where use is taxed, or nothing."""
    if rule is None or rule.taxed_at is not TaxedAt.PURCHASE:
        return 0
    return _to_minor_unit(amount_micros * rule.rate_ppm, PARTS_PER_MILLION, currency)


def included_tax_micros(used_micros: int, rule: TaxRule | None, currency: str) -> int:
    """Return the tax that use contains, half-up to the minor unit; 0 where purchases are taxed, or nothing is."""
    if rule is None or rule.taxed_at is not TaxedAt.USE or used_micros <= 0:
        return 0
    return _to_minor_unit(used_micros * rule.rate_ppm, PARTS_PER_MILLION + rule.rate_ppm, currency)


def refund_tax_micros(invoiced: Taxed, credited: Taxed, net_micros: int, currency: str) -> int:
    """Return the tax to give back with a further part of an invoice, pro rata (money.md 44 and 45).

    `credited` is what all earlier credit notes gave back. Each part is the rounded share of all parts so far, less what
    was given back before, so that the last one brings them to exactly the tax that was charged.
    """
    given_back_micros = credited.net_micros + net_micros
    assert net_micros > 0
    assert given_back_micros <= invoiced.net_micros
    if given_back_micros == invoiced.net_micros:
        return invoiced.tax_micros - credited.tax_micros
    share = _to_minor_unit(invoiced.tax_micros * given_back_micros, invoiced.net_micros, currency)
    return min(share, invoiced.tax_micros) - credited.tax_micros


def _to_minor_unit(numerator: int, denominator: int, currency: str) -> int:
    step: int = 10 ** (MICRO_DECIMALS - currency_decimals(currency))
    return divide(numerator, denominator * step, Rounding.HALF_UP) * step
