"""Connections to the two databases, opened so that nothing acknowledged is lost, and the schema in them."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from talktime.core.values.errors import Invalid, Unavailable
from talktime.store.schema import SCHEMA_REVISION

BUSY_TIMEOUT_SECONDS = 10
BUSY_PAUSE_SECONDS = 0.01
# SQLite's own 2 MB hold the inner pages of no index once there are a million calls, and each page is then read anew.
CACHE_KIBIBYTES = 65_536
# 16 MB of log before its pages go into the file: a page that many calls change is then written there less often.
LOG_PAGES = 4_096
LOCK_TIMEOUT_MILLISECONDS = 5_000
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
# A standby, or a role that lost its rights: no fault of any request, and mended by an operator while phones ring.
_REFUSED_WRITES = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)


def is_sqlite(database_url: str) -> bool:
    """Tell which of the two databases the URL names; raise Invalid where it is neither."""
    if database_url.startswith("sqlite:"):
        return True
    if database_url.startswith(("postgresql:", "postgres:")):
        return False
    message = f"{database_url!r} is no database: use sqlite:///path or postgresql://user@host/name"
    raise Invalid(message, code="database_url")


def open_engine(database_url: str, *, reads_only: bool = False) -> Engine:
    """Return a SQLAlchemy engine for everything but the hot path; readers never wait for the writer."""
    if is_sqlite(database_url):
        Path(sqlite_path(database_url)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(database_url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_deferred if reads_only else _begin_immediate)
        return engine
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    limits = f"-c lock_timeout={LOCK_TIMEOUT_MILLISECONDS} -c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS}"
    # Compiling a statement takes longer than a page of a report may.
    options = f"{limits} -c jit=off"
    return create_engine(url, connect_args={"options": options}, pool_pre_ping=True)


def open_sqlite(database_url: str) -> sqlite3.Connection:
    """Return a driver connection for charging: WAL, synced at every commit, transactions begun by hand."""
    connection = sqlite3.connect(
        sqlite_path(database_url), timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    _prepare_sqlite(connection, None)
    return connection


def open_postgresql(database_url: str) -> psycopg.Connection[Any]:
    """Return a driver connection for charging; plans prepared on an empty table must not scan it (performance.md)."""
    options = f"-c enable_seqscan=off -c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS}"
    connection = psycopg.connect(database_url, options=options, connect_timeout=BUSY_TIMEOUT_SECONDS)
    # The driver deallocates all statements at a rollback where it has prepared one by itself, and charging's with them.
    connection.prepare_threshold = None
    return connection


def sqlite_path(database_url: str) -> str:
    """Return the file of a SQLite URL."""
    return make_url(database_url).database or ""


@contextmanager
def unavailable_if_locked() -> Iterator[None]:
    """Turn a database that does not answer, or a lock that is not given, into `Unavailable`."""
    try:
        yield
    except psycopg.errors.ProgramLimitExceeded:
        # The driver files it with outages, but it is one row's fault: its batch must be halved, not tried again.
        raise
    except (OperationalError, psycopg.OperationalError, sqlite3.OperationalError, *_REFUSED_WRITES) as failure:
        message = f"the database did not answer: {failure}"
        raise Unavailable(message) from failure


def create_schema(database_url: str) -> None:
    """Bring the database to the newest schema by its migrations; harmless where it is there already."""
    engine = open_engine(database_url)
    try:
        with unavailable_if_locked(), engine.begin() as connection:
            one_at_a_time(connection, "migrate")
            if revision_of(connection) != SCHEMA_REVISION:
                migrate(connection)
    finally:
        engine.dispose()


def migrate(connection: Connection) -> None:
    """Run the migrations to the newest on an open connection."""
    # Imported here, because it takes a second, and a database that is up to date does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def one_at_a_time(connection: Connection, doing: str) -> None:
    """Let no two transactions do the same at once, until this one ends; SQLite has one writer anyway.

    For the rare work that looks before it inserts: ids that count up, names that must be free.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:doing))"), {"doing": doing})


def revision_of(connection: Connection) -> str | None:
    """Return the newest migration that ran on a database; None for one without our schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        *("synchronous=FULL", "foreign_keys=ON"),
        *(f"cache_size=-{CACHE_KIBIBYTES}", f"wal_autocheckpoint={LOG_PAGES}"),
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # Where several open a new file at once, all but one are refused, and the busy timeout does not hold for this.
    gives_up_at = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= gives_up_at:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    # Anything less lost 558 of 800 updates in a trial: a read that is later written from must hold the lock.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
