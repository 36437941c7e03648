"""How a refusal is told: one result code for every reason (RFC 8506 §9, charging.md e2)."""

from talktime.core.calls.calls import DenialReason
from talktime.core.values.errors import Unavailable
from talktime.interfaces.diameter.wire.dictionary import ResultCode

REFUSALS: dict[DenialReason, ResultCode] = {
    DenialReason.CALLER_UNKNOWN: ResultCode.USER_UNKNOWN,
    DenialReason.ORGANIZATION_SUSPENDED: ResultCode.AUTHORIZATION_REJECTED,
    # What was dialed is no input that could be rated (RFC 8506 §9.2).
    DenialReason.NUMBER_NOT_E164: ResultCode.RATING_FAILED,
    DenialReason.USER_BLOCKED: ResultCode.AUTHORIZATION_REJECTED,
    DenialReason.POLICY_FORBIDS_CALLS: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.POLICY_FORBIDS_INTERNATIONAL: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.POLICY_ALLOWS_ZONE_A_ONLY: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.CALLING_PLAN_MISSING: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.TOLL_FREE_DISABLED: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.DESTINATION_BLOCKED: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.PREMIUM_NOT_SUPPORTED: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.TOO_MANY_CALLS: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.CREDIT_NOT_SET_UP: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.OVERAGE_OFF: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.CREDITS_LICENSE_MISSING: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.NO_RATE_DECK_IN_FORCE: ResultCode.RATING_FAILED,
    DenialReason.DESTINATION_NOT_RATED: ResultCode.RATING_FAILED,
    DenialReason.DECK_CURRENCY_DIFFERS: ResultCode.RATING_FAILED,
    DenialReason.DESTINATION_TOO_EXPENSIVE: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.USER_CAP_REACHED: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.DEPARTMENT_CAP_REACHED: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.CREDIT_EXHAUSTED: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.OVERAGE_LIMIT_REACHED: ResultCode.CREDIT_LIMIT_REACHED,
    DenialReason.CALL_UNKNOWN: ResultCode.UNKNOWN_SESSION_ID,
    DenialReason.CALL_ENDED: ResultCode.UNKNOWN_SESSION_ID,
    DenialReason.CALL_ID_TAKEN: ResultCode.END_USER_SERVICE_DENIED,
    DenialReason.CALL_CUT: ResultCode.END_USER_SERVICE_DENIED,
}


def of_failure(failure: Exception) -> ResultCode:
    """Return what tells that a request got no answer: to be sent again where the world fails, else not."""
    return ResultCode.TOO_BUSY if isinstance(failure, Unavailable) else ResultCode.UNABLE_TO_COMPLY
