"""Say what a country takes from a day on; operators only."""

from datetime import date

from talktime.core.credit.billing.taxes import PARTS_PER_MILLION, TaxedAt, TaxRule
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction

NAME_CHARACTERS_MAX = 40


@frozen
class SetTax:
    """A rule as it is to be, in the place of one of the same country and day."""

    country: str
    name: str
    rate_ppm: int
    taxed_at: TaxedAt
    valid_from: date


def set_tax(tx: Transaction, request: SetTax) -> TaxRule:
    """Keep a rule; raise Invalid for a rate that is none, or for use that is not taxed by whole months."""
    country = read_country(request.country)
    name = " ".join(request.name.split())
    if not 0 <= request.rate_ppm <= PARTS_PER_MILLION:
        raise Invalid("a tax takes from 0 to 100 percent", code="rate")
    if len(name) > NAME_CHARACTERS_MAX or not name.isprintable() or not name:
        message = f"{request.name!r} names no tax: write 1 to {NAME_CHARACTERS_MAX} characters, such as VAT"
        raise Invalid(message, code="name")
    rule = TaxRule(country, name, request.rate_ppm, request.taxed_at, request.valid_from)
    known = tx.documents.tax_rules(country)
    taxes_use = any(each.taxed_at is TaxedAt.USE for each in (rule, *known))
    if taxes_use and rule.valid_from.day != 1:
        # Use is taxed with the month's statement.
        message = f"{country} taxes use, month by month: let the rule begin on the first day of a month"
        raise Invalid(message, code="valid_from")
    tx.documents.save_tax_rule(rule)
    return rule


def list_taxes(tx: Transaction, country: str) -> list[TaxRule]:
    """Return the rules of a country, or of all."""
    return tx.documents.tax_rules(read_country(country) if country else "")
