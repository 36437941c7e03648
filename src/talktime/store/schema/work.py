"""Tables of work that happens later: which workers there are, and when each chore was done last."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from talktime.store.schema.metadata import metadata

# A worker holds one slot while its lease lasts; the fence grows with every taking, so that who lost it knows.
worker_slots = Table(
    "worker_slots",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    # For people: host and process.
    Column("holder", Text, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    # NULL where it was given back.
    Column("lease_until", BigInteger),
    Column("fence", BigInteger, nullable=False),
    CheckConstraint("slot > 0 AND fence > 0", name="counted_from_one"),
)

# One row for each entry of the schedule that has ticks. Who is at a tick holds it as long as its slot.
chores = Table(
    "chores",
    metadata,
    Column("name", Text, primary_key=True),
    # The last tick that was done; NULL where none ever was.
    Column("last_tick_at", BigInteger),
    Column("last_done_at", BigInteger),
    Column("held_by_slot", Integer),
    Column("held_by_fence", BigInteger),
    # After a failure: not before then, and what went wrong.
    Column("not_before_at", BigInteger),
    Column("failures_count", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    CheckConstraint("(held_by_slot IS NULL) = (held_by_fence IS NULL)", name="held_by_one"),
    CheckConstraint("(failures_count = 0) = (last_error = '')", name="failures_have_a_reason"),
)
