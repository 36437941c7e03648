"""The charging door as a raw ASGI application: no framework stands between a ringing phone and its answer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from talktime.core.calls.calls import text_of
from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.requests import EndLeg, Request, StartCall
from talktime.core.values.errors import CallerError, Invalid, TalktimeError, Unavailable
from talktime.emergencies import EmergencyCalls
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces import asgi
from talktime.interfaces.asgi import JSON, Gone, Receive, Scope, Send
from talktime.interfaces.charging import explanations, reading, writing

BODY_MAX_BYTES = 16_384
BATCH_BODY_MAX_BYTES = 1_048_576
BATCH_OPERATIONS_MAX = 1_000
PATH_PREFIX = "/v1/calls/"

_TEXT = b"text/plain; charset=utf-8"
_EXPLAINED = asgi.explained(retry_after_seconds=writing.RETRY_AFTER_SECONDS)

log = structlog.get_logger()

# Told the status and the fields of an answer.
Tell = Callable[[int, writing.Flat], None]


@dataclass(frozen=True, slots=True)
class Looks:
    """What the door asks for beside charging; conferences by switch and id, as of an instant."""

    explain: Callable[[StartCall], Awaitable[Explanation]]
    open_legs: Callable[[str, str, datetime], Awaitable[list[EndLeg]]]
    forecast: Callable[[str, str, datetime], Awaitable[ConferenceForecast]]


class ChargingDoor:
    """`POST /v1/calls/start|answer|extend|end`, one at a time, or `batch` for up to a thousand; and `explain`.

    `conference` tells how long all open legs of a conference can go on, `end_conference` ends them.
    """

    def __init__(self, committer: GroupCommitter, looks: Looks, emergencies: EmergencyCalls) -> None:
        """Hand what arrives to the committer, and what has to be looked up first to whoever does."""
        self._committer, self._looks, self._emergencies = committer, looks, emergencies
        self.unknown_fields_count = 0
        # What no request came of, by the error's code.
        self.unread_counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        operation = scope["path"].removeprefix(PATH_PREFIX)
        if operation not in reading.KNOWN_FIELDS and operation not in _OTHERS:
            await _respond(send, 404, {"result": "error", "code": "not_found", "detail": _USAGE})
            return
        if scope["method"] != "POST":
            await _respond(send, 405, {"result": "error", "code": "method_not_allowed", "detail": _USAGE})
            return
        try:
            if operation == "batch":
                status, answer = await self._batch(receive)
            elif operation in _LOOKED_UP:
                status, answer = await self._looked_up(operation, scope, receive)
            else:
                status, answer = await self._one(operation, scope, receive)
        except Gone:
            return
        await _respond(send, status, answer, as_text=_wants_text(scope))

    def answer(self, operation: str, body: bytes, content_type: str, tell: Tell) -> None:
        """Answer one start, answer, extend or end: now, or when it has been charged."""
        try:
            self._answer(self._read(operation, body, content_type, datetime.now(UTC)), tell)
        except TalktimeError as failure:
            self._note_unread(failure)
            tell(*writing.flat_error(failure))

    async def close(self) -> None:
        """Leave to the next server what cannot be recorded any more."""
        await self._emergencies.close()

    async def _one(self, operation: str, scope: Scope, receive: Receive) -> tuple[int, writing.Flat]:
        body = await asgi.read_body(receive, BODY_MAX_BYTES)
        told: asyncio.Future[tuple[int, writing.Flat]] = asyncio.get_running_loop().create_future()

        def tell(status: int, fields: writing.Flat) -> None:
            # The server may have given up on a client that is gone.
            if not told.done():
                told.set_result((status, fields))

        self.answer(operation, body, asgi.header(scope, b"content-type"), tell)
        return await told

    async def _looked_up(self, operation: str, scope: Scope, receive: Receive) -> tuple[int, writing.Flat]:
        """Answer what has to be looked up first."""
        now = datetime.now(UTC)
        body = await asgi.read_body(receive, BODY_MAX_BYTES)
        try:
            fields = reading.read_body(_within(body, BODY_MAX_BYTES), asgi.header(scope, b"content-type"))
            match operation:
                case "explain":
                    return 200, await self._explained(fields, now)
                case "conference":
                    return 200, await self._forecast(fields, now)
                case _:
                    return 200, await self._end_conference(fields, now)
        except TalktimeError as failure:
            return writing.flat_error(failure)

    async def _explained(self, fields: reading.Fields, now: datetime) -> writing.Flat:
        """Answer an operator's question; nothing is recorded, not even of a call for help."""
        return explanations.document(await self._looks.explain(reading.read_explained(fields, now)))

    async def _forecast(self, fields: reading.Fields, now: datetime) -> writing.Flat:
        """Forecast over the open legs: what a bridge announces before the money ends."""
        return writing.forecast(await self._looks.forecast(*reading.read_conference(fields), now))

    async def _end_conference(self, fields: reading.Fields, now: datetime) -> writing.Flat:
        """End the open legs, each for itself; asked again, it finds those that did not end, or none."""
        legs = await self._looks.open_legs(*reading.read_conference(fields), now)
        return writing.conference(legs, await self._committer.charge(legs) if legs else [])

    def _read(self, operation: str, body: bytes, content_type: str, now: datetime) -> Request:
        fields: reading.Fields = {}
        try:
            fields = reading.read_body(_within(body, BODY_MAX_BYTES), content_type)
            self.unknown_fields_count += reading.unknown_fields_count(operation, fields)
            return reading.read_request(operation, fields, now)
        except Invalid as failure:
            # A switch repeats an end that is refused for ever: keep it instead.
            if operation == "end":
                return reading.misread_end(body, failure.message, now)
            # Whoever calls for help is not asked to spell it right.
            if operation == "start" and self._emergencies.concern(start := reading.misread_start(fields, now)):
                return start
            raise

    def _answer(self, request: Request, tell: Tell) -> None:
        if isinstance(request, StartCall) and self._emergencies.concern(request):
            tell(200, writing.flat(request, self._emergencies.allow(request)))
            return

        def charged(answers: list[Answered]) -> None:
            try:
                told = _told(request, answers[-1])
            except Exception as failure:
                log.exception("answering_failed", call=text_of(request.key))
                told = writing.flat_error(failure)
            tell(*told)

        # What follows on a call for help that is not recorded yet would be nobody's: its start comes first.
        kept = self._emergencies.kept.get(request.key) if self._emergencies.kept else None
        self._committer.submit((request,) if kept is None else (kept, request), charged)

    async def _batch(self, receive: Receive) -> tuple[int, object]:
        now = datetime.now(UTC)
        try:
            body = await asgi.read_body(receive, BATCH_BODY_MAX_BYTES)
            operations = reading.read_batch(_within(body, BATCH_BODY_MAX_BYTES))
            _refuse_too_many(operations)
            read = [self._read_operation(fields, now) for fields in operations]
            answers = iter(await self._charge(read))
        except TalktimeError as failure:
            self._note_unread(failure)
            return writing.flat_error(failure)
        return 200, [_flat_in_batch(request, answers) for request in read]

    def _read_operation(self, fields: dict[str, object], now: datetime) -> Request | Invalid:
        operation = str(fields.get("operation", ""))
        try:
            request = reading.read_request(operation, fields, now)
        except Invalid as failure:
            # As for one call: whoever calls for help is not asked to spell it right.
            if operation == "start" and self._emergencies.concern(start := reading.misread_start(fields, now)):
                return start
            self._note_unread(failure)
            return failure
        self.unknown_fields_count += reading.unknown_fields_count(operation, fields)
        return request

    def _note_unread(self, failure: TalktimeError) -> None:
        if isinstance(failure, CallerError):
            self.unread_counts[failure.code] += 1

    async def _charge(self, read: list[Request | Invalid]) -> list[Answered]:
        """Return the answers to what could be read, in its order."""
        requests = [request for request in read if not isinstance(request, Invalid)]
        helped: dict[int, Answered] = {
            place: self._emergencies.allow(request)
            for place, request in enumerate(requests)
            if isinstance(request, StartCall) and self._emergencies.concern(request)
        }
        others = [request for place, request in enumerate(requests) if place not in helped]
        try:
            answers = iter(await self._committer.charge(others) if others else ())
        except Unavailable as failure:
            if not helped:
                raise
            answers = iter([failure] * len(others))
        return [helped[place] if place in helped else next(answers) for place in range(len(requests))]


