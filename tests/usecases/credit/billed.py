"""Purchases as the charging of purchases hands them over to be billed, in transactions as it opens them."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from talktime.core.credit.billing.invoices import CreditNote, Invoice
from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.values.money import parse_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice, credit_invoice, issue, void_invoice
from talktime.usecases.organizations.manage_organizations import lock_organization

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
CARD = PaymentMethod(1, 1, MethodKind.CARD, "sandbox", Card("tok", "print", "Visa", "4242", date(2030, 12, 31)))
AGREEMENT = PaymentMethod(1, 2, MethodKind.AGREEMENT, "agreement", None, "EA-1001", "PO-77")


@dataclass(frozen=True)
class Bill:
    """A purchase to be billed; `fails` ends the transaction after it was."""

    purchase_id: str
    organization: str = "Acme"
    method: PaymentMethod = CARD
    amount: str = "100"
    tax: str = "0"
    at: datetime = AT
    fails: bool = False


class Failed(Exception):  # noqa: N818 -- what a crash is to a transaction
    pass


def bill(tx: Transaction, request: Bill) -> Invoice:
    organization = lock_organization(tx, request.organization)
    method = replace(request.method, organization_id=organization.organization_id)
    purchase = Purchase(
        organization.organization_id,
        request.purchase_id,
        PurchaseCause.ORDER,
        parse_micros(request.amount),
        organization.currency,
        method.method_id,
        request.at,
        PurchaseState.SETTLED if method.kind is MethodKind.CARD else PurchaseState.INVOICED,
        tax_micros=parse_micros(request.tax),
        charge_id=f"ch-{request.purchase_id}",
    )
    invoice = issue(tx, organization, purchase, method, request.at)
    if request.fails:
        raise Failed
    return invoice


def credit(tx: Transaction, request: CreditInvoice) -> CreditNote:
    return credit_invoice(tx, lock_organization(tx, "Acme"), request, AT)


def void(tx: Transaction, purchase_id: str) -> CreditNote:
    return void_invoice(tx, lock_organization(tx, "Acme"), purchase_id, "never paid", AT)
