"""A Diameter server in this process and clients over real sockets.

async with listening(url, quantum_seconds=10) as server, connected(server.port) as client:
    answer = Answer(await client.ask(credit_control(INITIAL, 0, …)))
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from talktime.core.calls.requests import Request
from talktime.group_commit import GroupCommitter
from talktime.interfaces.charging.server import ChargingServer
from talktime.interfaces.diameter.events import Explain
from talktime.interfaces.diameter.opening import opener
from talktime.interfaces.diameter.peer import Peer
from talktime.interfaces.diameter.server import DiameterListener
from talktime.settings import Settings
from tests.interfaces.charging.asgi import Served
from tests.interfaces.charging.servers import HOST, free_port
from tests.interfaces.diameter import kamailio

ANSWER_SECONDS_MAX = 30.0


class DiameterServed(Served):
    """The charging server with its Diameter door, from start-up to shutdown."""

    def __init__(self, settings: Settings, port: int) -> None:
        super().__init__(settings)
        self.server = ChargingServer(settings, [self._opened])
        self.port = port
        self._open_listener = opener(settings)

    def _opened(self, committer: GroupCommitter, explain: Explain) -> DiameterListener:
        self.listener = self._open_listener(committer, explain)
        return self.listener

    @property
    def peer(self) -> Peer:
        """Return the only connection, as the server sees it."""
        (peer,) = self.listener._peers
        return peer

    async def charge(self, request: Request) -> object:
        """Ask charging past all doors."""
        (answer,) = await self.server._committer.charge((request,))
        return answer


@asynccontextmanager
async def listening(url: str, **settings: Any) -> AsyncIterator[DiameterServed]:
    """Serve a database by Diameter, and by the charging door's own requests."""
    port = free_port()
    described = {"diameter_host": "ocs.test", **settings}
    async with DiameterServed(Settings(database=url, diameter=f"{HOST}:{port}", **described), port) as server:
        yield server


class Client:
    """One connection; EOFError where the server closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, message: bytes) -> bytes:
        """Send a request, and return what comes next."""
        self.writer.write(message)
        return await self.receive()

    async def ask_all(self, messages: Sequence[bytes]) -> list[bytes]:
        """Send many at once, and return as many answers, as they come."""
        self.writer.write(b"".join(messages))
        return [await self.receive() for _ in messages]

    async def receive(self) -> bytes:
        """Return the next whole message."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            start = await self.reader.readexactly(4)
            return start + await self.reader.readexactly(int.from_bytes(start[1:], "big") - 4)

    async def is_closed(self) -> bool:
        """Tell whether the server ends the connection without another word."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def reached(port: int) -> AsyncIterator[Client]:
    """Connect, and say nothing."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def connected(port: int, host: str = kamailio.HOST) -> AsyncIterator[Client]:
    """Connect, and exchange capabilities as Kamailio does."""
    async with reached(port) as client:
        answer = kamailio.Answer(await client.ask(kamailio.capabilities(host)))
        assert answer.result == 2001, answer
        yield client
