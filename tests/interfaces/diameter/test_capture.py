"""A real packet gateway's Gy traffic, captured: our codec reads of it what its decoded copy says."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message as TheirMessage

from talktime.interfaces.diameter import reading
from talktime.interfaces.diameter.profiles import KAMAILIO_5_6, RFC_8506
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire.codec import Avps
from talktime.interfaces.diameter.wire.dictionary import CREDIT_CONTROL_APPLICATION, RequestType, of_vendor

ENHANCED_PACKET, SCTP, SCTP_DATA = 6, 132, 0


@pytest.fixture
def folder(shared_data: Path) -> Path:
    found = shared_data / "protocol" / "gy_capture"
    if not found.is_dir():
        pytest.skip("the captured Gy traffic is absent on this machine")
    return found


@pytest.fixture
def captured(folder: Path) -> list[bytes]:
    """The credit-control messages of the capture, as they went over the wire."""
    (file,) = folder.glob("*.pcapng")
    chunks = [chunk for packet in _packets(file.read_bytes()) for chunk in _chunks(packet)]
    return [each for each in chunks if _is_credit_control(each)]


def test_a_captured_message_is_read_as_its_decoded_copy_says(folder: Path, captured: list[bytes]) -> None:
    decoded = json.loads((folder / "gxgy_05_gy_decoded.json").read_text("utf-8"))

    assert len(captured) == len(decoded) == 10
    for data, copy in zip(captured, decoded, strict=True):
        assert _agrees(codec.read_message(data).avps, copy["avps"])


def test_a_captured_message_is_written_again_byte_by_byte_from_what_python_diameter_reads(
    captured: list[bytes],
) -> None:
    for data in captured:
        theirs = TheirMessage.from_bytes(data, plain_msg=True)
        avps = b"".join(
            codec.avp(of_vendor(each.vendor_id, each.code), each.payload, each.flags) for each in theirs.avps
        )

        assert codec.write_message(codec.read_message(data).header, avps) == data


def test_captured_requests_satisfy_the_strict_profile_as_well_as_the_tolerant_one(captured: list[bytes]) -> None:
    messages = [codec.read_message(each) for each in captured]
    requests = [each for each in messages if each.header.flags & codec.REQUEST]

    read = [[reading.read_credit_control(each, profile) for each in requests] for profile in (RFC_8506, KAMAILIO_5_6)]

    assert read[0] == read[1]
    kinds = [each.kind for each in read[0]]
    assert (kinds[0], kinds[-1]) == (RequestType.INITIAL, RequestType.TERMINATION)
    assert [each.number for each in read[0]] == list(range(5))


def _packets(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == ENHANCED_PACKET:
            (captured_bytes,) = struct.unpack_from("<I", data, at + 20)
            yield data[at + 28 : at + 28 + captured_bytes]
        at += length


def _chunks(packet: bytes) -> Iterator[bytes]:
    """Return what the SCTP chunks of an Ethernet frame carry."""
    ip = packet[14:]
    if len(ip) < 20 or ip[9] != SCTP:
        return
    end = int.from_bytes(ip[2:4], "big")
    at = (ip[0] & 15) * 4 + 12
    while at + 4 <= end:
        kind, length = ip[at], int.from_bytes(ip[at + 2 : at + 4], "big")
        if kind == SCTP_DATA:
            yield ip[at + 16 : at + length]
        at += max(4, length + -length % 4)


def _is_credit_control(data: bytes) -> bool:
    return len(data) > codec.HEADER_BYTES and int.from_bytes(data[8:12], "big") == CREDIT_CONTROL_APPLICATION


def _agrees(avps: Avps, copies: list[dict[str, Any]]) -> bool:
    """Tell whether AVPs are those of a decoded copy: none more, each key's in their order, numbers and text equal."""
    by_key: dict[int, list[Any]] = {}
    for copy in copies:
        by_key.setdefault(of_vendor(copy["vendor"], copy["code"]), []).append(copy["value"])
    assert avps.keys() == by_key.keys()
    for key, values in by_key.items():
        for data, value in zip(avps[key], values, strict=True):
            match value:
                case list():
                    _agrees(codec.read_avps(data), value)
                case int():
                    assert int.from_bytes(data, "big", signed=value < 0) == value
                case str() if value.isascii() and data.isascii() and data.isalnum():
                    assert data.decode() == value
    return True
