"""Tables of calls: the map from a call's key, the calls, their usage rows, and what could not be charged."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from talktime.store.schema.metadata import metadata

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
    # Names of the meters that count this call, in the order in which they pay, one a line.
    Column("meters", Text, nullable=False, server_default=text("''")),
    Column("capability", Text, nullable=False, server_default=text("''")),
    # `minutes name` of the pools in the order in which they pay, one a line; then what is held of the overage limit.
    Column("hold_minutes", Text, nullable=False, server_default=text("''")),
    Column("hold_overage_micros", BigInteger, nullable=False, server_default=text("0")),
    Column("switch_ref", Text, nullable=False, server_default=text("''")),
    # `number reported missed` of a client whose reports are relative to the last one; empty where they are not.
    Column("session", Text, nullable=False, server_default=text("''")),
    Column("cut_at", BigInteger),
    PrimaryKeyConstraint("organization_id", "call_key"),
    CheckConstraint("hold_micros >= 0", name="hold_not_negative"),
    CheckConstraint("state = 'open' OR hold_micros = 0", name="only_open_calls_hold"),
    Index(
        "ix_calls_open_conference_id",
        "conference_id",
        sqlite_where=text("state = 'open' AND conference_id <> ''"),
        postgresql_where=text("state = 'open' AND conference_id <> ''"),
    ),
    Index(
        "ix_calls_open_valid_until",
        "valid_until",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    # Refused calls in the order in which they came; a call that is charged does not touch it.
    Index(
        "ix_calls_denied_started_at",
        "organization_id",
        "started_at",
        sqlite_where=text("denial IS NOT NULL"),
        postgresql_where=text("denial IS NOT NULL"),
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
    # The license by which the call was made, as usage reports write it: MCOPSTN1, MCOPSTNPP (domain.md 7.3).
    Column("capability", Text, nullable=False, server_default=text("''")),
    # Of a row that corrects those before it: under which reference, and why. Only such a row takes something back.
    Column("correction_reference", Text, nullable=False, server_default=text("''")),
    Column("correction_reason", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("organization_id", "call_key", "line"),
    CheckConstraint(
        "cost_micros >= uncovered_micros AND uncovered_micros >= 0"
        " OR correction_reference <> '' AND cost_micros <= uncovered_micros AND uncovered_micros <= 0",
        name="uncovered_within_cost",
    ),
    Index("ix_usage_rows_started_at", "organization_id", "started_at"),
)


# What is counted in a period: pool minutes, money under a cap, overage, calls in an hour. The name holds the period; a
# limit is no column, because it follows from licenses and settings.
meters = Table(
    "meters",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("meter", Text, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    # What of `used` was there when the meter began, in mid-month: no call that names the meter explains it.
    Column("used_before", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("organization_id", "meter"),
    CheckConstraint("used >= 0 AND held >= 0 AND used_before >= 0", name="parts_not_negative"),
    # What is to be billed, found without a look at the rest.
    Index(
        "ix_meters_overage",
        "organization_id",
        sqlite_where=text("meter LIKE 'overage/%'"),
        postgresql_where=text("meter LIKE 'overage/%'"),
    ),
)


# Reports of switches that could not be charged: kept with the reason until an operator has looked at them, and after.
parked_reports = Table(
    "parked_reports",
    metadata,
    Column("call_key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    # When somebody settled it, who, and what he did.
    Column("resolved_at", BigInteger),
    Column("resolved_by", Text, nullable=False, server_default=text("''")),
    Column("resolution", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("call_key", "reason"),
    Index(
        "ix_parked_reports_waiting",
        "received_at",
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
)
