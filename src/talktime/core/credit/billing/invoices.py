"""Invoices, one for each purchase or month of overage that is charged or owed, and their credit notes (D4, S41).

An invoice is written when it is final and never again (money.md, complaint 8): its payment and its credit notes are
rows of their own, and its state is read from them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.credit.billing.taxes import Taxed, TaxedAt, TaxRule, refund_tax_micros, tax_micros
from talktime.core.credit.buying.payments import MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros
from talktime.core.values.periods import start_of_day

# What is bought under an agreement is paid within so many days, the last one included.
PAYMENT_TERM_DAYS = 30
# With money charged, or promised to be paid: before that there is nothing to bill.
INVOICED_STATES = frozenset({PurchaseState.SETTLED, PurchaseState.INVOICED})


@frozen
class Party:
    """Who bills, or who is billed, as a document names them; the address is of several lines.

    `payment` says how to pay whoever bills, such as a bank account; a country is its ISO 3166 code.
    """

    name: str
    address: str = ""
    country: str = ""
    tax_number: str = ""
    contact: str = ""
    payment: str = ""


NOBODY = Party("")


class InvoiceCause(Enum):
    """What is billed: credit that an admin ordered or the trigger bought, or a month's use that nobody paid before."""

    ORDER = "order"
    RECHARGE = "recharge"
    OVERAGE = "overage"


class InvoiceState(Enum):
    """How an invoice stands."""

    OPEN = "open"
    PAID = "paid"
    OVERDUE = "overdue"
    # Never paid, and taken back in full by credit notes.
    VOID = "void"


@frozen
class Tax:
    """The tax line of an invoice; without a name where nothing is taxed, without a rate where no rule explains it."""

    name: str = ""
    rate_ppm: int | None = None


NO_TAX = Tax()


@frozen
class Billing:
    """Between whom an invoice is, on whose calendar, and by which rules of the buyer's country."""

    seller: Party
    buyer: Party
    zone: ZoneInfo
    rules: tuple[TaxRule, ...] = ()


@frozen
class Invoice:
    """The bill for one purchase, or one month; what it says, it says for ever. `paid_at` comes from its payment's row.

    `purchase_id` names the purchase; of overage it is `overage:` and the month.
    """

    organization_id: int
    sequence: int
    purchase_id: str
    cause: InvoiceCause
    issued_at: datetime
    due_at: datetime
    # On whose clock its days are told.
    zone: ZoneInfo
    currency: str
    net_micros: int
    tax_micros: int
    tax: Tax
    seller: Party
    buyer: Party
    # How it is paid, in people's words, and what an agreement's customer must find on it (#1790).
    paid_with: str
    agreement_number: str = ""
    purchase_order: str = ""
    credit_expires_at: datetime | None = None
    paid_at: datetime | None = None
    # The tax was in the price of what is billed, and is not on top of it.
    is_tax_included: bool = False

    @property
    def number(self) -> str:
        """Return its number, in the series of its organization (docs/decisions, sequential numbers)."""
        return invoice_number(self.organization_id, self.sequence)

    @property
    def total_micros(self) -> int:
        """Return what is to be paid."""
        return self.net_micros + self.tax_micros

    @property
    def taxed(self) -> Taxed:
        """Return the amount and its tax."""
        return Taxed(self.net_micros, self.tax_micros)

    def state(self, at: datetime, credited: Taxed) -> InvoiceState:
        """Tell how it stands at an instant, after what credit notes gave back."""
        if self.paid_at is not None:
            return InvoiceState.PAID
        if credited == self.taxed:
            return InvoiceState.VOID
        return InvoiceState.OVERDUE if at >= self.due_at else InvoiceState.OPEN


@frozen
class CreditNote:
    """What of an invoice is taken back; `reference` is what asked for it, such as a refund, once."""

    organization_id: int
    sequence: int
    invoice_sequence: int
    reference: str
    reason: str
    issued_at: datetime
    net_micros: int
    tax_micros: int

    @property
    def number(self) -> str:
        """Return its number, in the organization's series of credit notes."""
        return credit_note_number(self.organization_id, self.sequence)

    @property
    def total_micros(self) -> int:
        """Return what is given back."""
        return self.net_micros + self.tax_micros


