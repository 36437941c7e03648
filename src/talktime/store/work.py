"""Rows of work that happens later: the workers' slots, the chores' ticks, and how much waits."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.values.frozen import frozen
from talktime.store.engine import one_at_a_time, revision_of
from talktime.store.instants import EPOCH, from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import chores, credit_watches, deliveries, outbox, purchases, refunds, worker_slots


@frozen
class Slot:
    """A place for one worker; free where `lease_until` is over or None."""

    slot: int
    holder: str
    taken_at: datetime
    lease_until: datetime | None
    fence: int

    def is_held(self, at: datetime) -> bool:
        """Tell whether a worker is alive in it."""
        return self.lease_until is not None and at < self.lease_until


@frozen
class ChoreState:
    """How a chore stands: the last tick that was done, who is at the next one, what went wrong."""

    name: str
    last_tick_at: datetime | None = None
    last_done_at: datetime | None = None
    held_by_slot: int | None = None
    held_by_fence: int | None = None
    not_before_at: datetime | None = None
    failures_count: int = 0
    last_error: str = ""


class DuePurchase(NamedTuple):
    """A purchase about which something must be done since an instant."""

    key: PurchaseKey
    attempt: int
    fence: int
    due_at: datetime


class Waiting(NamedTuple):
    """How much of something is due, and since when the longest."""

    rows_count: int
    since: datetime | None


class WorkRows:
    """Slots and chores; lock them before a decision on them."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def lock(self) -> None:
        """Let nobody else decide on slots and chores until this transaction ends."""
        one_at_a_time(self._connection, "work")

    def slots(self) -> list[Slot]:
        """Return all slots that were ever taken."""
        found = self._connection.execute(select(worker_slots).order_by(worker_slots.c.slot))
        return [
            Slot(row.slot, row.holder, from_micros(row.taken_at), from_micros_or_none(row.lease_until), row.fence)
            for row in found
        ]

    def save_slot(self, slot: Slot) -> None:
        """Insert or write a slot."""
        row: dict[str, object] = {
            "slot": slot.slot,
            "holder": slot.holder,
            "taken_at": to_micros(slot.taken_at),
            "lease_until": to_micros_or_none(slot.lease_until),
            "fence": slot.fence,
        }
        self._put(worker_slots, "slot", row)

    def chores(self) -> dict[str, ChoreState]:
        """Return how every chore stands that was ever begun, by its name."""
        return {row.name: _chore_of(row) for row in self._connection.execute(select(chores))}

    def save_chore(self, chore: ChoreState) -> None:
        """Insert or write a chore."""
        row: dict[str, object] = {
            "name": chore.name,
            "last_tick_at": to_micros_or_none(chore.last_tick_at),
            "last_done_at": to_micros_or_none(chore.last_done_at),
            "held_by_slot": chore.held_by_slot,
            "held_by_fence": chore.held_by_fence,
            "not_before_at": to_micros_or_none(chore.not_before_at),
            "failures_count": chore.failures_count,
            "last_error": chore.last_error,
        }
        self._put(chores, "name", row)

    def due_purchases(self, at: datetime, *, most: int) -> list[DuePurchase]:
        """Return purchases about which something must be done, the longest waiting first."""
        columns = [purchases.c[name] for name in ("organization_id", "purchase_id", "attempt", "fence", "next_step_at")]
        found = self._connection.execute(
            select(*columns)
            .where(purchases.c.next_step_at <= to_micros(at))
            .order_by(purchases.c.next_step_at)
            .limit(most)
        )
        return [
            DuePurchase(
                PurchaseKey(row.organization_id, row.purchase_id), row.attempt, row.fence, from_micros(row.next_step_at)
            )
            for row in found
        ]

    def notices_wait(self, at: datetime) -> bool:
        """Tell, without a lock, whether an event or a delivery is to be looked at now."""
        event = select(outbox.c.event_id).where(outbox.c.delivered_at.is_(None)).limit(1)
        delivery = select(deliveries.c.delivery_id).where(deliveries.c.next_attempt_at <= to_micros(at)).limit(1)
        return any(self._connection.scalar(each) is not None for each in (event, delivery))

    def waiting(self, at: datetime) -> dict[str, Waiting]:
        """Count what is due now: purchases, refunds, recharges held back, events without deliveries, deliveries."""
        now = to_micros(at)
        return {
            "purchases": self._counted(purchases.c.next_step_at, purchases.c.next_step_at <= now),
            "refunds": self._counted(refunds.c.next_step_at, refunds.c.next_step_at <= now),
            "held_back_recharges": self._counted(
                credit_watches.c.held_back_until, credit_watches.c.held_back_until <= now, credit_watches.c.is_on
            ),
            "events": self._counted(outbox.c.occurred_at, outbox.c.delivered_at.is_(None)),
            "deliveries": self._counted(deliveries.c.next_attempt_at, deliveries.c.next_attempt_at <= now),
        }

    def clock(self) -> datetime | None:
        """Return the database server's clock; None for a file, which has none of its own."""
        if self._connection.dialect.name != "postgresql":
            return None
        micros = self._connection.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))
        return from_micros(int(micros or to_micros(EPOCH)))

    def schema_revision(self) -> str | None:
        """Return the newest migration that ran on this database; None for one without our schema."""
        return revision_of(self._connection)

    def _counted(self, since: Any, *conditions: Any) -> Waiting:
        row = self._connection.execute(select(func.count(), func.min(since)).where(*conditions)).one()
        return Waiting(row[0], from_micros_or_none(row[1]))

    def _put(self, table: Table, key: str, row: dict[str, object]) -> None:
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        added = dialect.insert(table).values(row)
        self._connection.execute(added.on_conflict_do_update(index_elements=[key], set_=row))


def _chore_of(row: Any) -> ChoreState:
    return ChoreState(
        row.name,
        from_micros_or_none(row.last_tick_at),
        from_micros_or_none(row.last_done_at),
        row.held_by_slot,
        row.held_by_fence,
        from_micros_or_none(row.not_before_at),
        row.failures_count,
        row.last_error,
    )
