"""Each guard of the recharge alone: what another guard would have caught is shown to be caught by this one too."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Granted, StartCall
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import Charged, Declined, GatewayEvent, GatewayEventKind, PurchaseKey
from talktime.core.credit.buying.purchases import LEASE, Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.values.errors import Unavailable
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.transaction import Transaction, operator_transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, note_gateway_event
from talktime.usecases.credit.paying.charge_purchases import At, charge_purchase, lease
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude
from talktime.usecases.credit.recharging.review_recharges import ReviewRecharge, review_recharge
from talktime.usecases.credit.recharging.set_recharge import (
    PauseRecharge,
    ResumeRecharge,
    SetRecharge,
    pause_everyone,
    resume_recharge,
    set_recharge,
)
from talktime.usecases.credit.reconcile_payments import reconcile_payments
from tests.engines import on_postgresql
from tests.proofs.counting_gateway import Books, CountingServer, Fault, Plan, card, serving
from tests.proofs.recharge_books import (
    CALLED,
    CALLER,
    ORGANIZATION,
    ORGANIZATION_ID,
    START,
    NewCard,
    Standing,
    add_card,
    open_organization,
    standing,
    units,
)

RECHARGE = RechargeChange(is_on=True, trigger_micros=units(20), amount_micros=units(50), method_id=1)


class Guarded:
    """An organization whose first recharge is due, and the gateway that it is charged by."""

    def __init__(self, app: App, gateway: CountingServer) -> None:
        self.app = app
        self.now = START
        self.books: Books = gateway.open_books("guards", lambda: self.now)
        self.gateway = self.books.adapter(gateway.address)
        open_organization(app)
        app.run(add_credit, AddCredit(ORGANIZATION, units(24), "PO-1", START))
        app.run(add_card, NewCard(card(), START))
        app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", START, RECHARGE))
        with closing(app.open_charging()) as charging:
            charging.charge([StartCall(CallKey("proxy", "crosses"), START, CALLER, CALLED)])

    def standing(self) -> Standing:
        """Return how the organization stands."""
        return self.app.read(standing, self.now)

    @property
    def recharge(self) -> Purchase:
        """Return the first recharge."""
        return self.standing().purchases[0]

    def work(self, clock: Callable[[], datetime] | None = None) -> None:
        """Let a worker do what is due about it."""
        charge_purchase(self.app.run, {"stripe": self.gateway}, self.recharge.key, clock or (lambda: self.now))

    def conclude(self, result: Any, *, attempt: int | None = None, fence: int | None = None) -> Purchase | None:
        """Tell what became of it."""
        purchase = self.recharge
        attempt = purchase.attempt if attempt is None else attempt
        return self.app.run(conclude, Outcome(purchase.key, attempt, fence, result, self.now))


@pytest.fixture(scope="module")
def gateway() -> Iterator[CountingServer]:
    with serving() as server:
        yield server


@pytest.fixture
def guarded(migrated_database_url: str, gateway: CountingServer) -> Iterator[Guarded]:
    with App(Settings(database=migrated_database_url)) as app:
        yield Guarded(app, gateway)


# ── the database's own ──────────────────────────────────────────────────────────────────────────────────────


def test_a_second_open_recharge_is_refused_by_the_database_itself(guarded: Guarded) -> None:
    """Case 1."""
    second = replace(guarded.recharge, purchase_id="recharge-2", epoch=2)

    with pytest.raises(IntegrityError, match=r"uq_purchases_one_open_recharge|purchases\.organization_id"):
        guarded.app.run(_add, second)


def test_an_epoch_has_one_recharge_even_when_the_first_is_closed(guarded: Guarded) -> None:
    guarded.work()
    second = replace(guarded.recharge, purchase_id="again", state=PurchaseState.DUE, lot_id=None, closed_at=None)

    with pytest.raises(IntegrityError, match="epoch"):
        guarded.app.run(_add, second)


def test_a_purchase_becomes_one_lot_even_if_it_were_granted_twice(guarded: Guarded) -> None:
    guarded.work()
    lot = CreditLot(99, LotKind.PURCHASED, units(50), START, START + timedelta(days=365))

    with pytest.raises(IntegrityError, match="reference"):
        guarded.app.run(_add_lot, (lot, "recharge-1"))


def _add(tx: Transaction, purchase: Purchase) -> None:
    tx.purchases.add(purchase)


def _add_lot(tx: Transaction, new: tuple[CreditLot, str]) -> None:
    tx.credit.add_lot(ORGANIZATION_ID, *new)


# ── the organization's lock ─────────────────────────────────────────────────────────────────────────────────


def _event(guarded: Guarded) -> NoteGatewayEvent:
    purchase = guarded.recharge
    event = GatewayEvent(
        "stripe",
        "evt_1",
        GatewayEventKind.CHARGED,
        START,
        purchase.gateway_key,
        1,
        "pi_1",
        units(50),
        "USD",
    )
    return NoteGatewayEvent(event, START)


WRITERS: dict[str, Callable[[Guarded, Transaction], object]] = {
    "lease": lambda guarded, tx: lease(tx, At(guarded.recharge.key, START)),
    "conclude": lambda guarded, tx: conclude(
        tx, Outcome(guarded.recharge.key, 1, None, Declined("insufficient_funds"), START)
    ),
    "note_gateway_event": lambda guarded, tx: note_gateway_event(tx, _event(guarded)),
    "review_recharge": lambda _, tx: review_recharge(tx, ReviewRecharge(ORGANIZATION, START)),
    "set_recharge": lambda _, tx: set_recharge(tx, SetRecharge(ORGANIZATION, "ada", START, RECHARGE)),
    "add_credit": lambda _, tx: add_credit(tx, AddCredit(ORGANIZATION, units(1), "PO-2", START)),
}


@on_postgresql
@pytest.mark.parametrize("writer", WRITERS)
def test_whoever_changes_a_purchase_waits_for_the_organization(
    guarded: Guarded, migrated_database_url: str, writer: str
) -> None:
    """Cases 1 and 27: decisions are made under the lock; SQLite has one writer anyway."""
    engine = open_engine(migrated_database_url)
    if writer == "conclude":
        guarded.app.run(lease, At(guarded.recharge.key, START))
    with psycopg.connect(migrated_database_url) as other:
        other.execute("SELECT 1 FROM organizations FOR NO KEY UPDATE")

        with pytest.raises(Unavailable, match="lock timeout"), operator_transaction(engine) as tx:  # noqa: PT012
            tx.organizations._connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
            WRITERS[writer](guarded, tx)

    engine.dispose()


@on_postgresql
def test_a_call_is_not_decided_while_somebody_else_holds_the_organization(
    guarded: Guarded, migrated_database_url: str
) -> None:
    with psycopg.connect(migrated_database_url) as other, closing(guarded.app.open_charging()) as charging:
        other.execute("SELECT 1 FROM organizations FOR NO KEY UPDATE")

        answers = charging.charge([StartCall(CallKey("proxy", "waits"), START, CALLER, CALLED)])

    assert answers == [None]


@on_postgresql
@pytest.mark.parametrize("writer", WRITERS)
def test_a_replica_decides_nothing(guarded: Guarded, migrated_database_url: str, writer: str) -> None:
    """Case 68: what decides takes a lock, and no replica gives one."""
    engine = open_engine(migrated_database_url)

    with pytest.raises(InternalError, match="read-only"), operator_transaction(engine) as tx:  # noqa: PT012
        tx.organizations._connection.execute(text("SET TRANSACTION READ ONLY"))
        WRITERS[writer](guarded, tx)

    engine.dispose()


@on_postgresql
def test_a_replica_decides_no_call(guarded: Guarded, migrated_database_url: str) -> None:
    """Case 68."""
    replica = f"{migrated_database_url}?options=-c%20default_transaction_read_only%3Don"
    with closing(App(Settings(database=replica)).open_charging()) as charging:
        charging._statements._connection.execute("SET default_transaction_read_only = on")
        charging._statements._connection.commit()

        with pytest.raises(Unavailable, match="read-only"):
            charging.charge([StartCall(CallKey("proxy", "late"), START, CALLER, CALLED)])


# ── leases, fences, attempts ────────────────────────────────────────────────────────────────────────────────


def test_a_worker_that_was_frozen_past_its_lease_asks_nothing_any_more(guarded: Guarded) -> None:
    """Case 11: by then the gateway may have forgotten the key, and would charge once more."""
    instants = iter([START, START + LEASE])

    guarded.work(lambda: next(instants))

    assert guarded.books.asked == []
    assert guarded.recharge.state is PurchaseState.CHARGING


def test_two_workers_at_once_charge_once(guarded: Guarded) -> None:
    """Case 27: the second one finds the lease."""
    guarded.app.run(lease, At(guarded.recharge.key, START))

    guarded.work()

    assert guarded.books.asked == []


def test_a_late_refusal_of_an_attempt_before_is_not_believed_of_this_one(guarded: Guarded) -> None:
    """Case 13: else a third attempt would be made while the second one moves money."""
    guarded.books.plan = lambda _: Plan("declines", "insufficient_funds")
    guarded.work()
    guarded.now += timedelta(hours=1)
    guarded.app.run(lease, At(guarded.recharge.key, guarded.now))
    charging = guarded.recharge

    guarded.conclude(Declined("insufficient_funds"), attempt=1)

    assert guarded.recharge == charging
    assert (charging.attempt, charging.state) == (2, PurchaseState.CHARGING)


def test_a_late_refusal_of_a_worker_whose_lease_is_over_is_not_believed(guarded: Guarded) -> None:
    late = guarded.app.run(lease, At(guarded.recharge.key, START))
    assert late is not None
    guarded.now += LEASE
    guarded.app.run(lease, At(guarded.recharge.key, guarded.now))

    guarded.conclude(Declined("insufficient_funds"), fence=late.purchase.fence)

    assert guarded.recharge.state is PurchaseState.CHARGING


def test_money_that_moved_is_believed_of_whoever_says_so_however_late(guarded: Guarded) -> None:
    guarded.app.run(lease, At(guarded.recharge.key, START))

    guarded.conclude(Charged("pi_1", units(50)), attempt=7, fence=99)
    guarded.conclude(Charged("pi_1", units(50)), attempt=1)

    assert guarded.recharge.state is PurchaseState.SETTLED
    assert len(guarded.standing().credit.lots) == 2


def test_a_charge_of_another_amount_becomes_no_lot(guarded: Guarded) -> None:
    """Case 11."""
    guarded.app.run(lease, At(guarded.recharge.key, START))

    guarded.conclude(Charged("pi_1", units(51)))

    assert guarded.recharge.state is PurchaseState.UNKNOWN
    assert len(guarded.standing().credit.lots) == 1


def test_an_event_that_is_delivered_again_changes_nothing_even_months_later(guarded: Guarded) -> None:
    """Case 13."""
    first = guarded.app.run(note_gateway_event, _event(guarded))
    before = guarded.standing()

    again = guarded.app.run(note_gateway_event, replace(_event(guarded), at=START + timedelta(days=90)))

    assert [first.noting.value, again.noting.value] == ["done", "repeated"]
    assert guarded.standing() == before


def test_the_crossing_and_its_recharge_are_saved_together(guarded: Guarded) -> None:
    """Case 60, architecture: intent and hold stand in one transaction."""
    now = guarded.standing()

    assert now.credit.held_micros() == units(6)
    assert [each.state for each in now.purchases] == [PurchaseState.DUE]
    assert now.watch.progress.open_purchase_id == "recharge-1"


def test_a_funding_that_is_not_enough_makes_the_next_recharge_due_in_its_own_transaction(guarded: Guarded) -> None:
    """Case 4."""
    change = RechargeChange(trigger_micros=units(100))
    guarded.app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", START, change))

    guarded.work()

    first, second = guarded.standing().purchases
    assert (first.state, second.state, second.epoch) == (PurchaseState.SETTLED, PurchaseState.DUE, 2)


def test_a_card_that_expires_between_check_and_charge_goes_the_way_of_a_decline(guarded: Guarded) -> None:
    """Case 19."""
    guarded.books.plan = lambda _: Plan("declines", "expired_card")

    guarded.work()

    assert (guarded.recharge.state, guarded.recharge.decline_code) == (PurchaseState.FAILED, "expired_card")
    assert guarded.standing().watch.progress.paused is PauseReason.CARD_DECLINED


def test_during_an_outage_there_is_one_intent_and_calls_go_on(guarded: Guarded) -> None:
    """Case 24: nothing piles up, and one charge ends it."""
    guarded.books.fault = lambda _: Fault.REFUSED_500
    with closing(guarded.app.open_charging()) as charging:
        for number in range(3):
            guarded.work()
            answer = charging.charge([StartCall(CallKey("proxy", f"out-{number}"), guarded.now, CALLER, CALLED)])[0]
            assert isinstance(answer, Granted)
            guarded.now += timedelta(hours=2)
    guarded.books.fault = lambda _: Fault.NONE
    guarded.work()

    assert [each.state for each in guarded.standing().purchases] == [PurchaseState.SETTLED]
    assert len(guarded.books.moved) == 1


def test_an_organization_whose_books_were_restored_recharges_only_after_somebody_compared(
    guarded: Guarded, migrated_database_url: str, database_engine: str
) -> None:
    """Case 67: the money of a purchase that the backup does not know is found, and pays no purchase of today."""
    if database_engine == "postgresql":
        pytest.skip("a backup is a copy of the file here")
    path = Path(migrated_database_url.removeprefix("sqlite:///"))
    backup = path.with_suffix(".backup")
    guarded.work()
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    guarded.now += timedelta(hours=2)
    change = RechargeChange(trigger_micros=units(100))
    guarded.app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", guarded.now, change, confirmed_micros=units(50)))
    charge_purchase(guarded.app.run, {"stripe": guarded.gateway}, PurchaseKey(1, "recharge-2"), lambda: guarded.now)
    assert len(guarded.books.moved) == 2
    with closing(sqlite3.connect(backup)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)

    guarded.app.run(pause_everyone, PauseRecharge("", "operator", guarded.now, PauseReason.RESTORED))
    guarded.app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", guarded.now + timedelta(hours=1), change))
    found = reconcile_payments(guarded.app.run, guarded.gateway, START, guarded.now + timedelta(hours=1))

    assert [each.purchase_id for each in guarded.standing().purchases] == ["recharge-1"]
    assert (found.charges_count, found.settled_count) == (2, 0)
    assert [each.charge_id for each in found.unexplained] == [guarded.books.moved[1].intent_id]
    resume = ResumeRecharge(ORGANIZATION, "ada", guarded.now + timedelta(hours=2), confirmed_micros=units(50))
    guarded.app.run(resume_recharge, resume)
    guarded.now += timedelta(hours=2)
    charge_purchase(guarded.app.run, {"stripe": guarded.gateway}, PurchaseKey(1, "recharge-2"), lambda: guarded.now)
    assert [each.state for each in guarded.standing().purchases] == [PurchaseState.SETTLED] * 2
    assert len(guarded.books.moved) == 3


def test_an_order_is_no_recharge_and_waits_for_none(guarded: Guarded) -> None:
    order = replace(
        guarded.recharge, purchase_id="order-1", cause=PurchaseCause.ORDER, epoch=None, amount_micros=units(20)
    )

    guarded.app.run(_add, order)

    assert len(guarded.standing().purchases) == 2
    assert purchases.step_of(order, START) is purchases.Step.CHARGE
