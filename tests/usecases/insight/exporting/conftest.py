"""Books that are charged once for each engine; every test gets a copy, and a data folder of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.real_books import Books


@pytest.fixture(scope="session")
def charged_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copyfile(sqlite_template, tmp_path_factory.mktemp("charged") / "talktime.db"))
    _charge(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def charged_postgresql(postgresql_server: Any, postgresql_template: str) -> Iterator[str]:
    with postgresql_server.fresh_database(template=postgresql_template) as url:
        _charge(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def app(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[App]:
    if database_engine == "sqlite":
        path = shutil.copyfile(request.getfixturevalue("charged_sqlite"), tmp_path / "talktime.db")
        yield from _opened(f"sqlite:///{path}", tmp_path)
        return
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("charged_postgresql")) as url:
        yield from _opened(url, tmp_path)


def _opened(url: str, folder: Path) -> Iterator[App]:
    app = App(Settings(database=url, data_folder=folder / "data"))
    yield app
    app.close()


def _charge(url: str) -> None:
    with App(Settings(database=url)) as app:
        Books.charged(app)
