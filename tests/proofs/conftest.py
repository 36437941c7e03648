"""What proofs may ask for: one database after the other."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.conftest import PostgresqlServer, sqlite_url

FreshDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def fresh_database(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> FreshDatabase:
    """Return what gives one database after the other, each gone before the next one comes."""
    if database_engine == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        template = request.getfixturevalue("postgresql_template")
        return lambda: server.fresh_database(template=template)
    sqlite_template: Path = request.getfixturevalue("sqlite_template")

    @contextmanager
    def copied() -> Iterator[str]:
        folder = tmp_path / "history"
        folder.mkdir()
        yield sqlite_url(Path(shutil.copyfile(sqlite_template, folder / "talktime.db")))
        shutil.rmtree(folder)

    return copied
