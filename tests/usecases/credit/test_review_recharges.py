"""Recharges that were held back are looked at again when their time has come (money.md 4, 20)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.recharging.review_recharges import (
    ReviewRecharge,
    Verdict,
    held_back_recharges,
    review_recharge,
)
from tests.recharge_world import NAME, RechargeWorld


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[RechargeWorld]:
    with App(Settings(database=migrated_database_url)) as app:
        made = RechargeWorld(app, tmp_path)
        yield made
        made.close()


def held_back_by_the_day_cap(world: RechargeWorld) -> None:
    """One recharge of 20 is allowed a day; a second one is due."""
    world.recharge_on(trigger=50, amount=20, cap_per_day_micros=20_000_000)
    world.spend(60)
    world.work()
    world.spend(15)


def test_a_recharge_held_back_by_a_cap_comes_by_itself_the_next_day(world: RechargeWorld) -> None:
    held_back_by_the_day_cap(world)
    waiting = world.app.read(held_back_recharges, world.at)
    world.tick(days=1)

    due = world.app.read(held_back_recharges, world.at)
    reviewed = world.app.run(review_recharge, ReviewRecharge(NAME, world.at))
    world.work()

    assert (list(waiting), list(due)) == ([], [NAME])
    assert reviewed.verdict is Verdict.RECHARGES
    assert [purchase.state for purchase in world.purchases] == [PurchaseState.SETTLED] * 2
    assert list(world.app.read(held_back_recharges, world.at)) == []


def test_reviewing_twice_recharges_once(world: RechargeWorld) -> None:
    held_back_by_the_day_cap(world)
    world.tick(days=1)

    first, second = (world.app.run(review_recharge, ReviewRecharge(NAME, world.at)) for _ in range(2))

    assert first == second
    assert len(world.purchases) == 2


def test_a_recharge_that_is_not_needed_any_more_is_forgotten(world: RechargeWorld) -> None:
    held_back_by_the_day_cap(world)
    world.app.run(add_credit, AddCredit(NAME, 500_000_000, "BY-HAND", world.at))
    world.tick(days=1)

    reviewed = world.app.run(review_recharge, ReviewRecharge(NAME, world.at))

    assert reviewed.verdict is Verdict.NOT_NEEDED
    assert list(world.app.read(held_back_recharges, world.at)) == []
    assert len(world.purchases) == 1
