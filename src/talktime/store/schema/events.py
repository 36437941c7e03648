"""What others must be told."""

from sqlalchemy import (
    BigInteger,
    Column,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from talktime.store.schema.metadata import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("balance_micros", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    # JSON: {"name": "value", …}
    Column("details", Text, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("organization_id", "event_id"),
)
