"""Pay a purchase under an agreement: reserved, invoiced and, on credit, granted in one transaction (S37 to S40)."""

from datetime import datetime

from talktime.core.credit.billing.invoices import InvoiceState, credited
from talktime.core.credit.buying import agreements, purchases
from talktime.core.credit.buying.agreements import (
    Agreement,
    AgreementRefusal,
    AgreementTerms,
    PurchaseOrder,
    Standing,
    SupportCase,
)
from talktime.core.credit.buying.payments import Charged, Declined, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, Step
from talktime.core.credit.ledger import Account
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.organizations.organizations import Organization
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import issue
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude, grant
from talktime.usecases.credit.paying.tax_purchases import with_tax

# One overdue invoice blocks an agreement as well as a thousand.
OVERDUE_MAX = 1_000


def pay_by_agreement(
    tx: Transaction, organization: Organization, purchase: Purchase, method: PaymentMethod, at: datetime
) -> Purchase:
    """Return the purchase settled, invoiced, or declined for good with the agreement's reason as its code.

    The organization must be locked: what remains under an agreement is reserved under that lock, so that purchases at
    once never exceed it. A refused recharge turns to its fallback, or pauses.
    """
    taxed = with_tax(tx, organization, purchase, at)
    standing = standing_of(tx, organization, method, at)
    refused = agreements.refusal(standing, taxed.charged_micros, taxed.currency, organization.country, at)
    if refused is not None:
        message = agreements.explain(refused, standing, taxed.charged_micros)
        if refused is AgreementRefusal.OTHER_REGION:
            message = f"{message} (case {open_case(tx, organization, standing.agreement, at).number})"
        return _declined(tx, taxed, Declined(refused.value, message, is_final=True), at)
    reserve(tx, standing, taxed.charged_micros)
    if standing.agreement.terms is AgreementTerms.ON_SETTLEMENT:
        invoiced = agreements.invoiced(taxed)
        tx.purchases.save(invoiced)
        issue(tx, organization, invoiced, method, at)
        return invoiced
    lot_id = tx.credit.next_lot_id(organization.organization_id)
    settled = purchases.settled(taxed, Charged("", taxed.charged_micros), lot_id, at)
    tx.purchases.save(settled)
    grant(tx, organization, Conclusion(purchase, settled, method, at), pays=Account.INVOICED)
    return settled


def standing_of(tx: Transaction, organization: Organization, method: PaymentMethod, at: datetime) -> Standing:
    """Return what is known of a method's agreement."""
    organization_id, number = organization.organization_id, method.agreement_number
    agreement = tx.agreements.agreement(organization_id, number)
    assert agreement is not None, "an agreement pays only once it is registered, and none is ever deleted"
    cases = tx.agreements.cases(organization_id, agreement_number=number)
    order = method.purchase_order
    # Counted from its first purchase on, so that a limit set later knows what was used.
    known = tx.agreements.purchase_order(organization_id, number, order) or PurchaseOrder(order)
    return Standing(
        agreement,
        known if order else None,
        _overdue(tx, agreement, at),
        any(case.permits(organization.country, agreement.billing_country) for case in cases),
    )


def reserve(tx: Transaction, standing: Standing, charged_micros: int) -> None:
    """Count a purchase against its agreement and its purchase order; less than zero gives back."""
    tx.agreements.save(agreements.reserved(standing.agreement, charged_micros))
    if standing.purchase_order is not None:
        order = agreements.ordered(standing.purchase_order, charged_micros)
        tx.agreements.save_purchase_order(standing.agreement, order)


def open_case(tx: Transaction, organization: Organization, agreement: Agreement, at: datetime) -> SupportCase:
    """Return the open case about an agreement, one at a time; it is opened where there is none (S40)."""
    organization_id = organization.organization_id
    for case in tx.agreements.cases(organization_id, agreement_number=agreement.number):
        if case.resolved_at is None:
            return case
    sequence = tx.agreements.next_case_sequence(organization_id)
    case = SupportCase(organization_id, sequence, agreement.number, organization.country, agreement.billing_country, at)
    tx.agreements.add_case(case)
    return case


def _declined(tx: Transaction, purchase: Purchase, declined: Declined, at: datetime) -> Purchase:
    """Let an agreement's refusal take the way of a card's: the same pause, the same fallback, the same mail."""
    asked = purchases.leased(purchase, Step.CHARGE, at)
    tx.purchases.save(asked)
    concluded = conclude(tx, Outcome(asked.key, asked.attempt, asked.fence, declined, at))
    assert concluded is not None
    return concluded


def _overdue(tx: Transaction, agreement: Agreement, at: datetime) -> tuple[str, ...]:
    late = tx.documents.overdue(at, most=OVERDUE_MAX, organization_id=agreement.organization_id)
    return tuple(
        invoice.number
        for invoice in late
        if invoice.agreement_number == agreement.number
        and invoice.state(at, credited(tx.documents.credit_notes(invoice))) is InvoiceState.OVERDUE
    )
