"""The door for webhooks of card gateways, a raw ASGI application: `POST /v1/gateways/<name>/events`.

Nothing is accepted in silence (money.md 14). What happens is an answer that the gateway understands:

    200  noted, or known already: do not send it again
    202  kept aside with the reason, and in the log: it fits no purchase of ours. Gateways repeat what is refused for
         days and then give the whole address up, and in an account that sells other things most events are not ours
    400  no event; 401 not signed by the gateway, or long ago: sending the same again changes nothing
    404  no such gateway; 405 not a POST; 413 larger than any event
    503  our database does not answer: nothing was kept, send it again
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec
import structlog

from talktime.core.values.errors import Forbidden, Invalid, NotFound, TalktimeError, Unavailable
from talktime.interfaces import asgi
from talktime.interfaces.asgi import Gone, Receive, Scope, Send

PATH_PREFIX = "/v1/gateways/"
PATH_SUFFIX = "/events"
# Stripe's events are some kilobytes; a dispute with all its evidence some more.
BODY_MAX_BYTES = 262_144
RETRY_AFTER_SECONDS = 60

_EXPLAINED = asgi.explained(retry_after_seconds=RETRY_AFTER_SECONDS)

log = structlog.get_logger()


class Kept(Enum):
    """What became of an event."""

    NOTED = "noted"
    KNOWN = "known"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Received:
    """An event that is safe with us; `reason` says why it was parked."""

    kept: Kept
    event_id: str = ""
    reason: str = ""


# Verifies, reads and records an event of the named gateway, and returns only when that is committed. Raises NotFound
# for a gateway that we do not have, Forbidden for a signature, Invalid for no event, Unavailable to be sent it again.
ReceiveEvent = Callable[[str, bytes, Mapping[str, str]], Received]


class PaymentsDoor:
    """Hands webhooks to a callable, each in a thread: the loop stays free for phones."""

    def __init__(self, receive_event: ReceiveEvent) -> None:
        """Keep who receives."""
        self._receive_event = receive_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path = str(scope["path"])
        name = path.removeprefix(PATH_PREFIX).removesuffix(PATH_SUFFIX)
        if path != f"{PATH_PREFIX}{name}{PATH_SUFFIX}" or "/" in name or not name:
            await _respond(send, 404, _error("not_found", f"POST {PATH_PREFIX}<name>{PATH_SUFFIX}"))
            return
        if scope["method"] != "POST":
            await _respond(send, 405, _error("method", "an event is posted"))
            return
        try:
            body = await asgi.read_body(receive, BODY_MAX_BYTES)
        except Gone:
            return
        if len(body) > BODY_MAX_BYTES:
            await _respond(send, 413, _error("body_too_large", f"an event has at most {BODY_MAX_BYTES} bytes"))
            return
        status, fields = await asyncio.to_thread(self._received, name, body, _headers(scope))
        await _respond(send, status, fields)

    def _received(self, name: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        try:
            received = self._receive_event(name, body, headers)
        except TalktimeError as failure:
            status = _status(failure)
            log.warning("gateway_event_refused", gateway=name, status=status, code=failure.code, why=failure.message)
            return status, _error(failure.code, failure.message)
        if received.kept is Kept.PARKED:
            log.warning("gateway_event_parked", gateway=name, event_id=received.event_id, why=received.reason)
            return 202, {"result": "parked", "detail": received.reason}
        return 200, {"result": received.kept.value}


_STATUS: tuple[tuple[type[TalktimeError], int], ...] = (
    (NotFound, 404),
    (Invalid, 400),
    (Forbidden, 401),
    (Unavailable, 503),
)


def _status(failure: TalktimeError) -> int:
    for kind, status in _STATUS:
        if isinstance(failure, kind):
            return status
    # What else we refuse might be accepted once somebody has looked: let it be sent again.
    return 409


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _error(code: str, detail: str) -> dict[str, str]:
    return {"result": "error", "code": code, "detail": detail}


async def _respond(send: Send, status: int, fields: Mapping[str, str]) -> None:
    await asgi.respond(send, status, msgspec.json.encode(fields), more=_EXPLAINED.get(status, ()))
