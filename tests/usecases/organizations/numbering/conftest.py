"""Acme with licenses for 65 user numbers, 20 toll and 20 toll-free ones, and an inventory to order from."""

from collections.abc import Iterator

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.usecases.organizations.numbering.worlds import NumberWorld


@pytest.fixture
def world(migrated_database_url: str) -> Iterator[NumberWorld]:
    """Give the world on either database."""
    with App(Settings(database=migrated_database_url)) as app:
        yield NumberWorld(app)
