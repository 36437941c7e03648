"""Check whether the database is one that this version can charge on, now: its schema and its clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from talktime.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class DatabaseChecked:
    """The database's schema by its newest migration, and its clock minus ours; a file has no clock of its own."""

    schema_revision: str | None
    clock_difference: timedelta | None


def check_database(tx: Transaction, at: datetime) -> DatabaseChecked:
    """Return what the database is; raise Unavailable where it does not answer."""
    clock = tx.work.clock()
    return DatabaseChecked(tx.work.schema_revision(), None if clock is None else clock - at)
