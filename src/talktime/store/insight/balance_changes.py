"""By how much balances moved, quarter of an hour by quarter of an hour, added up by the database."""

from sqlalchemy import Connection, text

from talktime.core.insight.pictures.balances import BalanceChange
from talktime.core.values.periods import Period
from talktime.store.instants import from_micros, to_micros

# The finest difference between the clocks of two zones: a local day begins with a quarter of an hour.
_QUARTER_MICROS = 900_000_000
_ON_BALANCE = "('lot', 'receivable')"
_CHANGES = text(
    f"SELECT occurred_at / {_QUARTER_MICROS} AS quarter,"
    f" sum(CASE WHEN credit IN {_ON_BALANCE} THEN amount_micros ELSE 0 END)"
    f" - sum(CASE WHEN debit IN {_ON_BALANCE} THEN amount_micros ELSE 0 END),"
    " sum(CASE WHEN debit IN ('cash_clearing', 'invoiced') AND credit = 'lot' THEN amount_micros ELSE 0 END)"
    " FROM postings WHERE organization_id = :organization_id AND occurred_at >= :starts_at AND occurred_at < :ends_at"
    " GROUP BY 1 ORDER BY 1"
)


class BalanceChangeRows:
    """Reads the journal of one organization."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def of(self, organization_id: int, period: Period) -> list[BalanceChange]:
        """Return what moved the balance in a period, in the order of time; quarters without a change are not there."""
        key = {
            "organization_id": organization_id,
            "starts_at": to_micros(period.starts_at),
            "ends_at": to_micros(period.ends_at),
        }
        return [
            # PostgreSQL adds up to a numeric.
            BalanceChange(from_micros(quarter * _QUARTER_MICROS), int(moved), int(bought))
            for quarter, moved, bought in self._connection.execute(_CHANGES, key)
        ]
