"""What charging has lately read or written, translated: the rows that a transaction reads decide whether it holds.

Nothing is trusted from memory. A row, or its revision, is always read, under its organization's lock; only its
translation is saved where it is the row that this process knows. So any process may change it, and none has to tell
the others.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from talktime.core.calls.calls import Call
from talktime.core.credit.lots import Credit, CreditLot, spending_order
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.store.charging import rows
from talktime.store.charging.rows import Row

CALLS_MAX = 100_000
ORGANIZATIONS_MAX = 65_536

Key = TypeVar("Key")


class RememberedCalls:
    """Open calls by key, with the progress row that was written; the oldest are forgotten first."""

    def __init__(self) -> None:
        """Start empty."""
        self._calls: dict[str, tuple[Row, Call]] = {}

    def call_of(self, row: Row) -> Call:
        """Translate a row of CALL_SETUP_COLUMNS, CALL_PROGRESS_COLUMNS.

        How a call was set up never changes, but for the numbers of a person who is erased meanwhile.
        """
        known = self._calls.get(row[1])
        if known is not None and known[0] == row[rows.CALL_SETUP_COUNT :]:
            setup = known[1].setup
            if (setup.caller, setup.called) == row[rows.NUMBERS]:
                return known[1]
        return rows.call_of(row)

    def owner_of(self, call_key: str) -> int | None:
        """Return whose call it is, which never changes, or None where the call is not remembered."""
        known = self._calls.get(call_key)
        return None if known is None else known[1].setup.organization_id

    def keep(self, call_key: str, progress_row: Row, call: Call) -> None:
        """Remember an open call as it was written; one that has ended is hardly ever asked for again."""
        if call.result is not None or call.denial is not None:
            self._calls.pop(call_key, None)
            return
        if len(self._calls) >= CALLS_MAX:
            _forget_oldest(self._calls)
        self._calls[call_key] = (progress_row, call)


class RememberedCredits:
    """The credit of organizations, with the rows of its lots in the order of their ids."""

    def __init__(self) -> None:
        """Start empty."""
        self._credits: dict[int, tuple[Sequence[Row], Credit]] = {}

    def credit_of(self, organization_id: int, lot_rows: Sequence[Row], receivable_micros: int) -> Credit:
        """Translate rows of LOT_COLUMNS, in the order of their ids."""
        known = self._credits.get(organization_id)
        if known is not None and known[0] == lot_rows and known[1].receivable_micros == receivable_micros:
            return known[1]
        credit = Credit(tuple(sorted(map(rows.lot_of, lot_rows), key=spending_order)), receivable_micros)
        self._remember(organization_id, lot_rows, credit)
        return credit

    def keep(self, organization_id: int, before: Credit, changed: Sequence[CreditLot], credit: Credit) -> None:
        """Remember credit as it is written, of which these lots have changed since `before` was read."""
        known = self._credits.pop(organization_id, None)
        # Another thread may have read other rows meanwhile: only what the credit came from leads to its new rows.
        if known is None or known[1] is not before:
            return
        lot_rows = list(known[0])
        for lot in changed:
            place = next(index for index, row in enumerate(lot_rows) if row[1] == lot.lot_id)
            lot_rows[place] = lot_rows[place][: rows.LOT_PARTS_START] + rows.all_lot_parts(lot)
        self._remember(organization_id, lot_rows, credit)

    def _remember(self, organization_id: int, lot_rows: Sequence[Row], credit: Credit) -> None:
        if len(self._credits) >= ORGANIZATIONS_MAX:
            _forget_oldest(self._credits)
        self._credits[organization_id] = (lot_rows, credit)


class RememberedWatches:
    """What is watched of organizations, by revision."""

    def __init__(self) -> None:
        """Start empty."""
        self._watches: dict[int, tuple[int, CreditWatch]] = {}

    def watch_of(self, organization_id: int, revision: int) -> CreditWatch | None:
        """Return the watch of this revision, or None where it has to be read."""
        known = self._watches.get(organization_id)
        return known[1] if known is not None and known[0] == revision else None

    def keep(self, organization_id: int, revision: int, watch: CreditWatch) -> None:
        """Remember a watch as it was read."""
        if len(self._watches) >= ORGANIZATIONS_MAX:
            _forget_oldest(self._watches)
        self._watches[organization_id] = (revision, watch)


def _forget_oldest(kept: dict[Key, Any]) -> None:
    del kept[next(iter(kept))]
