"""The database of a run, on either engine: filled when it is first asked for, dropped at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from talktime.interfaces.cli.bench.measuring.pgbench import Naive, find_pgbench
from talktime.interfaces.cli.bench.measuring.processes import parent_of
from talktime.interfaces.cli.bench.world.filling import Shape, fill
from talktime.interfaces.cli.terminal import progress
from talktime.store.bench import databases
from talktime.store.engine import is_sqlite

# A filled database that was kept grows old: its calls are of months past.
_KEPT_FOR = timedelta(days=7)


class Place:
    """A database that belongs to the run, and what stands beside it."""

    def __init__(self, database_url: str, shape: Shape, *, keeps_filled: bool) -> None:
        """Refuse a database that holds data."""
        databases.refuse_used(database_url)
        self.url, self.shape = database_url, shape
        self._keeps_filled = keeps_filled
        self._is_filled = False
        self._naive: Naive | None = None

    @property
    def engine(self) -> str:
        """Return which of the two engines it is."""
        return "sqlite" if is_sqlite(self.url) else "postgresql"

    @property
    def filled_url(self) -> str:
        """Return the database, filled."""
        if not self._is_filled:
            self._fill(datetime.now(UTC))
            self._is_filled = True
        return self.url

    @property
    def is_used(self) -> bool:
        """Tell whether anything was measured on it."""
        return self._is_filled

    @property
    def server_id(self) -> int | None:
        """Return the process of the database server; None where it has none on this machine."""
        return None if is_sqlite(self.url) else databases.look_at_backend(self.url, parent_of)

    def naive(self, seconds: float) -> Naive | None:
        """Return the naive transaction on the same server; None without PostgreSQL or without pgbench."""
        pgbench = find_pgbench()
        if is_sqlite(self.url) or pgbench is None:
            return None
        if self._naive is None:
            self._naive = Naive(self.url, pgbench, seconds)
        return self._naive

    def close(self) -> None:
        """Drop what was made."""
        if self._naive is not None:
            self._naive.close()
        databases.drop(self.url)

    def _fill(self, now: datetime) -> None:
        if not self._keeps_filled:
            self._fill_into(self.url, now)
            return
        kept_url = databases.beside(self.url, "filled")
        signature = databases.signature(kept_url)
        if not self._is_fresh(signature, now):
            if signature is None:
                databases.refuse_used(kept_url)
            self._fill_into(kept_url, now)
            databases.sign(kept_url, f"{self.shape.signature} at={now.isoformat()}")
        databases.create(self.url, template_url=kept_url)

    def _is_fresh(self, signature: str | None, now: datetime) -> bool:
        shape, _, at = (signature or "").rpartition(" at=")
        return shape == self.shape.signature and now - datetime.fromisoformat(at) < _KEPT_FOR

    def _fill_into(self, database_url: str, now: datetime) -> None:
        databases.create(database_url)
        with progress(f"Filling {self.engine}", self.shape.organizations, "organizations") as advance:
            fill(database_url, self.shape, now, advance)


@contextmanager
def places(urls: tuple[str, ...], shape: Shape, *, keeps_filled: bool) -> Iterator[dict[str, Place]]:
    """Give the databases of a run by engine, and drop them afterwards, whatever happened."""
    made = {place.engine: place for place in (Place(url, shape, keeps_filled=keeps_filled) for url in urls)}
    try:
        yield made
    finally:
        for place in made.values():
            place.close()
