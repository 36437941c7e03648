"""From a Credit-Control-Request to what it says: the AVPs that a call is charged by, whoever wrote them in which order.

Kamailio's are measured (charging.md e1): twice an Origin-Host, no Auth-Application-Id at the top, numbers as URIs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from talktime.core.calls.calls import KEY_SEPARATOR
from talktime.core.values.numbers import normalize
from talktime.interfaces.diameter.profiles import ClientProfile
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Avps, Malformed, Message
from talktime.interfaces.diameter.wire.dictionary import RequestedAction, RequestType, ResultCode

# In UTF-8, so that a call's key fits into an index of either database.
TEXT_BYTES_MAX = 255
# What a client asks for in one go: ten days, more than any call.
DURATION_MAX_SECONDS = 10 * 86_400
# Nobody is granted more than a day, so nobody uses more between two reports; Kamailio has said 71,582,788 (its #4495).
USED_MAX_SECONDS = 90_000
# A call has one clock: a rating group each for sound and picture, and no more (charging.md e1).
SERVICES_MAX = 8
SUBSCRIPTIONS_MAX = 8
# Clients ask for the same units again and again: so many answers to "what does this group say" are kept.
SERVICES_KEPT_MAX = 4_096
HOSTS_KEPT_MAX = 256

NumberT = TypeVar("NumberT", bound=IntEnum)
ValueT = TypeVar("ValueT")

_MANDATORY: Final = (
    names.SESSION_ID,
    names.ORIGIN_HOST,
    names.ORIGIN_REALM,
    names.DESTINATION_REALM,
    names.AUTH_APPLICATION_ID,
    names.SERVICE_CONTEXT_ID,
    names.CC_REQUEST_TYPE,
    names.CC_REQUEST_NUMBER,
)


# What a CCR is charged by; of the rest only the lengths are looked at.
READ: Final = frozenset(
    {
        *_MANDATORY,
        names.CC_CORRELATION_ID,
        names.EVENT_TIMESTAMP,
        names.MULTIPLE_SERVICES_CREDIT_CONTROL,
        names.PROXY_INFO,
        names.REQUESTED_ACTION,
        names.REQUESTED_SERVICE_UNIT,
        names.SERVICE_INFORMATION,
        names.SUBSCRIPTION_ID,
        names.USED_SERVICE_UNIT,
    }
)
_READ_OF_IMS: Final = frozenset(
    {names.ROLE_OF_NODE, names.USER_SESSION_ID, names.CALLING_PARTY_ADDRESS, names.CALLED_PARTY_ADDRESS}
)
_READ_OF_SERVICE: Final = frozenset({names.IMS_INFORMATION})
_KINDS: Final = {int(kind): kind for kind in RequestType}
_ACTIONS: Final = {int(action): action for action in RequestedAction}


class Service(NamedTuple):
    """One Multiple-Services-Credit-Control: which service, by the AVPs to echo, and its seconds.

    `wanted_seconds` is None where no units are requested, 0 where we are to decide how many.
    """

    echoed: bytes
    wanted_seconds: int | None
    used_seconds: int
    rating_group: int | None = None


class CreditControl(NamedTuple):
    """What a CCR says; `services` are empty where it has units at the top only, or none."""

    session_id: str
    origin_host: str
    kind: RequestType
    number: int
    sent_at: datetime | None
    wanted_seconds: int | None
    used_seconds: int
    services: tuple[Service, ...]
    action: RequestedAction | None = None


class Parties(NamedTuple):
    """Who calls whom, normalized, who forwards it if anybody, and what the switch itself calls the call."""

    caller: str
    called: str
    forwarded_by: str
    is_terminating: bool
    switch_ref: str


def read_credit_control(message: Message, profile: ClientProfile) -> CreditControl:
    """Read a CCR; raise Malformed with the result code to answer."""
    avps = message.avps
    if profile.is_strict:
        _refuse_incomplete(avps)
    kind = _one_of(_KINDS, avps, names.CC_REQUEST_TYPE)
    services = tuple(_read_service(group) for group in _some(avps, names.MULTIPLE_SERVICES_CREDIT_CONTROL))
    parts = services or (_read_units(avps, b""),)
    wanted = [part.wanted_seconds for part in parts if part.wanted_seconds is not None]
    stamp = avps.get(names.EVENT_TIMESTAMP)
    return CreditControl(
        _session_id(avps),
        _origin_host(avps),
        kind,
        _required_unsigned(avps, names.CC_REQUEST_NUMBER),
        None if stamp is None else codec.instant(stamp[0], names.EVENT_TIMESTAMP),
        max(wanted) if wanted else None,
        _longest_seconds(parts, profile),
        services,
        _one_of(_ACTIONS, avps, names.REQUESTED_ACTION) if kind is RequestType.EVENT else None,
    )


def read_parties(avps: Avps) -> Parties:
    """Read who calls whom: the IMS information, else the subscription; raise Malformed.

    The subscription is the caller's, by Role-Of-Node the called one's, or that of who forwards the call.
    """
    ims = _opened(_opened(avps, names.SERVICE_INFORMATION, _READ_OF_SERVICE), names.IMS_INFORMATION, _READ_OF_IMS)
    role = codec.first_unsigned(ims, names.ROLE_OF_NODE)
    caller = _number(_texts(ims, names.CALLING_PARTY_ADDRESS))
    called = _number(_texts(ims, names.CALLED_PARTY_ADDRESS))
    forwarded_by = ""
    if role == names.TERMINATING_ROLE:
        called = _better(called, avps)
    elif role == names.FORWARDING_ROLE:
        forwarded_by = _number([*_subscriptions(avps)])
    else:
        caller = _better(caller, avps)
    switch_ref = "".join(_texts(ims, names.USER_SESSION_ID)[:1])
    return Parties(caller, called, forwarded_by, role == names.TERMINATING_ROLE, switch_ref)


def correlated_session(avps: Avps) -> str:
    """Return the session that a CCR is about beside its own, empty where it names none; raise Malformed."""
    values = avps.get(names.CC_CORRELATION_ID)
    return "" if values is None else _printable(values[0], names.CC_CORRELATION_ID)


def called_number(avps: Avps) -> str:
    """Return whom a CCR calls as far as that can be read: whoever calls for help is not asked to spell it right."""
    return _lenient(lambda: read_parties(avps).called, "")


def misread_credit_control(avps: Avps) -> CreditControl:
    """Return what is left of a CCR that cannot be read: whose call it is, and what becomes of it."""
    return CreditControl(
        _lenient(lambda: _session_id(avps), ""),
        _lenient(lambda: _origin_host(avps), ""),
        _lenient(lambda: _one_of(_KINDS, avps, names.CC_REQUEST_TYPE), RequestType.UPDATE),
        _lenient(lambda: _required_unsigned(avps, names.CC_REQUEST_NUMBER), 0),
        sent_at=None,
        wanted_seconds=None,
        used_seconds=0,
        services=(),
    )


def _lenient(read: Callable[[], ValueT], otherwise: ValueT) -> ValueT:
    try:
        return read()
    except Malformed:
        return otherwise


# ── units ───────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(SERVICES_KEPT_MAX)
def _read_service(group: bytes) -> Service:
    avps = codec.read_avps(group)
    echoed = b""
    for key in (names.SERVICE_IDENTIFIER, names.RATING_GROUP):
        if key in avps:
            echoed += codec.unsigned_avp(key, codec.unsigned(avps[key][0], key))
    return _read_units(avps, echoed, codec.first_unsigned(avps, names.RATING_GROUP))


def _longest_seconds(parts: Sequence[Service], profile: ClientProfile) -> int:
    """Tell how long the call went on: sound and picture run side by side, so by its clock, else by the longest of all.

    The clock is the voice's rating group as long as it asks or reports; others may report at other times.
    """
    if profile.counts_voice_only:
        voice = (profile.voice_rating_group, None)
        return max((part.used_seconds for part in parts if part.rating_group in voice), default=0)
    if len(parts) > 1 and profile.voice_rating_group is not None:
        voices = [part for part in parts if part.rating_group == profile.voice_rating_group]
        parts = [part for part in voices if part.used_seconds or part.wanted_seconds is not None] or parts
    return max(part.used_seconds for part in parts)


def _read_units(avps: Avps, echoed: bytes, rating_group: int | None = None) -> Service:
    """Read requested and used seconds; used ones come in parts where a price changed meanwhile (RFC 8506 §8.27)."""
    requested = avps.get(names.REQUESTED_SERVICE_UNIT)
    used = avps.get(names.USED_SERVICE_UNIT, ())
    wanted_seconds = None if requested is None else min(_seconds(requested[0]), DURATION_MAX_SECONDS)
    return Service(echoed, wanted_seconds, _used_seconds(used) if used else 0, rating_group)


def _used_seconds(used: Sequence[bytes]) -> int:
    parts = [_seconds(part) for part in used]
    seconds = sum(parts)
    if seconds > USED_MAX_SECONDS:
        message = (
            f"AVP {codec.name_of(names.CC_TIME)}: {seconds} s used since the last report are more than a call takes"
        )
        shown = codec.unsigned_avp(names.CC_TIME, max(parts))
        raise Malformed(message, code=ResultCode.INVALID_AVP_VALUE, failed_avp=shown)
    return seconds


def _seconds(units: bytes) -> int:
    return codec.first_unsigned(codec.read_avps(units), names.CC_TIME) or 0


# ── parties ─────────────────────────────────────────────────────────────────────────────────────────────────


def _subscriptions(avps: Avps) -> Iterator[str]:
    for group in _some(avps, names.SUBSCRIPTION_ID, SUBSCRIPTIONS_MAX):
        yield from _texts(codec.read_avps(group), names.SUBSCRIPTION_ID_DATA)


def _better(name: str, avps: Avps) -> str:
    """Return a number where the subscription has one and the IMS information has not."""
    return name if _is_number(name) else _number([name, *_subscriptions(avps)])


def _number(candidates: Sequence[str]) -> str:
    """Return the first that is a number, else the first name, else nothing."""
    normalized = [normalize(each) for each in candidates if each]
    return next(filter(_is_number, normalized), "".join(normalized[:1]))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _opened(avps: Avps, key: int, wanted: AbstractSet[int]) -> Avps:
    groups = avps.get(key)
    return {} if groups is None else codec.read_avps(groups[0], 0, wanted)


def _texts(avps: Avps, key: int) -> list[str]:
    return [_printable(value, key) for value in _some(avps, key, SUBSCRIPTIONS_MAX)]


# ── AVPs ────────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_incomplete(avps: Avps) -> None:
    """Refuse what a CCR must have and this one lacks, or has twice (RFC 8506 §3.1)."""
    for key in _MANDATORY:
        if key not in avps:
            raise _missing(key)
        if len(avps[key]) > 1:
            message = f"AVP {codec.name_of(key)} may occur once"
            again = codec.avp(key, avps[key][1])
            raise Malformed(message, code=ResultCode.AVP_OCCURS_TOO_MANY_TIMES, failed_avp=again)


def _some(avps: Avps, key: int, most: int = SERVICES_MAX) -> Sequence[bytes]:
    values = avps.get(key, ())
    if len(values) > most:
        message = f"AVP {codec.name_of(key)} may occur {most} times"
        again = codec.avp(key, values[most])
        raise Malformed(message, code=ResultCode.AVP_OCCURS_TOO_MANY_TIMES, failed_avp=again)
    return values


def _required_unsigned(avps: Avps, key: int) -> int:
    number = codec.first_unsigned(avps, key)
    if number is None:
        raise _missing(key, bytes(4))
    return number


def _one_of(kinds: Mapping[int, NumberT], avps: Avps, key: int) -> NumberT:
    number = _required_unsigned(avps, key)
    found = kinds.get(number)
    if found is None:
        message = f"AVP {codec.name_of(key)} is {number}, which is none of {', '.join(map(str, kinds))}"
        raise Malformed(message, code=ResultCode.INVALID_AVP_VALUE, failed_avp=codec.unsigned_avp(key, number))
    return found


def _session_id(avps: Avps) -> str:
    values = avps.get(names.SESSION_ID)
    if values is None:
        raise _missing(names.SESSION_ID)
    session_id = _printable(values[0], names.SESSION_ID)
    if not session_id:
        raise _invalid(names.SESSION_ID, b"")
    return session_id


def _origin_host(avps: Avps) -> str:
    values = avps.get(names.ORIGIN_HOST)
    if values is None:
        raise _missing(names.ORIGIN_HOST)
    return _host(values[0])


@lru_cache(HOSTS_KEPT_MAX)
def _host(value: bytes) -> str:
    host = _printable(value, names.ORIGIN_HOST)
    if not host or KEY_SEPARATOR in host:
        raise _invalid(names.ORIGIN_HOST, value)
    return host


def _printable(value: bytes, key: int) -> str:
    read = codec.text(value, key)
    if len(value) > TEXT_BYTES_MAX or not read.isprintable():
        raise _invalid(key, value)
    return read


def _missing(key: int, data: bytes = b"") -> Malformed:
    message = f"AVP {codec.name_of(key)} is missing"
    return Malformed(message, code=ResultCode.MISSING_AVP, failed_avp=codec.avp(key, data))


def _invalid(key: int, value: bytes) -> Malformed:
    message = f"AVP {codec.name_of(key)} must be printable text of at most {TEXT_BYTES_MAX} bytes"
    return Malformed(message, code=ResultCode.INVALID_AVP_VALUE, failed_avp=codec.avp(key, value[:TEXT_BYTES_MAX]))
