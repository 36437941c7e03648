"""Tables of programs that read an organization's calls and credit, and of the tokens that they were given."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    text,
)

from talktime.store.schema.metadata import metadata

# Found by an id that names no organization, as `identities` are; of secrets and tokens there are digests only.
applications = Table(
    "applications",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("name", Text, nullable=False),
    # A number of `Scope`.
    Column("scopes", BigInteger, nullable=False),
    Column("secret_digest", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
    CheckConstraint("scopes > 0", name="scopes_some"),
    Index(
        "ix_applications_name",
        "organization_id",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)


access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_digest", Text, primary_key=True),
    Column("application_id", Text, ForeignKey("applications.application_id"), nullable=False),
    Column("scopes", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    CheckConstraint("expires_at > issued_at", name="expires_after_issue"),
    Index("ix_access_tokens_application_id", "application_id"),
)
