"""The HTTP server of one process: listens, serves until it is told to stop, and drains before it does.

Told to stop (SIGTERM, Ctrl-C) it says so on /ready, for as long as load balancers need to hear it; then it stops to
listen, answers what it has begun, and ends. Told a second time it does not wait.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import ceil
from typing import Any

import structlog
import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from talktime.core.values.errors import Unavailable
from talktime.interfaces.charging.protocol import IDLE_SECONDS_MAX, Patience, SwitchProtocol
from talktime.interfaces.charging.server import ChargingServer
from talktime.telemetry.metrics import Sample

BACKLOG = 2_048
LOOK_TICKS = 20
# What has begun is answered within the deadline of its charging; whoever has not taken it soon after is left.
FINISH_SECONDS_MORE = 5

log = structlog.get_logger()


def bound(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Return a socket that will listen; several processes share an address, and the kernel deals connections out.

    By SO_REUSEPORT: of one socket that all of them accept from, one takes nearly all (decision 0015). Raise
    Unavailable where the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as failure:
        listener.close()
        message = f"cannot listen on {host}:{port}: {failure.strerror or failure}"
        raise Unavailable(message, code="address") from failure
    listener.setblocking(False)  # noqa: FBT003 -- the socket's own way to say it
    return listener


class HttpServer(uvicorn.Server):
    """Uvicorn's server, with a stop that is announced, and an eye on connections on which nothing comes."""

    def __init__(
        self,
        app: object,
        charging: ChargingServer,
        *,
        drain_seconds: float = 0,
        when_listening: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve an ASGI application, whose calls go to the charging server, which must be open."""
        super().__init__(_config(app, charging))
        self._charging = charging
        self._drain_seconds = drain_seconds
        self._when_listening = when_listening
        self._ends_at: float | None = None
        self._patience = Patience(self.server_state)
        charging.counted.sources.append(self._samples)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Be told by the loop; a signal that was heard is done with when we end."""
        loop = asyncio.get_running_loop()
        for number in HANDLED_SIGNALS:
            loop.add_signal_handler(number, self.tell_to_stop)
        try:
            yield
        finally:
            for number in HANDLED_SIGNALS:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell whoever waits for it."""
        await super().startup(sockets)
        self._when_listening()

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections, and end when it is time."""
        if counter % LOOK_TICKS == 0:
            self._patience.look()
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def tell_to_stop(self) -> None:
        """Be not ready from now on, and end after the drain; told a second time, end at once."""
        self._charging.readiness.is_stopping = True
        if self._ends_at is None:
            log.info("stopping", drain_seconds=self._drain_seconds)
            self._ends_at = time.monotonic() + self._drain_seconds
        else:
            self._ends_at = time.monotonic()

    def _samples(self) -> list[Sample]:
        return [
            Sample("connections", [], len(self.server_state.connections)),
            Sample("slow_connections_closed", [], self._patience.closed_count),
        ]


def _config(app: Any, charging: ChargingServer) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(SwitchProtocol, charging.door),  # type: ignore[arg-type]
        interface="asgi3",
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=round(IDLE_SECONDS_MAX),
        timeout_graceful_shutdown=ceil(charging.deadline_seconds) + FINISH_SECONDS_MORE,
    )
