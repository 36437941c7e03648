"""What can befall a database while phones ring: it goes away, or somebody holds what is needed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


@contextmanager
def database_gone(url: str) -> Iterator[None]:
    """Take the database away from everybody: PostgreSQL refuses connections, a SQLite file is locked by another."""
    if url.startswith("sqlite:"):
        with sqlite_locked(url):
            yield
        return
    parts = urlsplit(url)
    name = parts.path.removeprefix("/")
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as operator:
        allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
        operator.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            operator.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def organization_held(url: str, organization_id: int) -> Iterator[None]:
    """Hold an organization as an operator's transaction would; a SQLite file can only be held as a whole."""
    if url.startswith("sqlite:"):
        with sqlite_locked(url):
            yield
        return
    with psycopg.connect(url) as operator:
        statement = "SELECT 1 FROM organizations WHERE organization_id = %s FOR UPDATE"
        assert operator.execute(statement, (organization_id,)).fetchone() is not None
        yield
        operator.rollback()


@contextmanager
def sqlite_locked(url: str) -> Iterator[None]:
    """Hold the write lock of a SQLite file."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
