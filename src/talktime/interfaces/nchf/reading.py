"""From TS 32.291's messages to the requests that charging decides: a session is a call, its reports are relative."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from talktime.core.calls.calls import CallKey, CallKind, Ending
from talktime.core.calls.requests import EndCall, EndSession, ExtendCall, StartCall, UpdateSession
from talktime.core.values.numbers import is_e164, normalize
from talktime.interfaces.nchf.messages import ChargingData, Misread, UsedUnits
from talktime.interfaces.nchf.references import Counting, Reference

# In UTF-8, so that a call's key fits into an index of either database.
TEXT_BYTES_MAX = 255
# Nobody is granted more than a day, so nobody uses more between two reports.
DURATION_MAX_SECONDS = 90_000
DIGEST_BYTES = 16
SWITCH_REF_PREFIX = "nchf:"
MISREAD_KEY = CallKey("", "misread")
# How an IMS dials for help without a number (RFC 5031).
HELP_URN = "urn:service:sos"

_TERMINATING, _FORWARDING = "TERMINATING", "FORWARDING"
_CONFERENCE, _DIVERSION, _TRANSFER = "CONF", "CDIV", "ECT"
# Of a word that is not here, the call was hung up.
_ENDINGS = {
    "QUOTA_EXHAUSTED": Ending.CREDIT_EXHAUSTED,
    "ABORTING_A_SIP_SESSION_SET-UP": Ending.NOT_ANSWERED,
    "SIP_3XX_FINAL_OR_REDIRECTION_RESPONSE": Ending.FAILED,
    "SIP_4XX_5XX_OR_6XX_RESPONSE": Ending.FAILED,
    "SIP_4XX_5XX_OR_6XX_FINAL_RESPONSE": Ending.FAILED,
}
# Reported outside of what is granted; a container that says nothing is taken to be within.
_OUTSIDE_GRANT = frozenset({"OFFLINE_CHARGING", "QUOTA_MANAGEMENT_SUSPENDED"})


def read_start(data: ChargingData, now: datetime) -> StartCall:
    """Return the call that a create begins; raise Misread naming the place."""
    called = data.ims.called or next(iter(data.ims.requested), "")
    if not called:
        raise Misread(
            "calledPartyAddress: is missing",
            code="missing_field",
            pointer="/iMSChargingInformation/calledPartyAddress",
        )
    kind, forwarded_by = _forwarding(data)
    return StartCall(
        _key(data),
        now,
        caller=_number(_caller(data), "/iMSChargingInformation/callingPartyAddresses"),
        called=_number(called, "/iMSChargingInformation/calledPartyAddress"),
        kind=CallKind.EMERGENCY_OUT if is_call_for_help(_dialled(data)) else kind,
        conference_id=_text(_conference(data)[0], "/mMTelChargingInformation"),
        organizer=_number(_conference(data)[1], "/mMTelChargingInformation"),
        forwarded_by=_number(forwarded_by, "/mMTelChargingInformation"),
        switch_ref=_switch_ref(data),
        wanted_seconds=wanted_seconds(data),
        number=data.number,
        sent_at=_sent_at(data),
    )


def misread_starts(addresses: Iterable[str], now: datetime) -> list[StartCall]:
    """Return what is left of a create that cannot be read: whom it may call. It belongs to nobody."""
    return [
        StartCall(
            MISREAD_KEY,
            now,
            caller="",
            called=normalize(address),
            kind=CallKind.EMERGENCY_OUT if is_call_for_help((address,)) else None,
        )
        for address in addresses
    ]


def read_update(reference: Reference, data: ChargingData, now: datetime) -> UpdateSession:
    """Return what a session reports and wants; raise Misread."""
    return UpdateSession(
        reference.key, now, data.number, used_seconds(data, reference), wanted_seconds(data), _sent_at(data)
    )


def read_release(reference: Reference, data: ChargingData, now: datetime) -> EndSession:
    """Return how a session ended; raise Misread."""
    used = used_seconds(data, reference)
    return EndSession(reference.key, now, data.number, used, _sent_at(data), _ending(data))


def misread_release(reference: Reference, failure: Misread, now: datetime) -> EndCall:
    """Return what is left of a release that cannot be read: it is kept for an operator."""
    return EndCall(reference.key, now, 0, misread=failure.message)


@dataclass(frozen=True, slots=True)
class Event:
    """A call charged at once: after it was made (PEC), or before, where its whole cost must be there (IEC)."""

    start: StartCall
    seconds: int
    is_made: bool

    def extension(self, quantum_seconds: int) -> ExtendCall:
        """Return the request for all that the start does not grant; a first block may be longer than the quantum."""
        at = self.start.at + timedelta(seconds=self.seconds)
        return ExtendCall(self.start.key, at, self.seconds, max(0, self.seconds - quantum_seconds))

    def end(self, used_seconds: int) -> EndCall:
        """Return the end after so many seconds."""
        ending = Ending.HANGUP if used_seconds else Ending.CREDIT_EXHAUSTED
        return EndCall(self.start.key, self.start.at + timedelta(seconds=self.seconds), used_seconds, ending)


def read_event(data: ChargingData, now: datetime) -> Event:
    """Return a one-time event as a call that ends now; raise Misread."""
    match data.event_kind:
        case "PEC":
            is_made, seconds = True, used_seconds(data, Reference(MISREAD_KEY, Counting.FREE))
        case "IEC":
            is_made, seconds = False, wanted_seconds(data)
        case other:
            message = f"oneTimeEventType: {other!r} is none of IEC, PEC"
            raise Misread(message, code="invalid_field", pointer="/oneTimeEventType")
    if seconds == 0 or seconds > DURATION_MAX_SECONDS:
        message = f"time: an event of {seconds} s is none: it takes between 1 and {DURATION_MAX_SECONDS}"
        raise Misread(message, code="invalid_field", pointer="/multipleUnitUsage")
    return Event(read_start(data, now - timedelta(seconds=seconds)), seconds, is_made)


def wanted_seconds(data: ChargingData) -> int:
    """Return how much is asked for at a time, 0 where that is left to us; rating groups run beside each other."""
    return max((unit.requested.time for unit in data.usage if unit.requested is not None), default=0)


def clock_group(data: ChargingData) -> int | None:
    """Return the rating group that is the clock of a call: of those that begin with it the one that comes first."""
    return min((unit.rating_group for unit in data.usage), default=None)


def used_seconds(data: ChargingData, reference: Reference) -> int:
    """Return what was used since the last report; rating groups run together, so by the call's clock alone.

    Where its create named none, the longest counts.
    """
    clocks = [unit for unit in data.usage if reference.clock_group in {None, unit.rating_group}]
    used = max(
        (sum(each.time for each in unit.used if _counts(each, reference.counting)) for unit in clocks), default=0
    )
    if used > DURATION_MAX_SECONDS:
        message = f"time: {used} s since the last report are more than {DURATION_MAX_SECONDS}"
        raise Misread(message, code="invalid_field", pointer="/multipleUnitUsage")
    return used


def is_call_for_help(addresses: Iterable[str]) -> bool:
    """Tell whether the IMS itself says that a call is one for help."""
    return any(address.strip().lower().startswith(HELP_URN) for address in addresses)


def _counts(used: UsedUnits, counting: Counting) -> bool:
    """A call that nothing is granted to is recorded by what is reported outside of it too."""
    return counting is not Counting.GRANT or used.indicator not in _OUTSIDE_GRANT


def _dialled(data: ChargingData) -> tuple[str, ...]:
    return (data.ims.called, *data.ims.requested)


def _key(data: ChargingData) -> CallKey:
    """Name the call as its consumer does, so that a create sent again names the same one.

    By the SIP Call-ID and the charging id, each where there is one; else by a digest of what tells calls apart.
    """
    consumer, ims = data.consumer, data.ims
    switch = _text(consumer.name or consumer.domain or consumer.functionality, "/nfConsumerIdentification")
    charging_id = "" if data.charging_id is None else str(data.charging_id)
    call_id, leg = ims.session_id or ims.charging_identifier, charging_id or ims.role
    if not call_id:
        call_id, leg = charging_id or _digest(data), ims.role
    pointer = "/iMSChargingInformation"
    return CallKey(switch, _text(call_id, f"{pointer}/userSessionID"), _text(leg, f"{pointer}/roleOfNode"))


def _digest(data: ChargingData) -> str:
    told = (data.subscriber, _sent_at(data).isoformat(), str(data.number), *data.ims.calling, *_dialled(data))
    return blake2b("\n".join(told).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _caller(data: ChargingData) -> str:
    """Choose among the addresses of who calls the one that is a number, else the first, else the subscriber."""
    addresses = data.ims.calling
    named = next((address for address in addresses if is_e164(normalize(address))), next(iter(addresses), ""))
    if named:
        return named
    return _subscriber(data)


def _subscriber(data: ChargingData) -> str:
    """Return the subscriber without what says of which kind the identity is (TS 23.003 §2.2A)."""
    kind, dash, identity = data.subscriber.partition("-")
    return identity if dash and kind in {"imsi", "nai", "gci", "gli", "msisdn"} else data.subscriber


def _forwarding(data: ChargingData) -> tuple[CallKind | None, str]:
    """Tell what the IMS says of a call that comes in, or that somebody forwards or transfers, and who does."""
    for service in data.telephony.services:
        if service.kind in {_DIVERSION, _TRANSFER}:
            is_transfer = service.kind == _TRANSFER
            kind = CallKind.USER_OUT_TRANSFER if is_transfer else CallKind.USER_OUT_FORWARDING
            return kind, service.party or _subscriber(data)
    if data.ims.role == _FORWARDING:
        return CallKind.USER_OUT_FORWARDING, _subscriber(data)
    # Its caller pays where he is: what is called decides here, and not that we may know him.
    return (CallKind.USER_IN if data.ims.role == _TERMINATING else None), ""


def _conference(data: ChargingData) -> tuple[str, str]:
    """Return a conference and who pays it, empty where the call belongs to none."""
    for service in data.telephony.services:
        if service.kind == _CONFERENCE:
            return service.conference_id, service.party
    return "", ""


def _switch_ref(data: ChargingData) -> str:
    return f"{SWITCH_REF_PREFIX}{data.notify_uri}" if data.notify_uri else ""


def _ending(data: ChargingData) -> Ending:
    contained = (trigger for unit in data.usage for used in unit.used for trigger in used.triggers)
    said = (_ENDINGS.get(trigger.kind) for trigger in (*data.triggers, *contained))
    return next((ending for ending in said if ending is not None), Ending.HANGUP)


def _sent_at(data: ChargingData) -> datetime:
    """Return the consumer's own instant; one without an offset, as some send it, is UTC."""
    sent_at = data.sent_at
    if sent_at.tzinfo is None:
        return sent_at.replace(tzinfo=UTC)
    try:
        return sent_at.astimezone(UTC)
    except OverflowError as failure:
        message = "invocationTimeStamp: lies beyond the calendar"
        raise Misread(message, code="invalid_mandatory_field", pointer="/invocationTimeStamp") from failure


def _number(address: str, pointer: str) -> str:
    return normalize(_text(address, pointer)) if address else ""


def _text(value: str, pointer: str) -> str:
    if not value.isprintable() or len(value.encode()) > TEXT_BYTES_MAX:
        name = pointer.rpartition("/")[2]
        message = f"{name}: must be printable text of at most {TEXT_BYTES_MAX} bytes"
        raise Misread(message, code="invalid_field", pointer=pointer)
    return value
