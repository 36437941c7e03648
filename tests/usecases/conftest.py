"""Real books on either engine, charged once and copied for each test."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.pooled_books import PooledBooks
from tests.real_books import Books


@pytest.fixture(scope="session")
def charged_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _charged_sqlite(tmp_path_factory, Books)


@pytest.fixture(scope="session")
def pooled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _charged_sqlite(tmp_path_factory, PooledBooks)


@pytest.fixture(scope="session")
def charged_postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from _charged_postgresql(request, Books)


@pytest.fixture(scope="session")
def pooled_postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from _charged_postgresql(request, PooledBooks)


@pytest.fixture
def charged_database_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database that holds the books of tests/real_books.py."""
    yield from _copied(database_engine, tmp_path, request, "charged")


@pytest.fixture
def pooled_database_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database that holds the books of tests/pooled_books.py."""
    yield from _copied(database_engine, tmp_path, request, "pooled")


@pytest.fixture
def charged_app(charged_database_url: str) -> Iterator[App]:
    with App(Settings(database=charged_database_url)) as app:
        yield app


@pytest.fixture
def pooled_app(pooled_database_url: str) -> Iterator[App]:
    with App(Settings(database=pooled_database_url)) as app:
        yield app


def _charged_sqlite(tmp_path_factory: pytest.TempPathFactory, story: type[Books]) -> Path:
    folder = tmp_path_factory.mktemp("books")
    charged, template = folder / "charged.db", folder / "template.db"
    with App(Settings(database=f"sqlite:///{charged}")) as app:
        story.charged(app)
    with closing(sqlite3.connect(charged)) as source, closing(sqlite3.connect(template)) as target:
        source.backup(target)
    return template


def _charged_postgresql(request: pytest.FixtureRequest, story: type[Books]) -> Iterator[str]:
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("postgresql_template")) as url:
        with App(Settings(database=url)) as app:
            story.charged(app)
        yield urlsplit(url).path.removeprefix("/")


def _copied(engine: str, tmp_path: Path, request: pytest.FixtureRequest, books: str) -> Iterator[str]:
    if engine == "sqlite":
        template: Path = request.getfixturevalue(f"{books}_sqlite")
        yield f"sqlite:///{shutil.copyfile(template, tmp_path / 'talktime.db')}"
        return
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue(f"{books}_postgresql")) as url:
        yield url
