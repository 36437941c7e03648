"""`talktime worker` as a process: several at once, killed, stopped (money.md 27)."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines import on_postgresql, on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import audit
from tests.interfaces.worker.shop import AMOUNT_MICROS, Shop
from tests.interfaces.worker.workers import WorkerProcess, working


def wait_until(condition: Callable[[], object]) -> None:
    asyncio.run(until(condition))


def told_by(workers: list[WorkerProcess], what: str) -> int:
    """Count the different things that the workers told of."""
    lines = [line for worker in workers for line in worker.told(what)]
    return len({(line["organization"], line.get("purchase") or line["told"]) for line in lines})


@pytest.mark.parametrize(
    ("database_engine", "workers_count"),
    [("sqlite", 1), ("sqlite", 2), pytest.param("postgresql", 2, marks=pytest.mark.postgresql)],
    indirect=["database_engine"],
)
def test_workers_together_charge_grant_and_mail_each_purchase_once(
    shop: Shop, tmp_path: Path, workers_count: int
) -> None:
    shop.open(organizations_count=10)
    shop.order(5)

    with ExitStack() as stack:
        workers = [stack.enter_context(working(shop, tmp_path)) for _ in range(workers_count)]
        wait_until(lambda: shop.books()[3] >= 50)
        wait_until(lambda: [told_by(workers, what) for what in ("purchase_settled", "notice_sent")] == [50, 50])

    assert shop.books() == (50, 50, 50, 50)
    assert shop.moved_micros() == shop.granted_micros() == 50 * AMOUNT_MICROS
    assert {each.code for each in workers} == {0}
    assert [each.told("chore_failed") for each in workers] == [[]] * workers_count
    assert {len(each.told("worker_stopped")) for each in workers} == {1}
    assert audit(shop.url).is_clean


@on_postgresql
def test_what_a_killed_worker_had_asked_for_another_one_finishes(shop: Shop, tmp_path: Path) -> None:
    shop.open()
    shop.order(6)

    with working(shop, tmp_path, worker_lease_seconds=3) as first:
        with shop.gateway_silent():
            wait_until(lambda: shop.count("charging") > 0)
            first.kill()
            asked = shop.count("charging")
        shop.let_leases_end()
        with working(shop, tmp_path, worker_lease_seconds=3):
            wait_until(lambda: shop.books()[3] == 6)

    assert 1 <= asked <= 6
    assert shop.books() == (6, 6, 6, 6)
    assert shop.moved_micros() == shop.granted_micros()
    assert audit(shop.url).is_clean


@on_postgresql
def test_money_that_moved_for_a_killed_worker_is_recorded_by_another_one(shop: Shop, tmp_path: Path) -> None:
    shop.open()
    shop.order()

    with working(shop, tmp_path) as first:
        with shop.gateway_silent():
            wait_until(lambda: shop.count("charging") == 1)
            held = shop.hold_organization()
        with held:
            wait_until(lambda: shop.moved_micros() > 0)
            first.kill()
    recorded_by_the_first = shop.granted_micros()
    shop.let_leases_end()
    with working(shop, tmp_path):
        wait_until(lambda: shop.books()[3] == 1)

    assert recorded_by_the_first == 0
    assert shop.books() == (1, 1, 1, 1)
    assert shop.moved_micros() == shop.granted_micros() == AMOUNT_MICROS
    assert audit(shop.url).is_clean


@on_sqlite
def test_a_worker_that_is_asked_to_stop_finishes_what_is_in_hand_and_begins_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.open()
    shop.order(12)

    with working(shop, tmp_path) as worker:
        with shop.gateway_silent():
            wait_until(lambda: shop.count("charging") == 4)
            worker.ask_to_stop()
            wait_until(lambda: worker.told("worker_stopping"))
            code_while_asking = worker.code
        worker.stop()

    assert code_while_asking is None
    assert worker.code == 0
    assert (shop.count("settled"), shop.count("due")) == (4, 8)
    assert shop.moved_micros() == shop.granted_micros() == 4 * AMOUNT_MICROS


@on_sqlite
def test_a_worker_that_comes_back_goes_on_where_it_was_killed(shop: Shop, tmp_path: Path) -> None:
    shop.open()
    shop.order(6)

    with working(shop, tmp_path, worker_lease_seconds=1) as first:
        with shop.gateway_silent():
            wait_until(lambda: shop.count("charging") == 4)
            first.kill()
        shop.let_leases_end()
    with working(shop, tmp_path, worker_lease_seconds=1) as second:
        wait_until(lambda: shop.books()[3] == 6)

    assert first.told("worker_started")[0]["slot"] == 1
    assert second.told("chore_failed") == []
    assert shop.books() == (6, 6, 6, 6)
    assert audit(shop.url).is_clean


@on_sqlite
def test_a_worker_whose_slot_was_taken_ends_and_says_why(shop: Shop, tmp_path: Path) -> None:
    with working(shop, tmp_path, worker_lease_seconds=1) as worker:
        wait_until(lambda: worker.told("worker_started"))
        shop.facts.change("UPDATE worker_slots SET fence = fence + 1, holder = 'heir'")
        wait_until(lambda: worker.code is not None)

    assert worker.code == 3
    assert "another worker took slot 1" in worker.written
    assert shop.facts.rows("SELECT holder, lease_until IS NOT NULL FROM worker_slots") == [("heir", 1)]
