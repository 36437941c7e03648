"""The Diameter listener: accepts peers on its addresses, and says goodbye to them when it stops."""

import asyncio
from collections.abc import Sequence
from typing import Self

import structlog

from talktime.core.values.errors import Unavailable
from talktime.core.values.frozen import frozen
from talktime.interfaces.diameter.answering import CreditControlDoor
from talktime.interfaces.diameter.peer import Peer, PeerTerms

BACKLOG = 512

log = structlog.get_logger()


@frozen
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class DiameterListener:
    """Listens while it is entered."""

    def __init__(
        self, addresses: Sequence[Address], terms: PeerTerms, door: CreditControlDoor, *, is_shared: bool
    ) -> None:
        """Listen on the addresses, with other processes of ours where they are shared; CCRs are the door's."""
        self._addresses, self._terms, self._door, self._is_shared = addresses, terms, door, is_shared
        self._servers: list[asyncio.Server] = []
        self._peers: set[Peer] = set()

    async def __aenter__(self) -> Self:
        """Listen; raise Unavailable where an address is taken."""
        loop = asyncio.get_running_loop()
        for address in self._addresses:
            try:
                server = await loop.create_server(
                    lambda: Peer(self._terms, self._door.begin, self._peers),
                    address.host,
                    address.port,
                    backlog=BACKLOG,
                    reuse_port=self._is_shared,
                )
            except OSError as failure:
                await self.__aexit__()
                message = f"Diameter cannot listen on {address}: {failure.strerror or failure}"
                raise Unavailable(message, code="diameter_address") from failure
            self._servers.append(server)
            log.info("diameter_listens", address=str(address), host=self._terms.identity.host)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Accept nobody any more, answer what is owed, and close."""
        for server in self._servers:
            server.close()
        await asyncio.gather(*(peer.leave() for peer in list(self._peers)))
        await self._door.close()
