"""Tables of what happens to a lot after it was bought: notices, refunds, disputes, and why an operator changed it."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from talktime.store.schema.metadata import metadata

_OPEN_REFUND = "state IN ('due', 'asking', 'unknown')"

# Which notices were told of a lot: so many days before its end, and 0 when it had ended.
lot_notices = Table(
    "lot_notices",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("lot_id", BigInteger, nullable=False),
    Column("days_before", Integer, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "lot_id", "days_before"),
    ForeignKeyConstraint(["organization_id", "lot_id"], ["credit_lots.organization_id", "credit_lots.lot_id"]),
)

# Money given back; one at a time for each purchase, so that their tax adds up.
refunds = Table(
    "refunds",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("refund_id", Text, nullable=False),
    Column("purchase_id", Text, nullable=False),
    Column("lot_id", BigInteger, nullable=False),
    Column("net_micros", BigInteger, nullable=False),
    Column("tax_micros", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_step_at", BigInteger),
    Column("first_asked_at", BigInteger),
    Column("asked_count", Integer, nullable=False),
    Column("gateway_refund_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("closed_at", BigInteger),
    Column("from_lot_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "refund_id"),
    CheckConstraint("net_micros > 0 AND tax_micros >= 0", name="amounts_fit"),
    CheckConstraint("from_lot_micros >= 0 AND from_lot_micros <= net_micros", name="from_lot_fits"),
    CheckConstraint(f"({_OPEN_REFUND}) = (closed_at IS NULL)", name="closed_or_open"),
    Index(
        "uq_refunds_one_open",
        "organization_id",
        "purchase_id",
        unique=True,
        sqlite_where=text(f"{_OPEN_REFUND} AND purchase_id <> ''"),
        postgresql_where=text(f"{_OPEN_REFUND} AND purchase_id <> ''"),
    ),
    Index(
        "ix_refunds_next_step_at",
        "next_step_at",
        sqlite_where=text("next_step_at IS NOT NULL"),
        postgresql_where=text("next_step_at IS NOT NULL"),
    ),
)

disputes = Table(
    "disputes",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("purchase_id", Text, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("lot_id", BigInteger, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("taken_back_micros", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("closed_at", BigInteger),
    Column("tax_micros", BigInteger, nullable=False),
    Column("fee_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "purchase_id"),
    CheckConstraint("amount_micros > 0 AND taken_back_micros >= 0", name="amounts_fit"),
    CheckConstraint("taken_back_micros + tax_micros <= amount_micros", name="no_more_than_taken"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_or_open"),
)

# Why an operator moved credit by hand, beside the entry that moved it.
entry_reasons = Table(
    "entry_reasons",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "entry_id"),
)

# Files of opening balances that were imported: the same bytes are imported once (money.md 66).
balance_imports = Table(
    "balance_imports",
    metadata,
    Column("file_hash", Text, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("lots_count", Integer, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
)
