"""Why credit cannot be bought: expected noes, each with a stable code and what would change it."""

from enum import Enum

from talktime.core.credit.buying import catalog
from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS, format_micros
from talktime.core.values.places import currency_decimals


class RefusalReason(Enum):
    """Why an order is refused; those of agreements are `AgreementRefusal`."""

    SUSPENDED = "organization_suspended"
    POSTPAID = "organization_postpaid"
    COUNTRY = "country_without_credits"
    LICENSE = "license_missing"
    CURRENCY = "currency_differs"
    NOT_POSITIVE = "amount_not_positive"
    TOO_FINE = "amount_too_many_decimals"
    NOT_WHOLE = "amount_not_whole"
    BELOW_MINIMUM = "amount_below_minimum"
    ABOVE_MAXIMUM = "amount_above_maximum"
    BALANCE_TOO_LARGE = "balance_too_large"
    TRIGGER = "trigger_not_possible"
    METHOD_MISSING = "method_missing"
    METHOD_NOT_CHOSEN = "method_not_chosen"
    METHOD_UNKNOWN = "method_unknown"
    CARD_EXPIRED = "card_expired"
    NOT_CONFIRMED = "order_not_confirmed"


@frozen
class Refused:
    """An expected no: a stable code, a sentence that says what would change it, and the case that may."""

    code: str
    message: str
    case_number: str = ""


def refused(reason: RefusalReason, message: str) -> Refused:
    """Refuse for a reason that no case can change."""
    return Refused(reason.value, message)


def amount_refusal(amount_micros: int, currency: str, terms: BuyingTerms = DEFAULT_TERMS) -> Refused | None:
    """Tell why an amount cannot be bought, by an order or a recharge; None: it can (D3, money.md 49 and 53)."""
    amount, least = f"{format_micros(amount_micros)} {currency}", catalog.minimum_micros(currency, terms)
    if amount_micros <= 0:
        return refused(RefusalReason.NOT_POSITIVE, f"{amount} cannot be bought: the amount must be above 0")
    if not catalog.fits_currency(amount_micros, currency):
        decimals = currency_decimals(currency)
        exact = format_micros(amount_micros, decimals_min=0)
        assert decimals < MICRO_DECIMALS
        return refused(RefusalReason.TOO_FINE, f"{exact} has more decimals than {currency} has, which is {decimals}")
    if not catalog.is_whole(amount_micros):
        return refused(RefusalReason.NOT_WHOLE, f"credit is sold in whole units of {currency}: {amount} is none")
    if amount_micros < least:
        return refused(RefusalReason.BELOW_MINIMUM, f"{amount} is too little: the minimum is {format_micros(least)}")
    most = catalog.maximum_micros(currency, terms)
    if amount_micros > most:
        return refused(RefusalReason.ABOVE_MAXIMUM, f"{amount} is beyond {format_micros(most)} at once: a slip?")
    return None