def invoice_number(organization_id: int, sequence: int) -> str:
    """Return the number of an organization's invoice: TT-000042-0007."""
    return f"{_series(organization_id)}-{sequence:04}"


def credit_note_number(organization_id: int, sequence: int) -> str:
    """Return the number of an organization's credit note: TT-000042-C0007."""
    return f"{_series(organization_id)}-C{sequence:04}"


def invoice_of(
    purchase: Purchase,
    method: PaymentMethod,
    billing: Billing,
    at: datetime,
    *,
    sequence: int,
    credit_expires_at: datetime | None = None,
) -> Invoice:
    """Return the invoice of a purchase that was charged or is owed; one by card is paid with it."""
    assert purchase.state in INVOICED_STATES, f"nothing is billed for a purchase that is {purchase.state.value}"
    assert purchase.tax_micros is not None, "the tax is fixed before any money moves"
    is_card = method.kind is MethodKind.CARD
    return Invoice(
        organization_id=purchase.organization_id,
        sequence=sequence,
        purchase_id=purchase.purchase_id,
        cause=InvoiceCause(purchase.cause.value),
        issued_at=at,
        due_at=at if is_card else payable_until(at, billing.zone),
        zone=billing.zone,
        currency=purchase.currency,
        net_micros=purchase.amount_micros,
        tax_micros=purchase.tax_micros,
        tax=_tax_of(purchase, billing.rules),
        seller=billing.seller,
        buyer=billing.buyer,
        paid_with=method.label if is_card else "",
        agreement_number=method.agreement_number,
        purchase_order=method.purchase_order,
        credit_expires_at=credit_expires_at,
        paid_at=at if is_card else None,
    )


def credited(notes: Iterable[CreditNote]) -> Taxed:
    """Return what credit notes of one invoice gave back together."""
    given = tuple(notes)
    return Taxed(sum(note.net_micros for note in given), sum(note.tax_micros for note in given))


def credit_note_of(
    invoice: Invoice,
    before: Taxed,
    net_micros: int,
    *,
    sequence: int,
    reference: str,
    reason: str,
    at: datetime,
) -> CreditNote:
    """Return the credit note over a further part of an invoice; raise Conflict for more than is left of it."""
    left_micros = invoice.net_micros - before.net_micros
    if not 0 < net_micros <= left_micros:
        message = (
            f"{format_micros(net_micros)} {invoice.currency} cannot be credited to invoice {invoice.number}:"
            f" {format_micros(left_micros)} of it is left"
        )
        raise Conflict(message, code="credit_exceeds_invoice")
    tax = refund_tax_micros(invoice.taxed, before, net_micros, invoice.currency)
    return CreditNote(invoice.organization_id, sequence, invoice.sequence, reference, reason, at, net_micros, tax)


def payable_until(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the end of the last day of the payment term, on the buyer's calendar."""
    return start_of_day(at.astimezone(zone).date() + timedelta(days=PAYMENT_TERM_DAYS + 1), zone)


def _tax_of(purchase: Purchase, rules: Iterable[TaxRule]) -> Tax:
    """Return the label of a tax that was fixed at the first attempt: by the newest rule that explains the amount."""
    if not purchase.tax_micros:
        return NO_TAX
    newest_first = sorted(rules, key=lambda rule: rule.valid_from, reverse=True)
    for rule in newest_first:
        taxes_so = tax_micros(purchase.amount_micros, rule, purchase.currency) == purchase.tax_micros
        if rule.taxed_at is TaxedAt.PURCHASE and taxes_so:
            return Tax(rule.name, rule.rate_ppm)
    return Tax(newest_first[0].name if newest_first else "", None)


def _series(organization_id: int) -> str:
    return f"TT-{organization_id:06}"
