"""The charging server: the door, the thread behind it, and the watch over calls whose switch fell silent."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
    suppress,
)
from datetime import UTC, datetime

import structlog

from talktime.bootstrap import App, Charging, open_statements
from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.requests import EndLeg, Finished, StartCall
from talktime.core.values.errors import TalktimeError, Unavailable
from talktime.emergencies import EmergencyCalls, Spool
from talktime.group_commit import GroupCommitter
from talktime.interfaces.asgi import Receive, Scope, Send
from talktime.interfaces.charging import observing
from talktime.interfaces.charging.counting import Counted, OpenCallsLook
from talktime.interfaces.charging.door import ChargingDoor, Looks
from talktime.interfaces.charging.observing import ObservingDoor
from talktime.interfaces.charging.readiness import Readiness, refuse_unfit
from talktime.settings import Settings
from talktime.store.engine import unavailable_if_locked
from talktime.telemetry import configure_log
from talktime.telemetry.request_log import ALL, NONE, RequestLog, read_kept
from talktime.telemetry.requests import RequestCounts
from talktime.telemetry.snapshots import Place
from talktime.usecases.calls.close_silent_calls import OVERDUE_MAX
from talktime.usecases.calls.count_open_calls import count_open_calls
from talktime.usecases.insight.check_database import check_database

WATCH_SECONDS = 1.0
# Some 1,500 calls a second, and then the watch has other things to do.
CLOSING_ROUNDS_MAX = 40
CLOSING_PAUSE_SECONDS = 0.05
# The only process, or the first of several.
ALONE = Place()
GARBAGE_THRESHOLD = 200_000
# What comes from the network waits for the thread that charges no longer than this; the interpreter's own are 5 ms.
TURN_SECONDS = 0.0005

log = structlog.get_logger()

# Another door on the same committer, open while the server lives; it may ask how a call would be answered.
Beside = Callable[[GroupCommitter, Callable[[StartCall], Awaitable[Explanation]]], AbstractAsyncContextManager[object]]


class ChargingServer:
    """An ASGI application that charges from its start-up to its shutdown."""

    def __init__(self, settings: Settings, beside: Sequence[Beside] = (), place: Place = ALONE) -> None:
        """Keep the settings; connections are opened at start-up, in the process that serves."""
        self._settings = settings
        self._beside = beside
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP, and the server's own start and stop."""
        if scope["type"] == "http":
            if scope["path"] in observing.PATHS:
                await self._observing(scope, send)
            else:
                await self.door(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    @property
    def deadline_seconds(self) -> float:
        """Return after how long a request is refused that was not charged."""
        return self._settings.deadline_milliseconds / 1000

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Charge until the block ends, and what waits then; raise TalktimeError where that cannot begin."""
        async with AsyncExitStack() as ends:
            with unavailable_if_locked():
                self._open()
            ends.push_async_callback(asyncio.to_thread, self._close)
            ends.push_async_callback(self.door.close)
            for open_door in self._beside:
                await ends.enter_async_context(open_door(self._committer, self._explain))
            for chores in (self._look_after_calls, self._look_after_ourselves):
                ends.push_async_callback(_cancelled, asyncio.create_task(_again_and_again(chores)))
            # Before anybody is answered here, so that whoever asks another process is told of this one.
            self._place.write(self.counted.snapshot(self._place.process))
            yield

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as ends:
            try:
                await ends.enter_async_context(self.opened())
            except TalktimeError as failure:
                await send({"type": "lifespan.startup.failed", "message": failure.message})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    def _open(self) -> None:
        """Open everything, or nothing."""
        configure_log()
        settings = self._settings
        with ExitStack() as ends:
            app = App(settings)
            ends.callback(app.close)
            refuse_unfit(app.read(check_database, datetime.now(UTC)))
            kept = read_kept(settings.log_requests)
            self._request_log = None if kept == NONE else RequestLog(is_of_all=kept == ALL)
            self._statements = ends.enter_context(closing(open_statements(settings.database_url)))
            self._looking = ends.enter_context(closing(open_statements(settings.database_url)))
            statements = open_statements(settings.database_url)
            self._charging = ends.enter_context(closing(Charging(settings, statements, self._request_log)))
            self._charging.warm_decks(self._statements, datetime.now(UTC))
            self._open_door(app)
            self._ends = ends.pop_all()
        # What lives now lives for ever; collections while a phone rings look at the rest only (performance.md).
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        sys.setswitchinterval(TURN_SECONDS)

    def _open_door(self, app: App) -> None:
        settings = self._settings
        requests = RequestCounts(self._request_log)
        self._committer = GroupCommitter(
            self._charging.charge,
            deadline_seconds=self.deadline_seconds,
            queue_max=settings.queue_max,
            observe=requests.answered,
        )
        self._one_look = asyncio.Lock()
        looks = Looks(self._explain, self._open_legs, self._forecast)
        countries, spool = settings.charging_terms.emergency_countries, Spool(settings.emergencies_folder)
        emergencies = EmergencyCalls(self._committer, countries, spool)
        self.door = ChargingDoor(self._committer, looks, emergencies)
        self.readiness = Readiness(self._committer, lambda at: app.read(check_database, at))
        self.readiness.are_decks_loaded = True
        look = OpenCallsLook(lambda: app.read(count_open_calls, None))
        self.counted = Counted(
            requests, self._charging, self._committer, self.door, self.readiness, look, self._request_log
        )
        self._observing = ObservingDoor(self.counted, self._place)
        self._committer.start()
        emergencies.resume()
        if self._request_log is not None:
            self._request_log.start()

    def _close(self) -> None:
        self._committer.stop()
        if self._request_log is not None:
            self._request_log.stop()
        self._ends.close()

    async def _explain(self, request: StartCall) -> Explanation:
        """Explain one call at a time, on a connection of its own: an operator's question delays no phone."""
        async with self._one_look:
            return await asyncio.to_thread(self._charging.explain, self._looking, request)

    async def _forecast(self, switch: str, conference_id: str, at: datetime) -> ConferenceForecast:
        """Look how long a conference can go on."""
        async with self._one_look:
            return await asyncio.to_thread(self._charging.forecast, self._looking, switch, conference_id, at)

    async def _open_legs(self, switch: str, conference_id: str, at: datetime) -> list[EndLeg]:
        """Look up the open legs of a conference."""
        async with self._one_look:
            return await asyncio.to_thread(self._charging.open_legs, self._looking, switch, conference_id, at)

    async def _look_after_calls(self) -> None:
        """Close calls whose switch fell silent, have decks in memory before calls need them, count what is open."""
        await self._close_silent_calls()
        await asyncio.to_thread(self._charging.warm_decks, self._statements, datetime.now(UTC))
        if self._place.number == ALONE.number:
            # The first of several processes counts for all.
            await asyncio.to_thread(self.counted.open_calls.look)

    async def _close_silent_calls(self) -> None:
        """Close what is overdue, after an outage perhaps 100,000 calls, a few at a time: phones come between."""
        for _ in range(CLOSING_ROUNDS_MAX):
            overdue = await asyncio.to_thread(self._charging.overdue, self._statements, datetime.now(UTC))
            if not overdue:
                return
            log.info("closing_silent_calls", calls=len(overdue))
            closed = await self._committer.charge(overdue)
            self.counted.silent_calls_closed += sum(isinstance(each, Finished) for each in closed)
            if len(overdue) < OVERDUE_MAX:
                return
            await asyncio.sleep(CLOSING_PAUSE_SECONDS)

    async def _look_after_ourselves(self) -> None:
        """Tell the other processes what was counted here, and the log when calls should be sent elsewhere."""
        was_ready = self.readiness.is_ready
        problem = await self.readiness.problem()
        if problem is not None and was_ready:
            log.warning("not_ready", reason=problem.reason, detail=problem.detail)
        elif problem is None and not was_ready:
            log.info("ready", process=self._place.process)
        await asyncio.to_thread(self._place.write, self.counted.snapshot(self._place.process))


async def _again_and_again(chores: Callable[[], Awaitable[None]]) -> None:
    """Do what nobody asks for, again and again, whatever becomes of it."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await chores()
        except Unavailable as failure:
            log.warning("watch_unavailable", error=str(failure))
        except Exception:
            # A watch that ended without a word would let silent calls hold credit for ever.
            log.exception("watch_failed")


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
