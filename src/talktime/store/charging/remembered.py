"""Open calls that charging has written lately: the row that a transaction reads decides whether they still hold.

Nothing is trusted from memory. A call's row is always read, under its organization's lock; only its translation is
saved where it is the row that this process wrote. So any process may change a call, and none has to tell the others.
"""

from talktime.core.calls.calls import Call
from talktime.store.charging import rows
from talktime.store.charging.rows import Row

CALLS_MAX = 100_000


class RememberedCalls:
    """Open calls by key, with the progress row that was written; the oldest are forgotten first."""

    def __init__(self) -> None:
        """Start empty."""
        self._calls: dict[str, tuple[Row, Call]] = {}

    def call_of(self, row: Row) -> Call:
        """Translate a row of CALL_SETUP_COLUMNS, CALL_PROGRESS_COLUMNS; how a call was set up never changes."""
        known = self._calls.get(row[1])
        if known is not None and known[0] == row[rows.CALL_SETUP_COUNT :]:
            return known[1]
        return rows.call_of(row)

    def keep(self, call_key: str, progress_row: Row, call: Call) -> None:
        """Remember an open call as it was written; one that has ended is hardly ever asked for again."""
        if call.result is not None or call.denial is not None:
            self._calls.pop(call_key, None)
            return
        if len(self._calls) >= CALLS_MAX:
            del self._calls[next(iter(self._calls))]
        self._calls[call_key] = (progress_row, call)
