"""Stores that refuse writes, for real: a disk that is full, files that may not grow, a database that may only be read.

with refusing(kind, url) as store:
    with serving(store.url, folder) as server:
        with store.refuses(server.process_id): …     from here to there nothing can be written
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

SMALL_DISK_MB = 64
FILLED_AT_A_TIME_BYTES = 65_536


@dataclass(frozen=True)
class RefusingStore:
    """A database as a server is to reach it, and what makes it refuse the writes of that server's process."""

    url: str
    refuses: Callable[[int], AbstractContextManager[None]]


@contextmanager
def full_disk(url: str) -> Iterator[RefusingStore]:
    """Move a SQLite file to a small disk, which is full for a while; skip where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with tempfile.TemporaryDirectory(prefix="talktime-small-") as folder:
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", folder]
        mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        try:
            path = Path(shutil.copy(url.removeprefix("sqlite:///"), folder))
            yield RefusingStore(f"sqlite:///{path}", lambda _: _filled(Path(folder)))
        finally:
            subprocess.run(["umount", folder], check=True)


@contextmanager
def files_that_may_not_grow(url: str) -> Iterator[RefusingStore]:
    """Limit the size of every file that the server writes, as `ulimit -f` does."""

    @contextmanager
    def refuses(process_id: int) -> Iterator[None]:
        before = resource.prlimit(process_id, resource.RLIMIT_FSIZE)
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.prlimit(process_id, resource.RLIMIT_FSIZE, before)

    yield RefusingStore(url, refuses)


@contextmanager
def read_only_database(url: str) -> Iterator[RefusingStore]:
    """Have PostgreSQL refuse writes in every new transaction, as a standby does."""
    database = sql.Identifier(urlsplit(url).path.removeprefix("/"))

    @contextmanager
    def refuses(_: int) -> Iterator[None]:
        with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as operator:
            name = urlsplit(url).path.removeprefix("/")
            change = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            operator.execute(change.format(database, sql.SQL("on")))
            operator.execute(end, (name,))
            try:
                yield
            finally:
                operator.execute(change.format(database, sql.SQL("off")))
                operator.execute(end, (name,))

    yield RefusingStore(url, refuses)


@contextmanager
def revoked_permission(url: str) -> Iterator[RefusingStore]:
    """Let the server in as somebody who may write, and then may not."""
    role = sql.Identifier(f"switchboard_{os.getpid()}")
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        try:
            operator.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(role))
            operator.execute(sql.SQL("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {}").format(role))

            @contextmanager
            def refuses(_: int) -> Iterator[None]:
                rights = sql.SQL("INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")
                operator.execute(sql.SQL("REVOKE {} FROM {}").format(rights, role))
                try:
                    yield
                finally:
                    operator.execute(sql.SQL("GRANT {} TO {}").format(rights, role))

            parts = urlsplit(url)
            address = f"switchboard_{os.getpid()}@{parts.hostname}:{parts.port}"
            yield RefusingStore(urlunsplit(parts._replace(netloc=address)), refuses)
        finally:
            operator.execute(sql.SQL("DROP OWNED BY {}").format(role))
            operator.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Fill a disk to its last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (FILLED_AT_A_TIME_BYTES, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()
