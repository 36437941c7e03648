"""Rows of credit lots, the journal, and money requests that must be done once."""

from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot, spending_order
from talktime.core.values.errors import Conflict
from talktime.store.charging import rows
from talktime.store.instants import to_micros
from talktime.store.schema import credit_lots, idempotent_requests, organizations, postings

_COLUMNS = [credit_lots.c[name.strip()] for name in rows.LOT_COLUMNS.split(",")]
_POSTING_NAMES = [name.strip() for name in rows.POSTING_COLUMNS.split(",")]


class CreditRows:
    """The money of organizations; lock the organization before changing it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def credit(self, organization_id: int) -> Credit:
        """Return all lots, exhausted ones too, and the receivable."""
        found = self._connection.execute(select(*_COLUMNS).where(credit_lots.c.organization_id == organization_id))
        lots = sorted((rows.lot_of(tuple(row)) for row in found), key=spending_order)
        owed = select(organizations.c.receivable_micros).where(organizations.c.organization_id == organization_id)
        return Credit(tuple(lots), self._connection.scalar(owed) or 0)

    def references(self, organization_id: int) -> dict[int, str]:
        """Return what each lot's purchase is called, by the lot's id."""
        statement = select(credit_lots.c.lot_id, credit_lots.c.reference)
        found = self._connection.execute(statement.where(credit_lots.c.organization_id == organization_id))
        return {row[0]: row[1] for row in found}

    def next_lot_id(self, organization_id: int) -> int:
        """Return an id that no lot of the organization has."""
        highest = select(func.max(credit_lots.c.lot_id)).where(credit_lots.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_lot(self, organization_id: int, lot: CreditLot, reference: str) -> None:
        """Insert a lot as it stands."""
        row = {
            "organization_id": organization_id,
            "lot_id": lot.lot_id,
            "kind": lot.kind.value,
            "granted_micros": lot.granted_micros,
            "spent_micros": lot.spent_micros,
            "held_micros": lot.held_micros,
            "expired_micros": lot.expired_micros,
            "refunded_micros": lot.refunded_micros,
            "disputed_micros": lot.disputed_micros,
            "purchased_at": to_micros(lot.purchased_at),
            "expires_at": to_micros(lot.expires_at),
            "reference": reference,
        }
        self._connection.execute(insert(credit_lots), row)

    def save(self, organization_id: int, before: Credit, after: Credit) -> None:
        """Write the lots and the receivable that differ; new lots are added by `add_lot`."""
        known = {lot.lot_id: lot for lot in before.lots}
        for lot in after.lots:
            if lot.lot_id in known and lot != known[lot.lot_id]:
                self._connection.execute(
                    update(credit_lots)
                    .where(credit_lots.c.organization_id == organization_id, credit_lots.c.lot_id == lot.lot_id)
                    .values(
                        spent_micros=lot.spent_micros,
                        held_micros=lot.held_micros,
                        expired_micros=lot.expired_micros,
                        refunded_micros=lot.refunded_micros,
                        disputed_micros=lot.disputed_micros,
                    )
                )
        if after.receivable_micros != before.receivable_micros:
            self._connection.execute(
                update(organizations)
                .where(organizations.c.organization_id == organization_id)
                .values(receivable_micros=after.receivable_micros)
            )

    def post(self, entry: JournalEntry) -> None:
        """Insert an entry's postings; the same entry twice is an integrity error, by its key."""
        posted = [dict(zip(_POSTING_NAMES, row, strict=True)) for row in rows.posting_rows(entry)]
        if posted:
            self._connection.execute(insert(postings), posted)

    def answer_of(self, organization_id: int, request_key: str, input_hash: str) -> str | None:
        """Return what this money request was answered before; raise Conflict where the same key said something else."""
        statement = select(idempotent_requests.c.input_hash, idempotent_requests.c.answer).where(
            idempotent_requests.c.organization_id == organization_id, idempotent_requests.c.request_key == request_key
        )
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return None
        if row.input_hash != input_hash:
            message = f"the request key {request_key!r} was used before with other input; choose a new one"
            raise Conflict(message, code="request_key_reused")
        return str(row.answer)

    def keep_answer(
        self, organization_id: int, request_key: str, *, input_hash: str, answer: str, at: datetime
    ) -> None:
        """Keep the answer of a money request, in the transaction of its effect."""
        row = {
            "organization_id": organization_id,
            "request_key": request_key,
            "input_hash": input_hash,
            "answer": answer,
            "answered_at": to_micros(at),
        }
        self._connection.execute(insert(idempotent_requests), row)
