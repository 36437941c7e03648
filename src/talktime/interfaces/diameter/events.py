"""One-time events (RFC 8506 §6): a call charged at once, given back, or only asked about.

Nothing is kept for them that calls do not keep: a debit is a call that ends now, so it is charged once by its session
like any other, and a repeat is answered alike.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from talktime.core.calls.calls import CallKey, DenialReason, Ending, PaysFrom
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.requests import (
    CorrectCall,
    Denied,
    EndCall,
    ExtendCall,
    Finished,
    Granted,
    Parked,
    Request,
    StartCall,
)
from talktime.core.rates import rating
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.money import MICRO_DECIMALS
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces.diameter import reading, results, translating
from talktime.interfaces.diameter.reading import CreditControl
from talktime.interfaces.diameter.translating import AnswerWriter
from talktime.interfaces.diameter.wire import codec, currencies
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Malformed, Message
from talktime.interfaces.diameter.wire.dictionary import RequestedAction, ResultCode

ENOUGH_CREDIT: Final = 0
NO_CREDIT: Final = 1
REFUND_REASON: Final = "refunded by the switch (REFUND_ACCOUNT)"

Explain = Callable[[StartCall], Awaitable[Explanation]]


class Events:
    """What answers CCRs of type EVENT."""

    def __init__(self, committer: GroupCommitter, explain: Explain, writer: AnswerWriter, quantum_seconds: int) -> None:
        """Charge by the committer, look without changing anything by `explain`."""
        self._committer, self._explain, self._writer = committer, explain, writer
        self._quantum_seconds = quantum_seconds

    async def answer(self, message: Message, ccr: CreditControl, at: datetime) -> bytes:
        """Return the CCA; raise Malformed, and Unavailable where the world fails."""
        match ccr.action:
            case RequestedAction.DIRECT_DEBITING:
                return await self._debit(message, ccr, at)
            case RequestedAction.REFUND_ACCOUNT:
                return await self._refund(message, ccr, at)
            case RequestedAction.CHECK_BALANCE:
                return await self._check(message, ccr, at)
            case _:
                return await self._price(message, ccr, at)

    # ── charged ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _debit(self, message: Message, ccr: CreditControl, at: datetime) -> bytes:
        """Charge all that is requested, or nothing: a call that ends now, after so many seconds."""
        seconds = _wanted(ccr)
        began_at = at - timedelta(seconds=seconds)
        start = translating.start_of(ccr, reading.read_parties(message.avps), began_at)
        answer = await self._hold(start, seconds, at)
        if isinstance(answer, Exception):
            return self._writer.failure(message, answer)
        if isinstance(answer, Denied) and answer.reason is not DenialReason.CALL_ENDED:
            return self._writer.refusal(message, ccr, answer.reason)
        is_paid = not isinstance(answer, Granted) or answer.granted_seconds >= seconds
        # Of a debit that is repeated this changes nothing, and tells what it came to.
        ending = Ending.HANGUP if is_paid else Ending.CREDIT_EXHAUSTED
        (ended,) = await self._committer.charge((EndCall(start.key, at, seconds if is_paid else 0, ending),))
        if isinstance(ended, Exception):
            return self._writer.failure(message, ended)
        if not (isinstance(ended, Finished) and ended.used_seconds == seconds):
            return self._writer.refusal(message, ccr, DenialReason.CREDIT_EXHAUSTED)
        return self._writer.grant(message, ccr, seconds)

    async def _hold(self, start: StartCall, seconds: int, at: datetime) -> Answered:
        """Hold what so many seconds cost: a start grants a quantum at most, an extension all the rest."""
        asked: list[Request] = [start]
        if seconds > self._quantum_seconds:
            # A first block may be longer than the quantum: whoever names all that he wants is no repeat of anything.
            asked.append(ExtendCall(start.key, at, seconds, seconds - self._quantum_seconds))
        started, *extended = await self._committer.charge(asked)
        return extended[0] if extended and isinstance(started, Granted) else started

    async def _refund(self, message: Message, ccr: CreditControl, at: datetime) -> bytes:
        """Give back what a finished call cost: the one of CC-Correlation-Id, else of this session (RFC 8506 §6.4)."""
        if ccr.wanted_seconds:
            problem = "a refund is of the whole call: leave CC-Time out"
            shown = codec.unsigned_avp(names.CC_TIME, ccr.wanted_seconds)
            raise Malformed(problem, code=ResultCode.INVALID_AVP_VALUE, failed_avp=shown)
        session_id = reading.correlated_session(message.avps) or ccr.session_id
        reference = f"refund:{session_id}"
        correct = CorrectCall(CallKey(ccr.origin_host, session_id), at, 0, REFUND_REASON, reference)
        (answer,) = await self._committer.charge((correct,))
        match answer:
            case Exception():
                return self._writer.failure(message, answer)
            case Parked(reason):
                return self._writer.failure(message, Invalid(reason, code="refund"))
            case _:
                return self._writer.success(message, ccr)

    # ── looked at ───────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self, message: Message, ccr: CreditControl, at: datetime) -> Explanation | DenialReason:
        """Ask how a call would be answered; what cannot be explained is refused for a reason."""
        try:
            return await self._explain(translating.start_of(ccr, reading.read_parties(message.avps), at))
        except NotFound:
            return DenialReason.CALLER_UNKNOWN
        except Invalid:
            return DenialReason.NUMBER_NOT_E164

    async def _check(self, message: Message, ccr: CreditControl, at: datetime) -> bytes:
        """Tell whether a call to there could be paid, for as long as is asked or at all."""
        explanation = await self._look(message, ccr, at)
        if isinstance(explanation, DenialReason):
            return self._writer.refusal(message, ccr, explanation)
        answer = explanation.answer
        has_enough = isinstance(answer, Granted) and explanation.lasts_seconds >= (ccr.wanted_seconds or 1)
        if isinstance(answer, Denied) and results.REFUSALS[answer.reason] is not ResultCode.CREDIT_LIMIT_REACHED:
            return self._writer.refusal(message, ccr, answer.reason)
        result = codec.unsigned_avp(names.CHECK_BALANCE_RESULT, ENOUGH_CREDIT if has_enough else NO_CREDIT)
        return self._writer.success(message, ccr, result)

    async def _price(self, message: Message, ccr: CreditControl, at: datetime) -> bytes:
        """Tell what so many seconds would cost, whether or not there is credit for them."""
        seconds = _wanted(ccr)
        explanation = await self._look(message, ccr, at)
        if isinstance(explanation, DenialReason):
            return self._writer.refusal(message, ccr, explanation)
        price, answer = explanation.case.price, explanation.answer
        if isinstance(answer, Denied):
            is_for_credit = results.REFUSALS[answer.reason] is ResultCode.CREDIT_LIMIT_REACHED
            if isinstance(price, DenialReason) or not is_for_credit:
                return self._writer.refusal(message, ccr, answer.reason)
        cost_micros = 0
        included_seconds = sum(each.seconds for each in explanation.stretches if each.paid_by not in _MONEY)
        if seconds > included_seconds and not isinstance(price, DenialReason):
            cost_micros = rating.cost_micros(price[1].tariff, explanation.case.request.at, seconds, included_seconds)
        return self._writer.success(message, ccr, _cost(cost_micros, explanation.case.organization.currency))


_MONEY = frozenset({PaysFrom.CREDIT, PaysFrom.OVERAGE})


def _wanted(ccr: CreditControl) -> int:
    """Return the seconds of an event; raise Malformed for one without: what it is about is requested units."""
    if ccr.wanted_seconds is None:
        message = "AVP 437 is missing: an event says by CC-Time how many seconds it is about"
        shown = codec.avp(names.REQUESTED_SERVICE_UNIT, b"")
        raise Malformed(message, code=ResultCode.MISSING_AVP, failed_avp=shown)
    if not ccr.wanted_seconds:
        message = "calls are charged by the second: an event needs CC-Time"
        shown = codec.group_avp(names.REQUESTED_SERVICE_UNIT)
        raise Malformed(message, code=ResultCode.RATING_FAILED, failed_avp=shown)
    return ccr.wanted_seconds


def _cost(cost_micros: int, currency: str) -> bytes:
    """Write Cost-Information: an amount as digits and a power of ten (RFC 8506 §8.7)."""
    amount = codec.group_avp(
        names.UNIT_VALUE,
        codec.avp(names.VALUE_DIGITS, cost_micros.to_bytes(8, "big", signed=True)),
        codec.avp(names.EXPONENT, (-MICRO_DECIMALS).to_bytes(4, "big", signed=True)),
    )
    number = codec.unsigned_avp(names.CURRENCY_CODE, currencies.NUMBERS[currency])
    return codec.group_avp(names.COST_INFORMATION, amount, number)
