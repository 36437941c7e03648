"""What no Diameter peer should send breaks nothing: it is refused with a result code, or the connection is closed.

make prove ONLY=fuzz        ten minutes in all; TALKTIME_FUZZ_SECONDS and TALKTIME_FUZZ_SEED say otherwise
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from talktime.interfaces.diameter import reading, translating
from talktime.interfaces.diameter.profiles import KAMAILIO_5_6, RFC_8506
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire.codec import Malformed
from talktime.interfaces.diameter.wire.dictionary import RESULT_CODE, ResultCode
from talktime.interfaces.diameter.wire.framing import Framer
from tests.engines import on_sqlite
from tests.interfaces.charging.books import CALLED, audit, caller_of, open_books, units
from tests.interfaces.diameter.kamailio import INITIAL, TERMINATION, Answer, capabilities, credit_control
from tests.interfaces.diameter.rig import Client, DiameterServed, connected, listening, reached
from tests.proofs.fuzz_diameter import ORGANIZATIONS, Mangler, seeds
from tests.proofs.test_fuzz import SECONDS, SEED

CAPTURE = Path(__file__).resolve().parents[3] / "shared" / "data" / "protocol" / "gy_capture"
DECODER_SHARE, CONNECTIONS_SHARE = 0.25, 0.25
MESSAGES_IN_SHORT, STREAMS_IN_SHORT = 5_000, 400
AT_ONCE = 20
ORDINARY_AFTER = 10
CLOSED_SECONDS_MAX = 30
OUR_FAULT = -1
# Not every request has an answer: some of what follows a goodbye, or what only looks like one.
ANSWER_SECONDS_MAX = 0.5
# An AVP's header alone takes eight bytes; reading it, and refusing it at worst, takes some calls.
STEPS_FOR_A_BYTE, STEPS_FOR_A_MESSAGE = 1, 400
MEASURED_EVERY = 20


@pytest.fixture(scope="module")
def right() -> list[bytes]:
    return seeds(CAPTURE if CAPTURE.is_dir() else None)


def test_spoiled_messages_are_read_or_refused_and_nothing_else(right: list[bytes]) -> None:
    read = fuzz_decoder(right, SEED, messages_max=MESSAGES_IN_SHORT)

    assert min(read["read"], read["refused"]) > MESSAGES_IN_SHORT // 10


@on_sqlite
def test_spoiled_streams_break_no_connection_but_their_own(migrated_database_url: str, right: list[bytes]) -> None:
    answered = asyncio.run(fuzz_connections(migrated_database_url, right, SEED, streams_max=STREAMS_IN_SHORT))

    assert answered[f"answered {ResultCode.SUCCESS}"] > 0
    assert answered.total() - answered[f"answered {ResultCode.SUCCESS}"] > 0


@pytest.mark.proof
def test_fuzz_of_the_decoder_for_minutes(right: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    read = fuzz_decoder(right, SEED, until=began + SECONDS * DECODER_SHARE)

    with capsys.disabled():
        print(json.dumps({"proof": "fuzz.diameter.decoder", "seed": SEED, "messages": dict(read)}))


@on_sqlite
@pytest.mark.proof
def test_fuzz_of_connections_for_minutes(
    migrated_database_url: str, right: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    until = time.monotonic() + SECONDS * CONNECTIONS_SHARE
    answered = asyncio.run(fuzz_connections(migrated_database_url, right, SEED, until=until))

    with capsys.disabled():
        print(json.dumps({"proof": "fuzz.diameter.connections", "seed": SEED, "answers": dict(answered)}))


def fuzz_decoder(
    right: list[bytes], seed: str, *, messages_max: int = 10**9, until: float = float("inf")
) -> Counter[str]:
    """Read spoiled messages as a connection does, until there were enough; return what became of them."""
    mangler, dice, became = Mangler(right, seed), random.Random(seed), Counter[str]()
    for number in range(messages_max):
        if number % 100 == 0 and time.monotonic() >= until:
            break
        data = mangler.message()
        try:
            if number % MEASURED_EVERY == 0:
                steps = _steps(data)
                assert steps <= STEPS_FOR_A_MESSAGE + STEPS_FOR_A_BYTE * len(data), f"{steps} steps"
            became["read" if _is_read(data) else "refused"] += 1
            assert _framed([data]) == _framed(_cut(data, dice)), "pieces are read otherwise than the whole"
        except Exception as failure:  # noqa: BLE001 -- whatever it is, it is shown with what caused it
            pytest.fail(f"{failure!r}; to see it again:\ncodec.read_message({data!r})")
    return became


def _is_read(data: bytes) -> bool:
    """Read a message all the way to what charging is asked; tell whether it was one."""
    try:
        message = codec.read_message(data)
    except Malformed:
        return False
    for profile in (RFC_8506, KAMAILIO_5_6):
        try:
            ccr = reading.read_credit_control(message, profile)
            reading.read_parties(message.avps)
        except Malformed:
            ccr = reading.misread_credit_control(message.avps)
        translating.key_of(ccr)
    reading.called_number(message.avps)
    return True


def _steps(data: bytes) -> int:
    """Count the calls that reading takes: it may not depend on what the bytes say beyond how many they are."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        _is_read(data)
    finally:
        sys.setprofile(before)
    return count


