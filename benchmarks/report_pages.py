"""How soon a page of usage details is there: random filters, orders and places over a large table on PostgreSQL.

    python -m tests.postgresql_cluster -- python -m benchmarks.report_pages [ROWS [PAGES [DAYS]]]

Prints one JSON object: percentiles of the whole use case (names, watermark, rows) in milliseconds, by order. Rows lie
in the order of their instants, of organizations mixed; the largest organization has 30 % of them. Periods are up to 31
days; three pages of four belong to that organization; half of the pages begin behind a cursor. What a page costs is
told by how many rows lie in its period: a million rows of 36 days are as dense as ten million of a year.
"""

import json
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction
from talktime.core.insight.reports.paging import SortKey, UsageOrder
from talktime.settings import Settings
from talktime.usecases.insight.reports.asking import Conditions
from talktime.usecases.insight.reports.list_usage import ListUsage, list_usage

ROWS, PAGES = 1_000_000, 240
CHUNK_ROWS = 500_000
ORGANIZATIONS, USERS, DEPARTMENTS, DESTINATIONS, OPEN_CALLS = 50, 5_000, 40, 200, 2_000
CALLS_SHARE = 10
LARGEST_PERCENT = 30
OF_LARGEST, HALF = 0.75, 0.5
BEGINS_AT = datetime(2025, 11, 1, tzinfo=UTC)
DAYS = 365
DAYS_MAX = 31
PERCENTILES = (50, 95, 99)
SEED = 63
_MICROS = 1_000_000
_NUMBERS = {
    "organizations": ORGANIZATIONS,
    "users": USERS,
    "departments": DEPARTMENTS,
    "destinations": DESTINATIONS,
    "largest": LARGEST_PERCENT,
    "open": OPEN_CALLS,
}
_ORGANIZATIONS = """
    INSERT INTO organizations (organization_id, name, country, currency, time_zone, deck, is_active,
        has_credit_set_up, receivable_micros, created_at)
    SELECT o, 'Organization ' || o, 'DE', 'EUR', 'Europe/Berlin', 'deck', true, true, 0, 0
    FROM generate_series(1, %(organizations)s) o"""
_USERS = """
    INSERT INTO users (organization_id, user_id, user_principal_name, display_name, usage_location, department)
    SELECT o, u, 'user' || u || '@organization' || o || '.example', 'User ' || u, 'DE',
        'Department ' || u %% %(departments)s
    FROM generate_series(1, %(organizations)s) o, generate_series(1, %(users)s) u"""
# A hash of the number stands for chance, so that every run has the same rows.
_ROWS = """
    INSERT INTO usage_rows (organization_id, call_key, line, kind, user_id, conference_id, caller, called,
        destination, prefix, started_at, answered_at, ended_at, used_seconds, billed_seconds, connection_fee_micros,
        cost_micros, uncovered_micros, currency, paid_by, ending, flags, capability)
    SELECT CASE WHEN h %% 100 < %(largest)s THEN 1 ELSE 2 + h %% (%(organizations)s - 1) END,
        'proxy||' || md5(n::text), 0,
        (ARRAY['user_out', 'user_out', 'user_out', 'user_in', 'conf_out', 'conf_in', 'ucap_in'])[(1 + h / 7 %% 7)::int],
        1 + h / 3 %% %(users)s, '', '4930' || 1000000 + h %% 9000000, '44' || 2000000000 + h %% 900000000,
        'Destination ' || h / 11 %% %(destinations)s, '44', at, at, at + h %% 600 * 1000000,
        h %% 600, h %% 600, 0, CASE WHEN h / 5 %% 4 = 0 THEN 0 ELSE (h %% 600) * 300 END, 0, 'EUR',
        CASE WHEN h / 5 %% 4 = 0 THEN 'minutes' ELSE 'credit' END, 'hangup', 0, 'MCOPSTNPP'
    FROM (SELECT n, abs(hashint4(n)::bigint) AS h, %(begins)s + n::bigint * %(step)s AS at
          FROM generate_series(%(first)s::int, %(last)s::int) n) numbered"""
_BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
# Behind the name of the process, in /proc.
_USER_TICKS = 11
_CALLS = """
    INSERT INTO calls (organization_id, call_key, kind, state, caller, called, started_at, pays_from, conference_id,
        destination, granted_seconds, is_final, hold_micros, hold_slices, usage_rows_count, valid_until)
    SELECT 1 + n %% %(organizations)s, 'proxy||call' || n, 'user_out',
        CASE WHEN n <= %(open)s THEN 'open' ELSE 'finished' END, '49', '44', %(begins)s + n, 'credit', '', '', 60,
        false, 0, '', 1, %(begins)s + n
    FROM generate_series(1, %(calls)s) n"""


