"""`kill -9` under load, of servers and of PostgreSQL itself, loses no answer that was given, and does nothing twice.

A switch in a process of its own writes down what it is answered, while the servers that answer it, and the database,
die at random moments: before they answer at all, in the middle of a commit, while they recover. In the end each answer
is in the books once, and CDRs, journal and lots agree to the micro-unit. `test_kills_of_power.py` takes the power
away, too.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.store.engine import create_schema
from tests import postgresql_cluster
from tests.engines import on_sqlite
from tests.postgresql_cluster import Cluster
from tests.proofs.kills_disasters import crash_postgresql, end_connections
from tests.proofs.kills_load import Kill, Say, prove, saying
from tests.proofs.kills_nursery import NursedServer, Nursery, nursed

KILLS, KILLS_IN_SHORT = int(os.environ.get("TALKTIME_KILLS", "1000")), 10


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    return saying(capsys)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """Give a PostgreSQL that may be crashed: the other tests have another."""
    try:
        with postgresql_cluster.running() as cluster:
            yield cluster
    except postgresql_cluster.Absent as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """Give a place where servers are born quickly."""
    with nursed() as given:
        yield given


@on_sqlite
def test_ten_kills_on_sqlite_lose_nothing_and_double_nothing(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    killed = prove_on_sqlite(migrated_database_url, nursery, tmp_path, KILLS_IN_SHORT, seed=1, say=say)

    assert killed.total() == KILLS_IN_SHORT


@pytest.mark.postgresql
def test_ten_kills_on_postgresql_lose_nothing_and_double_nothing(
    own_cluster: Cluster, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    killed = prove_on_postgresql(own_cluster, nursery, tmp_path, KILLS_IN_SHORT, seed=1, say=say)

    assert killed == _PLAYED_IN_TEN


@pytest.mark.proof
@on_sqlite
def test_a_thousand_kills_on_sqlite_lose_nothing_and_double_nothing(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    killed = prove_on_sqlite(migrated_database_url, nursery, tmp_path, KILLS, seed=2026, say=say)

    assert killed.total() == KILLS


@pytest.mark.proof
@pytest.mark.postgresql
def test_a_thousand_kills_on_postgresql_lose_nothing_and_double_nothing(
    own_cluster: Cluster, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    killed = prove_on_postgresql(own_cluster, nursery, tmp_path, KILLS, seed=2026, say=say)

    assert killed.total() == KILLS


def prove_on_sqlite(url: str, nursery: Nursery, folder: Path, kills: int, *, seed: int, say: Say) -> Counter[str]:
    """Kill the one server again and again."""
    server = NursedServer(nursery, url, folder / "serve.log")

    return prove(url, [server], [Kill("a server", server.kill)], kills, seed=seed, folder=folder, say=say)


# Of ten kills each kind has so many, in an order of its own.
_A_SERVER, _BOTH_SERVERS, _CONNECTIONS = "one of two servers", "both servers", "the database's connections"
_A_BACKEND, _POSTGRESQL = "a process of PostgreSQL", "PostgreSQL"
_PLAYED_IN_TEN = Counter({_A_SERVER: 6, _BOTH_SERVERS: 1, _CONNECTIONS: 1, _A_BACKEND: 1, _POSTGRESQL: 1})


def prove_on_postgresql(
    cluster: Cluster, nursery: Nursery, folder: Path, kills: int, *, seed: int, say: Say
) -> Counter[str]:
    """Kill one of two servers that charge the same organizations, both, or the database below them."""
    url = cluster.url
    create_schema(url)
    first, second = servers = [NursedServer(nursery, url, folder / f"serve-{number}.log") for number in range(2)]
    kinds = {
        _BOTH_SERVERS: [lambda: (first.kill(), second.kill())],
        _CONNECTIONS: [lambda: end_connections(url)],
        _A_BACKEND: [lambda: crash_postgresql(url)],
        _POSTGRESQL: [lambda: (cluster.stop(), cluster.start())],
        _A_SERVER: [first.kill, second.kill] * 3,
    }
    deck = [Kill(name, how) for name, ways in kinds.items() for how in ways]
    assert Counter(kill.name for kill in deck) == _PLAYED_IN_TEN

    return prove(url, servers, deck, kills, seed=seed, folder=folder, say=say)
