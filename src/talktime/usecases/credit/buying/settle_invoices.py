"""What becomes of invoices that are paid later: paid, overdue, taken back with the unused credit (money.md 22, 23)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit import returning
from talktime.core.credit.billing.invoices import CreditNote, Invoice, InvoiceCause, InvoiceState, credited
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import Charged, PaymentMethod, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.credit.recharging.concluding import Conclusion, after_withdrawal
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice, credit_invoice, void_invoice
from talktime.usecases.credit.billing.show_invoices import InvoiceAt, show_invoice
from talktime.usecases.credit.moving_credit import Movement, evaluate_again, keep, move
from talktime.usecases.credit.paying.conclude_purchases import grant
from talktime.usecases.credit.paying.pay_by_agreement import reserve, standing_of
from talktime.usecases.organizations.manage_organizations import lock_organization

OVERDUE_MAX = 10_000


@frozen
class SettleInvoice:
    """A payment of an invoice that the operator has seen; `reference` is the bank's."""

    organization: str
    invoice_number: str
    reference: str
    at: datetime


@frozen
class InvoiceSettled:
    """A paid invoice; `lot_id` is of the credit that came with the payment, or had come before it; None of overage."""

    organization: Organization
    invoice: Invoice
    paid_micros: int
    lot_id: int | None
    is_repeated: bool = False


@frozen
class VoidUnpaid:
    """An invoice that will not be paid: what of its credit is unused is taken back."""

    organization: str
    invoice_number: str
    reason: str
    at: datetime


@frozen
class UnpaidVoided:
    """What was taken back by a credit note, and what is still owed for what was used."""

    organization: Organization
    invoice: Invoice
    note: CreditNote
    still_owed_micros: int


def settle_invoice(tx: Transaction, request: SettleInvoice) -> InvoiceSettled:
    """Record the payment of an invoice, once; on settlement terms its credit comes now.

    Raise NotFound, or Conflict where it was paid under another reference, or nothing of it is left to pay.
    """
    organization = lock_organization(tx, request.organization)
    shown = show_invoice(tx, InvoiceAt(organization.name, request.invoice_number, request.at)).invoice
    if shown.cause is InvoiceCause.OVERAGE:
        return _settle_overage(tx, organization, shown, request)
    invoice, purchase = _invoice(tx, organization, request.invoice_number, request.at)
    if invoice.paid_at is not None:
        _check_same_payment(tx, invoice, request)
        return InvoiceSettled(organization, invoice, 0, purchase.lot_id, is_repeated=True)
    if purchase.state is PurchaseState.CANCELED:
        message = f"{purchase.purchase_id} was canceled, and brings no credit: void invoice {invoice.number}, pay back"
        raise Conflict(message, code="purchase_canceled")
    given_back = credited(tx.documents.credit_notes(invoice))
    owed_micros = invoice.total_micros - given_back.net_micros - given_back.tax_micros
    if owed_micros == 0:
        raise Conflict(f"invoice {invoice.number} was taken back in full: nothing is owed", code="invoice_void")
    tx.documents.mark_paid(invoice, request.at, request.reference)
    if purchase.state is PurchaseState.INVOICED:
        purchase = _granted(tx, organization, purchase, request.at)
    else:
        _book_payment(tx, invoice, owed_micros, request.at)
    return InvoiceSettled(organization, replace(invoice, paid_at=request.at), owed_micros, purchase.lot_id)


def _settle_overage(
    tx: Transaction, organization: Organization, invoice: Invoice, request: SettleInvoice
) -> InvoiceSettled:
    """Record the payment of what was used before it was paid: no credit comes of it."""
    if invoice.paid_at is not None:
        _check_same_payment(tx, invoice, request)
        return InvoiceSettled(organization, invoice, 0, None, is_repeated=True)
    tx.documents.mark_paid(invoice, request.at, request.reference)
    _book_payment(tx, invoice, invoice.total_micros, request.at)
    return InvoiceSettled(organization, replace(invoice, paid_at=request.at), invoice.total_micros, None)


def _book_payment(tx: Transaction, invoice: Invoice, owed_micros: int, at: datetime) -> None:
    postings = (Posting(Account.CASH_CLEARING, Account.INVOICED, owed_micros),)
    tx.credit.post(JournalEntry(invoice.organization_id, f"payment:{invoice.number}", at, postings))


def _check_same_payment(tx: Transaction, invoice: Invoice, request: SettleInvoice) -> None:
    known = tx.documents.payment_reference(invoice)
    if known != request.reference:
        message = (
            f"invoice {invoice.number} was paid as {known!r} before: if {request.reference!r} is a second payment, pay"
            " it back, or record it for the invoice that it belongs to"
        )
        raise Conflict(message, code="invoice_paid")


def void_unpaid(tx: Transaction, request: VoidUnpaid) -> UnpaidVoided:
    """Take back what is unused of the credit that an unpaid invoice bought, and as much of the invoice (money.md 23).

    What was used, and what open calls hold, stays owed. On settlement terms, where no credit came, all is taken back.
    Raise NotFound, or Conflict where it was paid, or nothing is left to take back.
    """
    organization = lock_organization(tx, request.organization)
    invoice, purchase = _invoice(tx, organization, request.invoice_number, request.at)
    if invoice.paid_at is not None:
        message = f"invoice {invoice.number} is paid: what was paid is refunded, not voided"
        raise Conflict(message, code="invoice_paid")
    if purchase.state is PurchaseState.SETTLED:
        note = _take_back(tx, organization, invoice, purchase, request)
        _give_back(tx, organization, purchase, note, request.at)
    else:
        note = withdraw_invoiced(tx, organization, purchase, f"not paid: {request.reason}", request.at)
    given_back = credited(tx.documents.credit_notes(invoice))
    owed = invoice.total_micros - given_back.net_micros - given_back.tax_micros
    return UnpaidVoided(organization, invoice, note, owed)


