"""Charging's statements on SQLite: one connection, one writer, every commit synced."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from talktime.core.values.errors import Unavailable
from talktime.store.charging import countries, rows, watch_rows
from talktime.store.charging.memory import ArrangementRows
from talktime.store.charging.rows import Row
from talktime.store.charging.transaction import ChargedRows, LoadedRows, Writes
from talktime.store.engine import open_sqlite, unavailable_if_locked

# Half a second in all: a request's deadline is two, and whoever missed it must not be charged.
LOCK_PAUSE_SECONDS = 0.001
LOCK_ATTEMPTS_MAX = 500

_IDS = "(SELECT value FROM json_each(?))"
_IDENTITIES = (
    f"SELECT {rows.IDENTITY_COLUMNS} FROM identities i"
    " LEFT JOIN users u ON u.organization_id = i.organization_id AND u.user_id = i.user_id"
    f" WHERE i.identity IN {_IDS}"
)
_CALL_KEYS = f"SELECT call_key, organization_id FROM call_keys WHERE call_key IN {_IDS}"
_ORGANIZATIONS = f"SELECT {rows.ORGANIZATION_COLUMNS} FROM organizations WHERE organization_id IN {_IDS}"
_CALLS = (
    f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS} FROM json_each(?) asked CROSS JOIN calls"
    " ON calls.organization_id = asked.value ->> 0 AND calls.call_key = asked.value ->> 1"
)
_LOTS = (
    f"SELECT {rows.LOT_COLUMNS} FROM credit_lots WHERE organization_id IN {_IDS} AND (granted_micros >"
    " spent_micros + expired_micros + refunded_micros + disputed_micros OR expired_micros > 0 AND expires_at > ?)"
    " ORDER BY organization_id, lot_id"
)
_REVISIONS = f"SELECT {watch_rows.REVISION_COLUMNS} FROM credit_watches WHERE organization_id IN {_IDS}"
_WATCHES = f"SELECT {watch_rows.WATCH_COLUMNS} FROM credit_watches WHERE organization_id IN {_IDS}"
_PUBLICATIONS = "SELECT deck, direction, version_id, published_from FROM deck_publications ORDER BY publication_id"
_METERS = (
    "SELECT organization_id, meter, used, held FROM json_each(?) asked CROSS JOIN meters"
    " ON meters.organization_id = asked.value ->> 0 AND meters.meter = asked.value ->> 1"
)
_SETTINGS = f"SELECT organization_id, settings FROM arrangements WHERE organization_id IN {_IDS}"
_PURCHASED = f"SELECT organization_id, license, quantity FROM license_purchases WHERE organization_id IN {_IDS}"
_ASSIGNED = f"SELECT organization_id, license, country, users_count FROM license_counts WHERE organization_id IN {_IDS}"
_OVERDUE = "SELECT call_key FROM calls WHERE state = 'open' AND valid_until <= ? ORDER BY valid_until LIMIT ?"
_LEGS = "SELECT call_key FROM calls WHERE conference_id = ? AND conference_id <> '' AND state = 'open'"
_USAGE = (
    f"SELECT {rows.USAGE_COLUMNS} FROM json_each(?) asked CROSS JOIN usage_rows"
    " ON usage_rows.organization_id = asked.value ->> 0 AND usage_rows.call_key = asked.value ->> 1"
    " ORDER BY organization_id, call_key, line"
)
_POSTINGS = (
    f"SELECT {rows.POSTING_COLUMNS} FROM json_each(?) asked CROSS JOIN postings"
    " ON postings.organization_id = asked.value ->> 0 AND postings.entry_id = asked.value ->> 1"
    " ORDER BY organization_id, entry_id, line"
)
_ALL_LOTS = (
    f"SELECT {rows.LOT_COLUMNS} FROM credit_lots WHERE organization_id IN {_IDS} ORDER BY organization_id, lot_id"
)
_REPAID = f"{rows.REPAID} AND organization_id IN {_IDS} GROUP BY organization_id, lot_id"
_TERMS = "SELECT currency, time_zone, charge_decimals, rounding FROM deck_versions WHERE version_id = ?"
_VERSIONS_TO_LOAD = rows.VERSIONS_TO_LOAD.format(since="?")
_RATES_UNDER = (
    f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = ?"
    f" AND direction IN {rows.DIRECTIONS} AND prefix IN {_IDS}"
)
_RATES = f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = ?"


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({_places(columns)})"


def _places(columns: str) -> str:
    return ", ".join("?" * (columns.count(",") + 1))


def _update_calls(changed: Sequence[str], also: str = "") -> str:
    assignments = ", ".join(f"{column} = ?" for column in changed)
    return f"UPDATE calls SET {assignments}{also} WHERE organization_id = ? AND call_key = ?"


_WRITES = {
    "new_calls": _insert("calls", f"{rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS}"),
    "grown_calls": _update_calls(rows.GROWN),
    "ended_calls": _update_calls(rows.ENDED, f", {rows.HOLDS_NOTHING}"),
    "rerated_calls": _update_calls(rows.RATE_REFERENCE),
    "lots": "UPDATE credit_lots SET spent_micros = ?, held_micros = ?, expired_micros = ?"
    " WHERE organization_id = ? AND lot_id = ?",
    "receivables": "UPDATE organizations SET receivable_micros = ? WHERE organization_id = ?",
    "usage": _insert("usage_rows", rows.USAGE_COLUMNS),
    "postings": _insert("postings", rows.POSTING_COLUMNS),
    "events": _insert("outbox", rows.EVENT_COLUMNS) + " ON CONFLICT DO NOTHING",
    "parked": _insert("parked_reports", rows.PARKED_COLUMNS) + rows.PARKED_AGAIN,
    "purchases": _insert("purchases", watch_rows.PURCHASE_COLUMNS),
    "watches": f"UPDATE credit_watches SET ({watch_rows.PROGRESS_COLUMNS}, revision) ="
    f" ({_places(watch_rows.PROGRESS_COLUMNS)}, revision + 1) WHERE organization_id = ?",
}
_WRITES["meters"] = (
    _insert("meters", "organization_id, meter, used, held")
    + " ON CONFLICT (organization_id, meter) DO UPDATE SET used = excluded.used, held = excluded.held"
)
_NEW_KEYS = _insert("call_keys", "organization_id, call_key")


class SqliteStatements:
    """Charging on a SQLite file."""

    def __init__(self, database_url: str) -> None:
        """Open the writing connection."""
        self._connection = open_sqlite(database_url)
        self._connection.execute("PRAGMA busy_timeout = 0")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin with the write lock held; commit synced."""
        with self._begun("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Begin to read; the file's log keeps readers and the writer apart."""
        with self._begun("BEGIN"):
            yield

    def find(self, names: list[str], call_keys: list[str]) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return the identities of the names, and (call key, organization) of the calls."""
        identities = self._all(_IDENTITIES, json.dumps(names)) if names else []
        return identities, self._all(_CALL_KEYS, json.dumps(call_keys))

    def lock(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Read what the write lock protects anyway."""
        ids = json.dumps(organization_ids)
        return LoadedRows(
            organizations=self._all(_ORGANIZATIONS, ids),
            calls=self._all(_CALLS, json.dumps(calls)),
            lots=self._all(_LOTS, ids, expired_since),
            watch_revisions=self._all(_REVISIONS, ids),
            publications=self._all(_PUBLICATIONS),
            country_versions=self._all(countries.VERSIONS),
        )

    def look(self, organization_ids: list[int], calls: list[tuple[int, str]], expired_since: int) -> LoadedRows:
        """Read the same: whoever only reads takes no lock at all."""
        return self.lock(organization_ids, calls, expired_since)

    def watch_rows(self, organization_ids: list[int]) -> Sequence[Row]:
        """Return what is watched of organizations."""
        return self._all(_WATCHES, json.dumps(organization_ids))

    def meters(self, wanted: list[tuple[int, str]]) -> Sequence[Row]:
        """Return (organization, name, used, held) of the meters that have counted something."""
        return self._all(_METERS, json.dumps(wanted))

    def charged(self, calls: list[tuple[int, str]]) -> ChargedRows:
        """Read what was written of calls, and of the credit of their organizations."""
        ids = json.dumps(sorted({organization_id for organization_id, _ in calls}))
        return ChargedRows(self._all(_USAGE, json.dumps(calls)), self._all(_ALL_LOTS, ids), self._all(_REPAID, ids))

    def entry_rows(self, entries: list[tuple[int, str]]) -> Sequence[Row]:
        """Return the postings of journal entries by organization and id."""
        return self._all(_POSTINGS, json.dumps(entries))

    def arrangement_rows(self, organization_ids: list[int]) -> ArrangementRows:
        """Return the settings, purchases and license counts of organizations."""
        ids = json.dumps(organization_ids)
        return self._all(_SETTINGS, ids), self._all(_PURCHASED, ids), self._all(_ASSIGNED, ids)

    def country_rows(self, version_id: int) -> Iterable[Row]:
        """Return the rows of a version of the country table."""
        return self._all(countries.RULES_ON_SQLITE, version_id)

    def write(self, writes: Writes) -> None:
        """Write all rows, one prepared statement for each table."""
        if writes.new_calls:
            self._connection.executemany(_NEW_KEYS, (row[:2] for row in writes.new_calls))
        for name, statement in _WRITES.items():
            changed = getattr(writes, name)
            if changed:
                self._connection.executemany(statement, changed)

    def open_calls_overdue(self, at_micros: int, most: int) -> Sequence[Row]:
        """Return the keys of open calls whose switch has been silent too long."""
        return self._all(_OVERDUE, at_micros, most)

    def open_legs(self, conference_id: str) -> Sequence[Row]:
        """Return the keys of the open calls of a conference, whoever pays them."""
        return self._all(_LEGS, conference_id)

    def deck_rows(self, version_id: int) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates."""
        return self._all(_TERMS, version_id)[0], self._connection.execute(_RATES, (version_id,))

    def rates_under(self, version_id: int, prefixes: list[str]) -> tuple[Row, Iterable[Row]]:
        """Return a deck version's terms and its rates of these prefixes, of every direction and origin."""
        return self._all(_TERMS, version_id)[0], self._all(_RATES_UNDER, version_id, json.dumps(prefixes))

    def clock_micros(self) -> int | None:
        """Return None: an embedded database has our own clock."""
        return None

    def versions_to_load(self, since_micros: int) -> Sequence[Row]:
        """Return the ids of the versions in force since an instant or later, and of each deck's newest."""
        return self._all(_VERSIONS_TO_LOAD, since_micros)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        with unavailable_if_locked():
            self._begin(begin)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _begin(self, begin: str) -> None:
        """Ask for the lock every millisecond: SQLite itself asks ever more rarely, and misses the gaps."""
        for _ in range(LOCK_ATTEMPTS_MAX):
            try:
                self._connection.execute(begin)
            except sqlite3.OperationalError as failure:
                if failure.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(LOCK_PAUSE_SECONDS)
            else:
                return
        message = "another program holds the database"
        raise Unavailable(message)

    def _all(self, statement: str, *parameters: object) -> list[Row]:
        cursor: sqlite3.Cursor = self._connection.execute(statement, parameters)
        return cursor.fetchall()
