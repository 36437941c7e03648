"""From what charging answers to TS 32.291's messages: result codes, causes and problems by table."""

from datetime import datetime
from typing import NamedTuple

from talktime.core.calls.calls import EXPLANATIONS, UNCOUNTED, DenialReason
from talktime.core.calls.requests import ChargingTerms, Denied, Finished, Granted
from talktime.core.values.errors import CallerError, Unavailable
from talktime.group_commit import Answered
from talktime.interfaces.nchf.messages import ChargingData, Misread
from talktime.interfaces.nchf.references import Counting

RETRY_AFTER_SECONDS = 1
Fields = dict[str, object]

SUCCESS, NOT_APPLICABLE, LIMIT_REACHED = "SUCCESS", "QUOTA_MANAGEMENT_NOT_APPLICABLE", "QUOTA_LIMIT_REACHED"


class Refusal(NamedTuple):
    """What a refusal is: of a rating group (ResultCode), and of a request that asks for no units (§6.1.7.3)."""

    result_code: str
    status: int
    cause: str


_DENIED = Refusal("END_USER_SERVICE_DENIED", 403, "END_USER_REQUEST_DENIED")
_REJECTED = Refusal("END_USER_SERVICE_REJECTED", 403, "END_USER_REQUEST_REJECTED")
_LIMIT = Refusal(LIMIT_REACHED, 403, "QUOTA_LIMIT_REACHED")
_UNRATED = Refusal("RATING_FAILED", 403, "CHARGING_FAILED")
_UNKNOWN_USER = Refusal("END_USER_SERVICE_REJECTED", 404, "USER_UNKNOWN")
_UNKNOWN_CALL = Refusal("END_USER_SERVICE_REJECTED", 404, "CONTEXT_NOT_FOUND")

REFUSALS: dict[DenialReason, Refusal] = {
    DenialReason.CALLER_UNKNOWN: _UNKNOWN_USER,
    DenialReason.ORGANIZATION_SUSPENDED: _DENIED,
    DenialReason.NUMBER_NOT_E164: _REJECTED,
    DenialReason.USER_BLOCKED: _DENIED,
    DenialReason.POLICY_FORBIDS_CALLS: _DENIED,
    DenialReason.POLICY_FORBIDS_INTERNATIONAL: _DENIED,
    DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT: _DENIED,
    DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY: _DENIED,
    DenialReason.POLICY_ALLOWS_ZONE_A_ONLY: _DENIED,
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: _DENIED,
    DenialReason.CALLING_PLAN_MISSING: _DENIED,
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: _DENIED,
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: _DENIED,
    DenialReason.TOLL_FREE_DISABLED: _DENIED,
    DenialReason.DESTINATION_BLOCKED: _DENIED,
    DenialReason.PREMIUM_NOT_SUPPORTED: _DENIED,
    DenialReason.TOO_MANY_CALLS: _DENIED,
    DenialReason.CREDIT_NOT_SET_UP: _LIMIT,
    DenialReason.OVERAGE_OFF: _LIMIT,
    DenialReason.CREDITS_LICENSE_MISSING: _DENIED,
    DenialReason.NO_RATE_DECK_IN_FORCE: _UNRATED,
    DenialReason.DESTINATION_NOT_RATED: _UNRATED,
    DenialReason.DECK_CURRENCY_DIFFERS: _UNRATED,
    DenialReason.DESTINATION_TOO_EXPENSIVE: _DENIED,
    DenialReason.USER_CAP_REACHED: _LIMIT,
    DenialReason.DEPARTMENT_CAP_REACHED: _LIMIT,
    DenialReason.CREDIT_EXHAUSTED: _LIMIT,
    DenialReason.OVERAGE_LIMIT_REACHED: _LIMIT,
    DenialReason.CALL_CUT: _DENIED,
    DenialReason.CALL_UNKNOWN: _UNKNOWN_CALL,
    DenialReason.CALL_ENDED: _UNKNOWN_CALL,
    DenialReason.CALL_ID_TAKEN: _DENIED,
}
# TS 29.500 §5.2.7.2, by the code of what could not be read.
CAUSES = {
    "malformed_body": "INVALID_MSG_FORMAT",
    "body_too_large": "INVALID_MSG_FORMAT",
    "missing_field": "MANDATORY_IE_MISSING",
    "invalid_mandatory_field": "MANDATORY_IE_INCORRECT",
    "invalid_field": "OPTIONAL_IE_INCORRECT",
}


