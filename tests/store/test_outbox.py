"""An event comes out of the outbox as it went in, whoever wrote it: charging's own SQL, or a use case."""

from datetime import UTC, datetime

import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.values.events import Event, EventKind
from talktime.settings import Settings
from talktime.store.charging import rows
from talktime.store.charging.transaction import Writes
from talktime.store.transaction import Transaction

AT = datetime(2026, 3, 2, 17, 0, 0, 123456, tzinfo=UTC)
AWKWARD = ("", 'he said "no"', "back\\slash", "{a,b}", "NULL", "line\nbreak", "карта • 卡", "\0")


def awkward() -> list[Event]:
    return [
        Event(1, f"e:{number}", EventKind.RECHARGE_FAILED, AT, -5, (("reason", text), (text, "name")))
        for number, text in enumerate(AWKWARD)
    ]


def waiting(app: App) -> list[Event]:
    return app.read(lambda tx, _: tx.notifications.events_waiting(100), None)


def tell(tx: Transaction, events: list[Event]) -> None:
    tx.notifications.tell(events)


@pytest.mark.parametrize("by_charging", [True, False])
def test_details_are_kept_letter_by_letter(migrated_database_url: str, *, by_charging: bool) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        if by_charging:
            statements = open_statements(migrated_database_url)
            with statements.transaction():
                statements.write(Writes(events=list(map(rows.event_row, awkward()))))
            statements.close()
        else:
            app.run(tell, awkward())

        assert waiting(app) == awkward()


def test_an_event_that_was_told_before_stays_as_it_was(migrated_database_url: str) -> None:
    first = Event(1, "lot_expiring:3:30", EventKind.LOT_EXPIRING, AT, 5)
    again = Event(1, "lot_expiring:3:30", EventKind.LOT_EXPIRING, AT, 99)
    with App(Settings(database=migrated_database_url)) as app:
        app.run(tell, [first])
        app.run(tell, [again])

        assert waiting(app) == [first]
