"""What tests of the Diameter door may ask for."""

import pytest


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """Return a database that has our schema, and nothing in it."""
    return migrated_database_url
