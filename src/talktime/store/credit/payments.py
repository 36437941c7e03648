"""Rows of the ways to pay: cards and agreements."""

from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select, update

from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.values.periods import DAY
from talktime.store.instants import to_micros
from talktime.store.schema import organizations, payment_methods


class PaymentRows:
    """How organizations pay; lock the organization before changing it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def method(self, organization_id: int, method_id: int) -> PaymentMethod | None:
        """Return one way to pay, removed or not."""
        found = self._connection.execute(
            select(payment_methods).where(
                payment_methods.c.organization_id == organization_id, payment_methods.c.method_id == method_id
            )
        )
        row = found.mappings().one_or_none()
        return None if row is None else _method_of(dict(row))

    def methods(self, organization_id: int) -> list[PaymentMethod]:
        """Return every way to pay that was not removed, in the order of their ids."""
        found = self._connection.execute(
            select(payment_methods)
            .where(payment_methods.c.organization_id == organization_id, ~payment_methods.c.is_removed)
            .order_by(payment_methods.c.method_id)
        )
        return [_method_of(dict(row)) for row in found.mappings()]

    def next_method_id(self, organization_id: int) -> int:
        """Return an id that no way to pay of the organization has."""
        highest = select(func.max(payment_methods.c.method_id)).where(
            payment_methods.c.organization_id == organization_id
        )
        return (self._connection.scalar(highest) or 0) + 1

    def add_method(self, method: PaymentMethod, at: datetime) -> None:
        """Insert a way to pay."""
        card = method.card
        row = {
            "organization_id": method.organization_id,
            "method_id": method.method_id,
            "kind": method.kind.value,
            "gateway": method.gateway,
            "token": "" if card is None else card.token,
            "fingerprint": "" if card is None else card.fingerprint,
            "brand": "" if card is None else card.brand,
            "last4": "" if card is None else card.last4,
            "expires_on": None if card is None else card.expires_on.isoformat(),
            "agreement_number": method.agreement_number,
            "purchase_order": method.purchase_order,
            "is_removed": method.is_removed,
            "added_at": to_micros(at),
        }
        self._connection.execute(insert(payment_methods), row)

    def zones_with_cards(self) -> list[str]:
        """Return the time zones of the organizations that have cards."""
        found = self._connection.scalars(
            select(organizations.c.time_zone)
            .join(payment_methods, payment_methods.c.organization_id == organizations.c.organization_id)
            .where(payment_methods.c.expires_on.is_not(None), ~payment_methods.c.is_removed)
            .distinct()
        )
        return sorted(found)

    def cards_expiring(self, zone: str, today: date, days: int, *, most: int) -> list[PaymentMethod]:
        """Return cards of a zone's organizations that expire in so many days or fewer and were not told of that."""
        told = payment_methods.c.expiry_told_days
        found = self._connection.execute(
            select(payment_methods)
            .join(organizations, payment_methods.c.organization_id == organizations.c.organization_id)
            .where(
                organizations.c.time_zone == zone,
                payment_methods.c.expires_on >= today.isoformat(),
                payment_methods.c.expires_on <= (today + days * DAY).isoformat(),
                ~payment_methods.c.is_removed,
                told.is_(None) | (told > days),
            )
            .order_by(payment_methods.c.organization_id, payment_methods.c.method_id)
            .limit(most)
        )
        return [_method_of(dict(row)) for row in found.mappings()]

    def expiry_told_days(self, organization_id: int, method_id: int) -> int | None:
        """Return how many days before a card's expiry its last notice was; None where there was none."""
        told: int | None = self._connection.scalar(
            select(payment_methods.c.expiry_told_days).where(
                payment_methods.c.organization_id == organization_id, payment_methods.c.method_id == method_id
            )
        )
        return told

    def note_expiry_told(self, organization_id: int, method_id: int, days: int) -> None:
        """Note that a card's expiry was told so many days before."""
        self._connection.execute(
            update(payment_methods)
            .where(payment_methods.c.organization_id == organization_id, payment_methods.c.method_id == method_id)
            .values(expiry_told_days=days)
        )

    def update_card(self, gateway: str, card: Card) -> int:
        """Write what a gateway says of a card now; return how many ways to pay it is."""
        updated = self._connection.execute(
            update(payment_methods)
            .where(payment_methods.c.gateway == gateway, payment_methods.c.token == card.token)
            .values(
                fingerprint=card.fingerprint,
                brand=card.brand,
                last4=card.last4,
                expires_on=card.expires_on.isoformat(),
                expiry_told_days=None,
            )
        )
        return updated.rowcount

    def remove_method(self, organization_id: int, method_id: int) -> None:
        """Mark a way to pay as removed: purchases that named it keep it."""
        self._connection.execute(
            update(payment_methods)
            .where(payment_methods.c.organization_id == organization_id, payment_methods.c.method_id == method_id)
            .values(is_removed=True)
        )


def _method_of(row: dict[str, object]) -> PaymentMethod:
    card = None
    if row["expires_on"] is not None:
        card = Card(
            token=str(row["token"]),
            fingerprint=str(row["fingerprint"]),
            brand=str(row["brand"]),
            last4=str(row["last4"]),
            expires_on=date.fromisoformat(str(row["expires_on"])),
        )
    return PaymentMethod(
        organization_id=int(str(row["organization_id"])),
        method_id=int(str(row["method_id"])),
        kind=MethodKind(row["kind"]),
        gateway=str(row["gateway"]),
        card=card,
        agreement_number=str(row["agreement_number"]),
        purchase_order=str(row["purchase_order"]),
        is_removed=bool(row["is_removed"]),
    )
