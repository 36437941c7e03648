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
from tests.real_books import Books


@pytest.fixture(scope="session")
def charged_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    charged, template = folder / "charged.db", folder / "template.db"
    with App(Settings(database=f"sqlite:///{charged}")) as app:
        Books.charged(app)
    with closing(sqlite3.connect(charged)) as source, closing(sqlite3.connect(template)) as target:
        source.backup(target)
    return template


@pytest.fixture(scope="session")
def charged_postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("postgresql_template")) as url:
        with App(Settings(database=url)) as app:
            Books.charged(app)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def charged_database_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database that holds the books of tests/real_books.py."""
    if database_engine == "sqlite":
        template: Path = request.getfixturevalue("charged_sqlite")
        yield f"sqlite:///{shutil.copyfile(template, tmp_path / 'talktime.db')}"
        return
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("charged_postgresql")) as url:
        yield url


@pytest.fixture
def charged_app(charged_database_url: str) -> Iterator[App]:
    with App(Settings(database=charged_database_url)) as app:
        yield app
