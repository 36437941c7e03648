from pathlib import Path

import pytest

from tests.interfaces.worker.shop import Shop


@pytest.fixture
def shop(migrated_database_url: str, tmp_path: Path) -> Shop:
    """Give a shop on either database, not opened yet."""
    return Shop(migrated_database_url, tmp_path)
