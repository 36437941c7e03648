"""Rows of documents: tax rules, parties, invoices with their payments and credit notes, statements."""

import json
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.credit.billing.invoices import NOBODY, CreditNote, Invoice, InvoiceCause, Party, Tax
from talktime.core.credit.billing.taxes import TaxedAt, TaxRule, rule_at
from talktime.core.insight.statements import Statement
from talktime.core.organizations.organizations import Organization
from talktime.store.credit.statements import StatementRows, statement_of, text_of
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import billing_parties, credit_notes, invoice_payments, invoices, statements, tax_rules
from talktime.store.schema.documents import SELLER_ID

_PARTY_NAMES = ("name", "address", "country", "tax_number", "contact", "payment")
_INVOICES = select(*invoices.c, invoice_payments.c.paid_at).join_from(
    invoices,
    invoice_payments,
    (invoice_payments.c.organization_id == invoices.c.organization_id)
    & (invoice_payments.c.sequence == invoices.c.sequence),
    isouter=True,
)


class DocumentRows:
    """What is billed and reported; lock the organization before writing: numbers have no gaps."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection
        self.journal = StatementRows(connection)

    # ── tax rules and parties ───────────────────────────────────────────────────────────────────────────────

    def tax_rules(self, country: str = "") -> list[TaxRule]:
        """Return the rules of a country, or of all, by country and day."""
        statement = select(tax_rules).order_by(tax_rules.c.country, tax_rules.c.valid_from)
        found = self._connection.execute(statement.where(tax_rules.c.country == country) if country else statement)
        return [
            TaxRule(row.country, row.name, row.rate_ppm, TaxedAt(row.taxed_at), date.fromisoformat(row.valid_from))
            for row in found
        ]

    def tax_rule_of(self, organization: Organization, at: datetime) -> TaxRule | None:
        """Return by what rule an organization is taxed at an instant."""
        return rule_at(self.tax_rules(organization.country), at, organization.zone)

    def save_tax_rule(self, rule: TaxRule) -> None:
        """Write a rule, in the place of one that begins on the same day."""
        row = {"name": rule.name, "rate_ppm": rule.rate_ppm, "taxed_at": rule.taxed_at.value}
        key = {"country": rule.country, "valid_from": rule.valid_from.isoformat()}
        added = self._dialect.insert(tax_rules).values(**key, **row)
        self._connection.execute(added.on_conflict_do_update(index_elements=list(key), set_=row))

    def seller(self) -> Party:
        """Return who bills; without a name until somebody said so."""
        return self._party(SELLER_ID) or NOBODY

    def buyer(self, organization: Organization) -> Party:
        """Return how documents name an organization: until somebody said otherwise, by its name."""
        known = self._party(organization.organization_id) or Party(organization.name)
        return replace(known, country=organization.country)

    def save_seller(self, party: Party) -> None:
        """Write who bills from now on."""
        self._save_party(SELLER_ID, party)

    def save_buyer(self, organization_id: int, party: Party) -> None:
        """Write how documents name an organization from now on."""
        self._save_party(organization_id, party)

    # ── invoices ────────────────────────────────────────────────────────────────────────────────────────────

    def next_invoice_sequence(self, organization_id: int) -> int:
        """Return the number after the last; nobody else gets it as long as the organization is locked."""
        highest = select(func.max(invoices.c.sequence)).where(invoices.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_invoice(self, invoice: Invoice, payment_reference: str = "") -> None:
        """Insert an invoice, with its payment if it is paid; a second one of a purchase is an integrity error."""
        row = {
            "organization_id": invoice.organization_id,
            "sequence": invoice.sequence,
            "purchase_id": invoice.purchase_id,
            "cause": invoice.cause.value,
            "issued_at": to_micros(invoice.issued_at),
            "due_at": to_micros(invoice.due_at),
            "time_zone": invoice.zone.key,
            "currency": invoice.currency,
            "net_micros": invoice.net_micros,
            "tax_micros": invoice.tax_micros,
            "tax_name": invoice.tax.name,
            "tax_rate_ppm": invoice.tax.rate_ppm,
            "seller": json.dumps(asdict(invoice.seller), ensure_ascii=False),
            "buyer": json.dumps(asdict(invoice.buyer), ensure_ascii=False),
            "paid_with": invoice.paid_with,
            "agreement_number": invoice.agreement_number,
            "purchase_order": invoice.purchase_order,
            "credit_expires_at": to_micros_or_none(invoice.credit_expires_at),
            "is_tax_included": invoice.is_tax_included,
        }
        self._connection.execute(insert(invoices), row)
        if invoice.paid_at is not None:
            self.mark_paid(invoice, invoice.paid_at, payment_reference)

    def mark_paid(self, invoice: Invoice, at: datetime, reference: str) -> None:
        """Note that an invoice was paid; a second payment of it is an integrity error."""
        row = {
            "organization_id": invoice.organization_id,
            "sequence": invoice.sequence,
            "paid_at": to_micros(at),
            "reference": reference,
        }
        self._connection.execute(insert(invoice_payments), row)

    def payment_reference(self, invoice: Invoice) -> str:
        """Return what the payment of a paid invoice was called: a card's charge, or the bank's reference."""
        statement = select(invoice_payments.c.reference).where(
            invoice_payments.c.organization_id == invoice.organization_id,
            invoice_payments.c.sequence == invoice.sequence,
        )
        return str(self._connection.scalar(statement))

    def invoice(self, organization_id: int, sequence: int) -> Invoice | None:
        """Return an invoice by its place in its organization's series."""
        return self._one(
            _INVOICES.where(invoices.c.organization_id == organization_id, invoices.c.sequence == sequence)
        )

    def invoice_of_purchase(self, organization_id: int, purchase_id: str) -> Invoice | None:
        """Return the invoice of a purchase."""
        return self._one(
            _INVOICES.where(invoices.c.organization_id == organization_id, invoices.c.purchase_id == purchase_id)
        )

    def invoices(self, organization_id: int, *, most: int) -> list[Invoice]:
        """Return the newest invoices of an organization, the newest first."""
        statement = _INVOICES.where(invoices.c.organization_id == organization_id)
        return self._all(statement.order_by(invoices.c.sequence.desc()).limit(most))

    def overage_invoices(self, organization_id: int) -> list[Invoice]:
        """Return the invoices of what an organization used and had not paid before, the oldest first."""
        statement = _INVOICES.where(
            invoices.c.organization_id == organization_id, invoices.c.cause == InvoiceCause.OVERAGE.value
        )
        return self._all(statement.order_by(invoices.c.sequence))

    def overdue(self, at: datetime, *, most: int, organization_id: int | None = None) -> list[Invoice]:
        """Return unpaid invoices past their due date, of one organization or all, the longest overdue first.

        What credit notes took back in full is among them: ask for its state.
        """
        statement = _INVOICES.where(invoices.c.due_at <= to_micros(at), invoice_payments.c.paid_at.is_(None))
        if organization_id is not None:
            statement = statement.where(invoices.c.organization_id == organization_id)
        return self._all(
            statement.order_by(invoices.c.due_at, invoices.c.organization_id, invoices.c.sequence).limit(most)
        )

    # ── credit notes ────────────────────────────────────────────────────────────────────────────────────────

    def next_credit_note_sequence(self, organization_id: int) -> int:
        """Return the number after the last, as for invoices."""
        highest = select(func.max(credit_notes.c.sequence)).where(credit_notes.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_credit_note(self, note: CreditNote) -> None:
        """Insert a credit note; a second one under a reference is an integrity error."""
        row = asdict(note) | {"issued_at": to_micros(note.issued_at)}
        self._connection.execute(insert(credit_notes), row)

    def credit_note(self, organization_id: int, sequence: int) -> CreditNote | None:
        """Return a credit note by its place in its organization's series."""
        statement = select(credit_notes).where(
            credit_notes.c.organization_id == organization_id, credit_notes.c.sequence == sequence
        )
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _credit_note_of(row)

    def credit_note_of(self, organization_id: int, reference: str) -> CreditNote | None:
        """Return the credit note that was asked for under a reference."""
        statement = select(credit_notes).where(
            credit_notes.c.organization_id == organization_id, credit_notes.c.reference == reference
        )
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _credit_note_of(row)

    def credit_notes(self, invoice: Invoice) -> list[CreditNote]:
        """Return the credit notes of an invoice, in their order."""
        statement = select(credit_notes).where(
            credit_notes.c.organization_id == invoice.organization_id,
            credit_notes.c.invoice_sequence == invoice.sequence,
        )
        return [_credit_note_of(row) for row in self._connection.execute(statement.order_by(credit_notes.c.sequence))]

    def credit_notes_of(self, organization_id: int) -> dict[int, list[CreditNote]]:
        """Return all credit notes of an organization by the sequence of the invoice that each corrects."""
        statement = select(credit_notes).where(credit_notes.c.organization_id == organization_id)
        notes: dict[int, list[CreditNote]] = {}
        for row in self._connection.execute(statement.order_by(credit_notes.c.sequence)):
            notes.setdefault(row.invoice_sequence, []).append(_credit_note_of(row))
        return notes

    # ── statements ──────────────────────────────────────────────────────────────────────────────────────────

    def statement(self, organization_id: int, month: date) -> Statement | None:
        """Return the statement of a month as it was issued."""
        found = select(statements.c.body).where(
            statements.c.organization_id == organization_id, statements.c.month == month.isoformat()
        )
        body = self._connection.scalar(found)
        return None if body is None else statement_of(body)

    def statement_months(self, organization_id: int) -> list[date]:
        """Return the months of which statements were issued, the first first."""
        found = select(statements.c.month).where(statements.c.organization_id == organization_id)
        return [date.fromisoformat(month) for month in self._connection.scalars(found.order_by(statements.c.month))]

    def add_statement(self, statement: Statement, issued_at: datetime) -> None:
        """Insert a statement; a second one of a month is an integrity error."""
        row = {
            "organization_id": statement.organization_id,
            "month": statement.month.isoformat(),
            "issued_at": to_micros(issued_at),
            "body": text_of(statement),
        }
        self._connection.execute(insert(statements), row)

    @property
    def _dialect(self) -> Any:
        return postgresql if self._connection.dialect.name == "postgresql" else sqlite

    def _party(self, organization_id: int) -> Party | None:
        statement = select(*(billing_parties.c[name] for name in _PARTY_NAMES))
        row = self._connection.execute(
            statement.where(billing_parties.c.organization_id == organization_id)
        ).one_or_none()
        return None if row is None else Party(*row)

    def _save_party(self, organization_id: int, party: Party) -> None:
        row = asdict(party)
        added = self._dialect.insert(billing_parties).values(organization_id=organization_id, **row)
        self._connection.execute(added.on_conflict_do_update(index_elements=["organization_id"], set_=row))

    def _one(self, statement: Select[Any]) -> Invoice | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _invoice_of(row)

    def _all(self, statement: Select[Any]) -> list[Invoice]:
        return [_invoice_of(row) for row in self._connection.execute(statement)]


def _invoice_of(row: Row[Any]) -> Invoice:
    return Invoice(
        organization_id=row.organization_id,
        sequence=row.sequence,
        purchase_id=row.purchase_id,
        cause=InvoiceCause(row.cause),
        issued_at=from_micros(row.issued_at),
        due_at=from_micros(row.due_at),
        zone=ZoneInfo(row.time_zone),
        currency=row.currency,
        net_micros=row.net_micros,
        tax_micros=row.tax_micros,
        tax=Tax(row.tax_name, row.tax_rate_ppm),
        seller=Party(**json.loads(row.seller)),
        buyer=Party(**json.loads(row.buyer)),
        paid_with=row.paid_with,
        agreement_number=row.agreement_number,
        purchase_order=row.purchase_order,
        credit_expires_at=from_micros_or_none(row.credit_expires_at),
        paid_at=from_micros_or_none(row.paid_at),
        is_tax_included=bool(row.is_tax_included),
    )


def _credit_note_of(row: Row[Any]) -> CreditNote:
    return CreditNote(
        organization_id=row.organization_id,
        sequence=row.sequence,
        invoice_sequence=row.invoice_sequence,
        reference=row.reference,
        reason=row.reason,
        issued_at=from_micros(row.issued_at),
        net_micros=row.net_micros,
        tax_micros=row.tax_micros,
    )
