from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App
from talktime.core.values.errors import Conflict
from talktime.interfaces.worker.slots import SLOTS_MAX, RenewSlot, TakeSlot, give_back_slot, renew_slot, take_slot
from talktime.settings import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


def test_each_worker_that_is_alive_has_a_slot_of_its_own(app: App) -> None:
    taken = [app.run(take_slot, TakeSlot(holder, NOON, LEASE)) for holder in ("a", "b", "c")]

    assert [(slot.slot, slot.fence) for slot in taken] == [(1, 1), (2, 1), (3, 1)]


def test_the_slot_of_a_worker_that_fell_silent_is_taken_by_another_with_a_greater_fence(app: App) -> None:
    silent = app.run(take_slot, TakeSlot("a", NOON, LEASE))
    app.run(take_slot, TakeSlot("b", NOON, 2 * LEASE))

    heir = app.run(take_slot, TakeSlot("c", NOON + LEASE, LEASE))

    assert (heir.slot, heir.fence, heir.holder) == (silent.slot, silent.fence + 1, "c")
    assert app.run(renew_slot, RenewSlot(silent, NOON + LEASE, LEASE)) is None


def test_a_worker_that_was_late_keeps_its_slot_where_nobody_took_it(app: App) -> None:
    slot = app.run(take_slot, TakeSlot("a", NOON, LEASE))

    renewed = app.run(renew_slot, RenewSlot(slot, NOON + 5 * LEASE, LEASE))

    assert renewed is not None
    assert renewed.lease_until == NOON + 6 * LEASE


def test_a_slot_that_was_given_back_is_free_at_once(app: App) -> None:
    slot = app.run(take_slot, TakeSlot("a", NOON, LEASE))

    app.run(give_back_slot, slot)

    assert app.run(take_slot, TakeSlot("b", NOON, LEASE)).slot == slot.slot


def test_who_lost_a_slot_cannot_give_it_back(app: App) -> None:
    silent = app.run(take_slot, TakeSlot("a", NOON, LEASE))
    app.run(take_slot, TakeSlot("b", NOON + LEASE, LEASE))

    app.run(give_back_slot, silent)

    assert app.run(take_slot, TakeSlot("c", NOON + LEASE, LEASE)).slot == 2


def test_there_is_an_end_to_workers(app: App) -> None:
    for number in range(SLOTS_MAX):
        app.run(take_slot, TakeSlot(str(number), NOON, LEASE))

    with pytest.raises(Conflict) as refused:
        app.run(take_slot, TakeSlot("one too many", NOON, LEASE))

    assert refused.value.code == "no_free_slot"
