"""How the work stands: who is alive, what was done last, what is due, and what nobody does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from talktime.interfaces.worker.schedule import SCHEDULE, Chore, Looks
from talktime.interfaces.worker.ticks import is_due, is_held
from talktime.store.transaction import Transaction
from talktime.store.work import ChoreState, Slot, Waiting

# What has been due for longer than this has nobody who does it.
OVERDUE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ChoreShown:
    """A chore; `next_at` is None for one that looks all the time, `by_slot` is who is at it now."""

    name: str
    about: str
    every: timedelta
    state: ChoreState
    next_at: datetime | None
    by_slot: int | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class WorkShown:
    """How the work stood at an instant; `slots` are those that were not given back."""

    at: datetime
    slots: tuple[Slot, ...]
    chores: tuple[ChoreShown, ...]
    waiting: Mapping[str, Waiting]

    @property
    def alive(self) -> tuple[Slot, ...]:
        """Return the slots in which a worker is alive."""
        return tuple(slot for slot in self.slots if slot.is_held(self.at))

    @property
    def overdue(self) -> tuple[str, ...]:
        """Return the names of what should have been done by now."""
        waiting = (name for name, each in self.waiting.items() if self.is_overdue(each))
        return (*waiting, *(chore.name for chore in self.chores if chore.is_overdue))

    def is_overdue(self, waiting: Waiting) -> bool:
        """Tell whether something has been due for too long."""
        return waiting.since is not None and self.at - waiting.since > OVERDUE_AFTER


def show_work(tx: Transaction, at: datetime) -> WorkShown:
    """Return how the work stands."""
    slots = tuple(slot for slot in tx.work.slots() if slot.lease_until is not None)
    states = tx.work.chores()
    chores = (_chore_shown(chore, states.get(chore.name, ChoreState(chore.name)), slots, at) for chore in SCHEDULE)
    return WorkShown(at, slots, tuple(chores), tx.work.waiting(at))


def _chore_shown(chore: Chore, state: ChoreState, slots: tuple[Slot, ...], at: datetime) -> ChoreShown:
    if isinstance(chore.when, Looks):
        return ChoreShown(chore.name, chore.about, chore.when.every, state, None, None, is_overdue=False)
    tick_at = chore.when.last_at(at)
    by_slot = state.held_by_slot if is_held(state, slots, at) else None
    due = is_due(state, tick_at, at)
    next_at = tick_at if due else max(tick_at + chore.when.every, state.not_before_at or tick_at)
    is_overdue = by_slot is None and at - tick_at > OVERDUE_AFTER and (due or bool(state.last_error))
    return ChoreShown(chore.name, chore.about, chore.when.every, state, next_at, by_slot, is_overdue)
