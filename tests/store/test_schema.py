"""What the migrations make is what schema.py says, on both databases, and can be taken back and made again."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from talktime.store import engine as engines
from talktime.store import schema


@pytest.fixture
def migrated_engine(migrated_database_url: str) -> Iterator[Engine]:
    engine = engines.open_engine(migrated_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engines.create_schema(database_url)
    engine = engines.open_engine(database_url)
    yield engine
    engine.dispose()


TRIGGERS = {
    "sqlite": {f"{table}_no_{verb}" for table in schema.JOURNAL_TABLES for verb in ("update", "delete")},
    "postgresql": {f"{table}_{what}" for table in schema.JOURNAL_TABLES for what in ("insert_only", "no_truncate")},
}


def test_the_migrated_database_is_what_the_schema_says(migrated_engine: Engine) -> None:
    with migrated_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, schema.metadata) == []


def test_migrations_make_the_same_database_as_the_schema_made_afresh(engine: Engine) -> None:
    with engine.begin() as connection:
        migrated = description(connection)
        schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection)

    with engine.begin() as connection:
        assert description(connection) == migrated


def test_the_schema_can_be_taken_back_and_made_again(engine: Engine, database_url: str) -> None:
    with engine.connect() as connection:
        first = description(connection), triggers(connection)

    with engine.connect() as connection:
        downgrade(connection)
        connection.commit()
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
        assert triggers(connection) == set()

    engines.create_schema(database_url)
    engines.create_schema(database_url)
    with engine.connect() as connection:
        assert (description(connection), triggers(connection)) == first


def test_the_journal_has_its_triggers(migrated_engine: Engine, database_engine: str) -> None:
    with migrated_engine.connect() as connection:
        assert triggers(connection) == TRIGGERS[database_engine]


POSTING = {
    "organization_id": 1,
    "entry_id": "call:one",
    "line": 0,
    "debit": "lot",
    "credit": "revenue",
    "lot_id": 1,
    "amount_micros": 5,
    "occurred_at": 0,
}


@pytest.mark.parametrize("change", ["UPDATE postings SET amount_micros = 4", "DELETE FROM postings"])
def test_the_journal_only_grows(migrated_engine: Engine, change: str) -> None:
    with migrated_engine.begin() as connection:
        connection.execute(schema.postings.insert(), POSTING)

    with pytest.raises(DBAPIError, match="insert-only"), migrated_engine.begin() as connection:
        connection.execute(text(change))

    with migrated_engine.connect() as connection:
        assert connection.scalar(text("SELECT amount_micros FROM postings")) == 5


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
def test_the_journal_cannot_be_emptied(migrated_engine: Engine) -> None:

    with pytest.raises(DBAPIError, match="insert-only"), migrated_engine.begin() as connection:
        connection.execute(text("TRUNCATE postings"))


def test_an_entry_is_booked_once(migrated_engine: Engine) -> None:
    with migrated_engine.begin() as connection:
        connection.execute(schema.postings.insert(), POSTING)

    with pytest.raises(IntegrityError), migrated_engine.begin() as connection:
        connection.execute(schema.postings.insert(), POSTING)


ORGANIZATION = {
    "organization_id": 1,
    "name": "Example",
    "country": "GB",
    "currency": "EUR",
    "time_zone": "Europe/London",
    "deck": "standard",
    "is_active": True,
    "has_credit_set_up": True,
    "receivable_micros": 0,
    "created_at": 0,
}
LOT = {
    "organization_id": 1,
    "lot_id": 1,
    "kind": 1,
    "granted_micros": 10,
    "spent_micros": 2,
    "held_micros": 2,
    "expired_micros": 2,
    "refunded_micros": 2,
    "disputed_micros": 2,
    "purchased_at": 0,
    "expires_at": 1,
    "reference": "order 1",
}
CALL = {
    "organization_id": 1,
    "call_key": "proxy||one",
    "kind": "user_out",
    "state": "open",
    "caller": "",
    "called": "",
    "started_at": 0,
    "pays_from": "credit",
    "conference_id": "",
    "destination": "",
    "granted_seconds": 60,
    "is_final": False,
    "hold_micros": 5,
    "hold_slices": "1:5",
    "usage_rows_count": 0,
}
USAGE = {
    **{name: CALL[name] for name in ("organization_id", "call_key", "kind", "caller", "called", "conference_id")},
    "line": 0,
    "destination": "",
    "prefix": "",
    "started_at": 0,
    "ended_at": 1,
    "used_seconds": 1,
    "billed_seconds": 1,
    "connection_fee_micros": 0,
    "cost_micros": 5,
    "uncovered_micros": 5,
    "currency": "EUR",
    "paid_by": "credit",
    "ending": "hangup",
    "flags": 0,
}


EMPTY_LOT = {**LOT, **{f"{part}_micros": 0 for part in ("spent", "held", "expired", "refunded", "disputed")}}
PARTS = ("spent_micros", "held_micros", "expired_micros", "refunded_micros", "disputed_micros")


@pytest.mark.parametrize(
    ("table", "row", "wrongs"),
    [
        ("organizations", {**ORGANIZATION, "organization_id": 2, "name": "Other"}, [{"receivable_micros": -1}]),
        ("credit_lots", LOT, [{part: amount} for part in PARTS for amount in (-1, 3)]),
        ("credit_lots", LOT, [{"organization_id": 99}]),
        ("credit_lots", EMPTY_LOT, [{"granted_micros": 0}]),
        ("postings", POSTING, [{"amount_micros": 0}, {"lot_id": None}, {"debit": "receivable"}]),
        ("calls", CALL, [{"hold_micros": -1}, {"state": "finished"}]),
        ("usage_rows", USAGE, [{"uncovered_micros": 6}, {"uncovered_micros": -1}]),
    ],
)
def test_the_database_refuses_what_the_core_says_cannot_be(
    migrated_engine: Engine, table: str, row: dict[str, Any], wrongs: list[dict[str, Any]]
) -> None:
    with migrated_engine.begin() as connection:
        connection.execute(schema.organizations.insert(), ORGANIZATION)
    insert = schema.metadata.tables[table].insert()

    for wrong in wrongs:
        with pytest.raises(IntegrityError), migrated_engine.begin() as connection:
            connection.execute(insert, {**row, **wrong})

    with migrated_engine.begin() as connection:
        connection.execute(insert, row)


def downgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(engines.__file__).replace("engine.py", "migrations"))
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


def description(connection: Connection) -> dict[str, object]:
    """Tell all that the database itself knows of our tables."""
    found = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            ],
            "key": found.get_pk_constraint(table),
            "foreign": sorted(map(str, found.get_foreign_keys(table))),
            "unique": sorted(map(str, found.get_unique_constraints(table))),
            "checks": sorted((str(each["name"]), each["sqltext"]) for each in found.get_check_constraints(table)),
            "indexes": sorted(
                (
                    str(each["name"]),
                    each["column_names"],
                    each["unique"],
                    _condition_of(each.get("dialect_options", {})),
                )
                for each in found.get_indexes(table)
            ),
        }
        for table in schema.metadata.tables
    }


def _condition_of(options: dict[str, Any]) -> list[str]:
    """Tell for which rows a partial index is kept; both databases name the option after themselves."""
    return [str(value) for name, value in options.items() if name.endswith("_where")]


def triggers(connection: Connection) -> set[str]:
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    return set(connection.scalars(text(names[connection.dialect.name])))


def test_the_newest_migration_is_the_revision_that_the_schema_names(migrated_engine: Engine) -> None:
    with migrated_engine.connect() as connection:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))

    assert revision == schema.SCHEMA_REVISION