class Asked(NamedTuple):
    """What a request asked that its answer tells: number, rating groups that want units, all of them, and patience.

    `patience_seconds`: how long a grant holds beyond its own end (validityTime); `is_first`: of a session.
    """

    number: int = 0
    wanting: tuple[int, ...] = ()
    named: tuple[int, ...] = ()
    patience_seconds: int = 0
    is_first: bool = True


def asked(data: ChargingData, terms: ChargingTerms, *, is_first: bool = True) -> Asked:
    """Return what the answer to a message has to tell."""
    return Asked(
        data.number,
        tuple(unit.rating_group for unit in data.usage if unit.requested is not None),
        tuple(unit.rating_group for unit in data.usage),
        # While it rings; then well before we would call it silent.
        terms.ring_timeout_seconds if is_first else terms.silence_grace_seconds // 2,
        is_first,
    )


def counting_of(answer: Answered) -> Counting:
    """Tell how a session that begins with this answer is counted."""
    is_free = isinstance(answer, Granted) and answer.pays_from in UNCOUNTED
    return Counting.FREE if is_free else Counting.GRANT


def response(asked: Asked, now: datetime, units: list[Fields]) -> Fields:
    """Return a ChargingDataResponse; any of our processes may answer the next request of the session."""
    return {
        "invocationTimeStamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "invocationSequenceNumber": asked.number,
        "invocationResult": {"failureHandling": "RETRY_AND_TERMINATE"},
        "sessionFailover": "FAILOVER_SUPPORTED",
        **({"multipleUnitInformation": units} if units else {}),
    }


def is_told_by_code(reason: DenialReason, asked: Asked) -> bool:
    """Tell whether a refusal is a result code of the units that were asked for, and not a problem."""
    return bool(asked.named) and REFUSALS[reason].status != 404  # noqa: PLR2004 -- HTTP's own number


def units(asked: Asked, answer: Granted | Denied) -> list[Fields]:
    """Return what each rating group gets; they run beside each other, so all that want units get the same."""
    if isinstance(answer, Denied):
        return [{"ratingGroup": group, "resultCode": REFUSALS[answer.reason].result_code} for group in asked.named]
    told = _told_grant(asked, answer)
    return [{"ratingGroup": group, **told} for group in asked.wanting]


def charged_units(asked: Asked, answer: Finished | Denied, seconds: int) -> list[Fields]:
    """Return what became of a one-time event, in each rating group that it names."""
    if isinstance(answer, Denied):
        return units(asked, answer)
    return [{"ratingGroup": group, "resultCode": SUCCESS, "grantedUnit": {"time": seconds}} for group in asked.named]


def _told_grant(asked: Asked, answer: Granted) -> Fields:
    if answer.pays_from in UNCOUNTED:
        return {"resultCode": NOT_APPLICABLE}
    seconds = answer.granted_seconds - answer.reported_seconds
    if seconds <= 0:
        # A success with nothing in it would be talked on (charging.md e1, quirk 3).
        return {"resultCode": LIMIT_REACHED}
    granted: Fields = {
        "resultCode": SUCCESS,
        "grantedUnit": {"time": seconds},
        "validityTime": seconds + asked.patience_seconds,
    }
    if answer.is_final:
        return {**granted, "finalUnitIndication": {"finalUnitAction": "TERMINATE"}}
    return {**granted, "timeQuotaThreshold": min(answer.granted_seconds - answer.recheck_after_seconds, seconds - 1)}


def refused(reason: DenialReason) -> tuple[int, Fields]:
    """Return the problem of a request that has no units in which to say no, or nobody to pay."""
    refusal = REFUSALS[reason]
    return refusal.status, problem(refusal.status, refusal.cause, EXPLANATIONS[reason])


def failed(failure: Exception) -> tuple[int, Fields]:
    """Return the problem of a request that got no answer."""
    if isinstance(failure, CallerError):
        status = 413 if failure.code == "body_too_large" else 400
        pointer = failure.pointer if isinstance(failure, Misread) else ""
        return status, problem(status, CAUSES.get(failure.code, "INVALID_MSG_FORMAT"), failure.message, pointer)
    if isinstance(failure, Unavailable):
        return 503, problem(503, "NF_CONGESTION", failure.message)
    return 500, problem(500, "SYSTEM_FAILURE", "Talktime failed; its log says why.")


def problem(status: int, cause: str, detail: str, pointer: str = "") -> Fields:
    """Return ProblemDetails (TS 29.571)."""
    params = [{"param": pointer, "reason": detail}] if pointer else []
    return {"status": status, "cause": cause, "detail": detail, **({"invalidParams": params} if params else {})}
