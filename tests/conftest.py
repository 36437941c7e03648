"""What every test may ask for: a database on either engine, and the data beside the repository.

    def test_…(database_url): ...            twice: on an empty SQLite file, in an empty PostgreSQL database
    def test_…(migrated_database_url): ...   the same with our schema in it
    def test_…(shared_data): ...             skipped where ../shared is absent

Each test has a database of its own, copied from a template that is migrated once, so it costs milliseconds.
"""

import contextlib
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import psycopg
import pytest
from psycopg import sql

from tests import postgresql_cluster

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# deadline=None: on two busy cores a time limit per example reports the neighbor, not the code.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("nightly", max_examples=5_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_report_header() -> str:
    url = os.environ.get(postgresql_cluster.URL_VARIABLE)
    if url is None:
        return "postgresql: started by the first test that needs it"
    return f"postgresql: {'none' if url == 'none' else 'up'}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """Where the repository lies."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real decks, calls and cases that lie beside the repository on some machines."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared is absent on this machine")
    return SHARED_DATA


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_engine(request: pytest.FixtureRequest) -> str:
    """Which of the two engines the test meets."""
    engine: str = request.param
    return engine


@pytest.fixture
def database_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give an empty database."""
    if database_engine == "sqlite":
        yield sqlite_url(tmp_path / "talktime.db")
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    with server.fresh_database() as url:
        yield url


@pytest.fixture
def migrated_database_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database that holds our schema and nothing else."""
    if database_engine == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        yield sqlite_url(Path(shutil.copyfile(template, tmp_path / "talktime.db")))
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("postgresql_template")) as url:
        yield url


class PostgresqlServer:
    """A server on which every test gets a database of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)

    @contextlib.contextmanager
    def fresh_database(self, *, template: str = "template0") -> Iterator[str]:
        name = f"talktime_{uuid.uuid4().hex}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url_of(name)
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def close(self) -> None:
        self._connection.close()

    def _execute(self, statement: str, *names: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Give the server that `make test` started, or start one; skip with the reason where there is none."""
    with postgresql_cluster.announced() as environment:
        if environment[postgresql_cluster.URL_VARIABLE] == "none":
            pytest.skip(f"no PostgreSQL: {environment[postgresql_cluster.ABSENT_VARIABLE]}")
        server = PostgresqlServer(environment[postgresql_cluster.URL_VARIABLE])
        try:
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Migrate one PostgreSQL database, of which each test gets a copy; the value is its name."""
    with postgresql_server.fresh_database() as url:
        _create_schema(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, of which each test gets a copy."""
    folder = tmp_path_factory.mktemp("template")
    migrated, template = folder / "migrated.db", folder / "template.db"
    _create_schema(sqlite_url(migrated))
    # A copy by SQLite itself takes along what still stands in the write-ahead log.
    with (
        contextlib.closing(sqlite3.connect(migrated)) as source,
        contextlib.closing(sqlite3.connect(template)) as target,
    ):
        source.backup(target)
    return template


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def _create_schema(url: str) -> None:
    # By name and when asked: tests of the core run before there is a store.
    create_schema: Callable[[str], None] = import_module("talktime.store.engine").create_schema
    create_schema(url)
