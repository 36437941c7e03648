"""Our codec against python-diameter's, byte by byte and both ways; and bytes that are no message."""

import contextlib
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from diameter.message import Avp as TheirAvp
from diameter.message import Message as TheirMessage
from diameter.message import constants as c
from hypothesis import given
from hypothesis import strategies as st

from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Avps, Header, Malformed
from talktime.interfaces.diameter.wire.dictionary import ResultCode
from talktime.interfaces.diameter.wire.framing import Framer
from tests.interfaces.diameter.kamailio import INITIAL, UPDATE, base, credit_control

# An AVP as data: its key, whether it is mandatory, its value, or the AVPs within it.
Leaf = tuple[int, bool, Any]
EPOCH_1970, LAST_IN_ERA = datetime(1970, 1, 1, tzinfo=UTC), datetime(2104, 2, 26, tzinfo=UTC)

numbers = st.integers(0, 2**32 - 1)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
hosts = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-."), max_size=60)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001 -- made aware below
    lambda each: each.replace(microsecond=0, tzinfo=UTC)
)
addresses = st.ip_addresses().map(str)


def _leaves(values: st.SearchStrategy[Any], *keys: int) -> st.SearchStrategy[Leaf]:
    return st.tuples(st.sampled_from(keys), st.booleans(), values)


leaves = st.one_of(
    _leaves(numbers, names.CC_REQUEST_NUMBER, names.CC_TIME, names.VALIDITY_TIME, names.RATING_GROUP, names.VENDOR_ID),
    _leaves(words, names.SESSION_ID, names.ERROR_MESSAGE, names.SERVICE_CONTEXT_ID, names.CALLED_PARTY_ADDRESS),
    _leaves(hosts.map(str.encode), names.ORIGIN_HOST, names.DESTINATION_REALM),
    _leaves(instants, names.EVENT_TIMESTAMP),
    _leaves(addresses, names.HOST_IP_ADDRESS),
)
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(
        st.sampled_from(
            [names.MULTIPLE_SERVICES_CREDIT_CONTROL, names.FAILED_AVP, names.SERVICE_INFORMATION, names.IMS_INFORMATION]
        ),
        st.booleans(),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)
headers = st.builds(Header, st.integers(0, 255), st.integers(0, 2**24 - 1), numbers, numbers, numbers)


def ours(tree: Leaf) -> bytes:
    """Write an AVP by our codec."""
    key, is_mandatory, value = tree
    flags = codec.MANDATORY if is_mandatory else 0
    match value:
        case int():
            return codec.avp(key, struct.pack(">I", value), flags)
        case bytes():
            return codec.avp(key, value, flags)
        case datetime():
            return codec.avp(key, codec.time_bytes(value), flags)
        case list():
            return codec.avp(key, b"".join(map(ours, value)), flags)
    if key == names.HOST_IP_ADDRESS:
        plain = codec.address_avp(key, value)
        return plain[:4] + bytes([flags]) + plain[5:]
    return codec.text_avp(key, value, flags)


def theirs(tree: Leaf) -> TheirAvp:
    """Make the same AVP by python-diameter."""
    key, is_mandatory, value = tree
    made: TheirAvp = TheirAvp.new(key & 0xFFFF_FFFF, key >> 32, is_mandatory=is_mandatory)
    if not isinstance(value, list):
        made.value = value
    elif value:
        made.value = [theirs(each) for each in value]
    return made


def data_of(avps: list[TheirAvp]) -> Avps:
    """Return what python-diameter found, by key in order."""
    found: Avps = {}
    for each in avps:
        found.setdefault(names.of_vendor(each.vendor_id, each.code), []).append(each.payload)
    return found


@given(headers, st.lists(trees, max_size=8))
def test_what_we_write_python_diameter_reads_and_writes_alike(header: Header, avps: list[Leaf]) -> None:
    written = codec.write_message(header, b"".join(map(ours, avps)))

    read = TheirMessage.from_bytes(written, plain_msg=True)

    assert read.as_bytes() == written
    assert [each.as_bytes() for each in read.avps] == [theirs(each).as_bytes() for each in avps]


@given(headers, st.lists(trees, max_size=8))
def test_what_python_diameter_writes_we_read_as_it_was_meant(header: Header, avps: list[Leaf]) -> None:
    message = TheirMessage(avps=[theirs(each) for each in avps])
    message.header.command_flags, message.header.command_code = header.flags, header.command
    message.header.application_id = header.application
    message.header.hop_by_hop_identifier, message.header.end_to_end_identifier = header.hop_by_hop, header.end_to_end

    read = codec.read_message(message.as_bytes())

    assert read == (header, data_of(message.avps))
    for key, _, value in avps:
        datas = read.avps[key]
        match value:
            case int():
                assert value in [codec.unsigned(each, key) for each in datas]
            case datetime():
                assert value in [codec.instant(each, key) for each in datas]
            case str() if key != names.HOST_IP_ADDRESS:
                assert value in [codec.text(each, key) for each in datas]
            case list():
                assert data_of([theirs(each) for each in value]) in [codec.read_avps(each) for each in datas]


