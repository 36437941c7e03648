from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from talktime.store.charging.pipeline import Pipeline
from talktime.store.engine import open_postgresql

pytestmark = [pytest.mark.postgresql, pytest.mark.parametrize("database_engine", ["postgresql"])]
NUMBER, TEXT = "SELECT %s::bigint", "SELECT %s::text"
KEEP, KEPT = "INSERT INTO kept SELECT unnest(%s::int[])", "SELECT number FROM kept ORDER BY number"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(open_postgresql(database_url)) as connection:
        connection.execute("CREATE TABLE kept (number int PRIMARY KEY)")
        connection.commit()
        yield connection


def test_each_statement_gets_its_own_rows(connection: psycopg.Connection[Any]) -> None:
    pipeline = Pipeline(connection)

    answers = [pipeline.run([(NUMBER, (number,)), (KEEP, ("{}",)), (TEXT, ("é",))]) for number in (1, 2)]

    assert answers == [[[(1,)], [], [("é",)]], [[(2,)], [], [("é",)]]]


def test_what_was_run_is_kept_by_the_commit_and_not_before(connection: psycopg.Connection[Any]) -> None:
    pipeline = Pipeline(connection)

    pipeline.run([(KEEP, ("{1}",))])
    connection.rollback()
    pipeline.run([(KEEP, ("{2}",))])
    connection.commit()

    assert pipeline.run([(KEPT, ())]) == [[(2,)]]


def test_the_first_failure_is_raised_and_nothing_after_it_was_run(connection: psycopg.Connection[Any]) -> None:
    pipeline = Pipeline(connection)

    with pytest.raises(psycopg.errors.UniqueViolation, match="kept_pkey"):
        pipeline.run([(KEEP, ("{1,1}",)), (KEEP, ("{2}",)), (TEXT, ("later",))])
    connection.rollback()

    # What could not be prepared behind the failure is prepared now.
    assert pipeline.run([(KEPT, ()), (TEXT, ("later",))]) == [[], [("later",)]]


def test_a_statement_that_cannot_be_prepared_is_told_and_tried_anew(connection: psycopg.Connection[Any]) -> None:
    pipeline, unknown = Pipeline(connection), "SELECT number FROM later"

    with pytest.raises(psycopg.errors.UndefinedTable, match="later"):
        pipeline.run([(unknown, ())])
    connection.rollback()
    connection.execute("CREATE TABLE later (number int)")

    assert pipeline.run([(unknown, ())]) == [[]]


def test_more_is_sent_and_answered_than_the_sockets_hold(connection: psycopg.Connection[Any]) -> None:
    long = "x" * 5_000_000

    found = Pipeline(connection).run([(TEXT, (long,)), (TEXT, (long,))])

    assert [row for rows in found for row in rows] == [(long,), (long,)]


def test_a_connection_that_was_lost_is_closed(connection: psycopg.Connection[Any], database_url: str) -> None:
    pipeline = Pipeline(connection)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))

    with pytest.raises(psycopg.OperationalError):
        pipeline.run([(NUMBER, (1,))])

    assert connection.closed


def test_what_the_driver_does_at_a_rollback_does_not_take_our_statements(connection: psycopg.Connection[Any]) -> None:
    pipeline = Pipeline(connection)
    pipeline.run([(NUMBER, (1,))])
    for _ in range(10):
        # So often that the driver would prepare it, and deallocate everything at the rollback.
        connection.execute("SELECT 2")
    connection.rollback()

    assert pipeline.run([(NUMBER, (3,))]) == [[(3,)]]


def test_statements_that_somebody_deallocated_are_prepared_anew_by_the_next_transaction(
    connection: psycopg.Connection[Any],
) -> None:
    pipeline = Pipeline(connection)
    pipeline.run([(NUMBER, (1,)), (TEXT, ("a",))])
    connection.execute("DEALLOCATE ALL")

    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        pipeline.run([(TEXT, ("b",))])
    connection.rollback()

    assert pipeline.run([(NUMBER, (3,)), (TEXT, ("c",))]) == [[(3,)], [("c",)]]


def test_a_text_that_the_server_cannot_keep_is_refused_before_anything_is_sent(
    connection: psycopg.Connection[Any],
) -> None:
    pipeline = Pipeline(connection)

    with pytest.raises(psycopg.DataError, match="NUL"):
        pipeline.run([(KEEP, ("{1}",)), (TEXT, ("a\0b",))])

    assert pipeline.run([(KEPT, ())]) == [[]]
