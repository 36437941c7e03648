"""Ticks: whose turn it is to do a chore, so that of several workers one does it, and another one if that one dies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from talktime.store.transaction import Transaction
from talktime.store.work import ChoreState, Slot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A chore that failed is tried again after so long, the last one for good; its rows are as they were.
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1))
ERROR_CHARACTERS_MAX = 500


class Ticks(NamedTuple):
    """Instants at equal distances, in UTC: every hour, every day at six.

    What is judged in each organization's time zone is looked at often enough for every zone.
    """

    every: timedelta
    after: timedelta = timedelta(0)

    def last_at(self, at: datetime) -> datetime:
        """Return the newest tick that is not in the future."""
        return _EPOCH + self.after + (at - _EPOCH - self.after) // self.every * self.every


class Claim(NamedTuple):
    """A slot wants to do a chore for a tick."""

    name: str
    tick_at: datetime
    slot: Slot
    at: datetime


class Finish(NamedTuple):
    """What became of a claim; `error` is empty where it was done."""

    claim: Claim
    at: datetime
    error: str = ""


def is_due(chore: ChoreState | None, tick_at: datetime, at: datetime) -> bool:
    """Tell whether a tick is to be done; a chore that just failed waits a little."""
    if chore is None:
        return True
    if chore.not_before_at is not None and at < chore.not_before_at:
        return False
    return chore.last_tick_at is None or chore.last_tick_at < tick_at


def claim_tick(tx: Transaction, claim: Claim) -> bool:
    """Take a tick; False where it was done, or somebody who is alive is at it."""
    tx.work.lock()
    chore = tx.work.chores().get(claim.name, ChoreState(claim.name))
    # What the claiming worker holds itself it has not finished telling: it may do it again.
    others = [slot for slot in tx.work.slots() if slot.slot != claim.slot.slot]
    if not is_due(chore, claim.tick_at, claim.at) or is_held(chore, others, claim.at):
        return False
    tx.work.save_chore(replace(chore, held_by_slot=claim.slot.slot, held_by_fence=claim.slot.fence))
    return True


def finish_tick(tx: Transaction, finish: Finish) -> None:
    """Note that a tick was done, or that it failed; who lost his slot meanwhile has no say."""
    tx.work.lock()
    claim = finish.claim
    chore = tx.work.chores().get(claim.name)
    if chore is None or (chore.held_by_slot, chore.held_by_fence) != (claim.slot.slot, claim.slot.fence):
        return
    free = replace(chore, held_by_slot=None, held_by_fence=None)
    tx.work.save_chore(_failed(free, finish) if finish.error else _done(free, finish))


def is_held(chore: ChoreState, slots: Sequence[Slot], at: datetime) -> bool:
    """Tell whether a worker that is alive is at a chore."""
    held: Mapping[int, int] = {slot.slot: slot.fence for slot in slots if slot.is_held(at)}
    return chore.held_by_slot is not None and held.get(chore.held_by_slot) == chore.held_by_fence


def _done(chore: ChoreState, finish: Finish) -> ChoreState:
    return replace(
        chore,
        last_tick_at=finish.claim.tick_at,
        last_done_at=finish.at,
        not_before_at=None,
        failures_count=0,
        last_error="",
    )


def _failed(chore: ChoreState, finish: Finish) -> ChoreState:
    waits = RETRY_AFTER[min(chore.failures_count, len(RETRY_AFTER) - 1)]
    return replace(
        chore,
        not_before_at=finish.at + waits,
        failures_count=chore.failures_count + 1,
        last_error=finish.error[:ERROR_CHARACTERS_MAX],
    )
