"""HTTP as switches speak it: what is asked while a phone rings goes a short way, everything else is ASGI.

ASGI costs 20 to 40 µs for each request: a scope, a task's two channels, an event, two messages. A start, answer, extend
or end that comes alone on its connection needs none of it: its body goes to the door, and its answer out, in one piece.
What is unusual about a request, a query or a request behind another, sends it the long way (decision 0015).
"""

import asyncio
from typing import Any

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from talktime.interfaces.charging.door import BODY_MAX_BYTES, PATH_PREFIX, ChargingDoor, rendered
from talktime.interfaces.charging.writing import RETRY_AFTER_SECONDS, Flat

# A request that has begun to come must be here within this; phones ring meanwhile.
REQUEST_SECONDS_MAX = 15.0
IDLE_SECONDS_MAX = 75.0
_UNAVAILABLE = 503

_SHORT_WAY = {f"{PATH_PREFIX}{operation}".encode(): operation for operation in ("start", "answer", "extend", "end")}

log = structlog.get_logger()


class _NoEvent:
    """Nobody waits for messages of a request that goes the short way."""

    def set(self) -> None:
        """Tell nobody."""


class ShortCycle:
    """A request on the short way, with what uvicorn looks at of its own cycles."""

    __slots__ = ("body", "disconnected", "is_read", "keep_alive", "more_body", "operation", "response_complete")
    message_event = _NoEvent()

    def __init__(self, operation: str, *, keep_alive: bool) -> None:
        """Begin with the headers read."""
        self.operation = operation
        self.keep_alive = keep_alive
        self.body = b""
        self.is_read = self.more_body = self.disconnected = self.response_complete = False


class SwitchProtocol(HttpToolsProtocol):
    """One connection."""

    cycle: Any

    def __init__(self, door: ChargingDoor, config: Config, server_state: ServerState, **others: Any) -> None:
        """Answer calls by the door, and everything else by the application of the configuration."""
        super().__init__(config, server_state, **others)
        self.door = door
        # For whoever looks now and then whether this connection still does something.
        self.begun_count = 0
        self.is_reading = False

    def on_message_begin(self) -> None:
        """Begin a request; the scope is for the long way, and made there."""
        self.begun_count += 1
        self.is_reading = True
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Take the short way or the long one."""
        operation = _SHORT_WAY.get(self.url)
        cycle = self.cycle
        is_alone = cycle is None or cycle.response_complete
        if operation is None or not is_alone or self.expect_100_continue or self.parser.get_method() != b"POST":
            url, headers, expect = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expect
            self.headers += headers
            super().on_headers_complete()
            return
        keep_alive = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        self.cycle = ShortCycle(operation, keep_alive=keep_alive)

    def on_body(self, body: bytes) -> None:
        """Keep the body, but never more than a piece beyond what is allowed."""
        cycle = self.cycle
        if cycle.__class__ is not ShortCycle:
            super().on_body(body)
        elif len(cycle.body) <= BODY_MAX_BYTES:
            cycle.body += body

    def on_message_complete(self) -> None:
        """Have the request answered: it is all there."""
        self.is_reading = False
        cycle = self.cycle
        if cycle.__class__ is not ShortCycle:
            super().on_message_complete()
        elif not cycle.is_read:
            cycle.is_read = True
            self._answer(cycle, self.headers)

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not read its answers."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """Go on: it reads again."""
        super().resume_writing()
        self.flow.resume_reading()

    def _answer(self, cycle: ShortCycle, headers: list[tuple[bytes, bytes]]) -> None:
        content_type, as_text = "", False
        for name, value in headers:
            if name == b"content-type":
                content_type = value.decode("latin-1")
            elif name == b"accept":
                as_text = value.startswith(b"text/plain")

        def tell(status: int, fields: Flat) -> None:
            self._send(cycle, status, *rendered(fields, as_text=as_text))

        try:
            self.door.answer(cycle.operation, cycle.body, content_type, tell)
        except Exception:
            log.exception("answering_failed", operation=cycle.operation)
            self._send(cycle, 500, *rendered({"result": "error", "code": "internal"}))

    def _send(self, cycle: ShortCycle, status: int, body: bytes, content_type: bytes) -> None:
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        head = b"%bcontent-type: %b\r\ncontent-length: %d\r\n" % (STATUS_LINE[status], content_type, len(body))
        if status == _UNAVAILABLE:
            head += b"retry-after: %d\r\n" % RETRY_AFTER_SECONDS
        if not cycle.keep_alive:
            head += b"connection: close\r\n"
        self.transport.write(b"%b\r\n%b" % (head, body))
        if not cycle.keep_alive:
            self.transport.close()
        if self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1


class Patience:
    """Looks at the connections now and then, and closes those on which nothing has come for too long.

    A timer for each request would cost more than its answer; this costs nothing while a phone rings.
    """

    def __init__(self, state: ServerState) -> None:
        """Look at the connections of a server."""
        self.closed_count = 0
        self._connections = state.connections
        # Of each connection: how many requests had begun, whether one was being read, and since when that is so.
        self._seen: dict[int, tuple[int, bool, float]] = {}

    def look(self) -> None:
        """Close what has waited too long, counting from when it was first seen like that."""
        now = asyncio.get_running_loop().time()
        seen: dict[int, tuple[int, bool, float]] = {}
        for connection in list(self._connections):
            assert isinstance(connection, SwitchProtocol)
            begun, is_reading = connection.begun_count, connection.is_reading
            before = self._seen.get(id(connection))
            since = before[2] if before is not None and before[:2] == (begun, is_reading) else now
            seen[id(connection)] = (begun, is_reading, since)
            is_answering = not is_reading and connection.cycle is not None and not connection.cycle.response_complete
            if now - since >= (REQUEST_SECONDS_MAX if is_reading else IDLE_SECONDS_MAX) and not is_answering:
                self.closed_count += is_reading
                connection.transport.abort() if is_reading else connection.transport.close()
        self._seen = seen
