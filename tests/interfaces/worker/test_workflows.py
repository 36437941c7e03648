"""Purchases as workflows of DBOS: started once, whatever becomes of them, and forgotten after a while."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.values.errors import Unavailable
from talktime.interfaces.worker.chores import Done
from talktime.interfaces.worker.workflows import PurchasesAsWorkflows
from talktime.store.work import DuePurchase
from tests.interfaces.charging.asgi import until
from tests.interfaces.worker.shop import Shop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAILING, GOOD = PurchaseKey(1, "failing"), PurchaseKey(2, "good")


class Charger:
    """Counts what it is asked for; one purchase always fails."""

    def __init__(self) -> None:
        self.asked: list[PurchaseKey] = []

    def __call__(self, key: PurchaseKey) -> Done | None:
        self.asked.append(key)
        if key == FAILING:
            message = "the database did not answer"
            raise Unavailable(message)
        return None


@pytest.fixture
def charger() -> Charger:
    return Charger()


@pytest.fixture
def purchases(shop: Shop, charger: Charger) -> Iterator[PurchasesAsWorkflows]:
    opened = PurchasesAsWorkflows(shop.url, "worker-1", charger)
    yield opened
    opened.close()


def due(key: PurchaseKey) -> DuePurchase:
    return DuePurchase(key, attempt=1, fence=0, due_at=NOON)


def forgotten_now(purchases: PurchasesAsWorkflows, counts: list[int]) -> list[int]:
    """Forget what has ended by now, and count on: the last workflow may still be ending."""
    # In a thread of its own: DBOS refuses to be asked where an event loop runs.
    with ThreadPoolExecutor(1) as thread:
        counts.append(thread.submit(purchases.forget, datetime.now(UTC) + timedelta(minutes=1)).result())
    return counts


def test_a_workflow_is_started_once_until_it_is_overdue_and_forgotten_when_it_is_old(
    purchases: PurchasesAsWorkflows, charger: Charger
) -> None:
    both = [due(FAILING), due(GOOD)]
    for seconds in (0, 2, 58):
        purchases.charge(both, NOON + timedelta(seconds=seconds))
        # As another worker, or this one after a restart, would: it does not know what was started.
        purchases.charge([], NOON)
    asyncio.run(until(lambda: len(charger.asked) == 2))

    purchases.charge([due(FAILING)], NOON + timedelta(minutes=1))
    asyncio.run(until(lambda: len(charger.asked) == 3))
    too_young = purchases.forget(datetime.now(UTC) - timedelta(days=7))
    counts: list[int] = []
    asyncio.run(until(lambda: sum(forgotten_now(purchases, counts)) == 3))

    assert sorted(charger.asked) == [FAILING, FAILING, GOOD]
    assert too_young == 0
