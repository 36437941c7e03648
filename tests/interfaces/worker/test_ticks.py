from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App
from talktime.interfaces.worker.slots import TakeSlot, take_slot
from talktime.interfaces.worker.ticks import RETRY_AFTER, Claim, Finish, Ticks, claim_tick, finish_tick
from talktime.settings import Settings
from talktime.store.work import ChoreState, Slot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SWEEP = "sweep"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


def slot_at(app: App, at: datetime = NOON) -> Slot:
    return app.run(take_slot, TakeSlot("test", at, LEASE))


def claimed(app: App, slot: Slot, at: datetime = NOON, tick_at: datetime = NOON) -> bool:
    return app.run(claim_tick, Claim(SWEEP, tick_at, slot, at))


def finish(app: App, slot: Slot, at: datetime = NOON, error: str = "") -> None:
    app.run(finish_tick, Finish(Claim(SWEEP, NOON, slot, at), at, error))


def state(app: App) -> ChoreState:
    return app.read(lambda tx, _: tx.work.chores()[SWEEP], None)


@pytest.mark.parametrize(
    ("ticks", "at", "last"),
    [
        (Ticks(HOUR), "2026-03-02T12:00:00", "2026-03-02T12:00:00"),
        (Ticks(HOUR), "2026-03-02T12:59:59", "2026-03-02T12:00:00"),
        (Ticks(HOUR, timedelta(minutes=5)), "2026-03-02T12:04:59", "2026-03-02T11:05:00"),
        (Ticks(24 * HOUR, 6 * HOUR), "2026-03-02T05:59:59", "2026-03-01T06:00:00"),
        (Ticks(24 * HOUR, 6 * HOUR), "2026-03-02T06:00:00", "2026-03-02T06:00:00"),
    ],
)
def test_the_last_tick_is_the_newest_that_is_not_to_come(ticks: Ticks, at: str, last: str) -> None:
    read = datetime.fromisoformat(at).replace(tzinfo=UTC)

    assert ticks.last_at(read) == datetime.fromisoformat(last).replace(tzinfo=UTC)


def test_of_two_schedulers_one_gets_the_tick(app: App) -> None:
    first, second = slot_at(app), slot_at(app)

    answers = [claimed(app, first), claimed(app, second)]
    finish(app, first)

    assert answers == [True, False]
    assert claimed(app, second) is False
    assert claimed(app, second, tick_at=NOON + HOUR) is True


def test_a_tick_whose_worker_died_is_done_by_another(app: App) -> None:
    dead, alive = slot_at(app), slot_at(app)
    claimed(app, dead)
    later = NOON + LEASE

    assert claimed(app, alive, later - timedelta(seconds=1)) is False
    assert claimed(app, alive, later) is True


def test_who_was_thought_dead_has_no_say_any_more(app: App) -> None:
    dead, alive = slot_at(app), slot_at(app)
    claimed(app, dead)
    claimed(app, alive, NOON + LEASE)

    finish(app, dead, NOON + LEASE)
    unfinished = state(app)
    finish(app, alive, NOON + LEASE)

    assert unfinished.last_tick_at is None
    assert state(app).last_tick_at == NOON


def test_a_worker_that_could_not_tell_that_it_was_done_does_it_again(app: App) -> None:
    slot = slot_at(app)

    assert [claimed(app, slot), claimed(app, slot)] == [True, True]


def test_a_chore_that_failed_waits_ever_longer_and_keeps_the_reason(app: App) -> None:
    slot = slot_at(app)
    at, waited = NOON, []
    for _ in range(len(RETRY_AFTER) + 1):
        assert claimed(app, slot, at)
        finish(app, slot, at, "no answer")
        again_at = state(app).not_before_at
        assert again_at is not None
        assert claimed(app, slot, again_at - timedelta(seconds=1)) is False
        waited.append(again_at - at)
        at = again_at
    failed = state(app)
    claimed(app, slot, at)
    finish(app, slot, at)

    assert waited == [*RETRY_AFTER, RETRY_AFTER[-1]]
    assert (failed.failures_count, failed.last_error) == (5, "no answer")
    assert (state(app).failures_count, state(app).last_error, state(app).last_done_at) == (0, "", at)
