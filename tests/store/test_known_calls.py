"""Our calls beside a switch's records are found by indexes, in the books and on the scratch disk."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.store.afterwards import known_calls, switch_calls
from talktime.store.afterwards.known_calls import KnownCalls
from talktime.store.afterwards.switch_records import SwitchRecords
from talktime.store.engine import open_engine

SPAN = {"organization_id": 1, "first": 10**15, "last": 10**15 + 10**11}
_MANY_CALLS = (
    "INSERT INTO usage_rows (organization_id, call_key, line, kind, conference_id, caller, called, destination, prefix,"
    " started_at, ended_at, used_seconds, billed_seconds, connection_fee_micros, cost_micros, uncovered_micros,"
    " currency, paid_by, ending, flags) SELECT 1, 'sbc1||' || n, 0, 'user_out', '', '1', '2', '', '',"
    " n * 1000000000000, n * 1000000000000, 1, 1, 0, 0, 0, 'EUR', 'credit', 'hangup', 0 FROM generate_series(1, 3000) n"
)
INDEXES = {"_ENDED": "ix_usage_rows_started_at", "_OPEN": "ix_calls_open_valid_until"}


@pytest.mark.parametrize("name", INDEXES)
def test_the_calls_of_a_period_are_found_by_indexes(migrated_database_url: str, name: str) -> None:
    statement = getattr(switch_calls, name)
    engine = open_engine(migrated_database_url)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # An empty table has no statistics, and any index of it is as good as any other.
            connection.execute(text(_MANY_CALLS))
            connection.execute(text("ANALYZE usage_rows"))
        asked = {key: value for key, value in SPAN.items() if f":{key}" in statement.text}
        plan = [str(row[-1]) for row in connection.execute(text(f"{explain} {statement.text}"), asked)]
    engine.dispose()

    assert any(INDEXES[name] in step for step in plan), plan
    assert [step for step in plan if "Seq Scan" in step or (step.startswith("SCAN") and "INDEX" not in step)] == []


@pytest.mark.parametrize("name", ["_NAMED", "_OF_CALLER", "_OF_ANYBODY", "_MISSING"])
def test_the_scratch_disk_is_searched_by_indexes(name: str) -> None:
    names = ("switch", "call_id", "leg", "called", "called_left", "caller", "caller_left", "user", "earliest")
    asked = dict.fromkeys((*names, "started", "ended", "near", "first", "last"), 1)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE records (call_id TEXT, leg TEXT)")
        connection.execute("CREATE INDEX records_by_call ON records (call_id, leg)")
        KnownCalls(connection)

        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {getattr(known_calls, name)}", asked)]

    assert [step for step in plan if step.startswith("SCAN") and "CONSTANT" not in step] == []
    # A switch alone is as good as all.
    assert name == "_MISSING" or [step for step in plan if step.endswith("(switch=?)")] == []


def test_records_of_an_id_are_found_whatever_their_legs() -> None:
    records = [SwitchRecord(line, "id", leg) for line, leg in enumerate("abc", start=1)]

    with SwitchRecords() as scratch:
        scratch.add((record.leg, record) for record in [*records, SwitchRecord(4, "other")])
        scratch.finish()

        assert scratch.alike(records[0]) == records
