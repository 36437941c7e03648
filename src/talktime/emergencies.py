"""Emergency calls: allowed by every door before queue and store, which may be slow or gone, and recorded later.

A call that is not recorded at once is kept in a file until it is: a server that stops, or dies, forgets none.
"""

import asyncio
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from threading import get_ident

import msgspec
import structlog

from talktime.core.calls.calls import CallKey, PaysFrom, text_of
from talktime.core.calls.charging import FREE_GRANT_SECONDS
from talktime.core.calls.requests import Granted, StartCall
from talktime.core.values.errors import Unavailable
from talktime.core.values.numbers import is_emergency
from talktime.group_commit import GroupCommitter

# More than a second apart and for an hour; as many as a town in need may call while the database is gone.
RECORD_PAUSE_SECONDS = 1.0
RECORD_ATTEMPTS_MAX = 3_600
UNRECORDED_MAX = 10_000
# A database that is there records in milliseconds; then there is nothing to keep.
KEEP_AFTER_SECONDS = 0.1

log = structlog.get_logger()


class Spool:
    """A folder with a file for each call that is not recorded yet; a server that begins records what the last one kept.

    It belongs to one database; servers that share it record a call twice at worst, which is once.
    """

    def __init__(self, folder: Path) -> None:
        """Keep calls in a folder, which is made when it is needed."""
        self._folder = folder

    def keep(self, request: StartCall) -> None:
        """Write a call to the disk; raise OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(request)
        written = path.with_suffix(f".{os.getpid()}-{get_ident()}")
        with written.open("wb") as file:
            file.write(msgspec.json.encode(request))
            file.flush()
            os.fsync(file.fileno())
        written.rename(path)
        _sync(self._folder)

    def forget(self, request: StartCall) -> None:
        """Remove a call that is recorded."""
        self._path(request).unlink(missing_ok=True)

    def kept(self) -> Iterator[StartCall]:
        """Return the calls that are kept; a file that cannot be read is named in the log, and left."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=StartCall)
            except (OSError, ValueError) as failure:
                log.error("emergency_call_not_readable", file=str(path), reason=str(failure))  # noqa: TRY400 -- no bug

    def _path(self, request: StartCall) -> Path:
        name = blake2b(text_of(request.key).encode(), digest_size=16).hexdigest()
        return self._folder / f"{name}.json"


class EmergencyCalls:
    """What a door does about calls for help."""

    def __init__(self, committer: GroupCommitter, countries: frozenset[str], spool: Spool) -> None:
        """Know the emergency numbers of the countries, or of all where none is named."""
        self._committer = committer
        self._countries = countries
        self._spool = spool
        self._unrecorded: dict[asyncio.Task[None], StartCall] = {}
        # Calls that are not recorded yet: what follows on one of them has to be charged after its start.
        self.kept: dict[CallKey, StartCall] = {}

    def concern(self, request: StartCall) -> bool:
        """Tell whether the request calls for help."""
        return is_emergency(request.called, self._countries)

    def allow(self, request: StartCall) -> Granted:
        """Allow the call, and have it recorded."""
        if len(self._unrecorded) < UNRECORDED_MAX:
            self._begin_to_record(request)
        else:
            log.error("emergency_call_not_recorded", request=repr(request), reason="too many wait to be recorded")
        return Granted(
            FREE_GRANT_SECONDS, is_final=True, recheck_after_seconds=FREE_GRANT_SECONDS, pays_from=PaysFrom.FREE
        )

    def resume(self) -> None:
        """Record what the server before this one had allowed and could not record."""
        for request in self._spool.kept():
            self.kept[request.key] = request
            self._begin_to_record(request)

    async def close(self) -> None:
        """Record what can be recorded still, and leave the rest to the next server."""
        tasks = dict(self._unrecorded)
        if tasks:
            await asyncio.wait(tasks, timeout=KEEP_AFTER_SECONDS)
        for task, request in tasks.items():
            if task.cancel():
                await self._keep(request)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin_to_record(self, request: StartCall) -> None:
        task = asyncio.get_running_loop().create_task(self._record(request))
        self._unrecorded[task] = request
        self._committer.unrecorded_count += 1
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        del self._unrecorded[task]
        self._committer.unrecorded_count -= 1

    async def _record(self, request: StartCall) -> None:
        recording = asyncio.create_task(self._is_recorded(request))
        try:
            await asyncio.wait((recording,), timeout=KEEP_AFTER_SECONDS)
            if not (recording.done() and recording.result()):
                await self._keep(request)
            is_recorded = await recording
        finally:
            recording.cancel()
        for _ in range(RECORD_ATTEMPTS_MAX):
            if is_recorded:
                await self._let_go(request)
                return
            await asyncio.sleep(RECORD_PAUSE_SECONDS)
            is_recorded = await self._is_recorded(request)
        log.error("emergency_call_not_recorded", request=repr(request), reason="the database stayed away")

    async def _is_recorded(self, request: StartCall) -> bool:
        """Tell whether nothing is left to be done: whatever else can go wrong, the committer has logged."""
        try:
            (answer,) = await self._committer.charge((request,))
        except Unavailable:
            return False
        return not isinstance(answer, Unavailable)

    async def _keep(self, request: StartCall) -> None:
        # Of a call without an id nothing can be recorded, later no more than now.
        if not request.key.call_id:
            return
        self.kept[request.key] = request
        try:
            await asyncio.to_thread(self._spool.keep, request)
        except OSError as failure:
            log.error("emergency_call_not_kept", request=repr(request), reason=str(failure))  # noqa: TRY400 -- no bug

    async def _let_go(self, request: StartCall) -> None:
        if self.kept.pop(request.key, None) is not None:
            await asyncio.to_thread(self._spool.forget, request)


def _sync(folder: Path) -> None:
    """Have a new name on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