def measure(database_url: str, rows_count: int = ROWS, pages_count: int = PAGES, days: int = DAYS) -> dict[str, Any]:
    """Fill an empty database, then ask for pages; return milliseconds."""
    began = time.monotonic()
    with App(Settings(database=database_url)) as app:
        size = _fill(database_url, rows_count, days)
        filled_seconds = time.monotonic() - began
        chance = random.Random(SEED)
        taken: dict[str, list[float]] = defaultdict(list)
        served: list[float] = []
        cpu, rows_shown = time.process_time(), 0
        for _ in range(pages_count):
            request = _request(chance, days)
            if chance.random() < HALF:
                request = replace(request, cursor=app.read(list_usage, request).next_cursor)
            server_before, before = _server_milliseconds(database_url), time.perf_counter()
            page = app.read(list_usage, request)
            milliseconds = (time.perf_counter() - before) * 1_000
            served.append(_server_milliseconds(database_url) - server_before)
            rows_shown += len(page.rows)
            taken["all"].append(milliseconds)
            taken[request.order.key.value].append(milliseconds)
        cpu = time.process_time() - cpu
        with_sums = [
            _milliseconds(app, replace(_request(chance, days), has_sums=True)) for _ in range(pages_count // 4)
        ]
    return {
        "rows": rows_count,
        "days": days,
        "pages": pages_count,
        "rows_shown": rows_shown,
        "gigabytes": size,
        "filled_seconds": round(filled_seconds),
        "client_cpu_milliseconds_per_page": round(cpu * 1_000 / pages_count, 1),
        "milliseconds": {name: _percentiles(found) for name, found in sorted(taken.items())},
        "milliseconds_with_sums": _percentiles(with_sums),
        "server_cpu_milliseconds": _percentiles(served),
    }


def _request(chance: random.Random, table_days: int) -> ListUsage:
    organization = 1 if chance.random() < OF_LARGEST else chance.randint(2, ORGANIZATIONS)
    days = chance.randint(1, DAYS_MAX)
    starts_on = BEGINS_AT.date() + timedelta(days=chance.randint(0, table_days - DAYS_MAX))
    conditions = Conditions(
        f"Organization {organization}", datetime(2026, 11, 21, tzinfo=UTC), starts_on, _last(starts_on, days)
    )
    every: list[dict[str, Any]] = [
        {"users": (f"user{chance.randint(1, USERS)}@organization{organization}.example",)},
        {"departments": (f"Department {chance.randrange(DEPARTMENTS)}",)},
        {"kinds": frozenset({chance.choice((CallKind.USER_OUT, CallKind.CONFERENCE_OUT))})},
        {"direction": chance.choice(tuple(Direction))},
        {"destinations": (f"Destination {chance.randrange(DESTINATIONS)}",)},
        {"capabilities": ("MCOPSTNPP",)},
        {"paid_by": frozenset({chance.choice((PaysFrom.CREDIT, PaysFrom.MINUTES))})},
        {"cost_min_micros": chance.randrange(180_000)},
        {"text": f"{chance.randint(10, 99)}{chance.randint(0, 999):03}"},
    ]
    for condition in chance.sample(every, chance.randint(0, 2)):
        conditions = replace(conditions, **condition)
    order = UsageOrder(chance.choice(tuple(SortKey)), chance.random() < HALF)
    return ListUsage(conditions, order, has_sums=False)


def _last(starts_on: date, days: int) -> date:
    return starts_on + timedelta(days=days - 1)


def _milliseconds(app: App, request: ListUsage) -> float:
    before = time.perf_counter()
    app.read(list_usage, request)
    return (time.perf_counter() - before) * 1_000


def _server_milliseconds(database_url: str) -> float:
    """Return the processor time that the database has spent on our connections: what other load does not change."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        pids = connection.execute(_BACKENDS).fetchall()
    ticks = 0
    for (pid,) in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[_USER_TICKS]) + int(fields[_USER_TICKS + 1])
    return ticks * 1_000 / os.sysconf("SC_CLK_TCK")


def _percentiles(found: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    shown = {f"p{percent}": round(cuts[percent - 1], 1) for percent in PERCENTILES}
    return {**shown, "max": round(max(found), 1), "count": len(found)}


def _fill(database_url: str, rows_count: int, days: int) -> float:
    begins = int(BEGINS_AT.timestamp()) * _MICROS
    step = days * 86_400 * _MICROS // rows_count
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_ORGANIZATIONS, _NUMBERS)
        connection.execute(_USERS, _NUMBERS)
        for first in range(1, rows_count + 1, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS - 1, rows_count)
            connection.execute(_ROWS, {**_NUMBERS, "begins": begins, "step": step, "first": first, "last": last})
        connection.execute(_CALLS, {**_NUMBERS, "begins": begins, "calls": rows_count // CALLS_SHARE})
        connection.execute("VACUUM ANALYZE")
        # One process for each page, so that its time can be told; two cores gain little by more.
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET max_parallel_workers_per_gather = 0").format(name))
        found = connection.execute("SELECT pg_total_relation_size('usage_rows')").fetchone()
    return 0.0 if found is None else round(found[0] / 2**30, 2)


def main() -> None:
    """Measure on a database of its own beside those of the tests."""
    server = os.environ.get("TALKTIME_TEST_POSTGRESQL", "none")
    if server == "none":
        sys.exit("no PostgreSQL: run it by `python -m tests.postgresql_cluster -- …`")
    name = f"report_pages_{os.getpid()}"
    counts = [int(each) for each in sys.argv[1:]]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            print(json.dumps(measure(url, *counts), indent=2))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


if __name__ == "__main__":
    main()
