"""ASGI as our doors speak it, without a framework: a body that is bounded, and an answer in two messages."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
# The methods of a door that only shows, and the header that says so.
READING = frozenset({"GET", "HEAD"})
ALLOW_READING = (b"allow", b"GET, HEAD")


class Gone(Exception):  # noqa: N818 -- no error: the client hung up in the middle of its request
    """Nobody waits for an answer, and half a request is none."""


async def read_body(receive: Receive, most_bytes: int) -> bytes:
    """Read the body to its end, but never keep more than a byte beyond what is allowed; raise Gone."""
    kept = b""
    is_complete = False
    while not is_complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        if len(kept) <= most_bytes:
            kept += message.get("body", b"")[: most_bytes + 1 - len(kept)]
        is_complete = not message.get("more_body", False)
    return kept


def header(scope: Scope, name: bytes) -> str:
    """Return a header by its name in lower case, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def client_address(scope: Scope) -> str:
    """Return the address that a request came from, a proxy's where one stands before us; "" where none is known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def explained(*, retry_after_seconds: int) -> Mapping[int, Headers]:
    """Return, by status, the headers with which HTTP has a door that is only posted to explain itself."""
    return {405: ((b"allow", b"POST"),), 503: ((b"retry-after", b"%d" % retry_after_seconds),)}


async def respond(send: Send, status: int, body: bytes, content_type: bytes = JSON, more: Headers = ()) -> None:
    """Answer; where there is no body, nothing is said of one."""
    told = ((b"content-type", content_type), (b"content-length", b"%d" % len(body))) if body else ()
    await send({"type": "http.response.start", "status": status, "headers": [*told, *more]})
    await send({"type": "http.response.body", "body": body})
