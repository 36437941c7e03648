"""The table of funding advice: what an organization was last told, so that it is told again only when that changes."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table, Text

from talktime.store.schema.metadata import metadata

funding_advice = Table(
    "funding_advice",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), primary_key=True),
    # When it was last made; the amounts are those that were last told.
    Column("advised_at", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("trigger_micros", BigInteger, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("month_micros", BigInteger, nullable=False),
    # Nine of ten weeks cost between these, as it was forecast.
    Column("week_low_micros", BigInteger, nullable=False),
    Column("week_high_micros", BigInteger, nullable=False),
    Column("weeks_count", Integer, nullable=False),
    CheckConstraint("trigger_micros >= 0 AND amount_micros > 0", name="funding_positive"),
    CheckConstraint("0 <= week_low_micros AND week_low_micros <= week_high_micros", name="cone_in_order"),
)
