"""Tables of rate decks: versions, their rates, and from when each is in force."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from talktime.store.schema.metadata import metadata

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