@given(st.binary(max_size=300))
def test_bytes_are_a_message_or_malformed_and_nothing_else(data: bytes) -> None:
    announced = b"\1" + struct.pack(">I", 20 + len(data))[1:] + b"\x80\0\1\x10" + bytes(12) + data

    for each in (data, announced):
        with contextlib.suppress(Malformed):
            message = codec.read_message(each)
            assert sum(len(value) for values in message.avps.values() for value in values) <= len(each)


@given(st.data())
def test_a_message_of_which_a_byte_was_changed_is_read_or_malformed(data: st.DataObject) -> None:
    whole = bytearray(credit_control(INITIAL, 0, caller="4420", called="4421"))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))

    try:
        message = codec.read_message(bytes(whole))
    except Malformed:
        return

    assert sum(len(each) for values in message.avps.values() for each in values) <= len(whole)


def test_no_part_of_a_message_is_taken_for_the_whole() -> None:
    whole = credit_control(INITIAL, 0, caller="4420", called="4421")

    for length in range(len(whole)):
        with pytest.raises(Malformed):
            codec.read_message(whole[:length])


@pytest.mark.parametrize(
    ("avps", "code"),
    [
        (b"\0\0\1\7", ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">II", 263, 7), ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">II", 263, 0), ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">II", 263, 0x40FF_FFFF), ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">III", 263, 0x4000_000D, 0), ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">II", 873, 0xC000_0008), ResultCode.INVALID_AVP_LENGTH),
        (struct.pack(">III", 873, 0xC000_0008, 10415), ResultCode.INVALID_AVP_LENGTH),
    ],
    ids=["no header", "shorter than its header", "empty", "longer than all", "its padding", "vendor cut off", "vendor"],
)
def test_an_avp_that_does_not_fit_is_named_with_its_header(avps: bytes, code: ResultCode) -> None:
    header = Header(0xC0, 272, 4, 1, 2)

    with pytest.raises(Malformed) as raised:
        codec.read_message(codec.write_message(header, avps))

    assert (raised.value.code, raised.value.header) == (code, header)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("02000014", ResultCode.UNSUPPORTED_VERSION),
        ("01000010", ResultCode.INVALID_MESSAGE_LENGTH),
        ("01000015", ResultCode.INVALID_MESSAGE_LENGTH),
        ("01ffffff", ResultCode.INVALID_MESSAGE_LENGTH),
        ("01010004", ResultCode.INVALID_MESSAGE_LENGTH),
    ],
)
def test_a_length_that_no_message_has_is_not_waited_for(start: str, code: ResultCode) -> None:
    with pytest.raises(Malformed) as raised:
        codec.message_length(bytes.fromhex(start))

    assert raised.value.code is code


@pytest.mark.parametrize(
    ("read", "value"),
    [(codec.unsigned, b"\0\0\1"), (codec.instant, b"\0" * 8), (codec.text, b"\xff\xfe")],
)
def test_a_value_that_is_none_is_shown_in_the_answer(read: Any, value: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        read(value, names.CC_TIME)

    shown = TheirAvp.from_bytes(raised.value.failed_avp)
    assert shown.code == names.CC_TIME


def test_time_goes_on_when_its_counter_begins_again_in_2036() -> None:
    assert codec.instant(bytes.fromhex("ffffffff"), names.EVENT_TIMESTAMP) == datetime(
        2036, 2, 7, 6, 28, 15, tzinfo=UTC
    )
    assert codec.instant(bytes.fromhex("00000000"), names.EVENT_TIMESTAMP) == datetime(
        2036, 2, 7, 6, 28, 16, tzinfo=UTC
    )
    assert codec.time_bytes(datetime(2036, 2, 7, 6, 28, 17, tzinfo=UTC)) == b"\0\0\0\1"


def test_codes_are_the_ones_of_python_diameters_dictionary() -> None:
    ours_by_name = {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, int)}
    others = ("TGPP", "_ROLE", "FINAL_UNIT_TERMINATE", "_APPLICATION")
    avps = {name: value for name, value in ours_by_name.items() if not name.endswith(others)}

    assert len(avps) > 40
    for name, key in avps.items():
        prefix = "AVP_TGPP_" if key >> 32 else "AVP_"
        assert getattr(c, prefix + name) == key & 0xFFFF_FFFF, name


@given(st.lists(st.integers(1, 200), max_size=30))
def test_messages_are_whole_whatever_pieces_they_come_in(sizes: list[int]) -> None:
    sent = [
        credit_control(INITIAL, 0, caller="4420", called="4421"),
        base(280),
        credit_control(UPDATE, 1, used=8),
        base(282),
    ]
    stream, framer, found = b"".join(sent), Framer(), []

    for size in [*sizes, len(stream)]:
        found += framer.feed(stream[:size])
        stream = stream[size:]

    assert (found, framer.broken) == (sent, None)
