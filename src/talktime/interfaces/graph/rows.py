"""Calls as rows of Graph's schema (domain.md 7.10): the cells of the usage export, under the API's names."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from talktime.core.calls.calls import EMERGENCY, INBOUND, SUBCODES, CallKind, DenialReason, text_of
from talktime.core.insight.call_records.attempts import Attempt
from talktime.core.insight.call_records.dial_outs import DialOutLine
from talktime.core.insight.privacy.masking import masked, shown_numbers
from talktime.core.insight.tables import format_instant
from talktime.core.insight.usage import ORIGINAL, ReportedUsage, report_uuid, user_uuid
from talktime.core.organizations.organizations import Organization
from talktime.core.values import numbers
from talktime.core.values.money import format_micros
from talktime.interfaces.graph.errors import Fields
from talktime.interfaces.graph.paths import BETA
from talktime.usecases.insight.call_records.read_calls import BlockedUser

_CELL = {column.name: index for index, column in enumerate(ORIGINAL.columns)}
# The enumeration of the original knows two: what the platform measured, and what the carrier did.
_DURATION_SOURCES = {"talktime": "microsoft", "operator": "operator"}
# How the original calls what comes over one's own trunks (domain.md 7.2); of conferences it knows none there.
_TRUNK_TYPES = {
    CallKind.USER_OUT: "dr_out",
    CallKind.USER_OUT_CONFERENCE: "dr_out_user_conf",
    CallKind.USER_OUT_TRANSFER: "dr_out_user_transfer",
    CallKind.USER_OUT_FORWARDING: "dr_out_user_forwarding",
    CallKind.USER_IN: "dr_in",
    CallKind.VOICE_APP_OUT: "dr_out_bot",
    CallKind.VOICE_APP_IN: "dr_in_bot",
    CallKind.EMERGENCY_OUT: "dr_emergency_out",
    CallKind.EMERGENCY_IN: "dr_in",
    CallKind.CONFERENCE_OUT: "conf_out",
    CallKind.CALL_ME: "conf_out",
    CallKind.CONFERENCE_IN: "conf_in",
}
_BOTS = frozenset({CallKind.VOICE_APP_IN, CallKind.VOICE_APP_OUT})


class SipAnswer(NamedTuple):
    """What a switch answers a refused caller: status and phrase (RFC 3261 §21)."""

    code: int
    phrase: str


SipAnswers = Mapping[DenialReason, SipAnswer]


def amount(micros: int) -> msgspec.Raw:
    """Return money as a JSON number, written out exactly, with two decimals or as many as it has."""
    return msgspec.Raw(format_micros(micros).encode())


def pstn_call(reported: ReportedUsage, organization: Organization, version: str) -> Fields:
    """Return a usage row as pstnCallLogRow."""
    row = reported.row
    cells = ORIGINAL.cells(reported, organization.country)
    shown = shown_numbers(row, organization.country)
    fields: Fields = {
        "id": cells[_CELL["UsageId"]],
        "callId": cells[_CELL["Call ID"]],
        "userId": cells[_CELL["Microsoft Entra ObjectId"]],
        "userPrincipalName": cells[_CELL["UPN"]],
        "userDisplayName": cells[_CELL["User Display Name"]],
        "startDateTime": format_instant(row.started_at),
        "endDateTime": format_instant(row.ended_at),
        "duration": row.used_seconds,
        "charge": amount(row.cost_micros),
        "callType": cells[_CELL["Call Type"]],
        "currency": row.currency,
        # Who called and who was called, plainly (D17), whatever the export's column Caller ID is said to mean.
        "calleeNumber": _written(row.called, shown.called),
        "usageCountryCode": cells[_CELL["User Location"]],
        "tenantCountryCode": organization.country,
        "connectionCharge": amount(row.connection_fee_micros),
        "callerNumber": _written(row.caller, shown.caller),
        "destinationContext": cells[_CELL["Domestic/International"]],
        "destinationName": cells[_CELL["Destination Dialed"]],
        "conferenceId": cells[_CELL["Conference ID"]] or None,
        "licenseCapability": cells[_CELL["Capability"]],
        "inventoryType": cells[_CELL["Number Type"]],
        "operator": cells[_CELL["Operator"]],
        "callDurationSource": _DURATION_SOURCES[str(cells[_CELL["Source of Call Duration"]])],
    }
    if version == BETA:
        fields["otherPartyCountryCode"] = cells[_CELL["External Country"]]
        fields["administrativeUnitInfos"] = []
    return fields


def direct_routing_call(attempt: Attempt, organization: Organization, version: str, answers: SipAnswers) -> Fields:
    """Return an attempt as directRoutingLogRow."""
    key, is_successful = attempt.key, attempt.is_successful
    failed_at = attempt.started_at if attempt.denial is not None else attempt.ended_at
    answer = _sip_answer(attempt, answers)
    caller, called = _attempt_numbers(attempt, organization.country)
    has_user = attempt.user_id is not None and attempt.kind not in _BOTS
    location = attempt.usage_location or organization.country
    fields: Fields = {
        "id": report_uuid("call", attempt.organization_id, text_of(key)),
        # The legs of a call that rang in several places share it.
        "correlationId": report_uuid("calls", attempt.organization_id, f"{key.switch}|{key.call_id}"),
        "userId": user_uuid(attempt.organization_id, attempt.user_id or 0) if has_user else None,
        "userPrincipalName": attempt.user_principal_name if has_user else None,
        "userDisplayName": attempt.display_name if has_user else None,
        "startDateTime": format_instant(attempt.answered_at or attempt.started_at),
        "inviteDateTime": format_instant(attempt.started_at),
        "failureDateTime": None if is_successful or failed_at is None else format_instant(failed_at),
        "endDateTime": format_instant(attempt.ended_at) if is_successful and attempt.ended_at is not None else None,
        "duration": attempt.used_seconds,
        "callType": _TRUNK_TYPES[attempt.kind],
        "successfulCall": is_successful,
        "callerNumber": caller,
        "calleeNumber": called,
        "mediaPathLocation": None,
        "signalingLocation": None,
        "finalSipCode": None if answer is None else answer.code,
        "callEndSubReason": None if attempt.denial is None else SUBCODES.get(attempt.denial),
        "finalSipCodePhrase": None if answer is None else answer.phrase,
        "trunkFullyQualifiedDomainName": key.switch,
        "mediaBypassEnabled": None,
    }
    if version == BETA:
        external = attempt.caller if attempt.kind in INBOUND else attempt.called
        other = location if attempt.kind in EMERGENCY else numbers.country_of(external)
        fields |= {"userCountryCode": location, "otherPartyCountryCode": other or None}
    return fields


def dial_out_line(line: DialOutLine, organization: Organization) -> Fields:
    """Return a line of the dial-out usage as pstnOnlineMeetingDialoutReport."""
    key = line.key
    has_user = key.user_id != 0
    return {
        "userId": user_uuid(organization.organization_id, key.user_id) if has_user else None,
        "userPrincipalName": line.user_principal_name if has_user else None,
        "userDisplayName": line.display_name if has_user else None,
        "usageLocation": key.usage_location,
        "destinationContext": key.context or None,
        "currency": key.currency,
        "totalCalls": line.calls_count,
        "totalCallCharge": amount(line.cost_micros),
        "totalCallSeconds": line.used_seconds,
    }


def blocked_user(blocked: BlockedUser) -> Fields:
    """Return a user who may not call out as pstnBlockedUsersLogRow."""
    user, blocked_at = blocked.user, format_instant(blocked.blocked_at)
    return {
        "userId": user_uuid(user.organization_id, user.user_id),
        "userPrincipalName": user.user_principal_name,
        "userDisplayName": user.display_name,
        "userTelephoneNumber": f"+{blocked.telephone_number}" if blocked.telephone_number else None,
        "blockDateTime": blocked_at,
        "blockReason": user.block_reason,
        "userBlockMode": "blocked",
        "remediationId": report_uuid("block", user.organization_id, f"{user.user_id}:{blocked_at}"),
    }


def _sip_answer(attempt: Attempt, answers: SipAnswers) -> SipAnswer | None:
    """A talk that ended has none (the original writes 0 and BYE); of one that nobody answered only the switch knows."""
    if attempt.denial is not None:
        return answers[attempt.denial]
    return SipAnswer(0, "BYE") if attempt.is_successful else None


def _attempt_numbers(attempt: Attempt, country: str) -> tuple[str, str]:
    caller, called = attempt.caller, attempt.called
    if attempt.kind in EMERGENCY:
        return _written(caller, caller), _written(called, called)
    if attempt.kind in INBOUND:
        return _written(caller, masked(caller, country)), _written(called, called)
    return _written(caller, caller), _written(called, masked(called, country))


def _written(digits: str, shown: str) -> str:
    return f"+{shown}" if numbers.is_e164(digits) else shown
