import csv
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from talktime.core.organizations.country_table import (
    NO_COUNTRIES,
    ConferencingSale,
    CountryRule,
    CountryTable,
    PremiumSupport,
    in_force,
)
from talktime.core.organizations.country_versions import CountryVersion, compare
from talktime.core.values.errors import Conflict, NotFound
from talktime.imports.country_files import read_country_file
from talktime.store import schema
from talktime.store.charging import countries
from talktime.store.charging.rows import Row
from talktime.store.engine import create_schema, is_sqlite, open_engine, open_postgresql, open_sqlite
from talktime.store.instants import to_micros
from talktime.store.transaction import operator_transaction

SINCE = datetime(2000, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
# Migration 0004 reads the file, so a change would give new installations another history than old ones have.
FROZEN = "99647a7b37d1de55ef67b3b5caa70d31d3c3830f54cdd11c0dd3805852dc9b40"


@pytest.fixture
def engine(migrated_database_url: str) -> Iterator[Engine]:
    engine = open_engine(migrated_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def shipped_file(repository: Path) -> Path:
    return repository / "src/talktime/imports/reference/countries_2025.csv"


def test_the_shipped_file_never_changes(shipped_file: Path) -> None:
    assert hashlib.sha256(shipped_file.read_bytes()).hexdigest() == FROZEN


def test_every_installation_has_the_shipped_table_since_2000(engine: Engine, shipped_file: Path) -> None:
    shipped = read_country_file(shipped_file)

    with operator_transaction(engine) as tx:
        versions, table = tx.countries.versions(), tx.countries.table(1)

    assert versions == [CountryVersion(1, "countries_2025.csv", SINCE, SINCE)]
    assert shipped.mistakes == ()
    assert table == replace(shipped.table, version_id=1)


def test_the_shipped_table_says_what_the_documentation_does(engine: Engine) -> None:
    with operator_transaction(engine) as tx:
        table = tx.countries.in_force(NOW)

    rules = table.rules.values()
    assert sum(rule.is_zone_a for rule in rules) == 44
    assert sum(rule.domestic_minutes > 0 for rule in rules) == 33
    assert {rule.country for rule in rules if rule.domestic_minutes == 3_000} == {"US", "PR", "CA", "GB"}
    without_credits = [rule.country for rule in rules if not rule.has_credits]
    assert sorted(without_credits) == ["BH", "CN", "IN", "KR", "KZ", "MK", "NI", "PK", "RU", "TW", "UA"]
    assert {rule.country: rule.plan_partner for rule in rules if rule.plan_partner} == {
        "AU": "Telstra",
        "JP": "SoftBank",
    }
    assert {rule.country: rule.premium for rule in rules if rule.premium is not PremiumSupport.NONE} == {
        "AT": PremiumSupport.ALL,
        "FR": PremiumSupport.ALL,
        "GB": PremiumSupport.SHARED_COST,
    }
    assert len(table.international) == 200


def test_the_shipped_table_agrees_with_the_documentation_row_by_row(engine: Engine, shared_data: Path) -> None:
    with operator_transaction(engine) as tx:
        table = tx.countries.in_force(NOW)

    with (shared_data / "country_availability.csv").open(encoding="utf-8", newline="") as file:
        pages = list(csv.DictReader(file))
    assert len(pages) == 114
    for page in pages:
        rule = table.rules[page["iso2"]]
        assert rule.conferencing is ConferencingSale(page["audio_conferencing"])
        assert rule.is_zone_a == (page["zone_a"] == "A")
        assert (rule.domestic_minutes, rule.international_minutes) == (
            int(page["domestic_min"] or 0),
            int(page["intl_min"] or 0),
        )
        assert rule.has_credits == (page["communications_credits"] == "yes")
        assert rule.has_toll_free_numbers == (page["toll_free_numbers"] != "no")
    with (shared_data / "intl_plan_destinations.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["iso2"] for row in csv.DictReader(file)}
    # The Netherlands Antilles are three countries since 2010.
    assert table.international == listed - {"AN"} | {"BQ", "CW", "SX"}


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
def test_two_processes_that_start_at_once_install_one_table(database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(create_schema, [database_url, database_url]))

    engine = open_engine(database_url)
    with operator_transaction(engine) as tx:
        versions = tx.countries.versions()
    engine.dispose()
    assert [version.version_id for version in versions] == [1]


GERMANY = CountryRule(
    "DE",
    ConferencingSale.PAY_PER_MINUTE,
    domestic_minutes=1_500,
    pay_as_you_go_zone="2",
    plan_partner="Telco",
    premium=PremiumSupport.SHARED_COST,
    has_toll_numbers=True,
    has_credits=False,
    toll_city="Köln",
)
NEXT = CountryTable(0, {"DE": GERMANY, "FR": CountryRule("FR")}, frozenset({"FR"}))


def test_a_version_is_kept_as_it_was_added_and_holds_from_its_first_instant(engine: Engine) -> None:
    with operator_transaction(engine) as tx:
        added = tx.countries.add(NEXT, source="next.csv", valid_from=LATER, at=NOW)

    with operator_transaction(engine) as tx:
        before, since = tx.countries.in_force(LATER - timedelta(microseconds=1)), tx.countries.in_force(LATER)
        known = tx.countries.versions()
    assert added == known[-1] == CountryVersion(2, "next.csv", LATER, NOW)
    assert before.version_id == 1
    assert since == replace(NEXT, version_id=2)


def test_before_the_first_version_the_table_is_empty(engine: Engine) -> None:
    with operator_transaction(engine) as tx:
        assert tx.countries.in_force(SINCE - timedelta(microseconds=1)) == NO_COUNTRIES


def test_a_version_that_is_none_is_not_found(engine: Engine) -> None:
    with operator_transaction(engine) as tx, pytest.raises(NotFound):
        tx.countries.table(2)


@pytest.mark.parametrize("valid_from", [SINCE, NOW - timedelta(days=1)])
def test_history_is_not_rewritten(engine: Engine, valid_from: datetime) -> None:
    with pytest.raises(Conflict), operator_transaction(engine) as tx:
        tx.countries.add(NEXT, source="next.csv", valid_from=valid_from, at=NOW)

    with operator_transaction(engine) as tx:
        assert len(tx.countries.versions()) == 1


def test_of_two_who_add_a_version_for_one_instant_the_second_is_refused(engine: Engine) -> None:
    is_added, may_commit = Event(), Event()

    def add_first() -> None:
        with operator_transaction(engine) as tx:
            tx.countries.add(NEXT, source="first.csv", valid_from=LATER, at=NOW)
            is_added.set()
            assert may_commit.wait(timeout=30)

    def add_second() -> str:
        assert is_added.wait(timeout=30)
        may_commit.set()
        with pytest.raises(Conflict) as refused, operator_transaction(engine) as tx:
            tx.countries.add(NEXT, source="second.csv", valid_from=LATER, at=NOW)
        return refused.value.code

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(add_first), pool.submit(add_second)
        first.result()
        code = second.result()

    assert code == "country_version_order"
    with operator_transaction(engine) as tx:
        assert [version.source for version in tx.countries.versions()] == ["countries_2025.csv", "first.csv"]


def test_the_database_refuses_versions_that_begin_together_and_negative_minutes(engine: Engine) -> None:
    version = {"version_id": 2, "source": "", "valid_from": to_micros(SINCE), "created_at": 0}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(schema.country_versions.insert(), version)

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(schema.country_rules.update().values(domestic_minutes=-1))


class Driver:
    """The two statements on the driver that charging uses, and which versions were loaded by them."""

    def __init__(self, database_url: str) -> None:
        self._is_sqlite = is_sqlite(database_url)
        self._connection = open_sqlite(database_url) if self._is_sqlite else open_postgresql(database_url)
        self.loaded: list[int] = []

    def versions(self) -> Sequence[Row]:
        return self._connection.execute(countries.VERSIONS).fetchall()

    def load(self, version_id: int) -> Sequence[Row]:
        self.loaded.append(version_id)
        statement = countries.RULES_ON_SQLITE if self._is_sqlite else countries.RULES_ON_POSTGRESQL
        return self._connection.execute(statement, (version_id,)).fetchall()

    def close(self) -> None:
        self._connection.close()


def test_charging_loads_each_version_once_and_reads_what_the_store_wrote(
    engine: Engine, migrated_database_url: str
) -> None:
    cache = countries.CountryCache()
    with operator_transaction(engine) as tx:
        shipped = tx.countries.table(1)

    with closing(Driver(migrated_database_url)) as driver:
        first = cache.tables(driver.versions(), driver.load)
        again = cache.tables(driver.versions(), driver.load)

    assert first == ((SINCE, shipped),)
    assert again is first
    assert driver.loaded == [1]


def test_charging_learns_of_a_new_version_by_its_row(engine: Engine, migrated_database_url: str) -> None:
    cache = countries.CountryCache()
    with closing(Driver(migrated_database_url)) as driver:
        cache.tables(driver.versions(), driver.load)
    with operator_transaction(engine) as tx:
        tx.countries.add(NEXT, source="next.csv", valid_from=LATER, at=NOW)

    with closing(Driver(migrated_database_url)) as driver:
        tables = cache.tables(driver.versions(), driver.load)

    assert driver.loaded == [2]
    assert in_force(tables, LATER - timedelta(microseconds=1)).version_id == 1
    assert in_force(tables, LATER).of("DE") == GERMANY


def test_rows_in_another_order_become_tables_in_the_order_of_their_instants() -> None:
    cache = countries.CountryCache()

    tables = cache.tables([(7, 20), (8, 10)], lambda _: [])

    assert [table.version_id for _, table in tables] == [8, 7]


def test_a_new_version_changes_what_its_diff_says(engine: Engine) -> None:
    with operator_transaction(engine) as tx:
        shipped = tx.countries.table(1)
        tx.countries.add(NEXT, source="next.csv", valid_from=LATER, at=NOW)

    with operator_transaction(engine) as tx:
        assert compare(shipped, NEXT) == compare(shipped, tx.countries.table(2))
