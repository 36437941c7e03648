"""Credit-Control-Requests are answered: read, charged together, and their answers written."""

from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from talktime.core.calls.calls import CallKind, DenialReason
from talktime.core.calls.requests import Denied, EndCall, Request, StartCall
from talktime.core.values.errors import TalktimeError, Unavailable
from talktime.emergencies import EmergencyCalls
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces.diameter import profiles, reading, translating
from talktime.interfaces.diameter.events import Events
from talktime.interfaces.diameter.peer import Work
from talktime.interfaces.diameter.profiles import ClientProfile
from talktime.interfaces.diameter.reading import CreditControl
from talktime.interfaces.diameter.translating import AnswerWriter
from talktime.interfaces.diameter.wire.codec import Malformed, Message
from talktime.interfaces.diameter.wire.dictionary import RequestType

log = structlog.get_logger()

Asked = tuple[Message, CreditControl]


class CreditControlDoor:
    """What answers the CCRs of all connections."""

    def __init__(
        self, committer: GroupCommitter, events: Events, emergencies: EmergencyCalls, writer: AnswerWriter
    ) -> None:
        """Charge by the committer, answer by the writer; events and calls for help go their own ways."""
        self._committer, self._events, self._emergencies, self._writer = committer, events, emergencies, writer

    async def close(self) -> None:
        """Give up what cannot be recorded any more."""
        await self._emergencies.close()

    def begin(self, messages: Sequence[Message], profile: ClientProfile) -> list[Work]:
        """Begin to answer what arrived together: sessions by one ticket, so that a CCR costs little; events one by one.

        What is answered without charging waits for nothing.
        """
        now = datetime.now(UTC)
        batch = _Batch()
        works: list[Work] = []
        for message in messages:
            try:
                ccr = reading.read_credit_control(message, profile)
                if ccr.kind is RequestType.EVENT:
                    works.append((1, self._told([message], self._event(message, ccr, now))))
                else:
                    self._put(batch, message, ccr, profile, now)
            except Malformed as failure:
                self._put_misread(batch, message, failure, now)
        if batch.asked or batch.kept:
            charged = [message for message, _ in batch.asked]
            works.append((len(charged), self._told(charged, self._charge(batch, profile, now))))
        if batch.answered:
            works.insert(0, (len(batch.answered), _said(b"".join(batch.answered))))
        return works

    def _put(
        self, batch: "_Batch", message: Message, ccr: CreditControl, profile: ClientProfile, now: datetime
    ) -> None:
        if ccr.kind is not RequestType.INITIAL:
            batch.put(message, ccr, translating.report_of(ccr, now))
            return
        start = translating.start_of(ccr, reading.read_parties(message.avps), now)
        if self._is_for_help(start):
            batch.answered.append(self._writer.answer(message, ccr, self._emergencies.allow(start), profile))
        else:
            batch.put(message, ccr, start)

    def _put_misread(self, batch: "_Batch", message: Message, failure: Malformed, now: datetime) -> None:
        """Refuse what cannot be read; but help is given, and the end of a call is kept for an operator."""
        ccr = reading.misread_credit_control(message.avps)
        start = translating.call_of(ccr, reading.called_number(message.avps), now)
        if ccr.kind is RequestType.INITIAL and self._is_for_help(start):
            answer = self._writer.answer(message, ccr, self._emergencies.allow(start), profiles.DEFAULT)
            batch.answered.append(answer)
            return
        batch.answered.append(self._writer.error(message, failure.code, failure.message, failure.failed_avp))
        if ccr.kind is RequestType.TERMINATION:
            batch.kept.append(EndCall(start.key, now, 0, misread=f"its CCR-T cannot be read: {failure.message}"))

    def _is_for_help(self, start: StartCall) -> bool:
        return start.kind is CallKind.EMERGENCY_OUT or self._emergencies.concern(start)

    async def _charge(self, batch: "_Batch", profile: ClientProfile, now: datetime) -> bytes:
        answers: Sequence[Answered] = ()
        # What follows on a call for help that is not recorded yet would be nobody's: its start comes first.
        waiting = self._emergencies.kept
        starts = [waiting[request.key] for request in batch.requests if request.key in waiting] if waiting else []
        requests = [*starts, *batch.requests, *batch.kept]
        if requests:
            try:
                answers = (await self._committer.charge(requests))[len(starts) :]
            except Unavailable as failure:
                answers = [failure] * len(batch.requests)
        # What is kept has been answered: its answers are the last, and go nowhere.
        return b"".join(
            self._writer.answer(*asked, self._or_help(*asked, outcome, now), profile)
            for asked, outcome in zip(batch.asked, answers, strict=False)
        )

    def _or_help(self, message: Message, ccr: CreditControl, outcome: Answered, now: datetime) -> Answered:
        """Let a call for help go on that is not on record: nobody knows its caller, and it was allowed all the same."""
        if ccr.kind is RequestType.UPDATE and isinstance(outcome, Denied):
            call = translating.call_of(ccr, reading.called_number(message.avps), now)
            if outcome.reason is DenialReason.CALL_UNKNOWN and self._is_for_help(call):
                return self._emergencies.allow(call)
        return outcome

    async def _event(self, message: Message, ccr: CreditControl, now: datetime) -> bytes:
        try:
            return await self._events.answer(message, ccr, now)
        except Malformed as failure:
            return self._writer.error(message, failure.code, failure.message, failure.failed_avp)
        except TalktimeError as failure:
            return self._writer.failure(message, failure)

    async def _told(self, messages: Sequence[Message], work: Coroutine[Any, Any, bytes]) -> bytes:
        """Answer each of the messages, also where we have failed: the log says how."""
        try:
            return await work
        except Exception as failure:
            log.exception("diameter_answer_failed")
            return b"".join(self._writer.failure(message, failure) for message in messages)


async def _said(answers: bytes) -> bytes:
    return answers


class _Batch:
    """What arrived together: what is asked of charging, what is kept of ends, and what is answered already."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.requests: list[Request] = []
        self.kept: list[Request] = []
        self.answered: list[bytes] = []

    def put(self, message: Message, ccr: CreditControl, request: Request) -> None:
        """Ask charging."""
        self.asked.append((message, ccr))
        self.requests.append(request)
