"""Bill what organizations have used and not paid before: once for each month, when it is over where they are (S41)."""

from datetime import datetime

from talktime.core.calls.counting import meters
from talktime.core.credit.billing import overage
from talktime.core.credit.billing.invoices import Billing, Invoice
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization


@frozen
class BillOverage:
    """A month (2026-06) of an organization that is over."""

    organization: str
    month: str
    at: datetime


def overage_due(tx: Transaction, at: datetime) -> list[BillOverage]:
    """Return every month of every organization that is over and has something to bill, the oldest first."""
    owners = tx.organizations.with_ids(tx.meters.with_overage())
    return [due for _, organization in sorted(owners.items()) for due in _due(tx, organization, at)]


def overage_due_of(tx: Transaction, request: LookAt) -> list[BillOverage]:
    """Return the months of one organization that are to be billed."""
    return _due(tx, find_organization(tx, request.name), request.at)


def bill_overage(tx: Transaction, request: BillOverage) -> Invoice | None:
    """Return the invoice of a month, written now unless it was before; None where nothing is to be billed.

    The organization's row is held, and a second invoice of a month is refused by its key: whoever comes second, or
    again after a crash, gets the first one. Raise Invalid for a month that is not over.
    """
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    known = tx.documents.invoice_of_purchase(organization_id, overage.bill_id(request.month))
    if known is not None:
        return known
    if request.month >= meters.month_of(request.at, organization.zone):
        message = f"{request.month} is not over for {organization.name}: its use is billed when it is"
        raise Invalid(message, code="month_not_over")
    bill = overage.bill_of(
        organization_id,
        request.month,
        tx.meters.overage(organization_id),
        tx.documents.overage_invoices(organization_id),
        currency=organization.currency,
    )
    if bill is None:
        return None
    billing = Billing(
        tx.documents.seller(),
        tx.documents.buyer(organization),
        organization.zone,
        tuple(tx.documents.tax_rules(organization.country)),
    )
    sequence = tx.documents.next_invoice_sequence(organization_id)
    invoice = overage.invoice_of(bill, billing, request.at, sequence=sequence)
    tx.documents.add_invoice(invoice)
    for entry in overage.entries_of(invoice):
        tx.credit.post(entry)
    return invoice


def _due(tx: Transaction, organization: Organization, at: datetime) -> list[BillOverage]:
    months = overage.months_due(
        tx.meters.overage(organization.organization_id),
        tx.documents.overage_invoices(organization.organization_id),
        this_month=meters.month_of(at, organization.zone),
        currency=organization.currency,
    )
    return [BillOverage(organization.name, month, at) for month in months]
