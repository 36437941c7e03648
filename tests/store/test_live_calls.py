"""Who looks at the calls in progress never reads all calls there ever were: asked of the planner, on both databases."""

import pytest
from sqlalchemy import text

from talktime.store import live_calls
from talktime.store.engine import is_sqlite, open_engine

WHOSE = {"organization_id": 7, "user_id": 0, "most": 50}


@pytest.mark.parametrize("statement", [live_calls._LIVE, live_calls._COUNT])
def test_open_calls_are_found_by_their_index(migrated_database_url: str, statement: object) -> None:
    engine = open_engine(migrated_database_url)
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(migrated_database_url) else "EXPLAIN"
    with engine.begin() as connection:
        if not is_sqlite(migrated_database_url):
            # A table without rows is read from end to end unless that is forbidden.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = [str(row[-1]) for row in connection.execute(text(f"{explain} {statement}"), WHOSE)]
    engine.dispose()

    assert any("ix_calls_open_valid_until" in step for step in plan), plan
