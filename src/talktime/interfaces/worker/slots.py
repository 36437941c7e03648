"""Slots: each worker that is alive holds one by a lease, and has its name from it (money.md 27)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from talktime.core.values.errors import Conflict
from talktime.store.transaction import Transaction
from talktime.store.work import Slot

# More workers than this on one database are a mistake of whoever starts them.
SLOTS_MAX = 64


class TakeSlot(NamedTuple):
    """Take the lowest free slot for the length of a lease."""

    holder: str
    at: datetime
    lease: timedelta


class RenewSlot(NamedTuple):
    """Keep a slot for another lease."""

    slot: Slot
    at: datetime
    lease: timedelta


def take_slot(tx: Transaction, request: TakeSlot) -> Slot:
    """Take a slot that nobody holds; raise Conflict where all are held."""
    tx.work.lock()
    known = {slot.slot: slot for slot in tx.work.slots()}
    for number in range(1, SLOTS_MAX + 1):
        before = known.get(number)
        if before is None or not before.is_held(request.at):
            fence = 1 if before is None else before.fence + 1
            taken = Slot(number, request.holder, request.at, request.at + request.lease, fence)
            tx.work.save_slot(taken)
            return taken
    message = f"{SLOTS_MAX} workers run on this database already: `talktime worker status` lists them"
    raise Conflict(message, code="no_free_slot")


def renew_slot(tx: Transaction, request: RenewSlot) -> Slot | None:
    """Keep the slot, even late, as long as nobody else took it; None where somebody did."""
    tx.work.lock()
    current = _current(tx, request.slot)
    if current is None:
        return None
    renewed = replace(current, lease_until=request.at + request.lease)
    tx.work.save_slot(renewed)
    return renewed


def give_back_slot(tx: Transaction, slot: Slot) -> None:
    """Free a slot at once, unless somebody else has it."""
    tx.work.lock()
    current = _current(tx, slot)
    if current is not None:
        tx.work.save_slot(replace(current, lease_until=None))


def executor_id_of(slot: Slot) -> str:
    """Return the name under which DBOS knows whoever is in a slot."""
    return f"worker-{slot.slot}"


def _current(tx: Transaction, slot: Slot) -> Slot | None:
    return next((each for each in tx.work.slots() if (each.slot, each.fence) == (slot.slot, slot.fence)), None)
