"""Rows of what happens to lots after they were bought: notices, refunds, disputes, reasons, imports; past balances."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, or_, select, update

from talktime.core.calls.calls import CallState
from talktime.core.credit.disputes import Dispute, DisputeState
from talktime.core.credit.expiring import Loss
from talktime.core.credit.ledger import Account
from talktime.core.credit.refunds import OPEN_REFUNDS, Refund, RefundState
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import (
    balance_imports,
    calls,
    credit_lots,
    disputes,
    entry_reasons,
    lot_notices,
    organizations,
    postings,
    refunds,
)

# The notice that a lot has ended.
ENDED = 0

Moved = dict[tuple[int | None, Account, Account], int]


class LotLifeRows:
    """What happens to lots; lock the organization before changing it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    # ── expiry ──────────────────────────────────────────────────────────────────────────────────────────────

    def with_expired_credit(self, at: datetime, told_since: datetime, *, most: int) -> Sequence[int]:
        """Return organizations with credit to sweep, or with an end since an instant that was not told."""
        lot = credit_lots.c
        is_untold = and_(lot.expires_at > to_micros(told_since), lot.expired_micros > 0, ~_is_told(ENDED, lot.lot_id))
        found = self._connection.scalars(
            select(lot.organization_id)
            .distinct()
            .where(lot.expires_at <= to_micros(at), or_(_FREE > 0, is_untold))
            .order_by(lot.organization_id)
            .limit(most)
        )
        return found.all()

    def with_ends_between(self, after: datetime, until: datetime, *, most: int, beyond: int) -> Sequence[int]:
        """Return organizations, of ids beyond one, with available credit that ends in a span."""
        lot = credit_lots.c
        found = self._connection.scalars(
            select(lot.organization_id)
            .distinct()
            .where(
                lot.organization_id > beyond,
                lot.expires_at > to_micros(after),
                lot.expires_at <= to_micros(until),
                _FREE > 0,
            )
            .order_by(lot.organization_id)
            .limit(most)
        )
        return found.all()

    def notices(self, organization_id: int) -> list[tuple[int, int]]:
        """Return (lot, days before) of every notice that was told."""
        found = self._connection.execute(
            select(lot_notices.c.lot_id, lot_notices.c.days_before).where(
                lot_notices.c.organization_id == organization_id
            )
        )
        return [(row[0], row[1]) for row in found]

    def note_told(self, organization_id: int, loss: Loss, days_before: int, at: datetime) -> None:
        """Keep that a notice was told; the same twice is an integrity error."""
        row = {
            "organization_id": organization_id,
            "lot_id": loss.lot_id,
            "days_before": days_before,
            "amount_micros": loss.amount_micros,
            "told_at": to_micros(at),
        }
        self._connection.execute(insert(lot_notices), row)

    # ── the journal, as it was ──────────────────────────────────────────────────────────────────────────────

    def entries_count(self, organization_id: int, prefix: str) -> int:
        """Return how many entries have ids that begin so."""
        statement = select(func.count(func.distinct(postings.c.entry_id))).where(
            postings.c.organization_id == organization_id, postings.c.entry_id.startswith(prefix, autoescape=True)
        )
        return self._connection.scalar(statement) or 0

    def moved(self, organization_id: int, until: datetime) -> Moved:
        """Return what the journal moved up to an instant, by lot, debit and credit account."""
        keys = (postings.c.lot_id, postings.c.debit, postings.c.credit)
        found = self._connection.execute(
            select(*keys, func.sum(postings.c.amount_micros))
            .where(postings.c.organization_id == organization_id, postings.c.occurred_at <= to_micros(until))
            .group_by(*keys)
        )
        # PostgreSQL adds up to a numeric.
        return {(row[0], Account(row[1]), Account(row[2])): int(row[3]) for row in found}

    def add_reason(self, organization_id: int, entry_id: str, reason: str, made_by: str) -> None:
        """Keep why an operator made an entry."""
        row = {"organization_id": organization_id, "entry_id": entry_id, "reason": reason, "made_by": made_by}
        self._connection.execute(insert(entry_reasons), row)

    def reasons(self, organization_id: int) -> dict[str, tuple[str, str]]:
        """Return why entries were made and by whom, by their ids."""
        found = self._connection.execute(
            select(entry_reasons.c.entry_id, entry_reasons.c.reason, entry_reasons.c.made_by).where(
                entry_reasons.c.organization_id == organization_id
            )
        )
        return {row[0]: (row[1], row[2]) for row in found}

    # ── refunds ─────────────────────────────────────────────────────────────────────────────────────────────

    def refund(self, organization_id: int, refund_id: str) -> Refund | None:
        """Return one refund."""
        found = self._refunds(refunds.c.organization_id == organization_id, refunds.c.refund_id == refund_id)
        return found[0] if found else None

    def refunds_of(self, organization_id: int, purchase_id: str | None = None) -> list[Refund]:
        """Return the refunds of an organization, or of one purchase, the oldest first."""
        of_purchase = [] if purchase_id is None else [refunds.c.purchase_id == purchase_id]
        return self._refunds(refunds.c.organization_id == organization_id, *of_purchase)

    def due_refunds(self, at: datetime, *, most: int) -> list[tuple[int, str]]:
        """Return (organization, refund) of those about which a gateway is to be asked, the longest waiting first."""
        found = self._connection.execute(
            select(refunds.c.organization_id, refunds.c.refund_id)
            .where(refunds.c.next_step_at <= to_micros(at))
            .order_by(refunds.c.next_step_at)
            .limit(most)
        )
        return [(row[0], row[1]) for row in found]

    def add_refund(self, refund: Refund) -> None:
        """Insert a refund; a second open one of a purchase is an integrity error."""
        self._connection.execute(insert(refunds), _refund_row(refund))

    def save_refund(self, refund: Refund) -> None:
        """Write a refund as it stands."""
        self._connection.execute(
            update(refunds)
            .where(refunds.c.organization_id == refund.organization_id, refunds.c.refund_id == refund.refund_id)
            .values(_refund_row(refund))
        )

    def refunding_micros(self) -> dict[int, int]:
        """Return what open refunds took from the lots of each organization."""
        states = [state.value for state in OPEN_REFUNDS]
        found = self._connection.execute(
            select(refunds.c.organization_id, func.sum(refunds.c.net_micros))
            .where(refunds.c.state.in_(states))
            .group_by(refunds.c.organization_id)
        )
        return {row[0]: int(row[1]) for row in found}

    # ── disputes ────────────────────────────────────────────────────────────────────────────────────────────

    def dispute(self, organization_id: int, purchase_id: str) -> Dispute | None:
        """Return the dispute of a purchase."""
        found = self._disputes(disputes.c.organization_id == organization_id, disputes.c.purchase_id == purchase_id)
        return found[0] if found else None

    def disputes_of(self, organization_id: int) -> list[Dispute]:
        """Return the disputes of an organization, the oldest first."""
        return self._disputes(disputes.c.organization_id == organization_id)

    def add_dispute(self, dispute: Dispute) -> None:
        """Insert a dispute; a second one of a purchase is an integrity error."""
        self._connection.execute(insert(disputes), _dispute_row(dispute))

    def save_dispute(self, dispute: Dispute) -> None:
        """Write a dispute as it stands."""
        self._connection.execute(
            update(disputes)
            .where(disputes.c.organization_id == dispute.organization_id, disputes.c.purchase_id == dispute.purchase_id)
            .values(_dispute_row(dispute))
        )

    def contested_micros(self) -> dict[int, int]:
        """Return what open disputes took beyond what their lots had unused, by organization."""
        contested = disputes.c.amount_micros - disputes.c.taken_back_micros
        found = self._connection.execute(
            select(disputes.c.organization_id, func.sum(contested))
            .where(disputes.c.state == DisputeState.OPEN.value)
            .group_by(disputes.c.organization_id)
        )
        return {row[0]: int(row[1]) for row in found}

    # ── accounts ────────────────────────────────────────────────────────────────────────────────────────────

    def open_calls_count(self, organization_id: int) -> int:
        """Return how many calls of an organization are in progress."""
        statement = select(func.count()).where(
            calls.c.organization_id == organization_id, calls.c.state == CallState.OPEN.value
        )
        return self._connection.scalar(statement) or 0

    def deactivate(self, organization_id: int) -> None:
        """Suspend an organization: none of its calls is allowed any more."""
        self._connection.execute(
            update(organizations).where(organizations.c.organization_id == organization_id).values(is_active=False)
        )

    def is_imported(self, file_hash: str) -> bool:
        """Tell whether a file was imported before."""
        statement = select(balance_imports.c.file_hash).where(balance_imports.c.file_hash == file_hash)
        return self._connection.scalar(statement) is not None

    def note_import(self, file_hash: str, file_name: str, lots_count: int, at: datetime) -> None:
        """Keep that a file was imported; the same twice is an integrity error."""
        row = {
            "file_hash": file_hash,
            "file_name": file_name,
            "lots_count": lots_count,
            "imported_at": to_micros(at),
        }
        self._connection.execute(insert(balance_imports), row)

    def _refunds(self, *conditions: ColumnElement[bool]) -> list[Refund]:
        found = self._connection.execute(
            select(refunds).where(*conditions).order_by(refunds.c.created_at, refunds.c.refund_id)
        )
        return [_refund_of(dict(row)) for row in found.mappings()]

    def _disputes(self, *conditions: ColumnElement[bool]) -> list[Dispute]:
        found = self._connection.execute(
            select(disputes).where(*conditions).order_by(disputes.c.opened_at, disputes.c.purchase_id)
        )
        return [_dispute_of(dict(row)) for row in found.mappings()]


