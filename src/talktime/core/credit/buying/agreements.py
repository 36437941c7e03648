"""Agreements pay instead of a card: what may be bought under one, on which terms, and what refuses (S37 to S40)."""

from dataclasses import replace
from datetime import datetime
from enum import Enum

from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros


class AgreementTerms(Enum):
    """When credit comes: at once, to be paid later, or with the payment of its invoice."""

    ON_CREDIT = "on_credit"
    ON_SETTLEMENT = "on_settlement"


@frozen
class PurchaseOrder:
    """What one purchase order lets be bought, tax included; None where nobody set a limit or an end."""

    number: str
    limit_micros: int | None = None
    used_micros: int = 0
    ends_at: datetime | None = None

    @property
    def remaining_micros(self) -> int | None:
        """Return what may still be bought under it."""
        return None if self.limit_micros is None else self.limit_micros - self.used_micros


@frozen
class Agreement:
    """An enterprise agreement of one organization. Limit and use count what is invoiced, tax included."""

    organization_id: int
    number: str
    billing_country: str
    currency: str
    terms: AgreementTerms
    limit_micros: int | None = None
    used_micros: int = 0
    ends_at: datetime | None = None
    is_active: bool = True

    @property
    def remaining_micros(self) -> int | None:
        """Return what may still be bought under it; None where there is no limit."""
        return None if self.limit_micros is None else self.limit_micros - self.used_micros


@frozen
class SupportCase:
    """What a rule forbade, until an operator permits it: an agreement that is billed in another country (S40)."""

    organization_id: int
    sequence: int
    agreement_number: str
    # As they were when it was opened: what is permitted is permitted for them.
    country: str
    billing_country: str
    opened_at: datetime
    resolved_at: datetime | None = None
    override_reason: str = ""

    @property
    def number(self) -> str:
        """Return what people call it: SC-000042-0001."""
        return f"SC-{self.organization_id:06}-{self.sequence:04}"

    def permits(self, country: str, billing_country: str) -> bool:
        """Tell whether an operator permitted this pair of countries."""
        return self.resolved_at is not None and (self.country, self.billing_country) == (country, billing_country)


@frozen
class Standing:
    """What is known of an agreement when something is to be bought under it."""

    agreement: Agreement
    purchase_order: PurchaseOrder | None = None
    # The invoices under it that are overdue (money.md 23).
    overdue_invoices: tuple[str, ...] = ()
    is_region_permitted: bool = False


class AgreementRefusal(Enum):
    """Why nothing can be bought under an agreement; the value is a purchase's decline code."""

    INACTIVE = "agreement_inactive"
    ENDED = "agreement_ended"
    OTHER_CURRENCY = "agreement_other_currency"
    OTHER_REGION = "agreement_other_region"
    INVOICE_OVERDUE = "agreement_invoice_overdue"
    EXHAUSTED = "agreement_exhausted"
    PURCHASE_ORDER_ENDED = "purchase_order_ended"
    PURCHASE_ORDER_EXHAUSTED = "purchase_order_exhausted"


_SENTENCES = {
    AgreementRefusal.INACTIVE: "{name} is not active: the operator activates it, or choose another way to pay",
    AgreementRefusal.ENDED: "{name} ended at {ended}: renew it, or choose another way to pay",
    AgreementRefusal.OTHER_CURRENCY: "{name} is kept in {currency}: choose one in the organization's own currency",
    AgreementRefusal.OTHER_REGION: "{name} is billed in {country}, another region: the operator may permit it",
    AgreementRefusal.INVOICE_OVERDUE: "{name} has invoices overdue ({invoices}): once paid, it can be used",
    AgreementRefusal.EXHAUSTED: "{needed} is needed, {left} is left under {name}: raise its limit",
    AgreementRefusal.PURCHASE_ORDER_ENDED: "{order} ended at {order_ended}: set another",
    AgreementRefusal.PURCHASE_ORDER_EXHAUSTED: "{needed} is needed, {order_left} is left under {order}: set another",
}


def refusal(
    standing: Standing, charged_micros: int, currency: str, country: str, at: datetime
) -> AgreementRefusal | None:
    """Tell why an organization of a country cannot buy so much, tax included, under an agreement; None: it can."""
    agreement, order = standing.agreement, standing.purchase_order
    if not agreement.is_active:
        return AgreementRefusal.INACTIVE
    if _has_ended(agreement.ends_at, at):
        return AgreementRefusal.ENDED
    if agreement.currency != currency:
        return AgreementRefusal.OTHER_CURRENCY
    if agreement.billing_country != country and not standing.is_region_permitted:
        return AgreementRefusal.OTHER_REGION
    if standing.overdue_invoices:
        return AgreementRefusal.INVOICE_OVERDUE
    if _lacks(agreement.remaining_micros, charged_micros):
        return AgreementRefusal.EXHAUSTED
    if order is not None and _has_ended(order.ends_at, at):
        return AgreementRefusal.PURCHASE_ORDER_ENDED
    if order is not None and _lacks(order.remaining_micros, charged_micros):
        return AgreementRefusal.PURCHASE_ORDER_EXHAUSTED
    return None


def explain(refused: AgreementRefusal, standing: Standing, charged_micros: int) -> str:
    """Say a refusal in a sentence, with what would change it."""
    agreement, order = standing.agreement, standing.purchase_order or PurchaseOrder("")
    return _SENTENCES[refused].format(
        name=f"agreement {agreement.number}",
        country=agreement.billing_country,
        currency=agreement.currency,
        ended=_instant(agreement.ends_at),
        invoices=", ".join(standing.overdue_invoices),
        needed=f"{format_micros(charged_micros)} {agreement.currency}",
        left=_left(agreement.remaining_micros),
        order=f"purchase order {order.number}",
        order_ended=_instant(order.ends_at),
        order_left=_left(order.remaining_micros),
    )


def reserved(agreement: Agreement, charged_micros: int) -> Agreement:
    """Return the agreement after something was bought under it; less than zero gives back."""
    return replace(agreement, used_micros=agreement.used_micros + charged_micros)


def ordered(order: PurchaseOrder, charged_micros: int) -> PurchaseOrder:
    """Return the purchase order after something was bought under it; less than zero gives back."""
    return replace(order, used_micros=order.used_micros + charged_micros)


def invoiced(purchase: Purchase) -> Purchase:
    """Return a purchase whose credit comes when its invoice is paid; nobody needs to ask anybody until then."""
    return replace(
        purchase,
        state=PurchaseState.INVOICED,
        next_step_at=None,
        reason="the invoice is written; the credit comes with its payment",
    )


def _has_ended(ends_at: datetime | None, at: datetime) -> bool:
    return ends_at is not None and at >= ends_at


def _lacks(remaining_micros: int | None, needed_micros: int) -> bool:
    return remaining_micros is not None and needed_micros > remaining_micros


def _left(remaining_micros: int | None) -> str:
    return format_micros(max(0, remaining_micros or 0))


def _instant(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
