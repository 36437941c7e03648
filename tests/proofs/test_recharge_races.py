"""Many processes at once: the trigger is crossed a hundred times, and one card is charged once."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.recharging.recharge import HoldBackReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, note_gateway_event
from talktime.usecases.credit.recharging.set_recharge import ConfirmationNeeded, SetRecharge, set_recharge
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.conftest import REPOSITORY
from tests.proofs.counting_gateway import Books, CountingServer, card, serving, signed
from tests.proofs.recharge_books import (
    ORGANIZATION,
    START,
    NewCard,
    Standing,
    add_card,
    open_organization,
    standing,
    units,
)
from tests.proofs.recharge_kills import BOOKS

CALLS = 100
CREDIT, AMOUNT = 1_000, 500
A_YEAR_AGO = timedelta(days=365, hours=12)


@pytest.fixture
def gateway() -> Iterator[CountingServer]:
    with serving() as server:
        yield server


class Race:
    """An organization with plenty of credit, near its trigger, and the processes that work on it."""

    def __init__(self, url: str, folder: Path, gateway: CountingServer) -> None:
        self.url, self.folder, self.gateway = url, folder, gateway
        self.books: Books = gateway.open_books(BOOKS, lambda: START)
        with App(Settings(database=url)) as app:
            open_organization(app)
            app.run(add_credit, AddCredit(ORGANIZATION, units(CREDIT), "PO-1", START))
            # Gone at noon, and nobody has swept it yet.
            app.run(add_credit, AddCredit(ORGANIZATION, units(7), "PO-0", START, purchased_at=START - A_YEAR_AGO))
            app.run(add_card, NewCard(card(), START))

    def set(self, change: RechargeChange) -> None:
        """Switch the recharge on, and agree to what it charges."""
        with App(Settings(database=self.url)) as app:
            request = SetRecharge(ORGANIZATION, "ada", START, change)
            answer = app.run(set_recharge, request)
            if isinstance(answer, ConfirmationNeeded):
                agreed = SetRecharge(ORGANIZATION, "ada", START, change, confirmed_micros=answer.charge_micros)
                app.run(set_recharge, agreed)

    def run(self, callers: Sequence[str], others: Sequence[str]) -> None:
        """Let them all begin at once; once the calls are made and every webhook delivered twice, let the others end."""
        with ExitStack() as stack:
            calling = [stack.enter_context(self._process("calls", name, CALLS // len(callers))) for name in callers]
            helping = [stack.enter_context(self._process(role, "", 0)) for role in others]
            for process in (*calling, *helping):
                assert _line(process) == "ready\n", process.stderr
            for process in (*calling, *helping):
                _tell(process)
            with App(Settings(database=self.url)) as app:
                while any(process.poll() is None for process in calling):
                    self._deliver(app)
                self._deliver(app)
            for process in helping:
                _tell(process)
            for process in (*calling, *helping):
                _, complaint = process.communicate(timeout=120)
                assert (process.returncode, complaint) == (0, "")
            with App(Settings(database=self.url)) as app:
                self._deliver(app)

    def standing(self) -> Standing:
        """Return how the organization stands, its books being clean and equal to the gateway's."""
        with App(Settings(database=self.url)) as app:
            now = app.read(standing, START)
            assert app.read(audit_books, AuditBooks(START)).violations == ()
        settled = [each for each in now.purchases if each.state is PurchaseState.SETTLED]
        assert {each.charge_id for each in settled} == {each.intent_id for each in self.books.moved}
        assert len(settled) == len(self.books.moved) == len(now.credit.lots) - 2
        if self.url.startswith("postgresql"):
            with psycopg.connect(self.url) as connection:
                row = connection.execute(
                    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
                ).fetchone()
            assert row == (0,)
        return now

    def _deliver(self, app: App) -> None:
        gateway = self.books.adapter(self.gateway.address)
        with self.gateway.lock:
            reports = list(self.books.reports)
        for report in reports:
            event = gateway.read_event(*signed(report))
            app.run(note_gateway_event, NoteGatewayEvent(event, START))

    def _process(self, role: str, name: str, calls: int) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.proofs.recharge_races", role, self.url, str(self.folder)),
                *(self.gateway.address, "--name", name, "--calls", str(calls)),
            ],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def race(migrated_database_url: str, tmp_path: Path, gateway: CountingServer) -> Race:
    return Race(migrated_database_url, tmp_path, gateway)


def callers_of(race: Race) -> list[str]:
    """Return who calls: SQLite runs one charging process, PostgreSQL any number."""
    return ["a"] if race.url.startswith("sqlite") else ["a", "b"]


def test_a_hundred_calls_of_two_processes_that_cross_the_trigger_at_once_are_one_charge(race: Race) -> None:
    """Case 1, case 27, case 29."""
    race.set(RechargeChange(is_on=True, trigger_micros=units(800), amount_micros=units(AMOUNT), method_id=1))

    race.run(callers_of(race), ["work", "work"])

    now = race.standing()
    assert [each.cents for each in race.books.moved] == [AMOUNT * 100]
    assert [each.purchase_id for each in now.purchases] == ["recharge-1"]
    assert now.credit.held_micros() == units(6 * CALLS)


@pytest.mark.proof
def test_while_credit_expires_and_an_admin_changes_settings_each_epoch_is_charged_once(race: Race) -> None:
    """Case 27, case 29; and that all who write take their locks in one order."""
    race.set(RechargeChange(is_on=True, trigger_micros=units(800), amount_micros=units(AMOUNT), method_id=1))

    race.run(callers_of(race), ["work", "work", "sweep", "set", "review"])

    now = race.standing()
    assert [each.purchase_id for each in now.purchases] == ["recharge-1"]
    assert [each.cents for each in race.books.moved] == [AMOUNT * 100]


@pytest.mark.proof
def test_a_cap_holds_however_many_evaluate_it_at_once(race: Race) -> None:
    """Case 20: the cap is reserved under the lock."""
    race.set(
        RechargeChange(
            is_on=True,
            trigger_micros=units(100_000),
            amount_micros=units(AMOUNT),
            method_id=1,
            cap_per_day_micros=units(3 * AMOUNT + 1),
            recharges_per_hour=100,
            recharges_per_day=100,
        )
    )

    race.run(callers_of(race), ["work", "work", "review"])

    now = race.standing()
    assert len(race.books.moved) == len(now.purchases) == 3
    assert now.watch.progress.held_back is not None
    assert now.watch.progress.held_back.reason is HoldBackReason.DAY_CAP
