"""A page of a report is found by the index on organization and start, and is named once it was cut."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.paging import SortKey, UsageOrder, UsagePlace
from talktime.core.values.periods import Period
from talktime.store.engine import open_engine
from talktime.store.insight.usage.statements import UsageStatements

MONTH = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
FILTERS = {
    "all": UsageFilter(MONTH),
    "users": UsageFilter(MONTH, user_ids=frozenset({7})),
    "departments": UsageFilter(MONTH, departments=frozenset({"Sales"})),
    "text": UsageFilter(MONTH, text="4420"),
}
BEHIND = UsagePlace(5, 1_790_000_000_000_000, "proxy||call", 0)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("key", SortKey)
def test_a_page_is_found_by_the_index(migrated_database_url: str, key: SortKey, name: str) -> None:
    plan = _plan(migrated_database_url, FILTERS[name], UsageOrder(key, is_descending=True))

    assert any("ix_usage_rows_started_at" in step for step in plan), plan
    assert not any("SCAN usage_rows" in step or "Seq Scan on usage_rows" in step for step in plan), plan


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
@pytest.mark.parametrize("key", [key for key in SortKey if key is not SortKey.USER])
def test_postgresql_cuts_the_page_before_it_names_people(migrated_database_url: str, key: SortKey) -> None:
    plan = _plan(migrated_database_url, FILTERS["all"], UsageOrder(key, is_descending=True))

    limit, names = (next(place for place, step in enumerate(plan) if what in step) for what in ("Limit", "users"))
    # In the order in which a plan is written, what is below a step comes after it.
    assert _depth(plan[limit]) > min(_depth(step) for step in plan if "Join" in step or "Nested Loop" in step)
    assert not any("users" in step for step in plan[limit + 1 :] if _depth(step) > _depth(plan[limit]))
    assert limit != names


def test_a_page_behind_another_begins_in_the_index(migrated_database_url: str) -> None:
    plan = _plan(migrated_database_url, FILTERS["all"], UsageOrder(), BEHIND)

    assert any("ix_usage_rows_started_at" in step for step in plan), plan


def _plan(url: str, shown: UsageFilter, order: UsageOrder, after: UsagePlace | None = None) -> list[str]:
    engine = open_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.begin() as connection:
            statement = UsageStatements(engine.dialect.name, 1, shown).page(order, after=after, rows_max=51)
            if is_sqlite:
                return [
                    str(row[3]) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {_written(statement, url)}"))
                ]
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            return [str(row[0]) for row in connection.execute(text(f"EXPLAIN {_written(statement, url)}"))]
    finally:
        engine.dispose()


def _written(statement: Select[tuple[object, ...]], url: str) -> str:
    dialect = sqlite.dialect() if url.startswith("sqlite") else postgresql.dialect()
    written = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return written.replace("%%", "%").replace(":", r"\:") if ":" in written else written.replace("%%", "%")


def _depth(step: str) -> int:
    return len(step) - len(step.lstrip())
