"""One organization, made by the use cases, copied as often as a benchmark wants: its people, credit and calls."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Table, text

from talktime.store import schema
from talktime.store.engine import is_sqlite, open_sqlite

MODEL_ID = 1
# Every name of the model organization that must differ between copies holds this, or the same plus the copy's id.
MARK_BASE = 10_000_000
CHUNK_ORGANIZATIONS = 200
# The copies' calls lie up to an hour apart, in the order of nobody.
SPREAD_SECONDS = 3_600


class _Cloned(NamedTuple):
    """A table, the columns that hold the mark, and the instants that are spread."""

    table: Table
    marked: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()


_TABLES = (
    _Cloned(schema.organizations, ("name",)),
    _Cloned(schema.arrangements),
    _Cloned(schema.license_purchases),
    _Cloned(schema.license_counts),
    _Cloned(schema.users, ("user_principal_name", "display_name")),
    _Cloned(schema.identities, ("identity",)),
    _Cloned(schema.payment_methods),
    _Cloned(schema.credit_watches),
    _Cloned(schema.credit_lots),
    _Cloned(schema.meters),
    _Cloned(schema.call_keys, ("call_key",)),
    _Cloned(schema.calls, ("call_key", "caller"), ("started_at", "answered_at", "ended_at", "valid_until")),
    _Cloned(schema.usage_rows, ("call_key", "caller"), ("started_at", "answered_at", "ended_at")),
    _Cloned(schema.postings, ("entry_id",), ("occurred_at",)),
)

_POSTGRESQL_COPIES = "generate_series(CAST(:first AS BIGINT), CAST(:last AS BIGINT)) AS o(id)"
_SQLITE_COPIES = (
    "(WITH RECURSIVE counted(id) AS (VALUES(:first) UNION ALL SELECT id + 1 FROM counted WHERE id < :last)"
    " SELECT id FROM counted) o"
)


def mark_of(organization_id: int) -> str:
    """Return the eight digits that stand in every name and number of an organization."""
    return str(MARK_BASE + organization_id)


def clone_model(engine: Engine, organizations_count: int, advance: Callable[[int], object]) -> None:
    """Copy the model organization until there are so many; `advance` is told how many more are there."""
    for first in range(MODEL_ID + 1, organizations_count + 1, CHUNK_ORGANIZATIONS):
        last = min(first + CHUNK_ORGANIZATIONS - 1, organizations_count)
        with engine.begin() as connection:
            for cloned in _TABLES:
                connection.execute(text(_statement(connection, cloned)), {"first": first, "last": last})
        advance(last - first + 1)


def settle_down(engine: Engine, database_url: str) -> None:
    """Leave the files as they are after a while of use: vacuumed, with statistics, nothing left to write."""
    if is_sqlite(database_url):
        engine.dispose()
        raw = open_sqlite(database_url)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM (FREEZE, ANALYZE)"))
        connection.execute(text("CHECKPOINT"))


def _statement(connection: Connection, cloned: _Cloned) -> str:
    names = [column.name for column in cloned.table.columns]
    values = ", ".join(_value(name, cloned) for name in names)
    copies = _POSTGRESQL_COPIES if connection.dialect.name == "postgresql" else _SQLITE_COPIES
    return (
        f"INSERT INTO {cloned.table.name} ({', '.join(names)})"
        f" SELECT {values} FROM {cloned.table.name} m CROSS JOIN {copies} WHERE m.organization_id = {MODEL_ID}"
    )


def _value(name: str, cloned: _Cloned) -> str:
    if name == "organization_id":
        return "o.id"
    if name in cloned.marked:
        return f"replace(m.{name}, '{mark_of(MODEL_ID)}', CAST({MARK_BASE} + o.id AS TEXT))"
    if name not in cloned.spread:
        return f"m.{name}"
    moved = f"m.{name} + o.id % {SPREAD_SECONDS} * 1000000"
    if cloned.table is schema.postings:
        # Only calls are spread: what paid for a lot stays where the lot was bought.
        return f"CASE WHEN m.entry_id LIKE 'call:%' THEN {moved} ELSE m.{name} END"
    return moved
