"""Diameter messages as bytes and as plain values (RFC 6733 §3 and §4): no length that arrives is trusted.

A message is read into the data of its AVPs by key, in their order, groups unopened: whoever asks for a group opens it
with `read_avps`. Unknown and repeated AVPs stay what they are.
"""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from ipaddress import ip_address
from struct import Struct
from typing import NamedTuple

from talktime.interfaces.diameter.wire.dictionary import FAILED_AVP, ResultCode

VERSION = 1
HEADER_BYTES = 20
MESSAGE_MAX_BYTES = 65_536

REQUEST, PROXIABLE, ERROR = 0x80, 0x40, 0x20
VENDOR, MANDATORY = 0x80, 0x40

# Time counts seconds since 1900, and began again in 2036 (RFC 6733 §4.3.1, RFC 5905).
_SECONDS_FROM_1900_TO_1970 = 2_208_988_800
_ERA_SECONDS = 2**32
_FIRST_ERA_BEGINS = 2**31

_HEADER = Struct(">IIIII")
_AVP = Struct(">II")
_VENDOR_AVP = Struct(">III")
_UNSIGNED_AVP = Struct(">III")
_U32 = Struct(">I")
_PADDINGS = (b"", b"\0\0\0", b"\0\0", b"\0")

# Data by key, in the order of arrival; a key is a code, above it the vendor's id.
Avps = dict[int, list[bytes]]


class Header(NamedTuple):
    """What stands before the AVPs."""

    flags: int
    command: int
    application: int
    hop_by_hop: int
    end_to_end: int


class Message(NamedTuple):
    """One message."""

    header: Header
    avps: Avps


class Malformed(Exception):  # noqa: N818 -- named for what it says of the message
    """What arrived is no message, or one of its AVPs is none; `header` is None where even that cannot be read.

    `failed_avp` is what an answer should show (RFC 6733 §7.5).
    """

    def __init__(
        self, message: str, *, code: ResultCode = ResultCode.INVALID_AVP_LENGTH, failed_avp: bytes = b""
    ) -> None:
        """Say what is wrong, and the result code that says so."""
        super().__init__(message)
        self.message, self.code, self.failed_avp = message, code, failed_avp
        self.header: Header | None = None


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────


def message_length(start: bytes | bytearray, at: int = 0) -> int:
    """Return the length that four bytes announce; raise Malformed for one that no message has."""
    (word,) = _U32.unpack_from(start, at)
    length: int = word & 0xFF_FFFF
    if word >> 24 != VERSION:
        raise Malformed(f"version {word >> 24} is not spoken here", code=ResultCode.UNSUPPORTED_VERSION)
    if length < HEADER_BYTES or length % 4 or length > MESSAGE_MAX_BYTES:
        raise Malformed(f"no message is {length} bytes long", code=ResultCode.INVALID_MESSAGE_LENGTH)
    return length


def read_message(data: bytes, wanted: AbstractSet[int] | None = None) -> Message:
    """Read one whole message, of its AVPs those that are wanted; raise Malformed, with its header if that is read."""
    if len(data) < HEADER_BYTES or message_length(data) != len(data):
        raise Malformed(f"{len(data)} bytes are no whole message", code=ResultCode.INVALID_MESSAGE_LENGTH)
    _, word, application, hop_by_hop, end_to_end = _HEADER.unpack_from(data)
    header = Header(word >> 24, word & 0xFF_FFFF, application, hop_by_hop, end_to_end)
    try:
        return Message(header, read_avps(data, HEADER_BYTES, wanted))
    except Malformed as failure:
        failure.header = header
        raise


def read_avps(data: bytes, at: int = 0, wanted: AbstractSet[int] | None = None) -> Avps:
    """Read the AVPs from a place to the end: a message's, or a group's data; raise Malformed.

    Where only some are wanted the others' lengths are checked all the same, and their data is left where it is.
    """
    assert at % 4 == 0, "AVPs begin where four bytes do"
    avps: Avps = {}
    end = len(data)
    last = end - 8
    unpack = _AVP.unpack_from
    while at <= last:
        key, word = unpack(data, at)
        begin = at + 8
        after = at + (word & 0xFF_FFFF)
        if word & 0x8000_0000:
            begin = at + 12
            if begin > end:
                raise _misfit(data[at:])
            key |= _U32.unpack_from(data, at + 8)[0] << 32
        if after < begin or after > end:
            raise _misfit(data[at:begin])
        at = after + (-after & 3)
        if wanted is not None and key not in wanted:
            continue
        if key in avps:
            avps[key].append(data[begin:after])
        else:
            avps[key] = [data[begin:after]]
    if at != end:
        raise Malformed("the last AVP does not end where its message or group does")
    return avps


