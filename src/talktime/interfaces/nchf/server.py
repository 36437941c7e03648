"""The Nchf door while the charging server lives: on its committer, with calls for help of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from talktime.emergencies import EmergencyCalls, Spool
from talktime.group_commit import GroupCommitter
from talktime.interfaces.asgi import Receive, Scope, Send
from talktime.interfaces.nchf.door import NchfDoor
from talktime.settings import Settings


class NchfServer:
    """An ASGI application that answers from `opened` until its end."""

    def __init__(self, settings: Settings) -> None:
        """Keep what the operator has chosen."""
        self._terms, self._api_root = settings.charging_terms, settings.nchf_api_root
        self._spool = Spool(settings.emergencies_folder)

    @asynccontextmanager
    async def opened(self, committer: GroupCommitter, *_: object) -> AsyncIterator[None]:
        """Open the door beside the charging server's own."""
        emergencies = EmergencyCalls(committer, self._terms.emergency_countries, self._spool)
        self._door = NchfDoor(committer, emergencies, self._terms, api_root=self._api_root)
        try:
            yield
        finally:
            await emergencies.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        await self._door(scope, receive, send)
