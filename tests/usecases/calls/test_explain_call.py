from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.calls.calls import CallKey, DenialReason
from talktime.core.calls.requests import Denied, Granted, StartCall
from talktime.core.values.errors import Invalid, NotFound
from talktime.settings import Settings
from tests.interfaces.charging.books import BLOCKED, CALLED, Facts, caller_of, open_books

# The books are opened a day ago.
LATER = datetime.now(UTC) + timedelta(minutes=1)
CALL = StartCall(CallKey("sbc1", "c1"), LATER, caller_of(1), CALLED)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    """Give two organizations, the second of which is poor."""
    open_books(migrated_database_url, poor_count=1)
    with App(Settings(database=migrated_database_url)) as app:
        yield app


def test_an_explanation_is_what_charging_answers_and_leaves_nothing_behind(app: App) -> None:
    with closing(app.open_charging()) as charging:
        explained = [app.explain(replace(CALL, called=called)) for called in (CALLED, BLOCKED)]
        before = Facts(app.settings.database_url).rows("SELECT count(*) FROM calls")
        answers = charging.charge([CALL, replace(CALL, key=CallKey("sbc1", "c2"), called=BLOCKED)])

    assert [each.answer for each in explained] == answers
    assert before == [(0,)]


def test_a_call_that_is_known_by_its_id_is_explained_as_a_new_one(app: App) -> None:
    with closing(app.open_charging()) as charging:
        charging.charge([replace(CALL, called=BLOCKED)])

        explained = app.explain(CALL)

    assert isinstance(explained.answer, Granted)


def test_an_organization_whose_row_is_held_is_explained_all_the_same(app: App) -> None:
    with closing(open_statements(app.settings.database_url)) as busy, busy.transaction():
        busy.lock([1], [], 0)

        explained = app.explain(CALL)

    assert isinstance(explained.answer, Granted)


def test_what_running_calls_hold_is_not_there_for_the_one_that_is_explained(app: App) -> None:
    poor = replace(CALL, caller=caller_of(2), called=CALLED)
    before = app.explain(poor).lasts_seconds
    with closing(app.open_charging()) as charging:
        charging.charge([poor])

    assert before - app.explain(poor).lasts_seconds == 60


def test_whoever_is_unknown_and_what_is_no_number_are_told_as_mistakes(app: App) -> None:
    with pytest.raises(NotFound, match=r"nobody is known as 'bob@example\.com'"):
        app.explain(replace(CALL, caller="bob@example.com"))
    with pytest.raises(Invalid, match="'hello' is no telephone number"):
        app.explain(replace(CALL, called="hello"))


def test_a_number_that_cannot_be_dialed_is_explained(app: App) -> None:
    assert app.explain(replace(CALL, called="1234")).answer == Denied(DenialReason.NUMBER_NOT_E164)
