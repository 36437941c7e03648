"""What a statement reads from the books, added up by the database; and its own form as JSON."""

import json
from dataclasses import asdict
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, text

from talktime.core.credit.billing.invoices import Party, Tax, invoice_number
from talktime.core.credit.ledger import Account
from talktime.core.insight.statements import Moved, Movement, MovementKind, PurchasedCredit, Statement, UsedCredit
from talktime.core.values.periods import Period
from talktime.store.instants import from_micros, from_micros_or_none, to_micros

_IN_MONTH = "p.organization_id = :organization_id AND p.occurred_at >= :starts_at AND p.occurred_at < :ends_at"
_BALANCE = text(
    "SELECT coalesce(sum(CASE"
    " WHEN credit IN ('lot', 'receivable') AND debit NOT IN ('lot', 'receivable') THEN amount_micros"
    " WHEN debit IN ('lot', 'receivable') AND credit NOT IN ('lot', 'receivable') THEN -amount_micros"
    " ELSE 0 END), 0) FROM postings WHERE organization_id = :organization_id AND occurred_at < :before"
)
_MOVED = text(
    f"SELECT p.debit, p.credit, sum(p.amount_micros) FROM postings p WHERE {_IN_MONTH}"
    " GROUP BY p.debit, p.credit ORDER BY p.debit, p.credit"
)
_PURCHASED = text(
    "SELECT min(p.occurred_at), l.reference, l.lot_id, max(i.sequence), sum(p.amount_micros), l.expires_at"
    " FROM postings p"
    " JOIN credit_lots l ON l.organization_id = p.organization_id AND l.lot_id = p.lot_id"
    " LEFT JOIN purchases b ON b.organization_id = l.organization_id AND b.lot_id = l.lot_id"
    " LEFT JOIN invoices i ON i.organization_id = b.organization_id AND i.purchase_id = b.purchase_id"
    f" WHERE {_IN_MONTH} AND p.debit IN ('cash_clearing', 'invoiced') AND p.credit = 'lot'"
    " GROUP BY l.lot_id, l.reference, l.expires_at ORDER BY min(p.occurred_at), l.lot_id"
)
# `call:key:line`, as core/calls/cdrs.py writes it; a key may hold colons and digits itself.
_KEY_AND_COLON = "rtrim(e.entry_id, '0123456789')"
_CALL_KEY = f"substr({_KEY_AND_COLON}, 6, length({_KEY_AND_COLON}) - 6)"
_LINE = f"CAST(substr(e.entry_id, length({_KEY_AND_COLON}) + 1) AS INTEGER)"
# What credit paid, or is owed because none did; and what is billed after use.
_FROM_BALANCE, _ON_BILL = "'lot', 'receivable'", "'accrued'"
_USED = (
    "SELECT coalesce(u.kind, ''), coalesce(u.destination, ''), coalesce(u.started_at, :starts_at) < :starts_at,"
    " count(DISTINCT u.call_key), coalesce(sum(u.used_seconds), 0), sum(e.cost_micros)"
    " FROM (SELECT p.entry_id, sum(CASE WHEN p.credit = 'revenue' THEN p.amount_micros ELSE -p.amount_micros END)"
    f" AS cost_micros FROM postings p WHERE {_IN_MONTH}"
    " AND (p.credit = 'revenue' AND p.debit IN ({accounts})"
    " OR p.debit = 'revenue' AND p.credit IN ({accounts})) GROUP BY p.entry_id) e"
    " LEFT JOIN usage_rows u ON u.organization_id = :organization_id"
    f" AND u.call_key = CASE WHEN e.entry_id LIKE 'call:%:%' THEN {_CALL_KEY} END"
    f" AND u.line = CASE WHEN e.entry_id LIKE 'call:%:%' THEN {_LINE} END"
    " GROUP BY 1, 2, 3 ORDER BY 3, 6 DESC, 1, 2"
)
_OPEN_SINCE = text("SELECT min(started_at) FROM calls WHERE organization_id = :organization_id AND state = 'open'")

_BEGAN_AT = text("SELECT min(occurred_at) FROM postings WHERE organization_id = :organization_id")


