"""The charging server: the door, the thread behind it, and the watch over calls whose switch fell silent."""

import asyncio
import gc
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from talktime.bootstrap import Charging, open_statements
from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.requests import EndLeg, StartCall
from talktime.core.values.errors import TalktimeError, Unavailable
from talktime.group_commit import GroupCommitter
from talktime.interfaces.charging.door import ChargingDoor, Looks, Receive, Scope, Send
from talktime.interfaces.charging.writing import encode
from talktime.settings import Settings
from talktime.store.engine import unavailable_if_locked
from talktime.telemetry import configure_log

WATCH_SECONDS = 1.0
CLOCK_DIFFERENCE_MAX_SECONDS = 1.0
GARBAGE_THRESHOLD = 200_000

log = structlog.get_logger()


class ChargingServer:
    """An ASGI application that charges from its start-up to its shutdown."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings; connections are opened at start-up, in the process that serves."""
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP, and the server's own start and stop."""
        if scope["type"] == "http":
            if scope["path"] == "/health":
                await self._health(send)
            else:
                await self._door(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            with unavailable_if_locked():
                self._open()
        except TalktimeError as failure:
            await send({"type": "lifespan.startup.failed", "message": failure.message})
            return
        watch = asyncio.get_running_loop().create_task(self._watch())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await self._door.close()
        await asyncio.to_thread(self._close)
        await send({"type": "lifespan.shutdown.complete"})

    def _open(self) -> None:
        configure_log()
        settings = self._settings
        self._statements = open_statements(settings.database_url)
        _refuse_wrong_clock(self._statements.clock_micros())
        self._charging = Charging(settings, open_statements(settings.database_url))
        self._charging.warm_decks(self._statements)
        self._committer = GroupCommitter(
            self._charging.charge,
            deadline_seconds=settings.deadline_milliseconds / 1000,
            queue_max=settings.queue_max,
        )
        self._looking = open_statements(settings.database_url)
        self._one_look = asyncio.Lock()
        looks = Looks(self._explain, self._open_legs, self._forecast)
        self._door = ChargingDoor(
            self._committer, looks, emergency_countries=settings.charging_terms.emergency_countries
        )
        self._committer.start()
        # What lives now lives for ever; collections while a phone rings look at the rest only (performance.md).
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)

    def _close(self) -> None:
        self._committer.stop()
        self._charging.close()
        self._looking.close()
        self._statements.close()

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

    async def _watch(self) -> None:
        """Do what nobody asks for, each for itself and again and again, whatever becomes of it."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for chore in (self._close_silent_calls, self._load_decks):
                try:
                    await chore()
                except Unavailable as failure:
                    log.warning("watch_unavailable", error=str(failure))
                except Exception:
                    # A watch that ended without a word would let silent calls hold credit for ever.
                    log.exception("watch_failed")

    async def _close_silent_calls(self) -> None:
        overdue = await asyncio.to_thread(self._charging.overdue, self._statements, datetime.now(UTC))
        if overdue:
            log.info("closing_silent_calls", calls=len(overdue))
            await self._committer.charge(overdue)

    async def _load_decks(self) -> None:
        """Have decks in memory before the first call needs them."""
        await asyncio.to_thread(self._charging.warm_decks, self._statements)

    async def _health(self, send: Send) -> None:
        body = encode(
            {
                "status": "ok",
                "waiting": self._committer.waiting_count,
                "unknown_fields": self._door.unknown_fields_count,
            }
        )
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _refuse_wrong_clock(database_clock_micros: int | None) -> None:
    """Two front ends with different clocks would charge by different prices, and expire credit at different times."""
    if database_clock_micros is None:
        return
    difference = abs(datetime.now(UTC).timestamp() - database_clock_micros / 1_000_000)
    if difference > CLOCK_DIFFERENCE_MAX_SECONDS:
        message = f"this machine's clock differs from the database's by {difference:.1f} s; set it right, then serve"
        raise Unavailable(message, code="clock_differs")
