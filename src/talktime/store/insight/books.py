"""What the audit reads: every row of the books, streamed in the order of its key, whatever stands in it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from talktime.core.calls.calls import Call, RateReference
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import pool_of
from talktime.core.insight.books import (
    CallBooks,
    DeckBooks,
    LicenseBooks,
    LotBooks,
    LotColumns,
    MeterBooks,
    PostedRow,
    Unreadable,
)
from talktime.core.rates.rate_decks import MatchedRate
from talktime.store.charging import rows
from talktime.store.charging.decks import deck_of
from talktime.store.charging.rows import Row
from talktime.store.instants import from_micros, from_micros_or_none
from talktime.store.schema import JOURNAL_TABLES

CHUNK_ROWS = 2_000
RATES_KEPT = 65_536

_T = TypeVar("_T")
# Which of the streams a row comes from.
_CALL, _MAPPED, _USAGE, _POSTING, _LOT, _MOVEMENT = range(6)
# The journal writes `call:key:line`, and a key may hold colons and digits itself.
_KEY_AND_COLON = "rtrim(p.entry_id, '0123456789')"
_KEY_OF_ENTRY = f"substr({_KEY_AND_COLON}, 6, length({_KEY_AND_COLON}) - 6)"
_POSTING_COLUMNS = (
    "p.entry_id, p.debit, p.credit, p.amount_micros, p.occurred_at, p.lot_id, l.purchased_at, l.expires_at"
)
_WITH_LOT = "LEFT JOIN credit_lots l ON l.organization_id = p.organization_id AND l.lot_id = p.lot_id"
# The order of code points, as Python compares: PostgreSQL's own order depends on where it was installed.
_CALLS = (
    f"SELECT {rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS} FROM calls ORDER BY organization_id, call_key{{c}}"
)
_CALL_KEYS = "SELECT organization_id, call_key FROM call_keys ORDER BY organization_id, call_key{c}"
_USAGE_ROWS = f"SELECT {rows.USAGE_COLUMNS} FROM usage_rows ORDER BY organization_id, call_key{{c}}, line"
_CALL_POSTINGS = (
    f"SELECT p.organization_id, {_KEY_OF_ENTRY}, {_POSTING_COLUMNS} FROM postings p {_WITH_LOT}"
    f" WHERE p.entry_id LIKE 'call:%' ORDER BY p.organization_id, {_KEY_OF_ENTRY}{{c}}, p.entry_id{{c}}, p.line"
)
_OTHER_POSTINGS = (
    f"SELECT p.organization_id, {_POSTING_COLUMNS} FROM postings p {_WITH_LOT}"
    " WHERE p.entry_id NOT LIKE 'call:%' ORDER BY p.organization_id, p.entry_id, p.line"
)
_LOTS = (
    "SELECT organization_id, lot_id, granted_micros, spent_micros, held_micros, expired_micros, refunded_micros,"
    " disputed_micros, expires_at FROM credit_lots ORDER BY organization_id, lot_id"
)
_MOVEMENTS = (
    "SELECT organization_id, coalesce(lot_id, -1), debit, credit, sum(amount_micros) FROM postings"
    " GROUP BY organization_id, coalesce(lot_id, -1), debit, credit ORDER BY organization_id, coalesce(lot_id, -1)"
)
_NO_LOT = -1
_METERS = "SELECT organization_id, meter, used, held, used_before FROM meters ORDER BY organization_id, meter{c}"
_LICENSE_COUNTS = "SELECT organization_id, license, country, users_count FROM license_counts"
_LICENSED = (
    "SELECT organization_id, usage_location, licenses, count(*) FROM users"
    " GROUP BY organization_id, usage_location, licenses"
)
_ORGANIZATIONS = "SELECT organization_id, receivable_micros FROM organizations ORDER BY organization_id"
_DECKS = (
    "SELECT v.version_id, v.deck, v.number, v.is_complete, v.rates_count,"
    " (SELECT count(*) FROM rates r WHERE r.version_id = v.version_id),"
    " EXISTS (SELECT 1 FROM deck_publications p WHERE p.version_id = v.version_id)"
    " FROM deck_versions v ORDER BY v.deck, v.number"
)
_TERMS = text("SELECT currency, time_zone, charge_decimals, rounding FROM deck_versions WHERE version_id = :version_id")
_RATE = text(
    f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = :version_id AND direction = :direction"
    " AND prefix = :prefix AND origin_prefix = :origin_prefix"
)
_SQLITE_TRIGGERS = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'")
_POSTGRESQL_TRIGGERS = text(
    "SELECT t.tgname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid"
    " WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND f.prosrc LIKE '%RAISE EXCEPTION%'"
)


class BookRows:
    """Reads all books of all organizations, at nearly constant memory."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection
        self._is_postgresql = connection.dialect.name == "postgresql"

    def begin_snapshot(self) -> None:
        """See the books as of one instant, however long that takes; nothing may have been read before."""
        if self._is_postgresql:
            self._connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            self._connection.execute(text("SET LOCAL statement_timeout = 0"))

    def counts(self) -> dict[str, int]:
        """Return how many rows the tables of the books have."""
        tables = ("organizations", "credit_lots", "calls", "usage_rows", "meters", "postings", "deck_versions")
        return {table: self._connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables}

    def organizations(self) -> list[tuple[int, int]]:
        """Return the organizations, each with what it owes."""
        return [(row[0], row[1]) for row in self._connection.execute(text(_ORGANIZATIONS))]

    def calls(self) -> Iterator[CallBooks]:
        """Yield what the books say of each call, of each organization that says anything about it."""
        streams = [
            _tagged(self._stream(_CALLS), _CALL),
            _tagged(self._stream(_CALL_KEYS), _MAPPED),
            _tagged(self._stream(_USAGE_ROWS), _USAGE),
            _tagged(self._stream(_CALL_POSTINGS), _POSTING),
        ]
        for (organization_id, call_key), group in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
            yield _call_books(organization_id, call_key, group)

    def other_postings(self) -> Iterator[tuple[int, PostedRow | Unreadable]]:
        """Yield the postings that belong to no call, or what is wrong with one."""
        for organization_id, *posting in self._stream(_OTHER_POSTINGS):
            posted, problem = _read(_posted, tuple(posting), f"postings {posting[0]}")
            if posted is not None:
                yield organization_id, posted
            if problem is not None:
                yield organization_id, problem

    def lots(self) -> Iterator[LotBooks]:
        """Yield each lot, and each id that the journal takes for one, with what the journal moved."""
        streams = [
            _tagged(self._stream(_LOTS), _LOT),
            _tagged(self._stream(_MOVEMENTS), _MOVEMENT),
        ]
        for (organization_id, lot_id), group in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
            yield _lot_books(organization_id, lot_id, group)

    def meters(self) -> Iterator[MeterBooks]:
        """Yield each meter as it stands."""
        for row in self._stream(_METERS):
            read, problem = _read(_meter_of, row, f"meters {row[1]}")
            yield read or MeterBooks(row[0], row[1], unreadable=problem)

    def licenses(self) -> list[LicenseBooks]:
        """Return every license of every organization and country, as counted and as the users have it."""
        rows_ = self._connection.execute(text(_LICENSE_COUNTS))
        counted: dict[tuple[int, int, str], int] = {(row[0], row[1], row[2]): row[3] for row in rows_}
        held: Counter[tuple[int, int, str]] = Counter()
        for organization_id, country, licenses, users_count in self._connection.execute(text(_LICENSED)):
            for bit in range(licenses.bit_length()):
                if licenses >> bit & 1:
                    held[organization_id, 1 << bit, country] += users_count
        keys = sorted(counted.keys() | held.keys())
        return [LicenseBooks(*key, counted.get(key, 0), held[key]) for key in keys]

    def deck_versions(self) -> list[DeckBooks]:
        """Return every deck version with the number of its rates."""
        return [
            DeckBooks(version_id, deck, number, bool(is_complete), bool(is_published), stated, count)
            for version_id, deck, number, is_complete, stated, count, is_published in self._connection.execute(
                text(_DECKS)
            )
        ]

    def guards(self) -> dict[str, bool]:
        """Return the triggers that make the journal insert-only, and whether each is at work."""
        endings = ("insert_only", "no_truncate") if self._is_postgresql else ("no_update", "no_delete")
        statement = _POSTGRESQL_TRIGGERS if self._is_postgresql else _SQLITE_TRIGGERS
        active = set(self._connection.scalars(statement))
        names = [f"{table}_{ending}" for table in JOURNAL_TABLES for ending in endings]
        return {name: name in active for name in names}

    def rate_finder(self) -> Callable[[RateReference], MatchedRate | None]:
        """Return a function that finds the rate of a stored version, and remembers the last ones."""
        return lru_cache(maxsize=RATES_KEPT)(self.rate)

    def rate(self, reference: RateReference) -> MatchedRate | None:
        """Return a row of a deck version, ready to price; None where there is none that can be read."""
        terms = self._connection.execute(_TERMS, {"version_id": reference.version_id}).one_or_none()
        key = {
            "version_id": reference.version_id,
            "direction": reference.direction.value,
            "prefix": reference.prefix,
            "origin_prefix": reference.origin_prefix,
        }
        found = self._connection.execute(_RATE, key).one_or_none()
        if terms is None or found is None:
            return None
        deck, _ = _read(lambda row: deck_of(reference.version_id, tuple(terms), [row]), tuple(found), "rates")
        return None if deck is None else deck.find(reference.direction, reference.prefix, reference.origin_prefix)

    def _stream(self, statement: str) -> Iterator[Row]:
        collated = text(statement.format(c=' COLLATE "C"' if self._is_postgresql else ""))
        streamed = self._connection.execute(collated, execution_options={"stream_results": True})
        for chunk in streamed.partitions(CHUNK_ROWS):
            yield from map(tuple, chunk)


