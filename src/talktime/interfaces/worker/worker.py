"""A worker: does the chores of the schedule until it is told to stop, or once."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from talktime.bootstrap import App, open_channels, open_gateways
from talktime.core.values.errors import TalktimeError, Unavailable
from talktime.interfaces.worker.chores import Done, Purchases, PurchasesInPlace, Work, charge_one
from talktime.interfaces.worker.schedule import SCHEDULE, Chore, Looks
from talktime.interfaces.worker.slots import (
    RenewSlot,
    TakeSlot,
    executor_id_of,
    give_back_slot,
    renew_slot,
    take_slot,
)
from talktime.interfaces.worker.ticks import Claim, Finish, Ticks, claim_tick, finish_tick, is_due
from talktime.store.transaction import Transaction
from talktime.store.work import ChoreState, Slot

CLOCK_DIFFERENCE_MAX = timedelta(seconds=1)
# So often it looks whether something is to be begun; a look at the clock, and nothing else.
TURN_SECONDS = 0.5
RENEWALS_PER_LEASE = 3

log = structlog.get_logger()


class Did(NamedTuple):
    """What a chore did, or why it did not."""

    chore: str
    done: list[Done]
    error: str = ""


def open_work(app: App, is_stopping: Callable[[], bool]) -> Work:
    """Open the ways out of the house; raise Unavailable where this machine's clock is wrong."""
    _refuse_wrong_clock(app)
    settings = app.settings
    return Work(app, open_gateways(settings), open_channels(settings), _now, is_stopping)


def do_once(app: App) -> Iterator[Did]:
    """Do every chore that is due, one after the other, and tell of each; what fails does not keep the others."""
    work = open_work(app, lambda: False)
    purchases = PurchasesInPlace(work)
    with _slot(app) as slot:
        for chore in SCHEDULE:
            claim = _claimed(app, chore, slot, _now()) if isinstance(chore.when, Ticks) else None
            if claim is not None or isinstance(chore.when, Looks):
                yield _do(work, purchases, chore, claim)


def work_until_stopped(app: App, stop: threading.Event) -> None:
    """Do the chores whenever they are due; on `stop` finish what is in hand, and begin nothing else.

    Raise Unavailable where somebody else took our slot: then we were thought dead, and must not go on as him.
    """
    # Here, because it takes a second and eighty megabytes, and working once needs neither.
    from talktime.interfaces.worker.workflows import PurchasesAsWorkflows  # noqa: PLC0415

    work = open_work(app, stop.is_set)
    with _slot(app) as slot:
        executor_id = executor_id_of(slot)
        purchases = PurchasesAsWorkflows(app.settings.database_url, executor_id, lambda key: charge_one(work, key))
        log.info("worker_started", slot=slot.slot, holder=slot.holder)
        try:
            with ThreadPoolExecutor(len(SCHEDULE), "chore") as threads:
                _Turns(work, purchases, slot, threads).go_on(stop)
        finally:
            purchases.close()
    log.info("worker_stopped", slot=slot.slot)


