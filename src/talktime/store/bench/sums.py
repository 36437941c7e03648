"""What the books add up to, on any of four ways, before and after a measurement."""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, text


class Sums(NamedTuple):
    """The same money counted in the usage rows, the calls, the journal and the lots; and what is still open."""

    usage_micros: int
    calls_micros: int
    journal_micros: int
    spent_micros: int
    receivable_micros: int
    held_micros: int
    open_calls_count: int
    cdrs_count: int


_SUMS = (
    "SELECT sum(cost_micros) FROM usage_rows",
    "SELECT sum(cost_micros) FROM calls",
    "SELECT sum(amount_micros) FROM postings WHERE entry_id LIKE 'call:%' AND credit = 'revenue'",
    "SELECT sum(spent_micros) FROM credit_lots",
    "SELECT sum(receivable_micros) FROM organizations",
    "SELECT sum(held_micros) FROM credit_lots",
    "SELECT count(*) FROM calls WHERE state = 'open'",
    "SELECT count(*) FROM usage_rows WHERE line = 0",
)
# What every call of one switch was charged: its rows, and their cost.
_CHARGED = text(
    "SELECT call_key, count(CASE WHEN line = 0 THEN 1 END), sum(cost_micros) FROM usage_rows"
    " WHERE call_key LIKE :switch GROUP BY call_key"
)


def sums(engine: Engine) -> Sums:
    """Add up the books."""
    with engine.connect() as connection:
        return Sums(*(int(connection.scalar(text(each)) or 0) for each in _SUMS))


def charged_calls(engine: Engine, switch: str) -> dict[str, tuple[int, int]]:
    """Return, by call key, how many CDRs each call of a switch has and what they cost."""
    with engine.connect() as connection:
        return _charged(connection, f"{switch}|%")


def _charged(connection: Connection, like: str) -> dict[str, tuple[int, int]]:
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(_CHARGED, {"switch": like})}
