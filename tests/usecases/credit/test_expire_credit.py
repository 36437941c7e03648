"""The sweep, late use and the notices on both databases: money.md 30, 31, 41, 47, 48; complaints 13, 14, 23."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from talktime.bootstrap import App
from talktime.core.calls.requests import Answer, CloseCall, EndCall, Finished
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.values.events import EventKind
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.expire_credit import (
    Announced,
    DueNotices,
    ExpireCredit,
    Swept,
    announce_expiry,
    due_expiries,
    due_notices,
    expire_credit,
)
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import Buyers, units

# Bought on 2 March 2026 in New York, good through 2 March 2027 there.
ENDS_AT = datetime(2027, 3, 3, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def sweep(world: Buyers) -> Swept:
    return world.app.run(expire_credit, ExpireCredit(ORGANIZATION_ID, world.at))


def announce(world: Buyers) -> Announced:
    return world.app.run(announce_expiry, ExpireCredit(ORGANIZATION_ID, world.at))


def charge(world: Buyers, *requests: object) -> list[Answer | None]:
    return world._charging.charge(list(requests))  # type: ignore[arg-type]


def fund(world: Buyers, amount: int, reference: str) -> None:
    world.app.run(add_credit, AddCredit(NAME, units(amount), reference, world.at))


# ── 47: the sweep ───────────────────────────────────────────────────────────────────────────────────────────


def test_expired_credit_cannot_be_spent_whether_it_was_swept_or_not(world: Buyers) -> None:
    world.at = ENDS_AT - SECOND
    before = world.available_units
    world.at = ENDS_AT

    assert (before, world.available_units) == (100, 0)


def test_a_lot_is_swept_once_and_its_end_told_once(world: Buyers) -> None:
    world.at = ENDS_AT

    swept, again = sweep(world), sweep(world)

    assert [(each.lot_id, each.amount_micros) for each in swept.expired] == [(1, units(100))]
    assert (again.expired, again.told) == ((), ())
    assert world.told().count(EventKind.CREDIT_EXPIRED) == 1
    assert world.details(EventKind.CREDIT_EXPIRED)[0]["amount_micros"] == str(units(100))


def test_sweepers_that_run_at_once_book_the_expiry_once(world: Buyers) -> None:
    world.at = ENDS_AT

    with ThreadPoolExecutor(4) as pool:
        swept = list(pool.map(lambda _: sweep(world), range(8)))

    assert sum(len(each.expired) for each in swept) == 1


def test_nothing_is_due_before_a_lot_ends_and_after_it_was_swept(world: Buyers) -> None:
    early = world.app.read(due_expiries, ENDS_AT - SECOND)
    due = world.app.read(due_expiries, ENDS_AT)
    world.at = ENDS_AT
    sweep(world)

    assert (list(early), list(due), list(world.app.read(due_expiries, ENDS_AT))) == ([], [ORGANIZATION_ID], [])


def test_an_expiry_that_crosses_the_trigger_recharges_in_the_same_transaction(world: Buyers) -> None:
    method_id = world.attach().method.method_id
    world.at = ENDS_AT - HOUR
    world.set(RechargeChange(is_on=True, trigger_micros=units(50), amount_micros=units(200), method_id=method_id))
    assert world.watch.progress.open_purchase_id is None

    world.at = ENDS_AT
    sweep(world)

    assert world.watch.progress.open_purchase_id == "recharge-1"


# ── 30: what calls hold ─────────────────────────────────────────────────────────────────────────────────────


def test_what_a_call_holds_survives_the_end_of_its_lot_and_what_it_releases_lapses(world: Buyers) -> None:
    fund(world, 1, "small")
    world.spend(99)
    world.at = ENDS_AT - SECOND
    key, _ = world.start()
    world.at = ENDS_AT + SECOND
    swept = sweep(world)

    charge(world, EndCall(key, world.at, used_seconds=0))
    told_later = sweep(world)

    assert [each.amount_micros for each in swept.expired] == [units(1)]
    assert world.credit.lot(1).expired_micros + world.credit.lot(2).expired_micros == units(2)
    assert {loss.lot_id for loss in (*swept.told, *told_later.told)} == {1, 2}
    assert world.told().count(EventKind.CREDIT_EXPIRED) == 2


# ── 31: use that is told late ───────────────────────────────────────────────────────────────────────────────


def test_use_before_the_end_that_is_told_within_the_grace_is_paid_by_the_swept_lot(world: Buyers) -> None:
    world.at = ENDS_AT - HOUR
    key, _ = world.start()
    world.tick(minutes=10)
    charge(world, CloseCall(key, world.at))
    world.at = ENDS_AT + HOUR
    sweep(world)
    fund(world, 50, "new")

    # Answered at the start, eleven minutes long, told two hours later.
    world.at = ENDS_AT - HOUR + timedelta(hours=2, minutes=0)
    (answer,) = charge(world, EndCall(key, world.at, used_seconds=7_200))

    assert answer == Finished(7_200, units(120), "USD")
    assert world.credit.lot(1).spent_micros == units(100)
    assert world.credit.lot(1).expired_micros == 0
    assert world.credit.lot(2).spent_micros == units(20)


def test_use_that_is_told_after_the_grace_is_paid_by_the_lots_of_now(world: Buyers) -> None:
    world.at = ENDS_AT - timedelta(hours=80)
    key, _ = world.start()
    world.tick(minutes=10)
    charge(world, CloseCall(key, world.at))
    world.at = ENDS_AT
    sweep(world)
    fund(world, 5_000, "new")

    charge(world, EndCall(key, world.at, used_seconds=80 * 3_600))

    assert world.credit.lot(1).expired_micros == units(100)
    assert world.credit.lot(2).spent_micros == units(4_800)


def test_the_grace_is_a_setting(migrated_database_url: str, tmp_path: Path) -> None:
    with App(Settings(database=migrated_database_url, late_usage_grace_seconds=60)) as app:
        world = Buyers(app, tmp_path)
        world.at = ENDS_AT - HOUR
        key, _ = world.start()
        world.at = ENDS_AT
        charge(world, CloseCall(key, world.at))
        sweep(world)
        fund(world, 100, "new")

        charge(world, EndCall(key, world.at, used_seconds=3_600))

        assert world.credit.lot(1).expired_micros == units(100)
        assert world.is_clean()
        world.close()


# ── 41 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_organization_that_moves_keeps_the_ends_of_what_it_has_bought(
    world: Buyers, migrated_database_url: str
) -> None:
    engine = open_engine(migrated_database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET time_zone = 'Asia/Tokyo'"))
    engine.dispose()

    fund(world, 5, "after the move")

    assert world.credit.lot(1).expires_at == ENDS_AT
    # 2 March 2026, 17:00 in Greenwich is 3 March in Tokyo: through 3 March 2027 there.
    assert world.credit.lot(2).expires_at == datetime(2027, 3, 3, 15, tzinfo=UTC)


# ── 48: the notices ─────────────────────────────────────────────────────────────────────────────────────────


def test_four_notices_are_told_before_a_lot_ends_each_once(world: Buyers) -> None:
    told = []
    day = ENDS_AT - timedelta(days=62)
    while day < ENDS_AT:
        world.at = day
        if world.app.read(due_notices, DueNotices(world.at)):
            told += [(notice.days_before, notice.days) for notice in announce(world).notices]
        day += 8 * HOUR

    assert told == [(60, 60), (30, 30), (7, 7), (1, 1)]
    assert [each["days"] for each in world.details(EventKind.LOT_EXPIRING)] == ["60", "30", "7", "1"]


def test_nobody_is_warned_of_credit_that_will_be_spent_before(world: Buyers) -> None:
    world.at = ENDS_AT - timedelta(days=20)
    world.spend(70)

    # 70 in 28 days are 2.50 a day: the 30 that are left are gone in 12 days.
    assert announce(world).notices == ()


def test_a_notice_says_what_would_be_lost(world: Buyers) -> None:
    world.at = ENDS_AT - timedelta(days=20)
    world.spend(28)

    (notice,) = announce(world).notices

    # 28 in 28 days are 1.00 a day: of 72 some 52 are left in 20 days.
    assert units(52) <= notice.loss.amount_micros <= units(53)


def test_organizations_without_credit_that_ends_soon_are_not_looked_at(world: Buyers) -> None:
    assert list(world.app.read(due_notices, DueNotices(NOON))) == []
    assert list(world.app.read(due_notices, DueNotices(ENDS_AT - HOUR, beyond=ORGANIZATION_ID))) == []