_LOOKED_UP = frozenset({"explain", "conference", "end_conference"})
_OTHERS = _LOOKED_UP | {"batch"}
_USAGE = f"POST {PATH_PREFIX}start, answer, extend, end, batch, conference, end_conference or explain"


def _refuse_too_many(operations: list[dict[str, object]]) -> None:
    if len(operations) > BATCH_OPERATIONS_MAX:
        message = f"a batch holds at most {BATCH_OPERATIONS_MAX} operations, not {len(operations)}"
        raise Invalid(message, code="batch_too_large")


def _told(request: Request, answer: Answered) -> tuple[int, writing.Flat]:
    return writing.flat_error(answer) if isinstance(answer, Exception) else (200, writing.flat(request, answer))


def _flat_in_batch(request: Request | Invalid, answers: Iterator[Answered]) -> writing.Flat:
    answer = request if isinstance(request, Invalid) else next(answers)
    if isinstance(answer, Exception):
        status, fields = writing.flat_error(answer)
        return {**fields, "status": status}
    assert not isinstance(request, Invalid)
    return writing.flat(request, answer)


def _within(body: bytes, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        message = f"the body is larger than {most_bytes} bytes"
        raise Invalid(message, code="body_too_large")
    return body


def _wants_text(scope: Scope) -> bool:
    return b"format=text" in scope["query_string"] or asgi.header(scope, b"accept").startswith("text/plain")


def rendered(fields: object, *, as_text: bool = False) -> tuple[bytes, bytes]:
    """Return an answer's body and its content type."""
    if as_text and isinstance(fields, dict):
        return f"{writing.text_line(fields)}\n".encode(), _TEXT
    return writing.encode(fields), JSON


def _respond(send: Send, status: int, fields: object, *, as_text: bool = False) -> Awaitable[None]:
    body, content_type = rendered(fields, as_text=as_text)
    return asgi.respond(send, status, body, content_type, _EXPLAINED.get(status, ()))
