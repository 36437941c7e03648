"""From what charging answers to what a switch reads: flat JSON or one line, and SIP and Q.850 codes by table."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from talktime.core.calls.calls import EXPLANATIONS, SUBCODES, DenialReason
from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.requests import Answer, Denied, EndLeg, ExtendCall, Finished, Granted, Noted, Parked, Request
from talktime.core.values.errors import CallerError, Unavailable
from talktime.core.values.money import format_micros
from talktime.group_commit import Answered

RETRY_AFTER_SECONDS = 1


class Refusal(NamedTuple):
    """What a switch answers its caller: SIP status and phrase (RFC 3261 §21), and the Q.850 cause."""

    sip_code: int
    sip_reason: str
    hangup_cause: int


REFUSALS: dict[DenialReason, Refusal] = {
    DenialReason.CALLER_UNKNOWN: Refusal(403, "Caller Unknown", 21),
    DenialReason.ORGANIZATION_SUSPENDED: Refusal(403, "Account Suspended", 21),
    DenialReason.NUMBER_NOT_E164: Refusal(484, "Address Incomplete", 28),
    DenialReason.USER_BLOCKED: Refusal(403, "Caller Blocked", 21),
    DenialReason.POLICY_FORBIDS_CALLS: Refusal(403, "Forbidden By Policy", 55),
    DenialReason.POLICY_FORBIDS_INTERNATIONAL: Refusal(403, "Forbidden By Policy", 55),
    DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT: Refusal(403, "Forbidden By Policy", 55),
    DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY: Refusal(403, "Forbidden By Policy", 55),
    DenialReason.POLICY_ALLOWS_ZONE_A_ONLY: Refusal(403, "Forbidden By Policy", 55),
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: Refusal(403, "License Missing", 50),
    DenialReason.CALLING_PLAN_MISSING: Refusal(403, "License Missing", 50),
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: Refusal(403, "License Missing", 50),
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: Refusal(403, "License Missing", 50),
    DenialReason.TOLL_FREE_DISABLED: Refusal(403, "Toll-Free Disabled", 55),
    DenialReason.DESTINATION_BLOCKED: Refusal(403, "Destination Blocked", 21),
    DenialReason.PREMIUM_NOT_SUPPORTED: Refusal(403, "Premium Not Supported", 21),
    DenialReason.TOO_MANY_CALLS: Refusal(403, "Too Many Calls", 21),
    DenialReason.CREDIT_NOT_SET_UP: Refusal(402, "Payment Required", 50),
    DenialReason.OVERAGE_OFF: Refusal(402, "Payment Required", 50),
    DenialReason.CREDITS_LICENSE_MISSING: Refusal(403, "License Missing", 50),
    DenialReason.NO_RATE_DECK_IN_FORCE: Refusal(403, "No Rates Published", 63),
    DenialReason.DESTINATION_NOT_RATED: Refusal(403, "Destination Not Rated", 3),
    DenialReason.DECK_CURRENCY_DIFFERS: Refusal(403, "Rates In Another Currency", 63),
    DenialReason.DESTINATION_TOO_EXPENSIVE: Refusal(403, "Destination Too Expensive", 21),
    DenialReason.USER_CAP_REACHED: Refusal(402, "Payment Required", 21),
    DenialReason.DEPARTMENT_CAP_REACHED: Refusal(402, "Payment Required", 21),
    DenialReason.CREDIT_EXHAUSTED: Refusal(402, "Payment Required", 21),
    DenialReason.OVERAGE_LIMIT_REACHED: Refusal(402, "Payment Required", 21),
    DenialReason.CALL_CUT: Refusal(403, "Call Cut", 21),
    DenialReason.CALL_UNKNOWN: Refusal(481, "Call Does Not Exist", 41),
    DenialReason.CALL_ENDED: Refusal(481, "Call Does Not Exist", 41),
    DenialReason.CALL_ID_TAKEN: Refusal(403, "Call Id Taken", 21),
}

Flat = dict[str, object]
encode = msgspec.json.Encoder().encode


def flat(request: Request, answer: Answer) -> Flat:
    """Return the answer as flat fields."""
    match answer:
        case Granted():
            return _granted(request, answer)
        case Denied(reason):
            code, phrase, cause = REFUSALS[reason]
            return {
                "result": "deny",
                "sip_code": code,
                "sip_reason": phrase,
                "hangup_cause": cause,
                "reason": reason.value,
                "detail": EXPLANATIONS[reason],
                **({"subcode": SUBCODES[reason]} if reason in SUBCODES else {}),
            }
        case Finished(used_seconds, cost_micros, currency):
            charged = format_micros(cost_micros)
            return {"result": "ok", "charged": charged, "currency": currency, "used": used_seconds}
        case Noted():
            return {"result": "ok"}
        case Parked(reason):
            return {"result": "parked", "reason": reason}


def forecast(found: ConferenceForecast) -> Flat:
    """Return for how many seconds all open legs of a conference can go on."""
    return {"result": "ok", "legs": found.legs_count, "left": found.seconds}


def conference(legs: Sequence[EndLeg], answers: Sequence[Answered]) -> Flat:
    """Return what became of each leg of a conference that is over; one that failed is open still."""
    return {"result": "ok", "legs": [_leg(leg, answer) for leg, answer in zip(legs, answers, strict=True)]}


def _leg(leg: EndLeg, answer: Answered) -> Flat:
    named: Flat = {"call_id": leg.key.call_id, "leg": leg.key.leg}
    if isinstance(answer, Exception):
        return {**named, **flat_error(answer)[1]}
    return {**named, **flat(leg, answer)}


def flat_error(error: Exception) -> tuple[int, Flat]:
    """Return the HTTP status and the fields of a request that got no answer."""
    if isinstance(error, CallerError):
        status = 413 if error.code == "body_too_large" else 400
        return status, {"result": "error", "code": error.code, "detail": error.message}
    if isinstance(error, Unavailable):
        return 503, {"result": "error", "code": error.code, "detail": error.message}
    return 500, {"result": "error", "code": "internal", "detail": "Talktime failed; its log says why."}


def text_line(fields: Flat) -> str:
    """Return the answer as one line for switches without JSON: `allow 60 0`, `deny 402 21 credit_exhausted`."""
    match fields["result"]:
        case "allow":
            return f"allow {fields['granted_total']} {fields['final']}"
        case "deny":
            return f"deny {fields['sip_code']} {fields['hangup_cause']} {fields['reason']}"
        case "ok":
            return f"ok {fields.get('charged', '')}".rstrip()
        case other:
            return f"{other} {fields.get('code') or fields.get('reason')}"


def _granted(request: Request, answer: Granted) -> Flat:
    elapsed = request.elapsed_seconds if isinstance(request, ExtendCall) and request.elapsed_seconds else 0
    return {
        "result": "allow",
        "granted": answer.granted_seconds,
        "granted_total": answer.granted_seconds,
        "left": max(0, answer.granted_seconds - elapsed),
        "final": int(answer.is_final),
        "recheck_after": answer.recheck_after_seconds,
        "pays_from": answer.pays_from.value,
    }