def _tagged(streamed: Iterable[Row], tag: int) -> Iterator[tuple[tuple[int, Any], int, Row]]:
    for row in streamed:
        yield (row[0], row[1]), tag, row


def _call_books(organization_id: int, call_key: str, group: Iterable[tuple[object, int, Row]]) -> CallBooks:
    call: Call | None = None
    hold_micros = 0
    is_mapped = False
    usage: list[UsageRow] = []
    postings: list[PostedRow] = []
    unreadable: list[Unreadable | None] = []
    for _, tag, row in group:
        problem = None
        if tag == _MAPPED:
            is_mapped = True
        elif tag == _CALL:
            call, problem = _read(_call_of, row, f"calls {call_key}")
            hold_micros = row[_HOLD_POSITION] if call is not None else 0
        elif tag == _USAGE:
            used, problem = _read(_usage_of, row, f"usage_rows {call_key} line {row[2]}")
            usage += [used] if used is not None else []
        else:
            posted, problem = _read(_posted, row[2:], f"postings {row[2]}")
            postings += [posted] if posted is not None else []
        unreadable.append(problem)
    problems = tuple(problem for problem in unreadable if problem is not None)
    return CallBooks(organization_id, call_key, call, hold_micros, is_mapped, tuple(usage), tuple(postings), problems)


