"""Tables of files of usage that are made while nobody waits, and of reports that are sent by a schedule."""

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
    text,
)

from talktime.store.schema.metadata import metadata

# Numbered under a lock, from 1, for each organization.
exports = Table(
    "exports",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("export_id", BigInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("layout", Text, nullable=False),
    # NULL is exact.
    Column("money_decimals", Integer),
    # The filter, as JSON.
    Column("filter", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    # Empty, or the schedule and the period for which there is one export only.
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts_count", Integer, nullable=False),
    Column("lease_until", BigInteger),
    Column("rows_total", BigInteger, nullable=False),
    Column("rows_done", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("expires_at", BigInteger),
    # Of the finished file; empty and NULL before.
    Column("bytes_count", BigInteger),
    Column("sha256", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("complete_until", BigInteger),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "export_id"),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'expired')", name="state_known"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="running_is_leased"),
    CheckConstraint("(state = 'failed') = (reason <> '')", name="failed_has_a_reason"),
    CheckConstraint("(state IN ('done', 'expired')) = (bytes_count IS NOT NULL)", name="done_has_a_file"),
    Index(
        "ix_exports_cause",
        "organization_id",
        "cause",
        unique=True,
        sqlite_where=text("cause <> ''"),
        postgresql_where=text("cause <> ''"),
    ),
    # What a worker looks for, every other second.
    Index(
        "ix_exports_state",
        "state",
        "requested_at",
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    Index("ix_exports_expires_at", "expires_at"),
)

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("schedule_id", BigInteger, nullable=False),
    # What each run reports: the day, the week or the month before.
    Column("cadence", Text, nullable=False),
    # The weekday from Monday (1), or the day of the month; 1 where it runs daily. And the hour, on the clock there.
    Column("run_day", Integer, nullable=False),
    Column("run_hour", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("money_decimals", Integer),
    # The filter as JSON; its period is not looked at.
    Column("filter", Text, nullable=False),
    # Mail addresses, one a line.
    Column("recipients", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # NULL where it was ended.
    Column("next_run_at", BigInteger),
    PrimaryKeyConstraint("organization_id", "schedule_id"),
    CheckConstraint("cadence IN ('daily', 'weekly', 'monthly')", name="cadence_known"),
    CheckConstraint("run_hour >= 0 AND run_hour <= 23", name="hour_of_a_day"),
    CheckConstraint(
        "run_day >= 1 AND run_day <= CASE cadence WHEN 'weekly' THEN 7 WHEN 'monthly' THEN 28 ELSE 1 END",
        name="day_of_its_period",
    ),
    CheckConstraint("recipients <> ''", name="somebody_reads_it"),
    Index("ix_report_schedules_next_run_at", "next_run_at"),
)
