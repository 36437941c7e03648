"""Tables of usage that other systems recorded: read by reports and advice, part of no balance."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from talktime.store.schema.metadata import metadata

# Rows are staged in chunks; only those of a complete import are seen. One that is staging when the next begins was
# interrupted, and one that is removing is on its way out: both are swept.
usage_imports = Table(
    "usage_imports",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("import_id", BigInteger, nullable=False),
    Column("file_name", Text, nullable=False),
    # Name and number of the deck version that rated what had no charge, or nothing.
    Column("deck", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("calls_count", BigInteger, nullable=False),
    Column("known_count", BigInteger, nullable=False),
    Column("rejected_count", BigInteger, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    # JSON: [[currency, calls, charged_micros, rated_micros], …]
    Column("sums", Text, nullable=False),
    Column("first_started_at", BigInteger),
    Column("last_started_at", BigInteger),
    Column("imported_at", BigInteger, nullable=False),
    Column("imported_by", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "import_id"),
    CheckConstraint("state IN ('staging', 'complete', 'removing')", name="state_known"),
    CheckConstraint("calls_count >= 0 AND known_count >= 0 AND rejected_count >= 0", name="counts_not_negative"),
)


imported_calls = Table(
    "imported_calls",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    # What two records of the same call have in common (core/insight/importing/duplicates.py).
    Column("identity", LargeBinary, nullable=False),
    Column("import_id", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("used_seconds", Integer, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("conference_id", Text, nullable=False),
    # As the file names him: a principal name, an extension. Not one of `users`.
    Column("user_principal_name", Text, nullable=False),
    Column("user_object_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("user_location", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("called", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("number_type", Text, nullable=False),
    Column("is_domestic", Boolean),
    Column("connection_fee_micros", BigInteger),
    Column("charge_micros", BigInteger),
    Column("currency", Text, nullable=False),
    Column("capability", Text, nullable=False),
    Column("rated_micros", BigInteger),
    Column("not_rated", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "identity"),
    ForeignKeyConstraint(
        ["organization_id", "import_id"], ["usage_imports.organization_id", "usage_imports.import_id"]
    ),
    CheckConstraint("used_seconds >= 0 AND ended_at >= started_at", name="times_in_order"),
    CheckConstraint("charge_micros IS NULL OR rated_micros IS NULL", name="charged_or_rated"),
    Index("ix_imported_calls_import_id", "organization_id", "import_id"),
    Index("ix_imported_calls_started_at", "organization_id", "started_at"),
)