def _numbers(columns: str) -> tuple[int, ...]:
    """Return where the columns stand that must hold whole numbers: SQLite lets them hold anything."""
    endings = ("_micros", "_seconds", "_count", "line")
    return tuple(index for index, name in enumerate(columns.split(",")) if name.strip().endswith(endings))


_CALL_COLUMNS = f"{rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS}"
_HOLD_POSITION = [name.strip() for name in _CALL_COLUMNS.split(",")].index("hold_micros")
_CALL_NUMBERS = _numbers(_CALL_COLUMNS)
_USAGE_NUMBERS = _numbers(rows.USAGE_COLUMNS)


def _call_of(row: Row) -> Call:
    _check_numbers(row[position] for position in _CALL_NUMBERS if row[position] is not None)
    call = rows.call_of(row)
    for name in call.setup.meters:
        _check_meter(name)
    return call


def _usage_of(row: Row) -> UsageRow:
    _check_numbers(row[position] for position in _USAGE_NUMBERS)
    return rows.usage_of(row)


def _meter_of(row: Row) -> MeterBooks:
    organization_id, name, used, held, used_before = row
    _check_numbers((used, held, used_before))
    _check_meter(name)
    return MeterBooks(organization_id, name, used, held, used_before)


def _check_meter(name: str) -> None:
    """Refuse a name that we never give: a pool's says which, the others are of the kinds that there are."""
    if meters.kind_of(name) == meters.POOL:
        pool_of(name)
    elif meters.kind_of(name) not in meters.KINDS:
        message = f"{name!r} is no meter"
        raise ValueError(message)


def _check_numbers(cells: Iterable[object]) -> None:
    for cell in cells:
        if not isinstance(cell, int):
            message = f"{cell!r} is no whole number"
            raise TypeError(message)


def _lot_books(organization_id: int, lot_id: int, group: Iterable[tuple[object, int, Row]]) -> LotBooks:
    columns: LotColumns | None = None
    movements: dict[tuple[str, str], int] = {}
    unreadable: Unreadable | None = None
    for _, tag, row in group:
        if tag == _LOT:
            columns, unreadable = _read(_lot_columns, row, f"credit_lots {lot_id}")
        else:
            # PostgreSQL adds up to a numeric.
            movements[row[2], row[3]] = int(row[4])
    return LotBooks(organization_id, None if lot_id == _NO_LOT else lot_id, columns, movements, unreadable)


def _lot_columns(row: Row) -> LotColumns:
    _check_numbers(row)
    _, _, granted, spent, held, expired, refunded, disputed, expires_at = row
    return LotColumns(granted, spent, held, expired, refunded, disputed, from_micros(expires_at))


def _posted(row: Row) -> PostedRow:
    entry_id, debit, credit, amount, occurred_at, lot_id, purchased_at, expires_at = row
    _check_numbers((amount,))
    return PostedRow(
        entry_id,
        debit,
        credit,
        amount,
        from_micros(occurred_at),
        lot_id,
        from_micros_or_none(purchased_at),
        from_micros_or_none(expires_at),
    )


def _read(translate: Callable[[Row], _T], row: Row, name: str) -> tuple[_T | None, Unreadable | None]:
    """Translate a row; one that says what we never write is what an audit is there to find."""
    try:
        return translate(row), None
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as failure:
        return None, Unreadable(name, f"{type(failure).__name__}: {failure}")
