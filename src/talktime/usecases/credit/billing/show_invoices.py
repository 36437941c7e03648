"""Look at invoices: all of an organization, or one with what followed; and set who bills whom."""

import re
from datetime import datetime

from talktime.core.credit.billing.invoices import CreditNote, Invoice, InvoiceState, Party, credited
from talktime.core.credit.billing.taxes import Taxed
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization

# Decades of a busy organization; a longer list is a mistake.
INVOICES_LISTED_MAX = 100_000
PARTY_CHARACTERS_MAX = 500
# TT-000042-0007, or only the 7 that its organization knows it by; C0003 or TT-000042-C0003 for a credit note.
_NUMBER = re.compile(r"(?:TT-(?P<organization>\d{6,})-)?(?P<note>C)?(?P<sequence>\d{1,18})", re.ASCII | re.IGNORECASE)


@frozen
class InvoiceAt:
    """One document of an organization, by its number, seen at an instant."""

    organization: str
    number: str
    at: datetime


@frozen
class InvoiceShown:
    """An invoice, how it stands, and its credit notes; `note` is the one that was asked for, if one was."""

    organization: Organization
    invoice: Invoice
    state: InvoiceState
    credited: Taxed
    credit_notes: tuple[CreditNote, ...] = ()
    note: CreditNote | None = None


@frozen
class SetParty:
    """How documents name whoever bills, or an organization, from now on; fields that are None stay as they are."""

    organization: str | None
    name: str | None = None
    address: str | None = None
    # Of whoever bills; that of an organization is its own.
    country: str | None = None
    tax_number: str | None = None
    contact: str | None = None
    payment: str | None = None


def list_invoices(tx: Transaction, request: LookAt) -> tuple[Organization, list[InvoiceShown]]:
    """Return the newest invoices of an organization with their credit notes, the newest first."""
    organization = find_organization(tx, request.name)
    notes = tx.documents.credit_notes_of(organization.organization_id)
    found = tx.documents.invoices(organization.organization_id, most=INVOICES_LISTED_MAX)
    return organization, [
        _shown(organization, invoice, tuple(notes.get(invoice.sequence, ())), request.at) for invoice in found
    ]


def show_invoice(tx: Transaction, request: InvoiceAt) -> InvoiceShown:
    """Return an invoice, or the one that a credit note belongs to; raise NotFound."""
    read = _NUMBER.fullmatch(request.number.strip())
    if read is None:
        message = f"{request.number!r} is no invoice number: write TT-000042-0007, or only its last digits"
        raise Invalid(message, code="invoice_number")
    organization = find_organization(tx, request.organization)
    organization_id = organization.organization_id
    is_ours = read["organization"] is None or int(read["organization"]) == organization_id
    sequence = int(read["sequence"])
    note = tx.documents.credit_note(organization_id, sequence) if is_ours and read["note"] else None
    invoice_sequence = sequence if note is None else note.invoice_sequence
    invoice = tx.documents.invoice(organization_id, invoice_sequence) if is_ours else None
    if invoice is None or (read["note"] and note is None):
        message = f"{organization.name} has no document {request.number}; `talktime invoices list` shows what it has"
        raise NotFound(message, code="invoice_not_found")
    return _shown(organization, invoice, tuple(tx.documents.credit_notes(invoice)), request.at, note)


def show_party(tx: Transaction, organization: str | None) -> Party:
    """Return how documents name an organization; without one, whoever bills."""
    return tx.documents.seller() if organization is None else tx.documents.buyer(find_organization(tx, organization))


def set_party(tx: Transaction, request: SetParty) -> Party:
    """Change how later documents name somebody; those that were written keep what they say."""
    owner = None if request.organization is None else lock_organization(tx, request.organization)
    party = tx.documents.seller() if owner is None else tx.documents.buyer(owner)
    changed = Party(
        name=_read(request.name, party.name),
        address=_read(request.address, party.address),
        country=party.country if request.country is None or owner else read_country(request.country),
        tax_number=_read(request.tax_number, party.tax_number),
        contact=_read(request.contact, party.contact),
        payment=_read(request.payment, party.payment),
    )
    if not changed.name:
        raise Invalid("documents need a name: say it with `--name`", code="name")
    if owner is None:
        tx.documents.save_seller(changed)
    else:
        tx.documents.save_buyer(owner.organization_id, changed)
    return changed


def _shown(
    organization: Organization,
    invoice: Invoice,
    notes: tuple[CreditNote, ...],
    at: datetime,
    note: CreditNote | None = None,
) -> InvoiceShown:
    given = credited(notes)
    return InvoiceShown(organization, invoice, invoice.state(at, given), given, notes, note)


def _read(stated: str | None, known: str) -> str:
    if stated is None:
        return known
    lines = [" ".join(line.split()) for line in stated.replace("\\n", "\n").splitlines()]
    text = "\n".join(filter(None, lines))
    if len(text) > PARTY_CHARACTERS_MAX or not text.replace("\n", "").isprintable():
        message = f"{stated[:40]!r} cannot be printed: write at most {PARTY_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="party")
    return text
