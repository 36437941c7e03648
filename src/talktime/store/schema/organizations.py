"""Tables of organizations, their people, and the names by which calls find them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from talktime.store.schema.metadata import metadata

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("deck", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("has_credit_set_up", Boolean, nullable=False),
    # What the organization owes after an overrun; the next lot repays it first.
    Column("receivable_micros", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # 'postpaid' pays after use and cannot buy credit (S41).
    Column("billing_mode", Text, nullable=False, server_default=text("'prepaid'")),
    CheckConstraint("receivable_micros >= 0", name="receivable_not_negative"),
)


users = Table(
    "users",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("user_principal_name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("usage_location", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("has_phone_system", Boolean, nullable=False),
    Column("has_audio_conferencing", Boolean, nullable=False),
    Column("has_communications_credits", Boolean, nullable=False),
    # A number of `Role`, and the language in which this person is written to; empty where nobody chose one.
    Column("roles", BigInteger, nullable=False, server_default=text("0")),
    Column("language", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("organization_id", "user_id"),
)


# What a switch may name, a number, an extension or a user principal name in lower case, and whose it is.
identities = Table(
    "identities",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("organization_id", BigInteger, nullable=False),
    Column("use", Text, nullable=False),
    Column("user_id", BigInteger),
    ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.user_id"]),
    Index("ix_identities_organization_id", "organization_id", "user_id"),
)
