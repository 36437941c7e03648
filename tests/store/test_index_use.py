"""Charging never reads a hot table from end to end: asked of the planner, on both databases."""

import json
import sqlite3
from contextlib import closing

import pytest

from talktime.store.charging import postgresql, sqlite
from talktime.store.engine import open_postgresql, sqlite_path

KEYS = [(organization_id, f"proxy||call {organization_id}") for organization_id in range(1, 60)]
IDS, NAMES = [owner for owner, _ in KEYS], [key for _, key in KEYS]
STATEMENTS = ("_IDENTITIES", "_CALL_KEYS", "_CALLS", "_LOTS", "_REVISIONS", "_OVERDUE")


@pytest.mark.parametrize("database_engine", ["sqlite"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlite_searches_by_index(migrated_database_url: str, name: str) -> None:
    parameters = {
        "_IDENTITIES": (json.dumps(NAMES),),
        "_CALL_KEYS": (json.dumps(NAMES),),
        "_CALLS": (json.dumps(KEYS),),
        "_LOTS": (json.dumps(IDS), 10**15),
        "_REVISIONS": (json.dumps(IDS),),
        "_OVERDUE": (10**15, 100),
    }[name]
    with closing(sqlite3.connect(sqlite_path(migrated_database_url))) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {getattr(sqlite, name)}", parameters).fetchall()

    scans = [step for *_, step in plan if step.startswith("SCAN") and "json_each" not in step and "asked" not in step]
    assert [scan for scan in scans if "INDEX" not in scan] == []
    assert any("INDEX" in step for *_, step in plan), plan


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
@pytest.mark.parametrize("name", [*STATEMENTS, "_LOCK"])
def test_postgresql_searches_by_index(migrated_database_url: str, name: str) -> None:
    ids, names = postgresql._array(IDS), postgresql._text_array(NAMES)
    parameters = {
        "_IDENTITIES": (names,),
        "_CALL_KEYS": (names,),
        "_CALLS": (ids, names),
        "_LOTS": (ids, 10**15),
        "_REVISIONS": (ids,),
        "_LOCK": (ids,),
        "_OVERDUE": (10**15, 100),
    }[name]
    with open_postgresql(migrated_database_url) as connection:
        statement = f"EXPLAIN {getattr(postgresql, name)}"
        plan = [row[0] for row in connection.execute(statement, parameters)]

    assert [step for step in plan if "Seq Scan" in step] == []
    assert any("Index" in step for step in plan), plan


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
@pytest.mark.parametrize("name", ["grown_calls", "ended_calls", "lots", "receivables", "watches"])
def test_postgresql_updates_by_index(migrated_database_url: str, name: str) -> None:
    write = postgresql._WRITES[name]
    row = ["1" if kind in {"bigint", "int"} else "true" if kind == "bool" else "x" for kind in write.types]
    with open_postgresql(migrated_database_url) as connection:
        columns = postgresql._columns([tuple(row)], write.types)
        plan = [each[0] for each in connection.execute(f"EXPLAIN {write.statement}", columns)]

    assert [step for step in plan if "Seq Scan" in step] == []
    assert any("Index" in step for step in plan), plan
