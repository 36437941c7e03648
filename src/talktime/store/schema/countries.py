"""Tables of the country table: immutable versions, each valid from an instant until the next one is."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from talktime.store.schema.metadata import metadata

country_versions = Table(
    "country_versions",
    metadata,
    Column("version_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Two that hold at once would leave open which one does.
    UniqueConstraint("valid_from"),
)

country_rules = Table(
    "country_rules",
    metadata,
    Column("version_id", BigInteger, ForeignKey("country_versions.version_id"), nullable=False),
    Column("country", Text, nullable=False),
    Column("conferencing", Text, nullable=False),
    Column("is_zone_a", Boolean, nullable=False),
    Column("domestic_minutes", Integer, nullable=False),
    Column("international_minutes", Integer, nullable=False),
    Column("pay_as_you_go_zone", Text, nullable=False),
    Column("plan_partner", Text, nullable=False),
    Column("premium", Text, nullable=False),
    Column("has_toll_numbers", Boolean, nullable=False),
    Column("has_toll_free_numbers", Boolean, nullable=False),
    Column("has_credits", Boolean, nullable=False),
    Column("toll_city", Text, nullable=False),
    # Whether the international plan reaches it.
    Column("is_international_destination", Boolean, nullable=False),
    PrimaryKeyConstraint("version_id", "country"),
    CheckConstraint("domestic_minutes >= 0 AND international_minutes >= 0", "minutes_not_negative"),
)
