"""What the general ledger reads: the journal in its order, what it moved by months, and what the other tables say."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from talktime.core.credit.billing.invoices import credit_note_number, invoice_number
from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART, ChartedAccount, Moved
from talktime.core.insight.ledger_entries import LedgerEntry, LedgerPosting, in_one_line
from talktime.core.values.errors import Conflict
from talktime.core.values.periods import Period
from talktime.store.charging.rows import Row
from talktime.store.insight.books import CHUNK_ROWS
from talktime.store.instants import from_micros, to_micros

# An invoice's payment is an entry that bears its number.
_PAYMENT = "payment"
# `call:key:line`, as core/calls/cdrs.py writes it; a key may hold colons and digits itself.
_KEY_AND_COLON = "rtrim(p.entry_id, '0123456789')"
_CALL_KEY = f"substr({_KEY_AND_COLON}, 6, length({_KEY_AND_COLON}) - 6)"
_LINE = f"CAST(substr(p.entry_id, length({_KEY_AND_COLON}) + 1) AS INTEGER)"
# Which credit note goes with an entry, by the reference under which it was written.
_NOTED = (
    "CASE WHEN p.entry_id LIKE 'refund:%\\:paid' THEN substr(p.entry_id, 8, length(p.entry_id) - 12)"
    " WHEN p.entry_id LIKE 'dispute:%\\:lost' THEN substr(p.entry_id, 1, length(p.entry_id) - 5)"
    " WHEN p.entry_id LIKE 'void:%' THEN p.entry_id END"
)
_ENTRIES = (
    "SELECT p.occurred_at, p.entry_id, p.debit, p.credit, p.amount_micros, p.lot_id,"
    " coalesce(u.destination, r.reason, l.reference, ''), i.sequence, n.sequence FROM postings p"
    " LEFT JOIN credit_lots l ON l.organization_id = p.organization_id AND l.lot_id = p.lot_id"
    " LEFT JOIN entry_reasons r ON r.organization_id = p.organization_id AND r.entry_id = p.entry_id"
    " LEFT JOIN usage_rows u ON u.organization_id = p.organization_id"
    f" AND u.call_key = CASE WHEN p.entry_id LIKE 'call:%:%' THEN {_CALL_KEY} END"
    f" AND u.line = CASE WHEN p.entry_id LIKE 'call:%:%' THEN {_LINE} END"
    " LEFT JOIN invoices i ON i.organization_id = p.organization_id"
    " AND i.purchase_id = CASE WHEN p.entry_id LIKE 'purchase:%' THEN substr(p.entry_id, 10)"
    " WHEN p.entry_id LIKE 'overage:%' THEN p.entry_id"
    " WHEN p.entry_id LIKE 'tax\\:overage:%' THEN substr(p.entry_id, 5) END"
    f" LEFT JOIN credit_notes n ON n.organization_id = p.organization_id AND n.reference = {_NOTED}"
    " WHERE p.organization_id = :organization_id AND p.occurred_at >= :starts_at AND p.occurred_at < :ends_at"
    " ORDER BY p.occurred_at, p.entry_id{c}, p.line"
)
_SPAN = text("SELECT min(occurred_at), max(occurred_at) FROM postings WHERE organization_id = :organization_id")
# What is left in the lots, is owed, what calls cost, what expired, is to be billed: none of it from the journal.
_KEPT = text(
    "SELECT (SELECT receivable_micros FROM organizations WHERE organization_id = :organization_id),"
    " (SELECT coalesce(sum(granted_micros - spent_micros - expired_micros - refunded_micros - disputed_micros), 0)"
    " FROM credit_lots WHERE organization_id = :organization_id),"
    " (SELECT coalesce(sum(cost_micros), 0) FROM usage_rows WHERE organization_id = :organization_id),"
    " (SELECT coalesce(sum(expired_micros), 0) FROM credit_lots WHERE organization_id = :organization_id),"
    " (SELECT coalesce(sum(cost_micros), 0) FROM usage_rows"
    " WHERE organization_id = :organization_id AND paid_by = 'overage'),"
    " (SELECT coalesce(sum(net_micros + CASE WHEN is_tax_included THEN tax_micros ELSE 0 END), 0) FROM invoices"
    " WHERE organization_id = :organization_id AND cause = 'overage'),"
    " (SELECT coalesce(sum(tax_micros), 0) FROM invoices WHERE organization_id = :organization_id AND is_tax_included)"
)
_STATEMENTS = text("SELECT body FROM statements WHERE organization_id = :organization_id")


class LedgerRows:
    """Reads the books of one organization after another, at constant memory."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection
        self._collation = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""

    def span(self, organization_id: int) -> Period | None:
        """Return when the first and the last posting happened; None where there is none."""
        first, last = self._connection.execute(_SPAN, {"organization_id": organization_id}).one()
        return None if first is None else Period(from_micros(first), from_micros(last))

    def entries(self, organization_id: int, period: Period, zone: ZoneInfo) -> Iterator[LedgerEntry]:
        """Yield the entries of a period in the order of time, on the days of a zone; raise Conflict for damaged ones.

        Within an instant they come in the order of their ids, on both databases.
        """
        key = {
            "organization_id": organization_id,
            "starts_at": to_micros(period.starts_at),
            "ends_at": to_micros(period.ends_at),
        }
        statement = text(_ENTRIES.format(c=self._collation))
        streamed = self._connection.execute(statement, key, execution_options={"stream_results": True})
        rows = (tuple(row) for chunk in streamed.partitions(CHUNK_ROWS) for row in chunk)
        for (occurred_at, entry_id), of_entry in groupby(rows, key=itemgetter(0, 1)):
            postings = list(of_entry)
            at = from_micros(occurred_at)
            yield LedgerEntry(
                entry_id,
                at.astimezone(zone).date(),
                at,
                tuple(map(_posting, postings)),
                _document(organization_id, entry_id, *postings[0][-2:]),
            )

    def moved(self, organization_id: int, boundaries: Sequence[datetime]) -> list[Moved]:
        """Return what the journal moved before the first boundary, between each two, and from the last one on."""
        keys = {f"b{number}": to_micros(boundary) for number, boundary in enumerate(boundaries)}
        cases = " ".join(f"WHEN occurred_at < :b{number} THEN {number}" for number in range(len(boundaries)))
        statement = text(
            f"SELECT CASE {cases} ELSE {len(boundaries)} END, debit, credit, sum(amount_micros) FROM postings"
            " WHERE organization_id = :organization_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        moved: list[dict[tuple[Account, Account], int]] = [{} for _ in range(len(boundaries) + 1)]
        for part, debit, credit, amount in self._connection.execute(
            statement, keys | {"organization_id": organization_id}
        ):
            # PostgreSQL adds up to a numeric.
            moved[part][_account(debit), _account(credit)] = int(amount)
        return list(moved)

    def kept(self, organization_id: int) -> dict[ChartedAccount, int]:
        """Return the balances of today that tables other than the journal know: above zero a debit."""
        key = {"organization_id": organization_id}
        kept = self._connection.execute(_KEPT, key).one()
        receivable, remaining, cost, expired, accrued, billed, contained = (int(each or 0) for each in kept)
        # What use contains of tax leaves revenue with the statement of its month, or with the invoice that bills it.
        taxed = contained + sum(
            json.loads(body)["included_tax_micros"] for body in self._connection.scalars(_STATEMENTS, key)
        )
        return {
            CHART[Account.RECEIVABLE]: receivable,
            CHART[Account.ACCRUED]: accrued - billed,
            CHART[Account.LOT]: -remaining,
            CHART[Account.REVENUE]: taxed - cost,
            CHART[Account.BREAKAGE]: -expired,
        }


def _document(organization_id: int, entry_id: str, invoice: int | None, credit_note: int | None) -> str:
    if invoice is not None:
        return invoice_number(organization_id, invoice)
    if credit_note is not None:
        return credit_note_number(organization_id, credit_note)
    kind, _, named = entry_id.partition(":")
    return named if kind == _PAYMENT else ""


def _posting(row: Row) -> LedgerPosting:
    _, _, debit, credit, amount_micros, lot_id, about, *_ = row
    return LedgerPosting(_account(debit), _account(credit), amount_micros, lot_id, in_one_line(about))


def _account(name: str) -> Account:
    try:
        return Account(name)
    except ValueError as unknown:
        message = f"the journal names an account {name!r} that there is not: `talktime audit` shows where"
        raise Conflict(message, code="books_damaged") from unknown
