"""An HTTP client without a network: hands a request to the charging server and returns what it answered.

async with Served(settings) as door:
    answer = await door.post("start", {"call_id": "a", "from": …, "to": …})
    assert answer.fields["result"] == "allow"
"""

import asyncio
import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from talktime.interfaces.charging.server import ChargingServer
from talktime.settings import Settings

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CHUNK_BYTES = 4_096
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 60

Message = MutableMapping[str, Any]


@dataclass(frozen=True)
class HttpAnswer:
    """Status, headers and body as they went out."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """Return the JSON object in the body."""
        fields = json.loads(self.body)
        assert isinstance(fields, dict)
        return fields

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the JSON array in the body."""
        items = json.loads(self.body)
        assert isinstance(items, list)
        return items

    @property
    def line(self) -> str:
        """Return the line of text in the body."""
        line = self.body.decode()
        assert line.endswith("\n")
        return line.removesuffix("\n")


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if condition():
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError("what was waited for did not happen")


class Served:
    """The server from its start-up to its shutdown, as uvicorn would drive it."""

    def __init__(self, settings: Settings) -> None:
        self.server = ChargingServer(settings)
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._life = asyncio.create_task(self.server({"type": "lifespan"}, self._incoming.get, self._outgoing.put))
        assert (await self._told("startup"))["type"] == "lifespan.startup.complete"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert (await self._told("shutdown"))["type"] == "lifespan.shutdown.complete"
        await self._life

    async def refusal(self) -> str:
        """Start it up, and return the sentence with which it refuses."""
        self._life = asyncio.create_task(self.server({"type": "lifespan"}, self._incoming.get, self._outgoing.put))
        told = await self._told("startup")
        await self._life
        assert told["type"] == "lifespan.startup.failed"
        return str(told["message"])

    async def _told(self, what: str) -> Message:
        """Tell it what to do, and return what it says; where it ends without a word, raise what it ended with."""
        await self._incoming.put({"type": f"lifespan.{what}"})
        saying = asyncio.create_task(self._outgoing.get())
        await asyncio.wait((saying, self._life), return_when=asyncio.FIRST_COMPLETED)
        if not saying.done():
            saying.cancel()
            await self._life
        return await saying

    async def post(
        self, operation: str, fields: Mapping[str, object] | None = None, *, form: bool = False, text: bool = False
    ) -> HttpAnswer:
        """Send fields as JSON, or as a form, and ask for JSON, or for a line of text."""
        body = urlencode(fields or {}).encode() if form else json.dumps(fields or {}, ensure_ascii=False).encode()
        headers = {"accept": "text/plain"} if text else {}
        return await self.send(operation, body, content_type=FORM if form else JSON, headers=headers)

    async def batch(self, operations: list[dict[str, object]]) -> HttpAnswer:
        """Send many operations at once."""
        return await self.send("batch", json.dumps(operations).encode())

    async def send(
        self,
        operation: str,
        body: bytes,
        *,
        content_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        method: str = "POST",
    ) -> HttpAnswer:
        """Send bytes as they are, in chunks as a network would."""
        chunks = [body[begin : begin + CHUNK_BYTES] for begin in range(0, len(body), CHUNK_BYTES)] or [b""]
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        messages[-1]["more_body"] = False
        all_headers = {"content-type": content_type, **(headers or {})}
        answer = await self.exchange(f"/v1/calls/{operation}", messages, all_headers, query=query, method=method)
        assert answer is not None, "no answer was given"
        return answer

    async def exchange(
        self,
        path: str,
        messages: list[Message],
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        method: str = "POST",
    ) -> HttpAnswer | None:
        """Hand over ASGI messages; return None where nothing was answered."""
        incoming, sent = iter(messages), []

        async def receive() -> Message:
            return next(incoming)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        await self.server(scope, receive, send)
        if not sent:
            return None
        start, end = sent
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return HttpAnswer(start["status"], answered, end["body"])
