"""What operators and their machines look at: is it alive, should calls be sent to it, and what it has counted.

GET /health     200 while the process can charge, 503 where it cannot ever again: start it anew; which process it is
GET /ready      200 where calls should be sent here, 503 with the reason where not: send them elsewhere
GET /metrics    Prometheus' text format, of all processes that were started together
"""

import asyncio

from talktime.interfaces import asgi
from talktime.interfaces.asgi import Scope, Send
from talktime.interfaces.charging.counting import Counted
from talktime.interfaces.charging.writing import encode
from talktime.telemetry.metrics import CONTENT_TYPE, exposition
from talktime.telemetry.snapshots import Place

HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
PATHS = frozenset({HEALTH, READY, METRICS})

_FRESH = (b"cache-control", b"no-store")


class ObservingDoor:
    """An ASGI application that answers the three paths."""

    def __init__(self, counted: Counted, place: Place) -> None:
        """Tell what this process has counted, and what those that it shares a place with have."""
        self._counted, self._place = counted, place

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["method"] not in asgi.READING:
            await _respond(send, 405, encode({"result": "error", "code": "method_not_allowed"}))
        elif scope["path"] == METRICS:
            await _respond(send, 200, await self._metrics(), CONTENT_TYPE.encode())
        elif scope["path"] == READY:
            await self._tell_ready(send)
        else:
            await self._tell_health(send)

    async def _tell_health(self, send: Send) -> None:
        committer, door = self._counted.committer, self._counted.door
        told = {
            "status": "ok" if committer.is_alive else "failed",
            "process": self._place.number,
            "waiting": committer.waiting_count,
            "unknown_fields": door.unknown_fields_count,
        }
        await _respond(send, 200 if committer.is_alive else 503, encode(told))

    async def _tell_ready(self, send: Send) -> None:
        problem = await self._counted.readiness.problem()
        if problem is None:
            await _respond(send, 200, encode({"status": "ready"}))
            return
        told = {"status": "not_ready", "reason": problem.reason, "detail": problem.detail}
        await _respond(send, 503, encode(told))

    async def _metrics(self) -> bytes:
        own = self._counted.snapshot(self._place.process)
        # Text for dozens of families takes milliseconds: not on the loop that phones wait for.
        return await asyncio.to_thread(lambda: exposition([own, *self._place.others()]))


async def _respond(send: Send, status: int, body: bytes, content_type: bytes = asgi.JSON) -> None:
    more = (_FRESH, asgi.ALLOW_READING) if status == 405 else (_FRESH,)  # noqa: PLR2004 -- HTTP's own number
    await asgi.respond(send, status, body, content_type, more)