def _framed(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    framer = Framer()
    whole = [message for piece in pieces for message in framer.feed(piece)]
    return whole, framer.broken is not None


def _cut(data: bytes, dice: random.Random) -> list[bytes]:
    place = dice.randrange(len(data) + 1)
    return [piece for piece in (data[:place], data[place : place + 1], data[place + 1 :]) if piece]


async def fuzz_connections(
    url: str, right: list[bytes], seed: str, *, streams_max: int = 10**9, until: float = float("inf")
) -> Counter[str]:
    """Send spoiled streams on connections of their own, until there were enough; return how they were answered."""
    open_books(url, organizations_count=ORGANIZATIONS, granted_micros=units(1_000))
    mangler, answered, raised = Mangler(right, seed), Counter[str](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    async with listening(url, deadline_milliseconds=60_000) as server:
        for number in range(streams_max // AT_ONCE):
            if time.monotonic() >= until:
                break
            streams = [mangler.stream() for _ in range(AT_ONCE)]
            for results, stream in zip(await _all_sent(server, streams), streams, strict=True):
                assert OUR_FAULT not in results, f"answered 5012; to see it again:\n{stream!r}"
                answered.update(f"answered {result}" for result in results)
            assert raised == [], f"one of these streams did it:\n{streams!r}"
            if number % ORDINARY_AFTER == 0:
                await _call(server.port, f"ordinary;1;{number}")
    report = audit(url)
    assert report.violations == (), report.violations
    return answered


async def _all_sent(server: DiameterServed, streams: list[list[bytes]]) -> list[list[int]]:
    return await asyncio.gather(*(_sent(server.port, stream) for stream in streams))


async def _sent(port: int, stream: list[bytes]) -> list[int]:
    """Exchange capabilities, mostly, send a stream piece by piece, and return the result codes until it is closed."""
    async with asyncio.timeout(CLOSED_SECONDS_MAX), reached(port) as client:
        if len(stream) % 8:
            await client.ask(capabilities())
        try:
            for piece in stream:
                client.writer.write(piece)
                await client.writer.drain()
                await asyncio.sleep(0)
            return [_result(message) async for message in _answers(client, _requests_count(stream))]
        except OSError:
            # Closed while we were still speaking.
            return []


async def _answers(client: Client, most: int) -> AsyncIterator[bytes]:
    """Return as many answers as there were requests at most, and then, having said that it was all, the rest."""
    for _ in range(most):
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                yield await client.receive()
        except (EOFError, TimeoutError):
            break
    client.writer.write_eof()
    whole, is_broken = _framed([await client.reader.read(-1)])
    assert not is_broken
    for message in whole:
        yield message


def _requests_count(stream: list[bytes]) -> int:
    whole, _ = _framed(stream)
    return sum(message[4] & codec.REQUEST > 0 for message in whole)


def _result(message: bytes) -> int:
    """Return the result of an answer; 5012 is ours to mend unless it says what the peer should (translating.py)."""
    result = codec.first_unsigned(codec.read_message(message).avps, RESULT_CODE) or 0
    return OUR_FAULT if result == ResultCode.UNABLE_TO_COMPLY and b"Talktime failed" in message else result


async def _call(port: int, session: str) -> None:
    """Make a call as it should be: it is charged as if nothing had happened."""
    async with connected(port) as client:
        started = await _asked(client, credit_control(INITIAL, 0, session=session, caller=caller_of(1), called=CALLED))
        ended = await _asked(client, credit_control(TERMINATION, 1, session=session, wanted=None, used=3))
    assert (started.result, started.granted, ended.result) == (2001, 60, 2001)


async def _asked(client: Client, message: bytes) -> Answer:
    return Answer(await client.ask(message))