class StatementRows:
    """Reads a month of the books; what is read is as large as there are destinations and purchases, not calls."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def balance(self, organization_id: int, before: datetime) -> int:
        """Return the balance in micros that the journal came to before an instant."""
        key = {"organization_id": organization_id, "before": to_micros(before)}
        # PostgreSQL adds up to a numeric.
        return int(self._connection.scalar(_BALANCE, key) or 0)

    def moved(self, organization_id: int, period: Period) -> Moved:
        """Return what the journal moved in a period, by debit and credit account."""
        found = self._connection.execute(_MOVED, _key(organization_id, period))
        return {(Account(row[0]), Account(row[1])): int(row[2]) for row in found}

    def purchased(self, organization_id: int, period: Period) -> tuple[PurchasedCredit, ...]:
        """Return what was bought in a period, in that order."""
        return tuple(
            PurchasedCredit(
                purchased_at=from_micros(at),
                reference=reference,
                invoice_number="" if sequence is None else invoice_number(organization_id, sequence),
                amount_micros=int(amount),
                expires_at=from_micros(expires_at),
            )
            for at, reference, _, sequence, amount, expires_at in self._connection.execute(
                _PURCHASED, _key(organization_id, period)
            )
        )

    def used(self, organization_id: int, period: Period) -> tuple[UsedCredit, ...]:
        """Return what was charged in a period by kind of call and destination: late ones last, the dearest first."""
        return self._used(organization_id, period, _FROM_BALANCE)

    def accrued(self, organization_id: int, period: Period) -> tuple[UsedCredit, ...]:
        """Return what a period's calls cost that is billed after use, likewise (S41)."""
        return self._used(organization_id, period, _ON_BILL)

    def _used(self, organization_id: int, period: Period, accounts: str) -> tuple[UsedCredit, ...]:
        found = self._connection.execute(text(_USED.format(accounts=accounts)), _key(organization_id, period))
        return tuple(
            UsedCredit(kind, destination, bool(is_late), calls, int(seconds), int(cost))
            for kind, destination, is_late, calls, seconds, cost in found
        )

    def began_at(self, organization_id: int) -> datetime | None:
        """Return when the first of an organization's postings happened."""
        return from_micros_or_none(self._connection.scalar(_BEGAN_AT, {"organization_id": organization_id}))

    def open_since(self, organization_id: int) -> datetime | None:
        """Return when the first of the calls began that are not charged yet."""
        return from_micros_or_none(self._connection.scalar(_OPEN_SINCE, {"organization_id": organization_id}))


def text_of(statement: Statement) -> str:
    """Write a statement as JSON."""
    return json.dumps(asdict(statement), default=_json_value, ensure_ascii=False)


def statement_of(body: str) -> Statement:
    """Read what `text_of` wrote."""
    stated: dict[str, Any] = json.loads(body)
    instants = ("starts_at", "ends_at", "computed_at", "is_complete_until")
    return Statement(
        **stated
        | {name: datetime.fromisoformat(stated[name]) for name in instants}
        | {
            "month": date.fromisoformat(stated["month"]),
            "movements": tuple(
                Movement(MovementKind(each["kind"]), each["amount_micros"]) for each in stated["movements"]
            ),
            "purchased": tuple(_purchased_of(each) for each in stated["purchased"]),
            "used": tuple(UsedCredit(**each) for each in stated["used"]),
            # Statements of the time before overage do not speak of it.
            "accrued": tuple(UsedCredit(**each) for each in stated.get("accrued", ())),
            "tax": Tax(**stated["tax"]),
            "seller": Party(**stated["seller"]),
            "buyer": Party(**stated["buyer"]),
        }
    )


def _purchased_of(stated: dict[str, Any]) -> PurchasedCredit:
    instants = {name: datetime.fromisoformat(stated[name]) for name in ("purchased_at", "expires_at")}
    return PurchasedCredit(**stated | instants)


def _key(organization_id: int, period: Period) -> dict[str, int]:
    return {
        "organization_id": organization_id,
        "starts_at": to_micros(period.starts_at),
        "ends_at": to_micros(period.ends_at),
    }


def _json_value(value: object) -> str:
    # An instant is a date too.
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
