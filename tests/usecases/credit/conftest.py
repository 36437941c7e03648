from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from tests.usecases.credit.buyers import Buyers

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    """Give Talktime with one organization, in New York."""
    with App(Settings(database=migrated_database_url)) as opened:
        opened.run(add_organization, AddOrganization("Acme", "US", "USD", "America/New_York", "standard", NOON))
        yield opened


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[Buyers]:
    """Give Acme with a lot of 100; its books are audited afterwards."""
    with App(Settings(database=migrated_database_url)) as app:
        world = Buyers(app, tmp_path)
        yield world
        assert world.is_clean()
        world.close()
