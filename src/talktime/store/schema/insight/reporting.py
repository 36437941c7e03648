"""Tables of what organizations want to know of their use: departments' budgets, and how long call details are kept."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text

from talktime.store.schema.metadata import metadata

# What a department's calls may cost in a month before people are warned; a cap (`arrangements`) refuses calls.
department_budgets = Table(
    "department_budgets",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("department", Text, nullable=False),
    Column("monthly_micros", BigInteger, nullable=False),
    Column("set_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_id", "department"),
    CheckConstraint("monthly_micros > 0", name="monthly_positive"),
)


# An organization without a row keeps details for the days of its users' countries (domain.md 7.6).
call_retentions = Table(
    "call_retentions",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("days", Integer, nullable=False),
    CheckConstraint("days > 0", name="days_positive"),
)
