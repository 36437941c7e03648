"""Meters outside the hot path: what is to be billed is found without a look at the rest."""

import sqlite3
from contextlib import closing

import pytest

from talktime.store import meters
from talktime.store.engine import open_postgresql, sqlite_path


@pytest.mark.parametrize("database_engine", ["sqlite"])
@pytest.mark.parametrize("name", ["_WITH_OVERAGE", "_OVERAGE_OF"])
def test_sqlite_finds_overage_by_its_index(migrated_database_url: str, name: str) -> None:
    with closing(sqlite3.connect(sqlite_path(migrated_database_url))) as connection:
        statement = f"EXPLAIN QUERY PLAN {getattr(meters, name).text}"
        given = {"organization_id": 1} if name == "_OVERAGE_OF" else {}
        plan = [row[-1] for row in connection.execute(statement, given)]

    assert any("ix_meters_overage" in step for step in plan), plan


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
def test_postgresql_finds_overage_by_its_index(migrated_database_url: str) -> None:
    with open_postgresql(migrated_database_url) as connection:
        # Of an empty table it would rather read all.
        connection.execute("SET enable_seqscan = off")
        statement = meters._WITH_OVERAGE.text.replace("%", "%%")
        plan = [row[0] for row in connection.execute(f"EXPLAIN {statement}", ())]

    assert any("ix_meters_overage" in step for step in plan), plan
