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
    # Grows whenever the arrangements change, so that charging may keep what it read of them.
    Column("arrangements_revision", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("receivable_micros >= 0", name="receivable_not_negative"),
)


# Policy, caps, stops and choices of an organization, as JSON: what nobody ever searches.
arrangements = Table(
    "arrangements",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("settings", Text, nullable=False),
)


# How many licenses were bought of each; Communications Credits are free and unlimited, and have no row.
license_purchases = Table(
    "license_purchases",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("license", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "license"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)


# How many users hold each license, by usage location: kept with every change of users, and checked by the audit.
license_counts = Table(
    "license_counts",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("license", BigInteger, nullable=False),
    Column("country", Text, nullable=False),
    Column("users_count", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "license", "country"),
    CheckConstraint("users_count > 0", name="users_count_positive"),
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
    # A number of `Role`, and the language in which this person is written to; empty where nobody chose one.
    Column("roles", BigInteger, nullable=False, server_default=text("0")),
    Column("language", Text, nullable=False, server_default=text("''")),
    # A number of `License`.
    Column("licenses", BigInteger, nullable=False, server_default=text("0")),
    Column("account", Text, nullable=False, server_default=text("'person'")),
    Column("dialout_policy", Text, nullable=False, server_default=text("''")),
    Column("block_reason", Text, nullable=False, server_default=text("''")),
    Column("is_toll_free_dial_in_allowed", Boolean, nullable=False, server_default=text("TRUE")),
    # Since when the account may not call out; its reason is there as long as it may not.
    Column("blocked_at", BigInteger),
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
