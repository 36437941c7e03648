"""What operators and their machines look at: is it alive, should calls be sent to it, and what it has counted.

GET /health     200 while the process can charge, 503 where it cannot ever again: start it anew
GET /ready      200 where calls should be sent here, 503 with the reason where not: send them elsewhere
GET /metrics    Prometheus' text format, of all processes that were started together
"""

import asyncio

from talktime.interfaces.charging.counting import Counted
from talktime.interfaces.charging.door import Scope, Send
from talktime.interfaces.charging.writing import encode
from talktime.telemetry.metrics import CONTENT_TYPE, exposition
from talktime.telemetry.snapshots import Place

HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
PATHS = frozenset({HEALTH, READY, METRICS})

_JSON = "application/json"


class ObservingDoor:
    """An ASGI application that answers the three paths."""

    def __init__(self, counted: Counted, place: Place) -> None:
        """Tell what this process has counted, and what those that it shares a place with have."""
        self._counted, self._place = counted, place

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["method"] not in {"GET", "HEAD"}:
            await _respond(send, 405, _JSON, encode({"result": "error", "code": "method_not_allowed"}))
        elif scope["path"] == METRICS:
            await _respond(send, 200, CONTENT_TYPE, await self._metrics())
        elif scope["path"] == READY:
            await self._tell_ready(send)
        else:
            await self._tell_health(send)

    async def _tell_health(self, send: Send) -> None:
        committer, door = self._counted.committer, self._counted.door
        told = {
            "status": "ok" if committer.is_alive else "failed",
            "waiting": committer.waiting_count,
            "unknown_fields": door.unknown_fields_count,
        }
        await _respond(send, 200 if committer.is_alive else 503, _JSON, encode(told))

    async def _tell_ready(self, send: Send) -> None:
        problem = await self._counted.readiness.problem()
        if problem is None:
            await _respond(send, 200, _JSON, encode({"status": "ready"}))
            return
        told = {"status": "not_ready", "reason": problem.reason, "detail": problem.detail}
        await _respond(send, 503, _JSON, encode(told))

    async def _metrics(self) -> bytes:
        own = self._counted.snapshot(self._place.process)
        # Text for dozens of families takes milliseconds: not on the loop that phones wait for.
        return await asyncio.to_thread(lambda: exposition([own, *self._place.others()]))


async def _respond(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if status == 405:  # noqa: PLR2004 -- HTTP's own number
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
