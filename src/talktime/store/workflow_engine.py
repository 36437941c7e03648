"""DBOS's own connections: never ours, because a pool that both share deadlocks (docs/decisions)."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

from talktime.store.engine import is_sqlite, open_engine, sqlite_path

# Who waits longer than this for a file that one process after the other writes has a problem, not a neighbor.
BUSY_MILLISECONDS = 30_000
# Before it, `unixepoch('subsec')` is NULL, and DBOS on Python 3.12 needs it.
SQLITE_WITH_SUBSECONDS = (3, 42)


def open_workflow_engine(database_url: str) -> Engine:
    """Return an engine for DBOS: the same PostgreSQL database, its own schema; for SQLite a file beside ours."""
    if not is_sqlite(database_url):
        return open_engine(database_url)
    path = Path(f"{Path(sqlite_path(database_url)).resolve()}.workflows")
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # As DBOS prepares its own: it begins transactions by hand, and relies on the driver's rules.
    connection.isolation_level = "IMMEDIATE"
    # What a power cut takes from this file, our own rows bring back: it need not be synced at every commit.
    for pragma in (f"busy_timeout={BUSY_MILLISECONDS}", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    if sqlite3.sqlite_version_info < SQLITE_WITH_SUBSECONDS:
        connection.create_function("unixepoch", 1, lambda _: time.time())
