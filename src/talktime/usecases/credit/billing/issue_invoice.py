"""Issue the invoice of a purchase, once, in the transaction that settles it; take it back by credit notes."""

from datetime import datetime

from talktime.core.credit.billing.invoices import (
    Billing,
    CreditNote,
    Invoice,
    InvoiceState,
    credit_note_of,
    credited,
    invoice_of,
)
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class CreditInvoice:
    """Take a part of a purchase's invoice back, with its tax; `reference` is what asks for it, such as a refund."""

    purchase_id: str
    net_micros: int
    reference: str
    reason: str


def issue(
    tx: Transaction,
    organization: Organization,
    purchase: Purchase,
    method: PaymentMethod,
    at: datetime,
    *,
    credit_expires_at: datetime | None = None,
) -> Invoice:
    """Return the invoice of a purchase that is settled or to be paid by invoice, issued now unless it was before.

    The organization must be locked: its numbers follow each other without a gap. Under a card the invoice is paid.
    """
    known = tx.documents.invoice_of_purchase(organization.organization_id, purchase.purchase_id)
    if known is not None:
        return known
    billing = Billing(
        tx.documents.seller(),
        tx.documents.buyer(organization),
        organization.zone,
        tuple(tx.documents.tax_rules(organization.country)),
    )
    sequence = tx.documents.next_invoice_sequence(organization.organization_id)
    invoice = invoice_of(purchase, method, billing, at, sequence=sequence, credit_expires_at=credit_expires_at)
    tx.documents.add_invoice(invoice, payment_reference=purchase.charge_id)
    return invoice


def credit_invoice(tx: Transaction, organization: Organization, request: CreditInvoice, at: datetime) -> CreditNote:
    """Return the credit note over a part of an invoice, written now unless it was under this reference before.

    The organization must be locked. Raise NotFound for a purchase without an invoice, Conflict for more than is left of
    it, or for a reference that credited something else.
    """
    organization_id = organization.organization_id
    invoice = tx.documents.invoice_of_purchase(organization_id, request.purchase_id)
    if invoice is None:
        message = f"the purchase {request.purchase_id} has no invoice that could be credited"
        raise NotFound(message, code="invoice_not_found")
    known = tx.documents.credit_note_of(organization_id, request.reference)
    if known is not None:
        return _same(known, invoice, request)
    note = credit_note_of(
        invoice,
        credited(tx.documents.credit_notes(invoice)),
        request.net_micros,
        sequence=tx.documents.next_credit_note_sequence(organization_id),
        reference=request.reference,
        reason=request.reason,
        at=at,
    )
    tx.documents.add_credit_note(note)
    return note


def void_invoice(
    tx: Transaction, organization: Organization, purchase_id: str, reason: str, at: datetime
) -> CreditNote:
    """Take an unpaid invoice back in full, by a credit note; raise Conflict where it was paid, or taken back before."""
    invoice = tx.documents.invoice_of_purchase(organization.organization_id, purchase_id)
    if invoice is None:
        message = f"the purchase {purchase_id} has no invoice that could be voided"
        raise NotFound(message, code="invoice_not_found")
    before = credited(tx.documents.credit_notes(invoice))
    state = invoice.state(at, before)
    if state in {InvoiceState.PAID, InvoiceState.VOID}:
        message = f"invoice {invoice.number} is {state.value}: what was paid is refunded, what is void stays so"
        raise Conflict(message, code="invoice_closed")
    rest = CreditInvoice(purchase_id, invoice.net_micros - before.net_micros, f"void:{invoice.number}", reason)
    return credit_invoice(tx, organization, rest, at)


def _same(known: CreditNote, invoice: Invoice, request: CreditInvoice) -> CreditNote:
    if (known.invoice_sequence, known.net_micros) != (invoice.sequence, request.net_micros):
        message = f"{request.reference!r} was credited before, with another amount or invoice; choose a new reference"
        raise Conflict(message, code="reference_reused")
    return known
