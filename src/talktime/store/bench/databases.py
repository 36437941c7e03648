"""Databases that a benchmark makes, copies and drops; one that holds anything else is not touched."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from talktime.core.values.errors import Conflict
from talktime.store.engine import is_sqlite, open_postgresql, open_sqlite, sqlite_path, unavailable_if_locked

FoundT = TypeVar("FoundT")
# A filled database of ours says so, and how it was filled.
_SIGNATURE = "talktime bench: "
_POSTGRESQL_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")
_ANYTHING = (
    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'S', 'p')"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%' LIMIT 1"
)
_SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def beside(database_url: str, what: str) -> str:
    """Return where a further database of a benchmark stands."""
    url = make_url(database_url)
    return url.set(database=f"{url.database}_{what}").render_as_string(hide_password=False)


def refuse_used(database_url: str) -> None:
    """Raise Conflict where the database holds anything: a benchmark would drop it."""
    if _holds_anything(database_url):
        message = f"{_shown(database_url)} holds data, and a benchmark drops its database: name one that does not exist"
        raise Conflict(message, code="database_not_empty")


def create(database_url: str, *, template_url: str = "") -> None:
    """Create a database, empty or as a copy; one that was there is dropped, so ask `refuse_used` first."""
    drop(database_url)
    if is_sqlite(database_url):
        if template_url:
            shutil.copyfile(sqlite_path(template_url), sqlite_path(database_url))
        return
    statement = sql.SQL("CREATE DATABASE {}").format(_name(database_url))
    if template_url:
        statement += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(_name(template_url))
    with _maintenance(database_url) as connection:
        connection.execute(statement)


def drop(database_url: str) -> None:
    """Drop a database, where it is there."""
    if is_sqlite(database_url):
        for ending in ("", "-wal", "-shm", ".serve"):
            Path(sqlite_path(database_url) + ending).unlink(missing_ok=True)
        return
    with _maintenance(database_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(database_url)))


def sign(database_url: str, how: str) -> None:
    """Write on a filled database how it was filled, so that it can be used again."""
    if is_sqlite(database_url):
        Path(sqlite_path(database_url) + ".signature").write_text(_SIGNATURE + how, "utf-8")
        return
    with _maintenance(database_url) as connection:
        statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(_name(database_url), sql.Literal(_SIGNATURE + how))
        connection.execute(statement)


def signature(database_url: str) -> str | None:
    """Return how a filled database was filled; None where there is none of ours."""
    if is_sqlite(database_url):
        path = Path(sqlite_path(database_url) + ".signature")
        return path.read_text("utf-8").removeprefix(_SIGNATURE) if path.exists() else None
    with _maintenance(database_url) as connection:
        asked = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        row = connection.execute(asked, (make_url(database_url).database,)).fetchone()
    written = row[0] if row and row[0] else ""
    return written.removeprefix(_SIGNATURE) if written.startswith(_SIGNATURE) else None


def durability(database_url: str) -> Mapping[str, str]:
    """Read back, on a connection as charging opens it, what makes a commit durable."""
    if is_sqlite(database_url):
        with _closing_sqlite(database_url) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return {"sqlite": sqlite3.sqlite_version, "journal_mode": mode, "synchronous": _SYNCHRONOUS[synchronous]}
    with unavailable_if_locked(), open_postgresql(database_url) as connection:
        return {name: _setting(connection, name) for name in _POSTGRESQL_SETTINGS}


def look_at_backend(database_url: str, look: Callable[[int], FoundT]) -> FoundT:
    """Return what is found at the id of a process of PostgreSQL's, while it serves us, on the machine where it runs."""
    with unavailable_if_locked(), open_postgresql(database_url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        return look(int(row[0]))


def size_bytes(database_url: str) -> int:
    """Return how large a database is on disk."""
    if is_sqlite(database_url):
        return Path(sqlite_path(database_url)).stat().st_size
    with _maintenance(database_url) as connection:
        row = connection.execute("SELECT pg_database_size(%s)", (make_url(database_url).database,)).fetchone()
    assert row is not None
    return int(row[0])


def _holds_anything(database_url: str) -> bool:
    if is_sqlite(database_url):
        path = Path(sqlite_path(database_url))
        return path.exists() and path.stat().st_size > 0
    with _maintenance(database_url) as connection:
        asked = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(asked, (make_url(database_url).database,)).fetchone() is None:
            return False
    with unavailable_if_locked(), psycopg.connect(database_url) as connection:
        return connection.execute(_ANYTHING).fetchone() is not None


@contextmanager
def _maintenance(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    url = make_url(database_url).set(database="postgres")
    with (
        unavailable_if_locked(),
        psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection,
    ):
        yield connection


@contextmanager
def _closing_sqlite(database_url: str) -> Iterator[sqlite3.Connection]:
    connection = open_sqlite(database_url)
    try:
        yield connection
    finally:
        connection.close()


def _setting(connection: psycopg.Connection[Any], name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def _name(database_url: str) -> sql.Identifier:
    return sql.Identifier(make_url(database_url).database or "")


def _shown(database_url: str) -> str:
    return make_url(database_url).render_as_string(hide_password=True)