def withdraw_invoiced(
    tx: Transaction, organization: Organization, purchase: Purchase, reason: str, at: datetime
) -> CreditNote:
    """Undo a purchase whose credit waits for the payment of its invoice: canceled, voided, given back, in one.

    The organization must be locked. Raise Conflict where the invoice was taken back before.
    """
    note = void_invoice(tx, organization, purchase.purchase_id, reason, at)
    _give_back(tx, organization, purchase, note, at)
    if purchase.state is PurchaseState.INVOICED:
        _cancel(tx, organization, purchase, reason, at)
    return note


def warn_of_overdue_invoices(tx: Transaction, at: datetime) -> int:
    """Tell of each overdue invoice once; return how many are overdue."""
    late = tx.documents.overdue(at, most=OVERDUE_MAX)
    owed = [invoice for invoice in late if _state(tx, invoice, at) is InvoiceState.OVERDUE]
    owners = tx.organizations.with_ids({invoice.organization_id for invoice in owed})
    events = [_overdue_event(tx, owners[invoice.organization_id], invoice, at) for invoice in owed]
    tx.notifications.tell(events)
    return len(events)


def _granted(tx: Transaction, organization: Organization, purchase: Purchase, at: datetime) -> Purchase:
    lot_id = tx.credit.next_lot_id(organization.organization_id)
    settled = purchases.settled(purchase, Charged("", purchase.charged_micros), lot_id, at)
    tx.purchases.save(settled)
    conclusion = Conclusion(purchase, settled, _method(tx, purchase), at)
    grant(tx, organization, conclusion, pays=Account.CASH_CLEARING)
    return settled


def _cancel(tx: Transaction, organization: Organization, purchase: Purchase, reason: str, at: datetime) -> None:
    """Close a purchase whose credit never came, and arm the recharge that waited for it."""
    canceled = purchases.withdrawn(purchase, reason, at)
    tx.purchases.save(canceled)
    watch, credit = tx.purchases.watch(purchase.organization_id), tx.credit.credit(purchase.organization_id)
    conclusion = Conclusion(purchase, canceled, _method(tx, purchase), at)
    keep(tx, organization, watch, after_withdrawal(organization, watch, conclusion, credit))
    evaluate_again(tx, organization, at)


def _take_back(
    tx: Transaction, organization: Organization, invoice: Invoice, purchase: Purchase, request: VoidUnpaid
) -> CreditNote:
    assert purchase.lot_id is not None, "credit came at once, and nobody has paid for it"
    before = tx.credit.credit(organization.organization_id)
    unused_micros = before.lot(purchase.lot_id).available_micros(request.at)
    if unused_micros == 0:
        message = f"nothing of the credit of invoice {invoice.number} is unused: what was used stays owed"
        raise Conflict(message, code="nothing_unused")
    after, postings = returning.refund(before, purchase.lot_id, unused_micros, request.at)
    number = len(tx.documents.credit_notes(invoice)) + 1
    reference = f"void:{invoice.number}:{number}"
    note = credit_invoice(
        tx,
        organization,
        CreditInvoice(purchase.purchase_id, unused_micros, reference, request.reason),
        request.at,
    )
    postings = (*postings, Posting(Account.REFUND, Account.INVOICED, unused_micros))
    if note.tax_micros:
        postings = (*postings, Posting(Account.TAX, Account.INVOICED, note.tax_micros))
    move(tx, organization, Movement(before, after, reference, postings), request.at)
    return note


def _give_back(tx: Transaction, organization: Organization, purchase: Purchase, note: CreditNote, at: datetime) -> None:
    """Let what was taken back be bought again under the agreement."""
    reserve(tx, standing_of(tx, organization, _method(tx, purchase), at), -note.total_micros)


def _invoice(tx: Transaction, organization: Organization, number: str, at: datetime) -> tuple[Invoice, Purchase]:
    invoice = show_invoice(tx, InvoiceAt(organization.name, number, at)).invoice
    if invoice.cause is InvoiceCause.OVERAGE:
        message = f"invoice {invoice.number} bills what was used: it brought no credit that could be taken back"
        raise Conflict(message, code="invoice_of_use")
    if not invoice.agreement_number:
        message = f"invoice {invoice.number} was paid by card when it was written: only those of agreements wait"
        raise Conflict(message, code="invoice_of_card")
    purchase = tx.purchases.purchase(PurchaseKey(organization.organization_id, invoice.purchase_id))
    assert purchase is not None, "an invoice is written for a purchase"
    return invoice, purchase


def _method(tx: Transaction, purchase: Purchase) -> PaymentMethod:
    method = tx.payments.method(purchase.organization_id, purchase.method_id)
    assert method is not None, "a purchase names a way to pay that was there, and none is ever deleted"
    return method


def _state(tx: Transaction, invoice: Invoice, at: datetime) -> InvoiceState:
    return invoice.state(at, credited(tx.documents.credit_notes(invoice)))


def _overdue_event(tx: Transaction, organization: Organization, invoice: Invoice, at: datetime) -> Event:
    details = (
        ("currency", invoice.currency),
        ("invoice", invoice.number),
        ("amount_micros", str(invoice.total_micros)),
        ("due_on", invoice.due_at.astimezone(organization.zone).date().isoformat()),
        ("agreement", invoice.agreement_number),
    )
    balance = tx.credit.credit(organization.organization_id).balance_micros
    event_id = f"{EventKind.INVOICE_OVERDUE.value}:{invoice.number}"
    return Event(organization.organization_id, event_id, EventKind.INVOICE_OVERDUE, at, balance, details)
