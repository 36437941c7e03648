"""The tables, once for both databases; CHECK constraints repeat the core's invariants.

Instants are BIGINT microseconds since 1970 UTC, money is BIGINT micros (docs/decisions/0003). What an organization owns
carries `organization_id` first in its key, so that the store can be sharded by it. The hot tables (calls, usage_rows,
postings) have no foreign keys: they are written under the organization's row lock, and the audit checks them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
)

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
)

# call key → organization: extend and end name no organization, and this map is sharded by its own key.
call_keys = Table(
    "call_keys",
    metadata,
    Column("call_key", Text, primary_key=True),
    Column("organization_id", BigInteger, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("call_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("called", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("pays_from", Text, nullable=False),
    Column("user_id", BigInteger),
    Column("conference_id", Text, nullable=False),
    Column("version_id", BigInteger),
    Column("direction", Text),
    Column("prefix", Text),
    Column("origin_prefix", Text),
    Column("destination", Text, nullable=False),
    Column("granted_seconds", Integer, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("valid_until", BigInteger),
    Column("hold_micros", BigInteger, nullable=False),
    # `lot:micros` pairs in spending order, separated by blanks.
    Column("hold_slices", Text, nullable=False),
    Column("answered_at", BigInteger),
    Column("denial", Text),
    Column("ended_at", BigInteger),
    Column("ending", Text),
    Column("used_seconds", Integer),
    Column("cost_micros", BigInteger),
    Column("uncovered_micros", BigInteger),
    Column("flags", Integer),
    Column("usage_rows_count", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "call_key"),
    CheckConstraint("hold_micros >= 0", name="hold_not_negative"),
    CheckConstraint("state = 'open' OR hold_micros = 0", name="only_open_calls_hold"),
    Index(
        "ix_calls_open_valid_until",
        "valid_until",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

usage_rows = Table(
    "usage_rows",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("call_key", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user_id", BigInteger),
    Column("conference_id", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("called", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("version_id", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger, nullable=False),
    Column("used_seconds", Integer, nullable=False),
    Column("billed_seconds", Integer, nullable=False),
    Column("connection_fee_micros", BigInteger, nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("uncovered_micros", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("paid_by", Text, nullable=False),
    Column("ending", Text, nullable=False),
    Column("flags", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "call_key", "line"),
    CheckConstraint("cost_micros >= uncovered_micros AND uncovered_micros >= 0", name="uncovered_within_cost"),
    Index("ix_usage_rows_started_at", "organization_id", "started_at"),
)

# Reports of switches that could not be charged: kept with the reason until an operator has looked at them.
parked_reports = Table(
    "parked_reports",
    metadata,
    Column("call_key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("call_key", "reason"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("balance_micros", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    PrimaryKeyConstraint("organization_id", "event_id"),
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

deck_versions = Table(
    "deck_versions",
    metadata,
    Column("version_id", BigInteger, primary_key=True, autoincrement=False),
    Column("deck", Text, nullable=False),
    # Counts within the deck: what people call the version.
    Column("number", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("charge_decimals", Integer, nullable=False),
    Column("rounding", Text, nullable=False),
    Column("rates_count", Integer, nullable=False),
    # Rates are staged in chunks; only a complete version can be published.
    Column("is_complete", Boolean, nullable=False),
    Column("staged_at", BigInteger, nullable=False),
    UniqueConstraint("deck", "number"),
)

rates = Table(
    "rates",
    metadata,
    Column("version_id", BigInteger, ForeignKey("deck_versions.version_id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("origin_prefix", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("blocked", Boolean, nullable=False),
    # JSON: [[fee_nanos, [[from_second, increment_seconds, nanos_per_minute], …], profile, [window, …]], …]
    Column("prices", Text, nullable=False),
    PrimaryKeyConstraint("version_id", "direction", "prefix", "origin_prefix"),
)

deck_publications = Table(
    "deck_publications",
    metadata,
    Column("publication_id", BigInteger, primary_key=True, autoincrement=False),
    Column("deck", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("version_id", BigInteger, ForeignKey("deck_versions.version_id"), nullable=False),
    Column("published_from", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_deck_publications_deck", "deck", "direction", "published_from"),
)

# The newest migration; a test compares it with the migrations themselves.
SCHEMA_REVISION = "0001"
# Insert-only by trigger.
JOURNAL_TABLES = ("postings",)
