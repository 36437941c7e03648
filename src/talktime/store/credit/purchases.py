"""Rows of purchases, of what is watched while credit moves, and of what gateways reported."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.credit.buying.payments import GatewayEvent, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.store.charging import watch_rows
from talktime.store.instants import from_micros, to_micros
from talktime.store.schema import credit_watches, gateway_events, organizations, purchases

_PURCHASE = [purchases.c[name] for name in watch_rows.PURCHASE_COLUMNS.split(", ")]
_WATCH = [credit_watches.c[name] for name in watch_rows.WATCH_COLUMNS.split(", ")]
_POLICY_NAMES = watch_rows.POLICY_COLUMNS.split(", ")
_PROGRESS_NAMES = watch_rows.PROGRESS_COLUMNS.split(", ")


class ParkedEvent(NamedTuple):
    """What a gateway reported and no purchase of ours explains."""

    received_at: datetime
    gateway: str
    event_id: str
    kind: str
    charge_id: str
    amount_micros: int
    currency: str
    reason: str


class PurchaseRows:
    """How credit is bought; lock the organization before changing it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def watch(self, organization_id: int) -> CreditWatch:
        """Return what is watched; for an organization that was never funded, nothing."""
        found = self._connection.execute(select(*_WATCH).where(credit_watches.c.organization_id == organization_id))
        row = found.one_or_none()
        return CreditWatch() if row is None else watch_rows.watch_of(tuple(row))

    def save_watch(self, organization_id: int, watch: CreditWatch) -> None:
        """Write the whole watch, settings and progress."""
        row = dict(zip(_POLICY_NAMES, watch_rows.policy_row(watch.policy), strict=True))
        row |= dict(zip(_PROGRESS_NAMES, watch_rows.progress_row(watch), strict=True))
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        added = dialect.insert(credit_watches).values(organization_id=organization_id, **row)
        changed = {**row, "revision": credit_watches.c.revision + 1}
        self._connection.execute(added.on_conflict_do_update(index_elements=["organization_id"], set_=changed))

    def purchase(self, key: PurchaseKey) -> Purchase | None:
        """Return one purchase."""
        return self._one(
            select(*_PURCHASE).where(
                purchases.c.organization_id == key.organization_id, purchases.c.purchase_id == key.purchase_id
            )
        )

    def open_recharge(self, organization_id: int) -> Purchase | None:
        """Return the recharge of an organization that is not closed yet, if there is one."""
        return self._one(
            select(*_PURCHASE)
            .join(
                credit_watches,
                (credit_watches.c.organization_id == purchases.c.organization_id)
                & (credit_watches.c.open_purchase_id == purchases.c.purchase_id),
            )
            .where(purchases.c.organization_id == organization_id)
        )

    def orders_count(self, organization_id: int) -> int:
        """Return how many orders an organization has placed; none is ever deleted."""
        statement = select(func.count()).where(
            purchases.c.organization_id == organization_id, purchases.c.cause == PurchaseCause.ORDER.value
        )
        return self._connection.scalar(statement) or 0

    def open_orders(self, organization_id: int) -> list[Purchase]:
        """Return the orders of an organization that are not concluded yet, the oldest first."""
        found = self._connection.execute(
            select(*_PURCHASE)
            .where(
                purchases.c.organization_id == organization_id,
                purchases.c.cause == PurchaseCause.ORDER.value,
                purchases.c.closed_at.is_(None),
            )
            .order_by(purchases.c.created_at)
        )
        return [watch_rows.purchase_of(tuple(row)) for row in found]

    def of_charge(self, charge_id: str) -> Purchase | None:
        """Return the purchase that a gateway's charge paid."""
        return self._one(select(*_PURCHASE).where(purchases.c.charge_id == charge_id)) if charge_id else None

    def of_lot(self, organization_id: int, lot_id: int) -> Purchase | None:
        """Return the purchase that became a lot."""
        owner = purchases.c.organization_id == organization_id
        return self._one(select(*_PURCHASE).where(owner, purchases.c.lot_id == lot_id))

    def all(self, organization_id: int, *, most: int, cause: PurchaseCause | None = None) -> list[Purchase]:
        """Return the newest purchases, the newest first."""
        statement = select(*_PURCHASE).where(purchases.c.organization_id == organization_id)
        if cause is not None:
            statement = statement.where(purchases.c.cause == cause.value)
        found = self._connection.execute(
            statement.order_by(purchases.c.created_at.desc(), purchases.c.purchase_id.desc()).limit(most)
        )
        return [watch_rows.purchase_of(tuple(row)) for row in found]

    def add(self, purchase: Purchase) -> None:
        """Insert a purchase; a second open recharge, or a second one of an epoch, is an integrity error."""
        names = watch_rows.PURCHASE_COLUMNS.split(", ")
        row = dict(zip(names, watch_rows.purchase_row(purchase), strict=True))
        self._connection.execute(insert(purchases), row)

    def save(self, purchase: Purchase) -> None:
        """Write a purchase as it stands."""
        names = watch_rows.PURCHASE_COLUMNS.split(", ")
        row = dict(zip(names, watch_rows.purchase_row(purchase), strict=True))
        self._connection.execute(
            update(purchases)
            .where(
                purchases.c.organization_id == purchase.organization_id,
                purchases.c.purchase_id == purchase.purchase_id,
            )
            .values(row)
        )

    def held_back(self, at: datetime, *, most: int) -> Sequence[str]:
        """Return the names of organizations whose held-back recharge may be looked at again."""
        found = self._connection.scalars(
            select(organizations.c.name)
            .join(credit_watches, credit_watches.c.organization_id == organizations.c.organization_id)
            .where(credit_watches.c.held_back_until <= to_micros(at), credit_watches.c.is_on)
            .order_by(credit_watches.c.held_back_until)
            .limit(most)
        )
        return found.all()

    def note_event(self, event: GatewayEvent, received_at: datetime, parked_reason: str) -> None:
        """Keep what a gateway reported, in the transaction of its effect."""
        purchase = event.purchase
        row = {
            "gateway": event.gateway,
            "event_id": event.event_id,
            "kind": event.kind.value,
            "name": event.name,
            "organization_id": None if purchase is None else purchase.organization_id,
            "purchase_id": "" if purchase is None else purchase.purchase_id,
            "charge_id": event.charge_id,
            "amount_micros": event.amount_micros,
            "currency": event.currency,
            "code": event.code,
            "occurred_at": to_micros(event.occurred_at),
            "received_at": to_micros(received_at),
            "parked_reason": parked_reason,
        }
        self._connection.execute(insert(gateway_events), row)

    def parked_events(self, *, most: int) -> list[ParkedEvent]:
        """Return what gateways reported and no purchase explains, the newest first."""
        columns = ("gateway", "event_id", "kind", "charge_id", "amount_micros", "currency", "parked_reason")
        found = self._connection.execute(
            select(gateway_events.c.received_at, *(gateway_events.c[name] for name in columns))
            .where(gateway_events.c.parked_reason != "")
            .order_by(gateway_events.c.received_at.desc())
            .limit(most)
        )
        return [ParkedEvent(from_micros(row[0]), *row[1:]) for row in found]

    def is_noted(self, event: GatewayEvent) -> bool:
        """Tell whether a gateway's event was noted before."""
        statement = select(gateway_events.c.event_id).where(
            gateway_events.c.gateway == event.gateway, gateway_events.c.event_id == event.event_id
        )
        return self._connection.scalar(statement) is not None

    def _one(self, statement: object) -> Purchase | None:
        row = self._connection.execute(statement).one_or_none()  # type: ignore[call-overload]
        return None if row is None else watch_rows.purchase_of(tuple(row))
