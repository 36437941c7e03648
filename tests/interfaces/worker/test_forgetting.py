"""The worker takes names and numbers out of calls that are too old, and tells of how many; once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App, open_channels
from talktime.interfaces.worker.chores import PurchasesInPlace, Work, forget_call_details
from talktime.settings import Settings
from tests.real_books import BEGINS_AT, Books


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        Books.charged(opened)
        yield opened


@pytest.mark.parametrize("database_engine", ["sqlite"])
def test_old_details_of_every_organization_are_forgotten_once(app: App) -> None:
    years_later = BEGINS_AT + timedelta(days=800)
    work = Work(app, {}, open_channels(app.settings), lambda: years_later, lambda: False)

    first, second = (forget_call_details(work, PurchasesInPlace(work)) for _ in range(2))

    assert [done.facts["organization"] for done in first] == ["Acme", "Fabrikam"]
    assert {done.what for done in first} == {"call_details_forgotten"}
    assert second == []


@pytest.mark.parametrize("database_engine", ["sqlite"])
def test_a_worker_that_is_stopping_begins_nothing(app: App) -> None:
    work = Work(app, {}, open_channels(app.settings), lambda: datetime(2030, 1, 1, tzinfo=UTC), lambda: True)

    assert forget_call_details(work, PurchasesInPlace(work)) == []
