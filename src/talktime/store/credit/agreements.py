"""Rows of agreements, their purchase orders, and the support cases about them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.credit.buying.agreements import Agreement, AgreementTerms, PurchaseOrder, SupportCase
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import agreements, purchase_orders, support_cases


class AgreementRows:
    """What pays instead of cards; lock the organization before changing it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def agreement(self, organization_id: int, number: str) -> Agreement | None:
        """Return one agreement of an organization."""
        found = self._connection.execute(
            select(agreements).where(
                agreements.c.organization_id == organization_id, agreements.c.agreement_number == number
            )
        )
        row = found.one_or_none()
        return None if row is None else _agreement_of(row)

    def agreements(self, organization_id: int) -> list[Agreement]:
        """Return the agreements of an organization, in the order of their numbers."""
        found = self._connection.execute(
            select(agreements)
            .where(agreements.c.organization_id == organization_id)
            .order_by(agreements.c.agreement_number)
        )
        return [_agreement_of(row) for row in found]

    def save(self, agreement: Agreement) -> None:
        """Write an agreement as it stands, new or known."""
        key = {"organization_id": agreement.organization_id, "agreement_number": agreement.number}
        row = {
            "billing_country": agreement.billing_country,
            "currency": agreement.currency,
            "terms": agreement.terms.value,
            "limit_micros": agreement.limit_micros,
            "used_micros": agreement.used_micros,
            "ends_at": to_micros_or_none(agreement.ends_at),
            "is_active": agreement.is_active,
        }
        added = self._dialect.insert(agreements).values(**key, **row)
        self._connection.execute(added.on_conflict_do_update(index_elements=list(key), set_=row))

    def purchase_order(self, organization_id: int, agreement_number: str, number: str) -> PurchaseOrder | None:
        """Return what is known of a purchase order; None where nothing was bought under it, nor its limit set."""
        found = self._connection.execute(
            select(purchase_orders).where(
                purchase_orders.c.organization_id == organization_id,
                purchase_orders.c.agreement_number == agreement_number,
                purchase_orders.c.purchase_order == number,
            )
        )
        row = found.one_or_none()
        return None if row is None else _purchase_order_of(row)

    def purchase_orders(self, organization_id: int, agreement_number: str) -> list[PurchaseOrder]:
        """Return the purchase orders of an agreement under which something was bought, or may be to a limit."""
        found = self._connection.execute(
            select(purchase_orders)
            .where(
                purchase_orders.c.organization_id == organization_id,
                purchase_orders.c.agreement_number == agreement_number,
            )
            .order_by(purchase_orders.c.purchase_order)
        )
        return [_purchase_order_of(row) for row in found]

    def save_purchase_order(self, agreement: Agreement, order: PurchaseOrder) -> None:
        """Write a purchase order of an agreement, new or known."""
        key = {
            "organization_id": agreement.organization_id,
            "agreement_number": agreement.number,
            "purchase_order": order.number,
        }
        row = {
            "limit_micros": order.limit_micros,
            "used_micros": order.used_micros,
            "ends_at": to_micros_or_none(order.ends_at),
        }
        added = self._dialect.insert(purchase_orders).values(**key, **row)
        self._connection.execute(added.on_conflict_do_update(index_elements=list(key), set_=row))

    def cases(self, organization_id: int | None = None, *, agreement_number: str = "") -> list[SupportCase]:
        """Return the support cases of an organization or of all, the open ones first, the newest first."""
        statement = select(support_cases)
        if organization_id is not None:
            statement = statement.where(support_cases.c.organization_id == organization_id)
        if agreement_number:
            statement = statement.where(support_cases.c.agreement_number == agreement_number)
        is_resolved, opened_at = support_cases.c.resolved_at.is_not(None), support_cases.c.opened_at
        order = (is_resolved, opened_at.desc(), support_cases.c.organization_id, support_cases.c.sequence)
        return [_case_of(row) for row in self._connection.execute(statement.order_by(*order))]

    def next_case_sequence(self, organization_id: int) -> int:
        """Return the number after the last case of an organization."""
        highest = select(func.max(support_cases.c.sequence)).where(support_cases.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_case(self, case: SupportCase) -> None:
        """Insert a case; a second open one for an agreement is an integrity error."""
        instants = {
            "opened_at": to_micros(case.opened_at),
            "resolved_at": to_micros_or_none(case.resolved_at),
        }
        self._connection.execute(insert(support_cases), asdict(case) | instants)

    def resolve_case(self, case: SupportCase, reason: str, at: datetime) -> None:
        """Close a case with what an operator permitted, and why."""
        statement = update(support_cases).where(
            support_cases.c.organization_id == case.organization_id, support_cases.c.sequence == case.sequence
        )
        self._connection.execute(statement.values(resolved_at=to_micros(at), override_reason=reason))

    @property
    def _dialect(self) -> Any:
        return postgresql if self._connection.dialect.name == "postgresql" else sqlite


def _agreement_of(row: Row[Any]) -> Agreement:
    return Agreement(
        organization_id=row.organization_id,
        number=row.agreement_number,
        billing_country=row.billing_country,
        currency=row.currency,
        terms=AgreementTerms(row.terms),
        limit_micros=row.limit_micros,
        used_micros=row.used_micros,
        ends_at=from_micros_or_none(row.ends_at),
        is_active=bool(row.is_active),
    )


def _purchase_order_of(row: Row[Any]) -> PurchaseOrder:
    return PurchaseOrder(row.purchase_order, row.limit_micros, row.used_micros, from_micros_or_none(row.ends_at))


def _case_of(row: Row[Any]) -> SupportCase:
    return SupportCase(
        organization_id=row.organization_id,
        sequence=row.sequence,
        agreement_number=row.agreement_number,
        country=row.country,
        billing_country=row.billing_country,
        opened_at=from_micros(row.opened_at),
        resolved_at=from_micros_or_none(row.resolved_at),
        override_reason=row.override_reason,
    )
