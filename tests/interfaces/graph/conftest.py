"""A filled database for questions that change nothing, and a program that may ask them."""

from pathlib import Path

import pytest

from talktime.store.engine import create_schema
from tests.interfaces.graph.world import Program, admit, fill


@pytest.fixture(scope="module")
def sqlite_world(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a database with calls of every kind."""
    url = f"sqlite:///{_folder(tmp_path_factory) / 'talktime.db'}"
    create_schema(url)
    fill(url)
    return url


@pytest.fixture(scope="module")
def sqlite_token(sqlite_world: str) -> Program:
    """Give a program that may read all of Acme's."""
    return admit(sqlite_world, "Acme")


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("graph")
