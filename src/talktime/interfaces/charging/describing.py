"""What the doors are asked and answer, as an OpenAPI document: `GET /v1/openapi.json`."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec

from talktime.interfaces import asgi
from talktime.interfaces.asgi import Scope, Send

PATH = "/v1/openapi.json"
FILE = "openapi.json"

Document = dict[str, Any]


def description(*packages: str) -> Document:
    """Return the document of the charging door, with what those of other doors' packages add to it."""
    documents = [_read(package) for package in (__package__, *packages)]
    whole = documents[0]
    for part in documents[1:]:
        whole = _joined(whole, part)
    return whole


def _read(package: str) -> Document:
    document: Document = msgspec.json.decode(resources.files(package).joinpath(FILE).read_bytes())
    return document


def _joined(whole: Mapping[str, Any], part: Mapping[str, Any]) -> Document:
    """Add what another document holds; raise ValueError for a name that stands in both."""
    joined: Document = dict(whole)
    for name, value in part.items():
        before = joined.get(name)
        if before is None:
            joined[name] = value
        elif isinstance(before, dict) and isinstance(value, dict):
            joined[name] = _joined(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            joined[name] = [*before, *value]
        else:
            message = f"{name} is described twice"
            raise ValueError(message)
    return joined


class DescribingDoor:
    """An ASGI application that hands out one document."""

    def __init__(self, document: Document) -> None:
        """Write it once."""
        self._body = msgspec.json.encode(document)

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["method"] in asgi.READING:
            await asgi.respond(send, 200, self._body)
            return
        refusal = msgspec.json.encode({"result": "error", "code": "method_not_allowed"})
        await asgi.respond(send, 405, refusal, more=[asgi.ALLOW_READING])
