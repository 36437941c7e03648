"""What tests of the charging door may ask for."""

import pytest

from tests.interfaces.charging.books import open_books


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """Return a database with organizations, credit and a deck in it."""
    open_books(migrated_database_url)
    return migrated_database_url
