"""Charging's statements on PostgreSQL: pipelined, rows locked in order, arrays instead of loops."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from talktime.core.values.errors import Unavailable
from talktime.store.charging import countries, rows, watch_rows
from talktime.store.charging.memory import ArrangementRows
from talktime.store.charging.pipeline import Pipeline, Statement
from talktime.store.charging.rows import Row
from talktime.store.charging.transaction import ChargedRows, LoadedRows, Writes
from talktime.store.engine import open_postgresql, unavailable_if_locked

_IDENTITIES = (
    f"SELECT {rows.IDENTITY_COLUMNS} FROM identities i"
    " LEFT JOIN users u ON u.organization_id = i.organization_id AND u.user_id = i.user_id"
    " WHERE i.identity = ANY(%s::text[])"
)
_CALL_KEYS = "SELECT call_key, organization_id FROM call_keys WHERE call_key = ANY(%s::text[])"
# NO KEY UPDATE, because a plain FOR UPDATE blocks the foreign-key checks of children; SKIP LOCKED, because one busy
# organization must not delay the others.
_ORGANIZATIONS = f"SELECT {rows.ORGANIZATION_COLUMNS} FROM organizations WHERE organization_id = ANY(%s::bigint[])"
_LOCK = f"{_ORGANIZATIONS} ORDER BY organization_id FOR NO KEY UPDATE SKIP LOCKED"
_CALLS = (
    f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS} FROM calls"
    " JOIN unnest(%s::bigint[], %s::text[]) AS asked(of_organization, of_key)"
    " ON organization_id = of_organization AND call_key = of_key"
)
_LOTS = (
    f"SELECT {rows.LOT_COLUMNS} FROM credit_lots WHERE organization_id = ANY(%s::bigint[]) AND (granted_micros >"
    " spent_micros + expired_micros + refunded_micros + disputed_micros OR expired_micros > 0 AND expires_at > %s)"
    " ORDER BY organization_id, lot_id"
)
_REVISIONS = f"SELECT {watch_rows.REVISION_COLUMNS} FROM credit_watches WHERE organization_id = ANY(%s::bigint[])"
_WATCHES = f"SELECT {watch_rows.WATCH_COLUMNS} FROM credit_watches WHERE organization_id = ANY(%s::bigint[])"
_PUBLICATIONS = "SELECT deck, direction, version_id, published_from FROM deck_publications ORDER BY publication_id"
_METERS = (
    "SELECT organization_id, meter, used, held FROM meters"
    " JOIN unnest(%s::bigint[], %s::text[]) AS asked(of_organization, of_meter)"
    " ON organization_id = of_organization AND meter = of_meter"
)
_SETTINGS = "SELECT organization_id, settings FROM arrangements WHERE organization_id = ANY(%s::bigint[])"
_PURCHASED = (
    "SELECT organization_id, license, quantity FROM license_purchases WHERE organization_id = ANY(%s::bigint[])"
)
_ASSIGNED = (
    "SELECT organization_id, license, country, users_count FROM license_counts"
    " WHERE organization_id = ANY(%s::bigint[])"
)
_OVERDUE = "SELECT call_key FROM calls WHERE state = 'open' AND valid_until <= %s ORDER BY valid_until LIMIT %s"
_LEGS = "SELECT call_key FROM calls WHERE conference_id = %s AND conference_id <> '' AND state = 'open'"
_USAGE = (
    f"SELECT {rows.USAGE_COLUMNS} FROM usage_rows"
    " JOIN unnest(%s::bigint[], %s::text[]) AS asked(of_organization, of_key)"
    " ON organization_id = of_organization AND call_key = of_key ORDER BY organization_id, call_key, line"
)
_POSTINGS = (
    f"SELECT {rows.POSTING_COLUMNS} FROM postings"
    " JOIN unnest(%s::bigint[], %s::text[]) AS asked(of_organization, of_entry)"
    " ON organization_id = of_organization AND entry_id = of_entry ORDER BY organization_id, entry_id, line"
)
_ALL_LOTS = (
    f"SELECT {rows.LOT_COLUMNS} FROM credit_lots WHERE organization_id = ANY(%s::bigint[])"
    " ORDER BY organization_id, lot_id"
)
_REPAID = f"{rows.REPAID} AND organization_id = ANY(%s::bigint[]) GROUP BY organization_id, lot_id"
_TERMS = "SELECT currency, time_zone, charge_decimals, rounding FROM deck_versions WHERE version_id = %s"
_VERSIONS_TO_LOAD = rows.VERSIONS_TO_LOAD.format(since="%s")
_RATES_UNDER = (
    f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = %s AND direction = ANY({rows.DIRECTIONS_ON_POSTGRESQL})"
    " AND prefix = ANY(%s::text[])"
)
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_RATES = f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = %s"

_TEXT, _BIGINT, _INT, _BOOL = "text", "bigint", "int", "bool"
_SETUP_TYPES = (
    *(_BIGINT, _TEXT, _TEXT, _TEXT, _TEXT, _BIGINT, _TEXT, _BIGINT, _TEXT),
    *(_BIGINT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT),
)
_PROGRESS_TYPES = (
    *(_TEXT, _INT, _BOOL, _BIGINT, _BIGINT, _TEXT, _BIGINT, _BIGINT, _TEXT),
    *(_INT, _BIGINT, _BIGINT, _INT, _TEXT, _BIGINT, _INT, _TEXT, _BIGINT),
)
_USAGE_TYPES = (
    *(_BIGINT, _TEXT, _INT, _TEXT, _BIGINT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _BIGINT),
    *(_BIGINT, _BIGINT, _BIGINT, _INT, _INT, _BIGINT, _BIGINT, _BIGINT, _TEXT, _TEXT, _TEXT, _INT, _TEXT),
    *(_TEXT, _TEXT),
)
_PURCHASE_TYPES = (
    *(_BIGINT, _TEXT, _TEXT, _BIGINT, _TEXT, _BIGINT, _BIGINT, _TEXT, _BIGINT, _BIGINT, _INT, _BIGINT),
    *(_INT, _BIGINT, _BIGINT, _INT, _TEXT, _TEXT, _TEXT, _TEXT, _BIGINT, _BIGINT, _BOOL),
)
_WATCH_TYPES = (
    *(_BIGINT, _TEXT, _TEXT, _BIGINT, _TEXT, _TEXT, _BIGINT, _TEXT),
    *(_BIGINT, _TEXT, _BIGINT, _TEXT, _TEXT, _BOOL, _BIGINT),
)
_POSTING_TYPES = (_BIGINT, _TEXT, _INT, _TEXT, _TEXT, _BIGINT, _BIGINT, _BIGINT)


class _Write(NamedTuple):
    """A statement that takes a table's rows as one array for each column."""

    statement: str
    types: tuple[str, ...]

    def of(self, changed: Sequence[Row]) -> Statement:
        """Return the statement with the rows that it shall write."""
        return self.statement, _columns(changed, self.types)


