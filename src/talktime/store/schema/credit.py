"""Tables of credit: the lots, the journal, and money requests that are done once."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from talktime.store.schema.metadata import metadata

credit_lots = Table(
    "credit_lots",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("lot_id", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("granted_micros", BigInteger, nullable=False),
    Column("spent_micros", BigInteger, nullable=False),
    Column("held_micros", BigInteger, nullable=False),
    Column("expired_micros", BigInteger, nullable=False),
    Column("refunded_micros", BigInteger, nullable=False),
    Column("disputed_micros", BigInteger, nullable=False),
    Column("purchased_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    # What the purchase is called by whoever made it: the same reference funds once.
    Column("reference", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "lot_id"),
    UniqueConstraint("organization_id", "reference"),
    CheckConstraint("granted_micros > 0", name="granted_positive"),
    CheckConstraint(
        "spent_micros >= 0 AND held_micros >= 0 AND expired_micros >= 0"
        " AND refunded_micros >= 0 AND disputed_micros >= 0",
        name="parts_not_negative",
    ),
    CheckConstraint(
        "granted_micros >= spent_micros + held_micros + expired_micros + refunded_micros + disputed_micros",
        name="never_more_than_granted",
    ),
    # The sweeper looks for what has ended; a lot's end never changes, so charging does not touch this.
    Index("ix_credit_lots_expires_at", "expires_at"),
)


_OWED = text("debit = 'receivable' OR credit = 'receivable'")

# The journal, insert-only by trigger; each row moves an amount from one account to another (docs/decisions/0004).
postings = Table(
    "postings",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("lot_id", BigInteger),
    Column("amount_micros", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "entry_id", "line"),
    CheckConstraint("amount_micros > 0", name="amount_positive"),
    CheckConstraint("(lot_id IS NOT NULL) = (debit = 'lot' OR credit = 'lot')", name="lot_named"),
    # Which lots have repaid what was owed: few postings, asked for when a call that nothing covered is corrected.
    Index("ix_postings_receivable", "organization_id", sqlite_where=_OWED, postgresql_where=_OWED),
)


# Money requests of people and programs: the same key with the same input is answered from here, and done once.
idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("request_key", Text, nullable=False),
    Column("input_hash", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "request_key"),
)
