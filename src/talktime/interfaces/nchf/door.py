"""The Nchf door as a raw ASGI application: create, update and release of TS 32.291 §6.1, and one-time events.

201  create: a session, or an event that is charged; 200 update; 204 release
400  what cannot be read, with the place; 403 and 404 what may not be charged; 413 more than any call's message
503  our database does not answer, or too many wait: send it again; never a free call
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from talktime.core.calls.calls import CallKind, DenialReason
from talktime.core.calls.requests import ChargingTerms, Denied, Granted, Noted, StartCall
from talktime.core.values.errors import TalktimeError
from talktime.emergencies import EmergencyCalls
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces import asgi
from talktime.interfaces.asgi import Gone, Receive, Scope, Send
from talktime.interfaces.nchf import events, messages, reading, references, writing
from talktime.interfaces.nchf.messages import Misread
from talktime.interfaces.nchf.references import Counting, Reference
from talktime.interfaces.nchf.writing import Asked

PATH_PREFIX = "/nchf-convergedcharging/v3/"
COLLECTION = f"{PATH_PREFIX}chargingdata"
BODY_MAX_BYTES = 65_536

_PROBLEM = b"application/problem+json"
_EXPLAINED = asgi.explained(retry_after_seconds=writing.RETRY_AFTER_SECONDS)


class Answer(NamedTuple):
    """What goes out: a message, a problem from 400 on, or nothing; `reference` names a resource that was made."""

    status: int
    fields: writing.Fields | None = None
    reference: str = ""


class NchfDoor:
    """`POST …/chargingdata`, `…/chargingdata/{ref}/update` and `…/chargingdata/{ref}/release`."""

    def __init__(
        self, committer: GroupCommitter, emergencies: EmergencyCalls, terms: ChargingTerms, *, api_root: str = ""
    ) -> None:
        """Hand what arrives to the committer; `api_root` begins the addresses that are given out (TS 29.501 §4.4.1)."""
        self._committer, self._emergencies, self._terms = committer, emergencies, terms
        self._api_root = api_root.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        target = _target(str(scope["path"]))
        if target is None:
            detail = f"POST {COLLECTION}, or its /{{ChargingDataRef}}/update or /release"
            answer = Answer(404, writing.problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", detail))
        elif scope["method"] != "POST":
            answer = Answer(405, writing.problem(405, "METHOD_NOT_ALLOWED", "charging data is posted"))
        else:
            try:
                answer = await self._answered(*target, await asgi.read_body(receive, BODY_MAX_BYTES))
            except Gone:
                return
        await _respond(send, answer, self._address_of(answer, scope))

    async def _answered(self, word: str, operation: str, body: bytes) -> Answer:
        now = datetime.now(UTC)
        try:
            if not operation:
                return await self._create(body, now)
            reference = references.read(word)
            if reference is None:
                return Answer(*writing.refused(DenialReason.CALL_UNKNOWN))
            if operation == "update":
                return await self._update(reference, body, now)
            return await self._release(reference, body, now)
        except TalktimeError as failure:
            return Answer(*writing.failed(failure))

    async def _create(self, body: bytes, now: datetime) -> Answer:
        try:
            data = messages.decoded(_within(body))
            start = reading.read_event(data, now).start if data.is_event else reading.read_start(data, now)
        except Misread as failure:
            return self._help_or_refuse(body, failure, now)
        asked = writing.asked(data, self._terms)
        if self._is_for_help(start):
            return self._help(start, asked, now)
        if data.is_event:
            return await self._event(reading.read_event(data, now), asked, now)
        (answer,) = await self._committer.charge((start,))
        reference = Reference(start.key, writing.counting_of(answer), reading.clock_group(data))
        word = references.written(reference)
        return _told(asked, answer, now, reference=word)

    async def _event(self, event: reading.Event, asked: Asked, now: datetime) -> Answer:
        answer = await events.charge(self._committer, event, self._terms)
        if isinstance(answer, Exception):
            return Answer(*writing.failed(answer))
        if isinstance(answer, Denied) and not writing.is_told_by_code(answer.reason, asked):
            return Answer(*writing.refused(answer.reason))
        units = writing.charged_units(asked, answer, event.seconds)
        word = references.written(Reference(event.start.key, Counting.GRANT))
        return Answer(201, writing.response(asked, now, units), word)

    async def _update(self, reference: Reference, body: bytes, now: datetime) -> Answer:
        if reference.counting is Counting.EMERGENCY:
            return Answer(200, writing.response(_asked_for_help(body), now, []))
        data = messages.decoded(_within(body))
        (answer,) = await self._committer.charge((reading.read_update(reference, data, now),))
        return _told(writing.asked(data, self._terms, is_first=False), answer, now)

    async def _release(self, reference: Reference, body: bytes, now: datetime) -> Answer:
        try:
            request = reading.read_release(reference, messages.decoded(_within(body)), now)
        except Misread as failure:
            # It may never be said again: kept for an operator, whatever the consumer makes of our answer.
            await self._committer.charge((reading.misread_release(reference, failure, now),))
            raise
        # The end of a call for help that is not recorded yet would be nobody's: its start comes first.
        start = self._emergencies.kept.get(reference.key)
        answer = (await self._committer.charge((request,) if start is None else (start, request)))[-1]
        if isinstance(answer, Exception):
            return Answer(*writing.failed(answer))
        is_unknown = isinstance(answer, Noted) and reference.counting is not Counting.EMERGENCY
        return Answer(*writing.refused(DenialReason.CALL_UNKNOWN)) if is_unknown else Answer(204)

    def _is_for_help(self, start: StartCall) -> bool:
        return start.kind is CallKind.EMERGENCY_OUT or self._emergencies.concern(start)

    def _help(self, start: StartCall, asked: Asked, now: datetime) -> Answer:
        """Allow a call for help before queue and store; whatever follows on it is allowed too."""
        answer = self._emergencies.allow(start)
        return _told(asked, answer, now, reference=references.written(Reference(start.key, Counting.EMERGENCY)))

    def _help_or_refuse(self, body: bytes, failure: Misread, now: datetime) -> Answer:
        """Whoever calls for help is not asked to spell it right."""
        for start in reading.misread_starts(messages.addresses_in(body), now):
            if self._is_for_help(start):
                return self._help(start, _asked_for_help(body), now)
        raise failure

    def _address_of(self, answer: Answer, scope: Scope) -> str:
        """Return where the resource that was made is found; absolute, as TS 29.501 §4.4.1 wants it."""
        if not answer.reference:
            return ""
        host = asgi.header(scope, b"host")
        root = self._api_root or (f"{scope.get('scheme', 'http')}://{host}" if host else "")
        return f"{root}{COLLECTION}/{answer.reference}"


_OPERATIONS = frozenset({"update", "release"})


def _target(path: str) -> tuple[str, str] | None:
    """Return the reference and the operation that a path names, both empty for the collection; None for neither."""
    if path == COLLECTION:
        return "", ""
    word, _, operation = path.removeprefix(f"{COLLECTION}/").partition("/")
    is_named = path == f"{COLLECTION}/{word}/{operation}" and word != "" and operation in _OPERATIONS
    return (word, operation) if is_named else None


def _told(asked: Asked, answer: Answered, now: datetime, *, reference: str = "") -> Answer:
    """Tell a grant or a refusal: in the units that were asked for, else by a problem."""
    if isinstance(answer, Exception):
        return Answer(*writing.failed(answer))
    if isinstance(answer, Denied) and not writing.is_told_by_code(answer.reason, asked):
        return Answer(*writing.refused(answer.reason))
    assert isinstance(answer, Granted | Denied)
    status = 201 if asked.is_first else 200
    return Answer(status, writing.response(asked, now, writing.units(asked, answer)), reference)


def _asked_for_help(body: bytes) -> Asked:
    """Return what a call for help needs told, however it is written."""
    try:
        return writing.asked(messages.decoded(body), ChargingTerms())
    except Misread:
        return Asked()


def _within(body: bytes) -> bytes:
    if len(body) > BODY_MAX_BYTES:
        message = f"the body is larger than {BODY_MAX_BYTES} bytes"
        raise Misread(message, code="body_too_large")
    return body


async def _respond(send: Send, answer: Answer, address: str) -> None:
    status = answer.status
    body = b"" if answer.fields is None else msgspec.json.encode(answer.fields)
    kind = asgi.JSON if status < 400 else _PROBLEM  # noqa: PLR2004 -- HTTP's own number
    more = [(b"location", address.encode("latin-1"))] if address else _EXPLAINED.get(status, ())
    await asgi.respond(send, status, body, kind, more)
