"""From what a CCR says to what charging is asked, and from charging's answer to a CCA: pure, no state and no clock."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from talktime.core.calls.calls import EXPLANATIONS, UNCOUNTED, CallKey, CallKind, DenialReason
from talktime.core.calls.requests import Denied, EndSession, Granted, Request, StartCall, UpdateSession
from talktime.core.values.errors import TalktimeError
from talktime.core.values.frozen import frozen
from talktime.group_commit import Answered
from talktime.interfaces.diameter import results
from talktime.interfaces.diameter.profiles import ClientProfile
from talktime.interfaces.diameter.reading import CreditControl, Parties
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Message
from talktime.interfaces.diameter.wire.dictionary import RequestType, ResultCode

# A grant must stay valid while the phone rings: without, Kamailio asks again a second after the answer (quirk 1).
RINGING_SECONDS_MAX: Final = 300

# Whom the IMS itself calls for help (RFC 5031 §4.2).
HELP_URN: Final = "urn:service:sos"

_SUCCESS: Final = codec.unsigned_avp(names.RESULT_CODE, ResultCode.SUCCESS)
_TERMINATE: Final = codec.group_avp(
    names.FINAL_UNIT_INDICATION, codec.unsigned_avp(names.FINAL_UNIT_ACTION, names.FINAL_UNIT_TERMINATE)
)
_NO_FLAGS: Final = 0
# Grants are mostly a quantum: so many of them are kept as they were written.
UNITS_KEPT_MAX: Final = 4_096
_REFUSED: Final = {
    reason: (code, codec.text_avp(names.ERROR_MESSAGE, EXPLANATIONS[reason], _NO_FLAGS))
    for reason, code in results.REFUSALS.items()
}


@frozen
class Identity:
    """Who we are to our peers; `state_id` grows with every start (RFC 6733 §8.16)."""

    host: str
    realm: str
    state_id: int
    product: str = "Talktime"

    @property
    def origin(self) -> bytes:
        """Return the AVPs that name us in every message."""
        return codec.text_avp(names.ORIGIN_HOST, self.host) + codec.text_avp(names.ORIGIN_REALM, self.realm)


def key_of(ccr: CreditControl) -> CallKey:
    """Return the call of a session; several clients may use one id (RFC 6733 §8.8)."""
    return CallKey(ccr.origin_host, ccr.session_id)


def start_of(ccr: CreditControl, parties: Parties, at: datetime) -> StartCall:
    """Return the start that an INITIAL_REQUEST asks for."""
    kind = CallKind.USER_IN if parties.is_terminating else None
    return StartCall(
        key_of(ccr),
        at,
        parties.caller,
        parties.called,
        CallKind.EMERGENCY_OUT if _is_help_urn(parties.called) else kind,
        forwarded_by=parties.forwarded_by,
        switch_ref=parties.switch_ref,
        wanted_seconds=ccr.wanted_seconds or 0,
        number=ccr.number,
        sent_at=ccr.sent_at,
    )


def call_of(ccr: CreditControl, called: str, at: datetime) -> StartCall:
    """Return what can be told of a call by whom it calls alone: whether it is for help."""
    return StartCall(key_of(ccr), at, "", called, CallKind.EMERGENCY_OUT if _is_help_urn(called) else None)


def _is_help_urn(called: str) -> bool:
    return called.startswith(HELP_URN)


def report_of(ccr: CreditControl, at: datetime) -> Request:
    """Return what an UPDATE or a TERMINATION reports; the client's clock is Event-Timestamp, the only one to trust."""
    sent_at = at if ccr.sent_at is None else ccr.sent_at
    if ccr.kind is RequestType.UPDATE:
        return UpdateSession(key_of(ccr), at, ccr.number, ccr.used_seconds, ccr.wanted_seconds or 0, sent_at)
    return EndSession(key_of(ccr), at, ccr.number, ccr.used_seconds, sent_at)


