"""Talktime on an empty database, and the servers to which it speaks."""

from collections.abc import Iterator

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.gateways.mail.post_office import PostOffice, open_post_office
from tests.gateways.webhooks.receiver import Receiver, open_receiver
from tests.usecases.organizations.telling import Telling, smtp_mailer


@pytest.fixture
def empty_app(migrated_database_url: str) -> Iterator[App]:
    """Give Talktime without organizations."""
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Give a real SMTP server."""
    with open_post_office() as office:
        yield office


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a real HTTP server."""
    with open_receiver() as receiver:
        yield receiver


@pytest.fixture
def world(empty_app: App, office: PostOffice) -> Telling:
    """Give Acme, whose mails go to the post office."""
    return Telling(empty_app, smtp_mailer(office))
