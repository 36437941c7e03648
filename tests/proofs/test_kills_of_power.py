"""Power that fails under load takes no answer with it that was given.

The database lies on a file system of its own that, from one instant on, writes nothing any more and forgets what nobody
had synced; then it is mounted again, as after a reboot. That it does forget is shown first. What cannot be shown here
is whether the disk below keeps what it says it has: this one is a file.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from talktime.store.engine import create_schema
from tests import postgresql_cluster
from tests.postgresql_cluster import Cluster
from tests.proofs.kills_disasters import Disk, disk, end_at_once, freeze, freeze_postgresql
from tests.proofs.kills_load import Kill, Say, prove, saying
from tests.proofs.kills_nursery import NursedServer, Nursery, nursed

CUTS, CUTS_IN_SHORT = int(os.environ.get("TALKTIME_POWER_CUTS", "50")), 2


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    return saying(capsys)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with nursed() as given:
        yield given


@pytest.fixture
def own_disk() -> Iterator[Disk]:
    """Give a disk that can lose power."""
    with disk() as given:
        yield given


@pytest.fixture
def own_cluster(own_disk: Disk) -> Iterator[Cluster]:
    """Give a PostgreSQL on that disk."""
    try:
        with postgresql_cluster.running(own_disk.root) as cluster:
            yield cluster
    except postgresql_cluster.Absent as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", [(1,), (2,)]), ("OFF", [(1,)])])
def test_a_disk_that_loses_power_forgets_what_was_not_synced(
    own_disk: Disk, synchronous: str, kept: list[tuple[int]]
) -> None:
    """What charging asks of SQLite is kept; with less, a commit that was acknowledged is gone: the disk does forget."""
    path = own_disk.root / "small.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("CREATE TABLE calls (number INTEGER)")
        connection.execute("INSERT INTO calls VALUES (1)")
        own_disk.sync()
        connection.execute("INSERT INTO calls VALUES (2)")
        own_disk.lose_power()
        # Closed as by a crash: there is nothing left to write to.
        with suppress(sqlite3.OperationalError):
            connection.close()

    own_disk.come_back()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT number FROM calls").fetchall() == kept


def test_two_losses_of_power_take_no_answer_with_them_on_sqlite(
    own_disk: Disk, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    prove_on_sqlite(own_disk, nursery, tmp_path, CUTS_IN_SHORT, seed=1, say=say)


@pytest.mark.postgresql
def test_two_losses_of_power_take_no_answer_with_them_on_postgresql(
    own_disk: Disk, own_cluster: Cluster, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    prove_on_postgresql(own_disk, own_cluster, nursery, tmp_path, CUTS_IN_SHORT, seed=1, say=say)


@pytest.mark.proof
def test_fifty_losses_of_power_take_no_answer_with_them_on_sqlite(
    own_disk: Disk, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    prove_on_sqlite(own_disk, nursery, tmp_path, CUTS, seed=2026, say=say)


@pytest.mark.proof
@pytest.mark.postgresql
def test_fifty_losses_of_power_take_no_answer_with_them_on_postgresql(
    own_disk: Disk, own_cluster: Cluster, nursery: Nursery, tmp_path: Path, say: Say
) -> None:
    prove_on_postgresql(own_disk, own_cluster, nursery, tmp_path, CUTS, seed=2026, say=say)


def prove_on_sqlite(disk_: Disk, nursery: Nursery, folder: Path, cuts: int, *, seed: int, say: Say) -> None:
    """Take the power from the file and from the server beside it."""
    url = f"sqlite:///{disk_.root / 'talktime.db'}"
    create_schema(url)
    server = NursedServer(nursery, url, folder / "serve.log")

    def cut() -> None:
        # One that is only beginning has answered nothing yet, but may write.
        freeze([server.process_id])
        disk_.lose_power()
        server.kill()
        disk_.come_back()

    killed = prove(url, [server], [Kill("power", cut)], cuts, seed=seed, folder=folder, say=say)

    server.kill()
    assert killed.total() == cuts


def prove_on_postgresql(
    disk_: Disk, cluster: Cluster, nursery: Nursery, folder: Path, cuts: int, *, seed: int, say: Say
) -> None:
    """Take the power from PostgreSQL; the servers stand elsewhere and live on."""
    create_schema(cluster.url)
    disk_.sync()
    servers = [NursedServer(nursery, cluster.url, folder / f"serve-{number}.log") for number in range(2)]

    def cut() -> None:
        processes = freeze_postgresql(cluster.url)
        disk_.lose_power()
        end_at_once(processes)
        cluster.stop()
        disk_.come_back()
        cluster.start()

    killed = prove(cluster.url, servers, [Kill("power", cut)], cuts, seed=seed, folder=folder, say=say)

    assert killed.total() == cuts