def unsigned(value: bytes, key: int) -> int:
    """Return an Unsigned32 or Enumerated; raise Malformed."""
    if len(value) != 4:  # noqa: PLR2004 -- four bytes, by definition
        raise Malformed(f"AVP {name_of(key)} holds {len(value)} bytes, not 4", failed_avp=avp(key, bytes(4)))
    return int.from_bytes(value, "big")


def first_unsigned(avps: Avps, key: int) -> int | None:
    """Return the first of an AVP's numbers, None where there is none; raise Malformed."""
    values = avps.get(key)
    return None if values is None else unsigned(values[0], key)


def text(value: bytes, key: int) -> str:
    """Return a UTF8String or DiameterIdentity; raise Malformed."""
    try:
        return value.decode()
    except UnicodeDecodeError as failure:
        message = f"AVP {name_of(key)} is no UTF-8"
        raise Malformed(message, code=ResultCode.INVALID_AVP_VALUE, failed_avp=avp(key, value)) from failure


def instant(value: bytes, key: int) -> datetime:
    """Return a Time; raise Malformed."""
    seconds = unsigned(value, key)
    era = 0 if seconds >= _FIRST_ERA_BEGINS else _ERA_SECONDS
    return datetime.fromtimestamp(seconds + era - _SECONDS_FROM_1900_TO_1970, UTC)


def command_of(whole: bytes) -> int:
    """Return the command of a whole message, before the rest of it is read."""
    return int.from_bytes(whole[5:8], "big")


def name_of(key: int) -> str:
    """Return an AVP's code for people, after its vendor's id where it has one."""
    return f"{key >> 32}/{key & 0xFFFF_FFFF}" if key >> 32 else str(key)


def _misfit(start: bytes) -> Malformed:
    """An AVP whose length does not fit into what holds it; shown by its code, without the data (RFC 6733 §7.1.5)."""
    code, word = _AVP.unpack_from(start)
    shown = _AVP.pack(code, word & 0x7F00_0000 | 8)
    return Malformed(f"AVP {code} cannot be {word & 0xFF_FFFF} bytes long", failed_avp=shown)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────


def write_message(header: Header, avps: bytes) -> bytes:
    """Return a message of AVPs that are written."""
    flags, command, application, hop_by_hop, end_to_end = header
    start = VERSION << 24 | HEADER_BYTES + len(avps)
    return _HEADER.pack(start, flags << 24 | command, application, hop_by_hop, end_to_end) + avps


def answer_to(request: Header, avps: bytes, *, flags: int = 0) -> bytes:
    """Return an answer: the request's header, of whose flags the proxiable one stays (RFC 6733 §6.2)."""
    return write_message(request._replace(flags=request.flags & PROXIABLE | flags), avps)


def avp(key: int, data: bytes, flags: int = MANDATORY) -> bytes:
    """Return an AVP with its padding."""
    length = len(data)
    padding = _PADDINGS[length & 3]
    if key >> 32:
        return _VENDOR_AVP.pack(key & 0xFFFF_FFFF, (flags | VENDOR) << 24 | 12 + length, key >> 32) + data + padding
    return _AVP.pack(key, flags << 24 | 8 + length) + data + padding


def unsigned_avp(key: int, value: int) -> bytes:
    """Return an Unsigned32 or Enumerated of no vendor."""
    return _UNSIGNED_AVP.pack(key, MANDATORY << 24 | 12, value)


def text_avp(key: int, value: str, flags: int = MANDATORY) -> bytes:
    """Return a UTF8String or DiameterIdentity."""
    return avp(key, value.encode(), flags)


def group_avp(key: int, *avps: bytes) -> bytes:
    """Return a group of AVPs that are written."""
    return avp(key, b"".join(avps))


def time_bytes(instant_: datetime) -> bytes:
    """Return a Time, in whole seconds."""
    return _U32.pack((int(instant_.timestamp()) + _SECONDS_FROM_1900_TO_1970) % _ERA_SECONDS)


def address_avp(key: int, address: str) -> bytes:
    """Return an IP address with its family (RFC 6733 §4.3.1)."""
    read = ip_address(address)
    return avp(key, (b"\0\1" if read.version == 4 else b"\0\2") + read.packed)  # noqa: PLR2004 -- IP's own versions


def failed_avp(*avps: bytes) -> bytes:
    """Return what an answer shows of what was wrong (RFC 6733 §7.5); nothing where there is nothing to show."""
    shown = b"".join(avps)
    return avp(FAILED_AVP, shown) if shown else b""