def _arrays(types: Sequence[str]) -> str:
    return ", ".join(f"%s::{name}[]" for name in types)


def _insert(table: str, columns: str, types: tuple[str, ...], conflict: str = "") -> _Write:
    return _Write(f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({_arrays(types)}){conflict}", types)


def _update(table: str, changed: Sequence[str], key: Sequence[str], types: tuple[str, ...], also: str = "") -> _Write:
    assignments = ", ".join(f"{column} = new.{column}" for column in changed)
    match = " AND ".join(f"{table}.{column} = new.{column}" for column in key)
    names = ", ".join((*changed, *key))
    source = f"unnest({_arrays(types)}) AS new({names})"
    return _Write(f"UPDATE {table} SET {assignments}{also} FROM {source} WHERE {match}", types)


def _update_calls(changed: Sequence[str], also: str = "") -> _Write:
    types = (*(_PROGRESS_TYPE[column] for column in changed), _BIGINT, _TEXT)
    return _update("calls", changed, ("organization_id", "call_key"), types, also)


_PROGRESS_TYPE = dict(zip(rows.CALL_PROGRESS, _PROGRESS_TYPES, strict=True))
_NEW_KEYS = _insert("call_keys", "organization_id, call_key", (_BIGINT, _TEXT))
_WRITES = {
    "new_calls": _insert(
        "calls", f"{rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS}", (*_SETUP_TYPES, *_PROGRESS_TYPES)
    ),
    "grown_calls": _update_calls(rows.GROWN),
    "ended_calls": _update_calls(rows.ENDED, f", {rows.HOLDS_NOTHING}"),
    "rerated_calls": _update(
        "calls", rows.RATE_REFERENCE, ("organization_id", "call_key"), (_BIGINT, _TEXT, _TEXT, _TEXT, _BIGINT, _TEXT)
    ),
    "lots": _update(
        "credit_lots",
        ("spent_micros", "held_micros", "expired_micros"),
        ("organization_id", "lot_id"),
        (_BIGINT,) * 5,
    ),
    "receivables": _update("organizations", ("receivable_micros",), ("organization_id",), (_BIGINT, _BIGINT)),
    "usage": _insert("usage_rows", rows.USAGE_COLUMNS, _USAGE_TYPES),
    "postings": _insert("postings", rows.POSTING_COLUMNS, _POSTING_TYPES),
    "events": _insert(
        "outbox", rows.EVENT_COLUMNS, (_BIGINT, _TEXT, _TEXT, _BIGINT, _BIGINT, _TEXT), " ON CONFLICT DO NOTHING"
    ),
    "parked": _insert("parked_reports", rows.PARKED_COLUMNS, (_TEXT, _TEXT, _BIGINT, _BIGINT), rows.PARKED_AGAIN),
    "purchases": _insert("purchases", watch_rows.PURCHASE_COLUMNS, _PURCHASE_TYPES),
    "watches": _update(
        "credit_watches",
        watch_rows.PROGRESS_COLUMNS.split(", "),
        ("organization_id",),
        (*_WATCH_TYPES, _BIGINT),
        also=", revision = credit_watches.revision + 1",
    ),
    "meters": _insert(
        "meters",
        "organization_id, meter, used, held",
        (_BIGINT, _TEXT, _BIGINT, _BIGINT),
        " ON CONFLICT (organization_id, meter) DO UPDATE SET used = excluded.used, held = excluded.held",
    ),
}


class PostgresqlStatements:
    """Charging on a PostgreSQL database; a connection that was lost is opened again by the next transaction."""

    def __init__(self, database_url: str) -> None:
        """Open the connection."""
        self._database_url = database_url
        self._open()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin; commit when the server has it on disk; roll back on an error."""
        with unavailable_if_locked():
            if self._connection.closed:
                self._open()
            try:
                yield
                self._connection.commit()
            except BaseException:
                if not self._connection.closed:
                    self._roll_back()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Begin to read, and see one state of the database; here readers and writers do not meet."""
        with self.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def find(self, names: list[str], call_keys: list[str]) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the identities of the names, and (call key, organization) of the calls."""
        identities, owners = self._read((_IDENTITIES, (_text_array(names),)), (_CALL_KEYS, (_text_array(call_keys),)))
        return identities, owners

    def lock(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Lock, then read, in one round trip: what is read of organizations that were skipped is not used."""
        return self._load(_LOCK, organization_ids, calls, expired_since)

    def look(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Read the same, also of organizations that another transaction holds."""
        return self._load(_ORGANIZATIONS, organization_ids, calls, expired_since)

    def watch_rows(self, organization_ids: list[int]) -> Sequence[Row]:
        """Return what is watched of locked organizations."""
        return self._read((_WATCHES, (_array(organization_ids),)))[0]

    def meters(self, wanted: list[tuple[int, str]]) -> Sequence[Row]:
        """Return (organization, name, used, held) of the meters that have counted something."""
        owners, names = zip(*wanted, strict=True)
        return self._read((_METERS, (_array(owners), _text_array(names))))[0]

    def charged(self, calls: list[tuple[int, str]]) -> ChargedRows:
        """Read what was written of calls, and of the credit of their organizations, in one round trip."""
        ids = _array(sorted({organization_id for organization_id, _ in calls}))
        owners, keys = zip(*calls, strict=True)
        asked = (_array(owners), _text_array(keys))
        return ChargedRows(*self._read((_USAGE, asked), (_ALL_LOTS, (ids,)), (_REPAID, (ids,))))

    def entry_rows(self, entries: list[tuple[int, str]]) -> Sequence[Row]:
        """Return the postings of journal entries by organization and id."""
        if not entries:
            return []
        owners, ids = zip(*entries, strict=True)
        return self._read((_POSTINGS, (_array(owners), _text_array(ids))))[0]

    def arrangement_rows(self, organization_ids: list[int]) -> ArrangementRows:
        """Return the settings, purchases and license counts of organizations."""
        asked = (_array(organization_ids),)
        settings, purchased, assigned = self._read((_SETTINGS, asked), (_PURCHASED, asked), (_ASSIGNED, asked))
        return settings, purchased, assigned

    def country_rows(self, version_id: int) -> Iterable[Row]:
        """Return the rows of a version of the country table."""
        return self._read((countries.RULES_ON_POSTGRESQL, (version_id,)))[0]

    def write(self, writes: Writes) -> None:
        """Write all rows in one round trip, one statement for each table."""
        statements: list[Statement] = []
        if writes.new_calls:
            statements.append(_NEW_KEYS.of([row[:2] for row in writes.new_calls]))
        for name, write in _WRITES.items():
            changed = getattr(writes, name)
            if changed:
                statements.append(write.of(changed))
        if statements:
            self._pipeline.run(statements)

    def open_calls_overdue(self, at_micros: int, most: int) -> Sequence[Row]:
        """Return the keys of open calls whose switch has been silent too long."""
        return self._read((_OVERDUE, (at_micros, most)))[0]

    def open_legs(self, conference_id: str) -> Sequence[Row]:
        """Return the keys of the open calls of a conference, whoever pays them."""
        return self._read((_LEGS, (conference_id,)))[0]

    def deck_rows(self, version_id: int) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates."""
        terms = self._read((_TERMS, (version_id,)))[0][0]
        # Row by row: to translate a deck at once would stop every other thread for a tenth of a second.
        return terms, self._connection.execute(_RATES, (version_id,))

    def rates_under(self, version_id: int, prefixes: list[str]) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates of these prefixes, of every direction and origin."""
        terms, found = self._read((_TERMS, (version_id,)), (_RATES_UNDER, (version_id, _text_array(prefixes))))
        return terms[0], found

    def clock_micros(self) -> int | None:
        """Return the server's clock."""
        with self.transaction():
            answer = self._read((_CLOCK, ()))
        return int(answer[0][0][0])

    def versions_to_load(self, since_micros: int) -> Sequence[Row]:
        """Return the ids of the versions in force since an instant or later, and of each deck's newest."""
        return self._read((_VERSIONS_TO_LOAD, (since_micros,)))[0]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _load(
        self, of_organizations: str, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int
    ) -> LoadedRows:
        ids = _array(organization_ids)
        organizations, found, lots, watch_revisions, publications, country_versions = self._read(
            (of_organizations, (ids,)),
            (_CALLS, (_array([owner for owner, _ in calls]), _text_array([key for _, key in calls]))),
            (_LOTS, (ids, expired_since)),
            (_REVISIONS, (ids,)),
            (_PUBLICATIONS, ()),
            (countries.VERSIONS, ()),
        )
        locked = {row[0] for row in organizations}
        return LoadedRows(
            organizations,
            [row for row in found if row[0] in locked],
            [row for row in lots if row[0] in locked],
            [row for row in watch_revisions if row[0] in locked],
            publications,
            country_versions,
        )

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except psycopg.Error as failure:
            self._connection.close()
            message = f"the database connection was lost: {failure}"
            raise Unavailable(message) from failure

    def _read(self, *statements: Statement) -> list[list[Row]]:
        return self._pipeline.run(statements)

    def _open(self) -> None:
        self._connection = open_postgresql(self._database_url)
        self._pipeline = Pipeline(self._connection)


def _columns(changed: Sequence[Row], types: Sequence[str]) -> list[str]:
    """Turn rows into one array literal for each column: text literals cost least on the wire (performance.md)."""
    return [
        _text_array(column) if name == _TEXT else _array(column)
        for column, name in zip(zip(*changed, strict=True), types, strict=True)
    ]


def _array(values: Sequence[object]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _text_array(values: Sequence[str | None]) -> str:
    """Write an array of texts; as a rule none needs an escape, and one search tells."""
    if None in values:
        return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"
    joined = '","'.join(values)  # type: ignore[arg-type]
    if "\\" in joined or joined.count('"') != 2 * max(0, len(values) - 1):
        return "{" + ",".join(map(_quoted, values)) + "}"  # type: ignore[arg-type]
    return f'{{"{joined}"}}' if values else "{}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
