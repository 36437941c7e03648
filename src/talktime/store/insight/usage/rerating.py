"""Calls that have ended, with what they cost by which rate: what is compared with another deck."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from talktime.core.calls.calls import CallKey, PaysFrom, key_of, text_of
from talktime.core.rates.rate_decks import Direction
from talktime.core.values.frozen import frozen
from talktime.store.instants import from_micros, from_micros_or_none, to_micros

# By the index of usage rows, each call once, with the seconds that minutes have paid for.
_PAGE = text(
    "SELECT c.call_key, c.caller, c.called, c.destination, c.started_at, c.answered_at, c.used_seconds, c.cost_micros,"
    " c.usage_rows_count,"
    " (SELECT coalesce(sum(m.used_seconds), 0) FROM usage_rows m WHERE m.organization_id = c.organization_id"
    f" AND m.call_key = c.call_key AND m.paid_by = '{PaysFrom.MINUTES.value}')"
    " FROM usage_rows u JOIN calls c ON c.organization_id = u.organization_id AND c.call_key = u.call_key"
    " WHERE u.organization_id = :organization_id AND u.line = 0 AND c.direction = :direction"
    f" AND c.pays_from NOT IN ('{PaysFrom.FREE.value}', '{PaysFrom.INCLUDED.value}') AND c.ended_at IS NOT NULL"
    " AND (u.started_at, u.call_key) > (:after_at, :after_key) AND u.started_at >= :starts_at"
    " AND u.started_at < :ends_at"
    " ORDER BY u.started_at, u.call_key LIMIT :most"
)


@frozen
class ChargedCall:
    """A call that has ended and has a price; included seconds are those that minutes have paid for."""

    key: CallKey
    caller: str
    called: str
    destination: str
    started_at: datetime
    answered_at: datetime | None
    used_seconds: int
    cost_micros: int
    usage_rows_count: int
    included_seconds: int


@frozen
class ChargedPage:
    """Calls of an organization, a direction and a period, in the order of their starts: those behind a place."""

    organization_id: int
    direction: Direction
    starts_at: datetime
    ends_at: datetime
    after_at: datetime
    after_key: str = ""
    most: int = 10_000

    def following(self, last: ChargedCall) -> "ChargedPage":
        """Return the page behind a call."""
        return replace(self, after_at=last.started_at, after_key=text_of(last.key))


class ChargedCallRows:
    """Reads what was charged."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def page(self, page: ChargedPage) -> list[ChargedCall]:
        """Return the calls of a page, none where there are no more."""
        asked = {
            "organization_id": page.organization_id,
            "direction": page.direction.value,
            "starts_at": to_micros(page.starts_at),
            "after_at": to_micros(page.after_at),
            "after_key": page.after_key,
            "ends_at": to_micros(page.ends_at),
            "most": page.most,
        }
        return [_charged_call(*row) for row in self._connection.execute(_PAGE, asked)]


def _charged_call(
    call_key: str, caller: str, called: str, destination: str, started_at: int, answered_at: int | None, *counted: Any
) -> ChargedCall:
    return ChargedCall(
        key_of(call_key),
        caller,
        called,
        destination,
        from_micros(started_at),
        from_micros_or_none(answered_at),
        # The database adds up into a decimal.
        *map(int, counted),
    )
