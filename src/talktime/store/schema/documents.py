"""Tables of documents: who bills whom, tax rules, invoices with their payments and credit notes, statements."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from talktime.store.schema.metadata import metadata

# Whoever operates Talktime bills all organizations; he is kept under this id, which no organization has.
SELLER_ID = 0

# What countries take, from a local day (ISO 8601) on.
tax_rules = Table(
    "tax_rules",
    metadata,
    Column("country", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("rate_ppm", Integer, nullable=False),
    Column("taxed_at", Text, nullable=False),
    PrimaryKeyConstraint("country", "valid_from"),
    CheckConstraint("rate_ppm >= 0 AND rate_ppm <= 1000000", name="rate_is_a_share"),
    CheckConstraint("taxed_at IN ('purchase', 'use')", name="taxed_at_known"),
)

# How documents name the seller (id 0) and the organizations; a document keeps what it said when it was written.
billing_parties = Table(
    "billing_parties",
    metadata,
    Column("organization_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("tax_number", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("payment", Text, nullable=False),
)

# Insert-only by trigger, like the three tables that follow. Numbered under the organization's lock, without gaps.
invoices = Table(
    "invoices",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("purchase_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("net_micros", BigInteger, nullable=False),
    Column("tax_micros", BigInteger, nullable=False),
    Column("tax_name", Text, nullable=False),
    Column("tax_rate_ppm", Integer),
    Column("seller", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("paid_with", Text, nullable=False),
    Column("agreement_number", Text, nullable=False),
    Column("purchase_order", Text, nullable=False),
    Column("credit_expires_at", BigInteger),
    # The tax was in the price of the calls that are billed, and not on top of it. No SQL text as a default: it would
    # have SQLite copy the table, without its triggers.
    Column("is_tax_included", Boolean, nullable=False, server_default="0"),
    PrimaryKeyConstraint("organization_id", "sequence"),
    # Of overage it is `overage:` and the month: one invoice for each.
    UniqueConstraint("organization_id", "purchase_id"),
    CheckConstraint("sequence > 0", name="sequence_positive"),
    CheckConstraint("net_micros > 0 AND tax_micros >= 0", name="amounts_fit"),
    CheckConstraint("due_at >= issued_at", name="due_after_issue"),
    Index("ix_invoices_due_at", "due_at"),
)

invoice_payments = Table(
    "invoice_payments",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("paid_at", BigInteger, nullable=False),
    # What the payer or the gateway calls the payment.
    Column("reference", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "sequence"),
    ForeignKeyConstraint(["organization_id", "sequence"], ["invoices.organization_id", "invoices.sequence"]),
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("invoice_sequence", BigInteger, nullable=False),
    # The refund, say, that asked for it: one credit note for each.
    Column("reference", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("net_micros", BigInteger, nullable=False),
    Column("tax_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "sequence"),
    UniqueConstraint("organization_id", "reference"),
    ForeignKeyConstraint(["organization_id", "invoice_sequence"], ["invoices.organization_id", "invoices.sequence"]),
    CheckConstraint("sequence > 0", name="sequence_positive"),
    CheckConstraint("net_micros > 0 AND tax_micros >= 0", name="amounts_fit"),
    Index("ix_credit_notes_invoice_sequence", "organization_id", "invoice_sequence"),
)

# A month of the books as it was told, so that telling it again gives the same bytes (money.md 72).
statements = Table(
    "statements",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    # The first day of the month, as ISO 8601, in the organization's zone.
    Column("month", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    # The statement itself, as JSON.
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "month"),
)
