"""Emergency calls: allowed by every door before queue and store, which may be slow or gone, and recorded later."""

import asyncio

import structlog

from talktime.core.calls.calls import PaysFrom
from talktime.core.calls.charging import FREE_GRANT_SECONDS
from talktime.core.calls.requests import Granted, StartCall
from talktime.core.values.errors import Unavailable
from talktime.core.values.numbers import is_emergency
from talktime.group_commit import GroupCommitter

# More than a second apart and for an hour; as many as a town in need may call while the database is gone.
RECORD_PAUSE_SECONDS = 1.0
RECORD_ATTEMPTS_MAX = 3_600
UNRECORDED_MAX = 10_000

log = structlog.get_logger()


class EmergencyCalls:
    """What a door does about calls for help."""

    def __init__(self, committer: GroupCommitter, countries: frozenset[str]) -> None:
        """Know the emergency numbers of the countries, or of all where none is named."""
        self._committer = committer
        self._countries = countries
        self._unrecorded: dict[asyncio.Task[None], StartCall] = {}

    def concern(self, request: StartCall) -> bool:
        """Tell whether the request calls for help."""
        return is_emergency(request.called, self._countries)

    def allow(self, request: StartCall) -> Granted:
        """Allow the call, and have it recorded."""
        if len(self._unrecorded) < UNRECORDED_MAX:
            task = asyncio.get_running_loop().create_task(self._record(request))
            self._unrecorded[task] = request
            self._committer.unrecorded_count += 1
            task.add_done_callback(self._forget)
        else:
            log.error("emergency_call_not_recorded", request=repr(request), reason="too many wait to be recorded")
        return Granted(
            FREE_GRANT_SECONDS, is_final=True, recheck_after_seconds=FREE_GRANT_SECONDS, pays_from=PaysFrom.FREE
        )

    async def close(self) -> None:
        """Give up the calls that are not recorded yet, and name them in the log."""
        tasks = list(self._unrecorded)
        for task in tasks:
            log.error("emergency_call_not_recorded", request=repr(self._unrecorded[task]), reason="the server stops")
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        del self._unrecorded[task]
        self._committer.unrecorded_count -= 1

    async def _record(self, request: StartCall) -> None:
        for _ in range(RECORD_ATTEMPTS_MAX):
            try:
                (answer,) = await self._committer.charge((request,))
            except Unavailable as failure:
                answer = failure
            if not isinstance(answer, Unavailable):
                # Whatever else can go wrong, the committer has logged.
                return
            await asyncio.sleep(RECORD_PAUSE_SECONDS)
        log.error("emergency_call_not_recorded", request=repr(request), reason="the database stayed away")
