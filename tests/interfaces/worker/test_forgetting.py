"""The worker takes names and numbers out of calls that are too old, and tells of how many; once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from talktime.bootstrap import App, open_channels
from talktime.interfaces.worker.chores import PurchasesInPlace, Work, forget_call_details
from talktime.settings import Settings
from talktime.store.transaction import Transaction
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
def test_an_organization_whose_details_cannot_be_changed_keeps_no_other_from_being_forgotten(app: App) -> None:
    app.run(_refuse_changes_of_the_first, None)
    work = Work(app, {}, open_channels(app.settings), lambda: BEGINS_AT + timedelta(days=800), lambda: False)

    with pytest.raises(ExceptionGroup, match="old call details stand still at Acme; forgotten at 1 others"):
        forget_call_details(work, PurchasesInPlace(work))


@pytest.mark.parametrize("database_engine", ["sqlite"])
def test_a_worker_that_is_stopping_begins_nothing(app: App) -> None:
    work = Work(app, {}, open_channels(app.settings), lambda: datetime(2030, 1, 1, tzinfo=UTC), lambda: True)

    assert forget_call_details(work, PurchasesInPlace(work)) == []


def _refuse_changes_of_the_first(tx: Transaction, _: None) -> None:
    refuses = "WHEN OLD.organization_id = 1 BEGIN SELECT RAISE(ABORT, 'broken'); END"
    tx.insight._connection.execute(text(f"CREATE TRIGGER broken BEFORE UPDATE ON calls {refuses}"))