class AnswerWriter:
    """Writes CCAs in our name."""

    def __init__(self, identity: Identity, ring_timeout_seconds: int = 0) -> None:
        """Write once what stands in every answer."""
        self._origin = identity.origin
        self._ours = self._origin + codec.unsigned_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL_APPLICATION)
        self._ringing_seconds = max(ring_timeout_seconds, RINGING_SECONDS_MAX)

    def answer(self, request: Message, ccr: CreditControl, answered: Answered, profile: ClientProfile) -> bytes:
        """Return the CCA for what charging answered to a session's request."""
        if isinstance(answered, Exception):
            return self.failure(request, answered)
        # Whatever became of it, a client must not repeat an end for ever: what is odd is kept for an operator.
        if ccr.kind is RequestType.TERMINATION:
            return self.success(request, ccr)
        if isinstance(answered, Denied):
            return self.refusal(request, ccr, answered.reason)
        assert isinstance(answered, Granted), answered
        if answered.pays_from in UNCOUNTED and profile.frees_by_result_code:
            not_applicable = ResultCode.CREDIT_CONTROL_NOT_APPLICABLE
            return self.write(request, ccr, codec.unsigned_avp(names.RESULT_CODE, not_applicable))
        left_seconds = answered.granted_seconds - answered.reported_seconds
        # Success without units lets Kamailio go on unfunded until its old grant ends (quirk 3).
        if left_seconds <= 0:
            return self.refusal(request, ccr, DenialReason.CREDIT_EXHAUSTED)
        return self.grant(request, ccr, left_seconds, is_final=answered.is_final)

    def grant(self, request: Message, ccr: CreditControl, seconds: int, *, is_final: bool = False) -> bytes:
        """Return the CCA that grants so many seconds."""
        units = _units(_echoes(ccr), seconds, seconds + self._ringing_seconds, is_final=is_final)
        return self.write(request, ccr, _SUCCESS, units)

    def success(self, request: Message, ccr: CreditControl, more: bytes = b"") -> bytes:
        """Return the CCA that says no more than that it is done, and what was asked."""
        return self.write(request, ccr, _SUCCESS, more)

    def refusal(self, request: Message, ccr: CreditControl, reason: DenialReason) -> bytes:
        """Return the CCA for an expected no; at the top, where Kamailio looks for it (quirk 3)."""
        code, explanation = _REFUSED[reason]
        return self.write(request, ccr, codec.unsigned_avp(names.RESULT_CODE, code), explanation)

    def failure(self, request: Message, failure: Exception) -> bytes:
        """Return the answer to a request that got none from charging."""
        message = failure.message if isinstance(failure, TalktimeError) else "Talktime failed; its log says why."
        return self.error(request, results.of_failure(failure), message)

    def error(self, request: Message, code: ResultCode, message: str, failed_avp: bytes = b"") -> bytes:
        """Return an answer that says no more than what went wrong; the E bit is the base protocol's (RFC 6733 §7.2)."""
        header, avps = request
        shown = codec.unsigned_avp(names.RESULT_CODE, code) + codec.text_avp(names.ERROR_MESSAGE, message, _NO_FLAGS)
        written = _session(avps) + self._origin + shown + codec.failed_avp(failed_avp) + _proxies(avps)
        return codec.answer_to(header, written, flags=codec.ERROR if is_protocol_error(code) else 0)

    def write(self, request: Message, ccr: CreditControl, result: bytes, more: bytes = b"") -> bytes:
        """Return a CCA with a Result-Code, and what comes with it."""
        header, avps = request
        echoed = codec.unsigned_avp(names.CC_REQUEST_TYPE, ccr.kind) + codec.unsigned_avp(
            names.CC_REQUEST_NUMBER, ccr.number
        )
        return codec.answer_to(header, _session(avps) + result + self._ours + echoed + more + _proxies(avps))


@lru_cache(UNITS_KEPT_MAX)
def _units(echoes: tuple[bytes, ...] | None, seconds: int, valid_seconds: int, *, is_final: bool) -> bytes:
    """Write the seconds that may still be used: for each service alike, or at the top where there is none."""
    units = codec.group_avp(names.GRANTED_SERVICE_UNIT, codec.unsigned_avp(names.CC_TIME, seconds))
    units += codec.unsigned_avp(names.VALIDITY_TIME, valid_seconds)
    if is_final:
        units += _TERMINATE
    if echoes is None:
        return units
    return b"".join(
        codec.group_avp(names.MULTIPLE_SERVICES_CREDIT_CONTROL, units, echoed, _SUCCESS) for echoed in echoes
    )


def _echoes(ccr: CreditControl) -> tuple[bytes, ...] | None:
    """Return the names of the services that get units; a first request need not say that it wants them."""
    if not ccr.services:
        return None
    is_first = ccr.kind is RequestType.INITIAL
    return tuple(service.echoed for service in ccr.services if is_first or service.wanted_seconds is not None)


def is_protocol_error(code: ResultCode) -> bool:
    """Tell whether a result code is of the 3xxx, which carry the E bit."""
    return 3000 <= code < 4000  # noqa: PLR2004 -- RFC 6733 §7.1.3


def _session(avps: codec.Avps) -> bytes:
    values = avps.get(names.SESSION_ID)
    return b"" if values is None else codec.avp(names.SESSION_ID, values[0])


def _proxies(avps: codec.Avps) -> bytes:
    """Return what proxies want back, in their order (RFC 6733 §6.2)."""
    values = avps.get(names.PROXY_INFO)
    return b"" if values is None else b"".join(codec.avp(names.PROXY_INFO, value) for value in values)
