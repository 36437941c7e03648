"""What usage rows come to, added up as they stream by."""

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.insight.usage import BY_MONEY, reported_kind
from talktime.core.values.frozen import frozen

_INCLUDED = frozenset({PaysFrom.MINUTES, PaysFrom.INCLUDED})

TOTAL_COLUMNS = (
    Column("Currency", ColumnKind.TEXT),
    Column("Call Type", ColumnKind.TEXT),
    Column("Calls", ColumnKind.WHOLE),
    Column("Usage Rows", ColumnKind.WHOLE),
    Column("Seconds", ColumnKind.WHOLE),
    Column("Included Seconds", ColumnKind.WHOLE),
    Column("Included Minutes", ColumnKind.WHOLE),
    Column("Paid Seconds", ColumnKind.WHOLE),
    Column("Charge", ColumnKind.MONEY),
    Column("Uncovered", ColumnKind.MONEY),
)


@frozen
class UsageTotal:
    """What the calls of one kind in one currency come to; a call has a usage row for each source that paid.

    Of the seconds, some were included by licenses and some paid by credit or on the bill; calls of kinds that are free
    are neither. `included_minutes` are the whole minutes that were drawn from pools.
    """

    currency: str
    kind: CallKind
    calls: int = 0
    rows: int = 0
    used_seconds: int = 0
    cost_micros: int = 0
    uncovered_micros: int = 0
    included_seconds: int = 0
    included_minutes: int = 0
    paid_seconds: int = 0

    def with_row(self, row: UsageRow) -> "UsageTotal":
        """Return the total with one more usage row; the first row of a call counts the call."""
        return UsageTotal(
            self.currency,
            self.kind,
            self.calls + (row.line == 0),
            self.rows + 1,
            self.used_seconds + row.used_seconds,
            self.cost_micros + row.cost_micros,
            self.uncovered_micros + row.uncovered_micros,
            self.included_seconds + (row.used_seconds if row.paid_by in _INCLUDED else 0),
            self.included_minutes
            + (row.billed_seconds // SECONDS_PER_MINUTE if row.paid_by is PaysFrom.MINUTES else 0),
            self.paid_seconds + (row.used_seconds if row.paid_by in BY_MONEY else 0),
        )

    def cells(self) -> tuple[object, ...]:
        """Return the cells of TOTAL_COLUMNS."""
        return (
            self.currency,
            self.kind.value,
            self.calls,
            self.rows,
            self.used_seconds,
            self.included_seconds,
            self.included_minutes,
            self.paid_seconds,
            self.cost_micros,
            self.uncovered_micros,
        )


class UsageTotals:
    """Adds up usage rows as they stream by; as large as there are currencies and kinds of calls."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._totals: dict[tuple[str, CallKind], UsageTotal] = {}

    def add(self, row: UsageRow) -> None:
        """Count one usage row."""
        key = (row.currency, reported_kind(row.kind))
        self._totals[key] = self._totals.get(key, UsageTotal(*key)).with_row(row)

    def all(self) -> tuple[UsageTotal, ...]:
        """Return what was added up so far, by currency and kind."""
        return tuple(self._totals[key] for key in sorted(self._totals, key=lambda key: (key[0], key[1].value)))
