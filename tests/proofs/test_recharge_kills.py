"""Wherever the process of a recharge is killed, it ends in one charge, one lot and one mail."""

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.recharging.set_recharge import SetRecharge, set_recharge
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.conftest import REPOSITORY
from tests.proofs.conftest import FreshDatabase
from tests.proofs.counting_gateway import Books, CountingServer, card, serving
from tests.proofs.recharge_books import ORGANIZATION, START, NewCard, add_card, open_organization, standing, units
from tests.proofs.recharge_kills import BOOKS

POINTS_IN_SHORT = 3
# By then every lease is over.
LATER = timedelta(hours=1)


@pytest.fixture
def gateway() -> Iterator[CountingServer]:
    with serving() as server:
        yield server


@pytest.fixture
def fresh_database(fresh_database: FreshDatabase) -> FreshDatabase:
    """Return what gives a database in which the next call crosses the trigger, as often as it is asked."""

    @contextmanager
    def opened() -> Iterator[str]:
        with fresh_database() as url:
            _open(url)
            yield url

    return opened


def _open(url: str) -> None:
    with App(Settings(database=url)) as app:
        open_organization(app)
        app.run(add_credit, AddCredit(ORGANIZATION, units(24), "PO-1", START))
        method_id = app.run(add_card, NewCard(card(), START))
        change = RechargeChange(is_on=True, trigger_micros=units(20), amount_micros=units(50), method_id=method_id)
        app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", START, change))


class Killing:
    """Runs the recharge in processes that die, and looks at what is left."""

    def __init__(self, fresh_database: FreshDatabase, gateway: CountingServer, folder: Path) -> None:
        self._fresh_database, self._gateway, self._folder = fresh_database, gateway, folder

    def labels(self) -> list[str]:
        """Return the points that a recharge passes when nothing happens to it."""
        with self._fresh_database() as url:
            done = self._run(url, self._books(), self._folder / "dry")
            assert done.returncode == 0, done.stderr
            labels: list[str] = json.loads(done.stdout)
            return labels

    def kill_at(self, number: int) -> None:
        """Kill a process at a point, let another one go on, and compare gateway, books and mails."""
        books, folder = self._books(), self._folder / f"point-{number}"
        with self._fresh_database() as url:
            killed = self._run(url, books, folder, die_at=number)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            ended = self._run(url, books, folder, after=LATER)
            assert ended.returncode == 0, ended.stderr
            self._assert_once(url, books, folder)

    def _books(self) -> Books:
        return self._gateway.open_books(BOOKS, lambda: START)

    def _run(
        self, url: str, books: Books, folder: Path, *, die_at: int = 0, after: timedelta = timedelta(0)
    ) -> "subprocess.CompletedProcess[str]":
        books.now = lambda: START + after
        return subprocess.run(
            [
                *(sys.executable, "-m", "tests.proofs.recharge_kills", url, str(folder), self._gateway.address),
                *("--at", (START + after).isoformat(), "--die-at", str(die_at)),
            ],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    def _assert_once(self, url: str, books: Books, folder: Path) -> None:
        assert [each.cents for each in books.moved] == [5_000]
        with App(Settings(database=url)) as app:
            now = app.read(standing, START)
            (recharge,) = now.purchases
            assert (recharge.state, recharge.charge_id) == (PurchaseState.SETTLED, books.moved[0].intent_id)
            assert sorted(lot.granted_micros for lot in now.credit.lots) == [units(24), units(50)]
            assert now.watch.progress.epoch == 2
            assert app.read(audit_books, AuditBooks(START + LATER)).violations == ()
        subjects = Counter(_subject(path) for path in (folder / "mails").glob("*.eml"))
        assert len(subjects) == 2, subjects
        assert set(subjects.values()) == {1}, subjects


def _subject(path: Path) -> str:
    return next(line for line in path.read_text("utf-8").splitlines() if line.startswith("Subject:"))


def test_the_points_of_a_recharge_are_found_by_themselves(
    fresh_database: FreshDatabase, gateway: CountingServer, tmp_path: Path
) -> None:
    labels = Killing(fresh_database, gateway, tmp_path).labels()

    print(json.dumps({"proof": "recharge_kills", "points": labels}))
    assert {
        *("charging: before commit", "charging: after commit"),
        *("lease: before commit", "lease: after commit"),
        *("stripe.charge: before", "stripe.charge: after"),
        *("conclude: before commit", "conclude: after commit"),
        *("mailer.send: before", "mailer.send: after"),
        *("record: before commit", "record: after commit"),
    } <= set(labels)


def test_a_recharge_that_is_killed_at_some_points_charges_once(
    fresh_database: FreshDatabase, gateway: CountingServer, tmp_path: Path, database_engine: str
) -> None:
    killing = Killing(fresh_database, gateway, tmp_path)
    count = len(killing.labels())

    for number in random.Random(database_engine).sample(range(1, count + 1), POINTS_IN_SHORT):
        killing.kill_at(number)


@pytest.mark.proof
def test_a_recharge_that_is_killed_at_any_point_charges_once(
    fresh_database: FreshDatabase, gateway: CountingServer, tmp_path: Path, database_engine: str
) -> None:
    killing = Killing(fresh_database, gateway, tmp_path)
    labels = killing.labels()

    for number in range(1, len(labels) + 1):
        killing.kill_at(number)

    print(json.dumps({"proof": "recharge_kills", "database": database_engine, "points": labels}))
