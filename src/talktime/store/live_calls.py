"""Rows of calls in progress, for whoever looks at them or cuts them; charging itself has its own statements."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from talktime.core.calls.calls import Call
from talktime.store.charging import rows
from talktime.store.instants import from_micros

# Open calls always have an instant until which they are valid, and by that they are indexed.
_OPEN = (
    " FROM calls WHERE state = 'open' AND valid_until IS NOT NULL"
    " AND (organization_id = :organization_id OR :organization_id = 0) AND (user_id = :user_id OR :user_id = 0)"
)
_LIVE = text(f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS}{_OPEN} ORDER BY valid_until LIMIT :most")
_COUNT = text(f"SELECT count(*){_OPEN}")
_BY_CURRENCY = text(
    "SELECT organizations.currency, count(*), sum(hold_micros + hold_overage_micros), min(started_at) FROM calls"
    " JOIN organizations USING (organization_id) WHERE state = 'open' AND valid_until IS NOT NULL"
    " GROUP BY organizations.currency"
)
_PARKED = text("SELECT count(*) FROM (SELECT 1 FROM parked_reports WHERE resolved_at IS NULL LIMIT :most) AS parked")
EVERYBODY = 0


class OpenCalls(NamedTuple):
    """How many calls are open, what they hold of credit and overage, and since when the oldest is."""

    calls_count: int
    held_micros: int
    oldest_started_at: datetime


class LiveCallRows:
    """Open calls of everybody, of an organization, or of one of its users."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def calls(self, organization_id: int = EVERYBODY, user_id: int = EVERYBODY, *, most: int) -> list[Call]:
        """Return open calls, at most so many: first those that would be closed first if nothing was heard of them."""
        whose = {"organization_id": organization_id, "user_id": user_id, "most": most}
        return [rows.call_of(tuple(row)) for row in self._connection.execute(_LIVE, whose)]

    def count(self, organization_id: int = EVERYBODY, user_id: int = EVERYBODY) -> int:
        """Return how many open calls there are."""
        whose = {"organization_id": organization_id, "user_id": user_id}
        return int(self._connection.scalar(_COUNT, whose) or 0)

    def by_currency(self) -> dict[str, OpenCalls]:
        """Return what is open of everybody, by the organizations' currencies."""
        return {
            currency: OpenCalls(int(count), int(held), from_micros(int(oldest)))
            for currency, count, held, oldest in self._connection.execute(_BY_CURRENCY)
        }

    def parked_reports_count(self, most: int) -> int:
        """Return how many reports are kept for an operator, counted up to so many."""
        return int(self._connection.scalar(_PARKED, {"most": most}) or 0)
