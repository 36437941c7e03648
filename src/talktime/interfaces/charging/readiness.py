"""Whether calls should be sent to this process: what a load balancer asks, and what it is told where not."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from talktime.core.values.errors import TalktimeError, Unavailable
from talktime.group_commit import GroupCommitter
from talktime.store.schema import SCHEMA_REVISION
from talktime.usecases.insight.check_database import DatabaseChecked

CLOCK_DIFFERENCE_MAX_SECONDS = 1.0
# What somebody has to set right before anybody can charge.
SCHEMA_DIFFERS, CLOCK_DIFFERS = "schema_differs", "clock_differs"
UNFIT_CODES = frozenset({SCHEMA_DIFFERS, CLOCK_DIFFERS})
PATIENCE_SECONDS = 1.0


class Problem(NamedTuple):
    """Why not: a word for programs, and a sentence that says what would change it."""

    reason: str
    detail: str


def problem_of(checked: DatabaseChecked) -> Problem | None:
    """Return why nobody can charge on a database that is like this."""
    revision, difference = checked.schema_revision, checked.clock_difference
    if revision != SCHEMA_REVISION:
        detail = f"the database's schema is {revision}, and this version's is {SCHEMA_REVISION}"
        return Problem(SCHEMA_DIFFERS, f"{detail}: let one version of Talktime run everywhere")
    # Two front ends with different clocks would charge by different prices, and expire credit at different times.
    if difference is not None and abs(difference.total_seconds()) > CLOCK_DIFFERENCE_MAX_SECONDS:
        off = abs(difference.total_seconds())
        return Problem(
            "clock_differs",
            f"this machine's clock differs from the database's by {off:.1f} s; set it right, then serve",
        )
    return None


def refuse_unfit(checked: DatabaseChecked) -> None:
    """Raise Unavailable where nobody can charge on a database that is like this."""
    problem = problem_of(checked)
    if problem is not None:
        raise Unavailable(problem.detail, code=problem.reason)


class Readiness:
    """Asks the database when it is asked, never twice at a time, and waits for it no longer than a second."""

    def __init__(self, committer: GroupCommitter, check: Callable[[datetime], DatabaseChecked]) -> None:
        """Check by `check`, in a thread."""
        self.is_stopping = False
        self.are_decks_loaded = False
        # As they were found last.
        self.is_ready = False
        self.checked: DatabaseChecked | None = None
        self._committer = committer
        self._check = check
        self._asked: asyncio.Task[DatabaseChecked] | None = None

    async def problem(self) -> Problem | None:
        """Return why calls should be sent elsewhere, or None."""
        found = self._own_problem() or await self._database_problem()
        self.is_ready = found is None
        return found

    def _own_problem(self) -> Problem | None:
        if self.is_stopping:
            return Problem("stopping", "this process stops: what it has begun it will finish")
        if not self._committer.is_alive:
            return Problem("charging_ended", "the thread that charges has ended; its last words are in the log")
        if not self.are_decks_loaded:
            return Problem("decks_loading", "the rate decks are not in memory yet")
        return None

    async def _database_problem(self) -> Problem | None:
        # Whoever asks while the database does not answer waits for the same question, so that threads do not pile up.
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(asyncio.to_thread(self._check, datetime.now(UTC)))
        try:
            self.checked = await asyncio.wait_for(asyncio.shield(self._asked), PATIENCE_SECONDS)
        except TimeoutError:
            return Problem("database", f"the database did not answer within {PATIENCE_SECONDS:g} s")
        except TalktimeError as failure:
            return Problem("database", failure.message.partition("\n")[0])
        return problem_of(self.checked)
