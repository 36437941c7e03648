"""The databases that the fixtures give: empty, private, durable, and gone afterwards."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import postgresql_cluster


def tables(url: str) -> list[str]:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    else:
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return [name for (name,) in rows]


def create_table(url: str) -> None:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("CREATE TABLE leftover (id INTEGER)")
    else:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE leftover (id INTEGER)")


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_gets_a_database_of_its_own(database_url: str, time: str) -> None:
    assert tables(database_url) == [], time

    create_table(database_url)

    assert tables(database_url) == ["leftover"]


def test_a_migrated_database_holds_our_schema(migrated_database_url: str) -> None:
    assert {"organizations", "calls"} <= set(tables(migrated_database_url))


@pytest.mark.postgresql
def test_the_server_is_durable_like_a_real_one(postgresql_server: object, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgresql_server").url

    with psycopg.connect(url) as connection:
        settings = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]

    assert settings == [("on",), ("on",)]


@pytest.mark.postgresql
def test_a_command_finds_a_server_that_is_gone_afterwards(postgresql_server: object, tmp_path: Path) -> None:
    command = "import os; print(os.environ['TALKTIME_TEST_POSTGRESQL'])"

    answer = _run_in_cluster(tmp_path, {}, sys.executable, "-c", command)

    url = answer.stdout.splitlines()[-1]
    assert url.startswith("postgresql://talktime@127.0.0.1:")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=5)
    assert list(tmp_path.glob("talktime-pg-*")) == []


def test_a_command_without_a_server_is_told_why(tmp_path: Path) -> None:
    command = "import os; print(os.environ['TALKTIME_TEST_POSTGRESQL_ABSENT'])"

    answer = _run_in_cluster(tmp_path, {"TALKTIME_TEST_POSTGRESQL": "none"}, sys.executable, "-c", command)

    assert answer.stdout.splitlines()[-1] == "TALKTIME_TEST_POSTGRESQL is none"


def test_a_command_in_the_cluster_keeps_its_exit_status(tmp_path: Path) -> None:
    answer = _run_in_cluster(tmp_path, {"TALKTIME_TEST_POSTGRESQL": "none"}, "sh", "-c", "exit 7")

    assert answer.returncode == 7


def test_nothing_is_installed_where_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKTIME_TEST_INSTALL", "never")

    with pytest.raises(postgresql_cluster.Absent, match="not installed, and TALKTIME_TEST_INSTALL is never"):
        postgresql_cluster._install()


def _run_in_cluster(folder: Path, environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_TEST_POSTGRESQL")}
    folder.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "tests.postgresql_cluster", "--", *command],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
