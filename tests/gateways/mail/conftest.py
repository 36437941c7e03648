"""A post office for each test."""

from collections.abc import Iterator

import pytest

from tests.gateways.mail.post_office import PostOffice, open_post_office


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Give a real SMTP server."""
    with open_post_office() as office:
        yield office
