"""Tables of phone numbers: the inventory, which no organization owns, and the orders by which numbers leave it.

Who answers a number stands in `identities`; a number that stands there alone was brought by its organization.
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
    PrimaryKeyConstraint,
    Table,
    Text,
)

from talktime.store.schema.metadata import metadata

number_orders = Table(
    "number_orders",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("use", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("taken_count", Integer, nullable=False),
    Column("reserved_until", BigInteger, nullable=False),
    Column("placed_at", BigInteger),
    Column("activated_at", BigInteger),
    PrimaryKeyConstraint("organization_id", "order_id"),
    CheckConstraint("taken_count > 0 AND taken_count <= quantity", name="taken_within_quantity"),
    CheckConstraint("activated_at IS NULL OR placed_at IS NOT NULL", name="placed_before_activated"),
)


phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("number", Text, primary_key=True),
    Column("use", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("area", Text, nullable=False),
    # The area as it is searched for, whatever its case.
    Column("area_key", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("price_micros", BigInteger),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id")),
    Column("order_id", BigInteger),
    Column("reserved_until", BigInteger),
    Column("activated_at", BigInteger),
    Column("is_ported", Boolean, nullable=False),
    ForeignKeyConstraint(["organization_id", "order_id"], ["number_orders.organization_id", "number_orders.order_id"]),
    CheckConstraint("(state = 'available') = (organization_id IS NULL)", name="available_is_nobodys"),
    CheckConstraint("(state = 'reserved') = (reserved_until IS NOT NULL)", name="reserved_until_an_instant"),
    Index("ix_phone_numbers_organization_id", "organization_id", "order_id"),
    Index("ix_phone_numbers_offered", "use", "country", "area_key", "number"),
)
