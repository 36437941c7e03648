"""What others must be told, to whom it goes, and what became of it."""

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

_UNDELIVERED = text("delivered_at IS NULL")
_DUE = text("next_attempt_at IS NOT NULL")

outbox = Table(
    "outbox",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("balance_micros", BigInteger, nullable=False),
    # When its deliveries were written: from then on they say what became of it.
    Column("delivered_at", BigInteger),
    # JSON: {"name": "value", …}
    Column("details", Text, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("organization_id", "event_id"),
    Index("ix_outbox_undelivered", "occurred_at", sqlite_where=_UNDELIVERED, postgresql_where=_UNDELIVERED),
)

# Who is told of what, by which channel. Kind '*' is every kind; a recipient is an address, 'role:…', 'webhook:…' or
# 'nobody'; without a language it is the person's own.
notification_rules = Table(
    "notification_rules",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("rule_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("language", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "rule_id"),
    UniqueConstraint("organization_id", "kind", "channel", "recipient"),
    CheckConstraint("channel IN ('mail', 'webhook')", name="channel_known"),
)

# Programs that are told; for a while after a secret was replaced, what they get is signed by both.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text, nullable=False),
    Column("previous_until", BigInteger),
    Column("added_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "endpoint_id"),
    CheckConstraint("(previous_secret = '') = (previous_until IS NULL)", name="previous_ends"),
)

# One event to one recipient by one channel. `delivery_id` follows from the three, so that each is written once.
deliveries = Table(
    "deliveries",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("language", Text, nullable=False),
    # The rule's recipient that chose this one.
    Column("because", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_since_at", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger),
    Column("attempts_count", Integer, nullable=False),
    # Grows with every lease: who comes late with a failure is not believed.
    Column("fence", Integer, nullable=False),
    Column("closed_at", BigInteger),
    # What the other side said last, or why there is no other side.
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "delivery_id"),
    UniqueConstraint("organization_id", "event_id", "channel", "recipient"),
    CheckConstraint("state IN ('due', 'sent', 'failed', 'undeliverable')", name="state_known"),
    CheckConstraint("(state = 'due') = (next_attempt_at IS NOT NULL)", name="due_has_a_time"),
    CheckConstraint("(state = 'due') = (closed_at IS NULL)", name="closed_or_due"),
    Index("ix_deliveries_next_attempt_at", "next_attempt_at", sqlite_where=_DUE, postgresql_where=_DUE),
)