_FREE = (
    credit_lots.c.granted_micros
    - credit_lots.c.spent_micros
    - credit_lots.c.held_micros
    - credit_lots.c.expired_micros
    - credit_lots.c.refunded_micros
    - credit_lots.c.disputed_micros
)


def _is_told(days_before: int, lot_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(
        lot_notices.c.organization_id == credit_lots.c.organization_id,
        lot_notices.c.lot_id == lot_id,
        lot_notices.c.days_before == days_before,
    )


def _refund_row(refund: Refund) -> dict[str, object]:
    row = {name: getattr(refund, name) for name in refunds.c.keys()}  # noqa: SIM118 -- a collection of columns
    instants = ("created_at", "next_step_at", "first_asked_at", "closed_at")
    return row | {"state": refund.state.value} | {name: to_micros_or_none(row[name]) for name in instants}


def _refund_of(row: dict[str, Any]) -> Refund:
    instants = _instants(row, ("next_step_at", "first_asked_at", "closed_at"))
    created_at = from_micros(row["created_at"])
    return Refund(**row | instants | {"created_at": created_at, "state": RefundState(row["state"])})


def _dispute_row(dispute: Dispute) -> dict[str, object]:
    row = {name: getattr(dispute, name) for name in disputes.c.keys()}  # noqa: SIM118 -- a collection of columns
    instants = {name: to_micros_or_none(row[name]) for name in ("opened_at", "closed_at")}
    return row | {"state": dispute.state.value} | instants


def _dispute_of(row: dict[str, Any]) -> Dispute:
    instants = _instants(row, ("closed_at",))
    opened_at = from_micros(row["opened_at"])
    return Dispute(**row | instants | {"opened_at": opened_at, "state": DisputeState(row["state"])})


def _instants(row: dict[str, Any], names: Iterable[str]) -> dict[str, datetime | None]:
    return {name: from_micros_or_none(row[name]) for name in names}
