"""The charging door as a raw ASGI application: no framework stands between a ringing phone and its answer."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from talktime.core.calls.charging import FREE_GRANT_SECONDS
from talktime.core.calls.calls import PaysFrom
from talktime.core.calls.requests import EndCall, Granted, Request, StartCall
from talktime.core.values.errors import Invalid, TalktimeError
from talktime.core.values.numbers import is_emergency
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces.charging import reading, writing

BODY_MAX_BYTES = 16_384
BATCH_BODY_MAX_BYTES = 1_048_576
BATCH_OPERATIONS_MAX = 1_000
PATH_PREFIX = "/v1/calls/"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"


class ChargingDoor:
    """`POST /v1/calls/start|answer|extend|end`, one at a time, or `batch` for up to a thousand."""

    def __init__(self, committer: GroupCommitter, *, emergency_countries: frozenset[str]) -> None:
        """Hand what arrives to the committer."""
        self._committer = committer
        self._emergency_countries = emergency_countries
        self._unrecorded: set[asyncio.Task[list[Answered]]] = set()
        self.unknown_fields_count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        operation = scope["path"].removeprefix(PATH_PREFIX)
        if scope["method"] != "POST" or (operation not in reading.KNOWN_FIELDS and operation != "batch"):
            await _respond(send, 404, {"result": "error", "code": "not_found", "detail": _USAGE})
            return
        if operation == "batch":
            await self._batch(receive, send)
            return
        status, fields = await self._one(operation, scope, receive)
        await _respond(send, status, fields, as_text=_wants_text(scope))

    async def _one(self, operation: str, scope: Scope, receive: Receive) -> tuple[int, writing.Flat]:
        now = datetime.now(UTC)
        try:
            body = await _body(receive, BODY_MAX_BYTES)
            request = self._read(operation, body, scope, now)
            return await self._answer(request)
        except TalktimeError as failure:
            return writing.flat_error(failure)

    def _read(self, operation: str, body: bytes, scope: Scope, now: datetime) -> Request:
        try:
            if len(body) > BODY_MAX_BYTES:
                message = f"the body is larger than {BODY_MAX_BYTES} bytes"
                raise Invalid(message, code="body_too_large")
            fields = reading.read_body(body, _header(scope, b"content-type"))
            self.unknown_fields_count += reading.unknown_fields_count(operation, fields)
            return reading.read_request(operation, fields, now)
        except Invalid as failure:
            # A switch repeats an end that is refused for ever: keep it instead.
            if operation == "end":
                return reading.misread_end(body, failure.message, now)
            raise

    async def _answer(self, request: Request) -> tuple[int, writing.Flat]:
        if isinstance(request, StartCall) and is_emergency(request.called, self._emergency_countries):
            return 200, writing.flat(request, self._allow_emergency(request))
        (answer,) = await self._committer.charge((request,))
        if isinstance(answer, Exception):
            return writing.flat_error(answer)
        return 200, writing.flat(request, answer)

    def _allow_emergency(self, request: StartCall) -> Granted:
        """Answer before queue and store, which may be slow or gone; the call is recorded when they are back."""
        task = asyncio.get_running_loop().create_task(self._committer.charge((request,)))
        self._unrecorded.add(task)
        task.add_done_callback(self._recorded)
        return Granted(FREE_GRANT_SECONDS, is_final=True, recheck_after_seconds=FREE_GRANT_SECONDS, pays_from=PaysFrom.FREE)

    def _recorded(self, task: "asyncio.Task[list[Answered]]") -> None:
        self._unrecorded.discard(task)
        if not task.cancelled():
            task.exception()

    async def _batch(self, receive: Receive, send: Send) -> None:
        now = datetime.now(UTC)
        try:
            operations = reading.read_batch(await _body(receive, BATCH_BODY_MAX_BYTES, refuse=True))
            if len(operations) > BATCH_OPERATIONS_MAX:
                message = f"a batch holds at most {BATCH_OPERATIONS_MAX} operations, not {len(operations)}"
                raise Invalid(message, code="batch_too_large")
            read = [self._read_operation(fields, now) for fields in operations]
            requests = [request for request in read if not isinstance(request, Invalid)]
            answers = iter(await self._committer.charge(requests) if requests else ())
        except TalktimeError as failure:
            await _respond(send, *writing.flat_error(failure))
            return
        await _respond(send, 200, [_flat_in_batch(request, answers) for request in read])

    def _read_operation(self, fields: dict[str, object], now: datetime) -> Request | Invalid:
        operation = str(fields.get("operation", ""))
        try:
            request = reading.read_request(operation, fields, now)
        except Invalid as failure:
            return failure
        self.unknown_fields_count += reading.unknown_fields_count(operation, fields)
        return request


_USAGE = f"POST {PATH_PREFIX}start, answer, extend, end or batch"


def _flat_in_batch(request: Request | Invalid, answers: "Any") -> writing.Flat:
    answer = request if isinstance(request, Invalid) else next(answers)
    if isinstance(answer, Exception):
        status, fields = writing.flat_error(answer)
        return {**fields, "status": status}
    assert not isinstance(request, Invalid)
    return writing.flat(request, answer)


async def _body(receive: Receive, most_bytes: int, *, refuse: bool = False) -> bytes:
    """Read the body, but never keep more than a byte beyond what is allowed."""
    message = await receive()
    body = message.get("body", b"")
    if not message.get("more_body", False):
        return _within(body, most_bytes, refuse=refuse)
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        size += len(message.get("body", b""))
        if size <= most_bytes + 1:
            parts.append(message.get("body", b""))
    kept = b"".join(parts)
    return _within(kept if size <= most_bytes else kept.ljust(most_bytes + 1), most_bytes, refuse=refuse)


def _within(body: bytes, most_bytes: int, *, refuse: bool) -> bytes:
    if refuse and len(body) > most_bytes:
        message = f"the body is larger than {most_bytes} bytes"
        raise Invalid(message, code="body_too_large")
    return body


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def _wants_text(scope: Scope) -> bool:
    return b"format=text" in scope["query_string"] or _header(scope, b"accept").startswith("text/plain")


async def _respond(send: Send, status: int, fields: object, *, as_text: bool = False) -> None:
    if as_text and isinstance(fields, dict):
        body, content_type = f"{writing.text_line(fields)}\n".encode(), _TEXT
    else:
        body, content_type = writing.encode(fields), _JSON
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if status == 503:  # noqa: PLR2004 -- HTTP's own number
        headers.append((b"retry-after", b"%d" % writing.RETRY_AFTER_SECONDS))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
