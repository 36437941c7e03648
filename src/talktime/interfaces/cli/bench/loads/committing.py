"""Charging in this process, on a committer of its own: for loads that no network shall delay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from talktime.bootstrap import Charging, open_statements
from talktime.group_commit import GroupCommitter
from talktime.settings import Settings

# Callers in one process wait for each other; what is measured here is not a deadline.
DEADLINE_SECONDS = 60
QUEUE_MAX = 100_000
# The charging server's.
_GARBAGE_THRESHOLD = 200_000


@contextmanager
def open_committer(database_url: str) -> Iterator[tuple[Charging, GroupCommitter]]:
    """Charge on a database until the block ends."""
    charging = Charging(Settings(database=database_url), open_statements(database_url))
    committer = GroupCommitter(charging.charge, deadline_seconds=DEADLINE_SECONDS, queue_max=QUEUE_MAX)
    committer.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        yield charging, committer
    finally:
        committer.stop()
        charging.close()