class _Turns:
    """Begins each chore when its time has come, in a thread of its own; keeps the slot meanwhile."""

    def __init__(self, work: Work, purchases: Purchases, slot: Slot, threads: ThreadPoolExecutor) -> None:
        self._work = work
        self._purchases = purchases
        self._slot = slot
        self._threads = threads
        self._lease = _lease(work.app)
        self._renew_at = work.clock() + self._lease / RENEWALS_PER_LEASE
        self._look_at = {chore.name: work.clock() for chore in SCHEDULE}
        self._running: dict[str, Future[None]] = {}

    def go_on(self, stop: threading.Event) -> None:
        while not stop.wait(TURN_SECONDS):
            at = self._work.clock()
            self._keep_slot(at)
            for chore in SCHEDULE:
                running = self._running.get(chore.name)
                if at >= self._look_at[chore.name] and (running is None or running.done()):
                    # Who does it now is asked again after a lease: by then he is done, or thought dead.
                    every = chore.when.every if isinstance(chore.when, Looks) else self._lease
                    self._look_at[chore.name] = at + every
                    self._running[chore.name] = self._threads.submit(self._begin, chore, at)
        log.info("worker_stopping", slot=self._slot.slot)

    def _keep_slot(self, at: datetime) -> None:
        if at < self._renew_at:
            return
        self._renew_at = at + self._lease / RENEWALS_PER_LEASE
        try:
            renewed = self._work.app.run(renew_slot, RenewSlot(self._slot, at, self._lease))
        except Unavailable as failure:
            log.warning("database_unavailable", why=failure.message)
            return
        if renewed is None:
            message = f"another worker took slot {self._slot.slot}: this one was silent for too long"
            raise Unavailable(message, code="slot_lost")

    def _begin(self, chore: Chore, at: datetime) -> None:
        try:
            claim = _claimed(self._work.app, chore, self._slot, at) if isinstance(chore.when, Ticks) else None
            if claim is not None or isinstance(chore.when, Looks):
                _log(_do(self._work, self._purchases, chore, claim))
        except Unavailable as failure:
            log.warning("database_unavailable", chore=chore.name, why=failure.message)
        except Exception:
            # It runs in a thread that nobody asks for its result: a mistake of ours must not pass without a word.
            log.exception("chore_failed", chore=chore.name)


def _claimed(app: App, chore: Chore, slot: Slot, at: datetime) -> Claim | None:
    """Take the newest tick of a chore, if it is to be done and nobody is at it."""
    assert isinstance(chore.when, Ticks)
    tick_at = chore.when.last_at(at)
    known = app.read(_chore_state, chore.name)
    if not is_due(known, tick_at, at):
        return None
    claim = Claim(chore.name, tick_at, slot, at)
    return claim if app.run(claim_tick, claim) else None


def _do(work: Work, purchases: Purchases, chore: Chore, claim: Claim | None) -> Did:
    error, done = "", []
    try:
        done = chore.does(work, purchases)
    except TalktimeError as failure:
        error = failure.message.partition("\n")[0]
        log.warning("chore_not_done", chore=chore.name, why=error)
    except Exception as mistake:
        # One chore with a mistake of ours must not keep the others from being done.
        error = f"{type(mistake).__name__}: {mistake}"
        log.exception("chore_failed", chore=chore.name)
    if claim is not None and not (work.is_stopping() and not error):
        work.app.run(finish_tick, Finish(claim, work.clock(), error))
    return Did(chore.name, done, error)


def _log(did: Did) -> None:
    for each in did.done:
        log.info(each.what, **each.facts)


@contextmanager
def _slot(app: App) -> Iterator[Slot]:
    slot = app.run(take_slot, TakeSlot(f"{socket.gethostname()}:{os.getpid()}", _now(), _lease(app)))
    try:
        yield slot
    finally:
        app.run(give_back_slot, slot)


def _lease(app: App) -> timedelta:
    return timedelta(seconds=app.settings.worker_lease_seconds)


def _chore_state(tx: Transaction, name: str) -> ChoreState | None:
    return tx.work.chores().get(name)


def _database_clock(tx: Transaction, _: None) -> datetime | None:
    return tx.work.clock()


def _refuse_wrong_clock(app: App) -> None:
    """Leases, retries and expiries are judged by every worker's own clock (money.md 26)."""
    theirs = app.read(_database_clock, None)
    difference = timedelta(0) if theirs is None else abs(_now() - theirs)
    if difference > CLOCK_DIFFERENCE_MAX:
        message = (
            f"this machine's clock differs from the database's by {difference.total_seconds():.1f} s; set it right"
        )
        raise Unavailable(message, code="clock_differs")


def _now() -> datetime:
    return datetime.now(UTC)
