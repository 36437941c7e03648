"""Connections to peers: who they are, whether they live, how they part, and what they may not do to us."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from diameter.message import constants as c

from talktime.interfaces.diameter.peer import Peer, PeerTerms
from talktime.interfaces.diameter.translating import Identity
from talktime.interfaces.diameter.wire import codec
from tests.engines import on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import CALLED, Facts, caller_of, open_books
from tests.interfaces.charging.outages import sqlite_locked
from tests.interfaces.charging.servers import HOST as SERVER_HOST
from tests.interfaces.diameter.kamailio import (
    CAPABILITIES,
    CREDIT_CONTROL,
    DISCONNECT,
    HOST,
    INITIAL,
    REALM,
    TERMINATION,
    TGPP,
    UPDATE,
    WATCHDOG,
    Answer,
    base,
    capabilities,
    credit_control,
    new,
    request,
)
from tests.interfaces.diameter.rig import Client, DiameterServed, connected, listening, reached

pytestmark = on_sqlite

Talk = Callable[[DiameterServed, Client], Awaitable[Any]]


def initial(**fields: Any) -> bytes:
    return credit_control(INITIAL, 0, **{"caller": caller_of(1), "called": CALLED, **fields})


def after_a_handshake(url: str, talk: Talk, **settings: Any) -> Any:
    """Talk on a connection that is open."""

    async def run() -> Any:
        async with listening(url, **settings) as server, connected(server.port) as client:
            return await talk(server, client)

    return asyncio.run(run())


def from_the_start(url: str, talk: Talk, **settings: Any) -> Any:
    """Talk on a connection on which nothing has been said."""

    async def run() -> Any:
        async with listening(url, **settings) as server, reached(server.port) as client:
            return await talk(server, client)

    return asyncio.run(run())


def answers_to(url: str, *asked: bytes, **settings: Any) -> list[Answer]:
    async def ask(_: DiameterServed, client: Client) -> list[Answer]:
        return [Answer(await client.ask(each)) for each in asked]

    answers: list[Answer] = after_a_handshake(url, ask, **settings)
    return answers


# ── who it is ───────────────────────────────────────────────────────────────────────────────────────────────


def test_capabilities_are_exchanged_as_kamailio_needs_it(url: str) -> None:
    async def greet(_: DiameterServed, client: Client) -> Answer:
        return Answer(await client.ask(capabilities()))

    answer = from_the_start(url, greet, diameter_host="ocs.example.org")

    assert (answer.result, answer.message.header.command_flags) == (2001, 0)
    assert (answer.one(c.AVP_ORIGIN_HOST), answer.one(c.AVP_ORIGIN_REALM)) == ("ocs.example.org", "example.org")
    assert answer.one(c.AVP_HOST_IP_ADDRESS) == (1, "127.0.0.1")
    assert answer.one(c.AVP_AUTH_APPLICATION_ID) == 4
    vendors = c.AVP_VENDOR_SPECIFIC_APPLICATION_ID
    assert (answer.one(vendors, c.AVP_VENDOR_ID), answer.one(vendors, c.AVP_AUTH_APPLICATION_ID)) == (TGPP, 4)
    assert answer.one(c.AVP_ORIGIN_STATE_ID) > 1_700_000_000
    assert answer.one(c.AVP_PRODUCT_NAME) == "Talktime"


@pytest.mark.parametrize(
    ("greeting", "settings", "result", "is_error"),
    [
        (capabilities(application=16_777_238, vendor_specific=16_777_238), {}, 5010, False),
        (capabilities("stranger.test"), {"diameter_peers": "scscf.test, pcscf.test"}, 3010, True),
        (request(CAPABILITIES, 0, [new(c.AVP_AUTH_APPLICATION_ID, 4)], flags=0x80), {}, 5005, False),
        (request(CAPABILITIES, 0, [new(c.AVP_ORIGIN_HOST, b"a\nb")], flags=0x80), {}, 5004, False),
    ],
    ids=["another application", "unknown peer", "no Origin-Host", "no name"],
)
def test_a_peer_that_does_not_fit_is_told_why_and_the_connection_ends(
    url: str, greeting: bytes, settings: dict[str, str], result: int, *, is_error: bool
) -> None:
    async def greet(_: DiameterServed, client: Client) -> tuple[Answer, bool]:
        return Answer(await client.ask(greeting)), await client.is_closed()

    answer, is_closed = from_the_start(url, greet, **settings)

    assert (answer.result, answer.is_error, is_closed) == (result, is_error, True)


@pytest.mark.parametrize(
    "greeting",
    [
        capabilities("PCSCF.test"),
        capabilities(application=0xFFFF_FFFF, vendor_specific=0xFFFF_FFFF),
        capabilities(application=16_777_238),
    ],
    ids=["known whatever its case", "relay", "only as a vendor's application"],
)
def test_a_peer_that_is_known_and_can_be_talked_to_may_connect(url: str, greeting: bytes) -> None:
    async def greet(_: DiameterServed, client: Client) -> Answer:
        return Answer(await client.ask(greeting))

    answer = from_the_start(url, greet, diameter_peers="scscf.test, pcscf.test")

    assert answer.result == 2001


@pytest.mark.parametrize("first", [initial(), base(WATCHDOG)], ids=["CCR", "DWR"])
def test_who_has_not_said_who_it_is_is_not_served(url: str, first: bytes) -> None:
    open_books(url)

    async def talk(_: DiameterServed, client: Client) -> bool:
        client.writer.write(first)
        return await client.is_closed()

    assert from_the_start(url, talk)
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


# ── whether it lives, and how it parts ──────────────────────────────────────────────────────────────────────


def test_a_watchdog_is_answered_with_when_we_were_started(url: str) -> None:
    (answer,) = answers_to(url, base(WATCHDOG))

    assert (answer.result, answer.message.header.command_code) == (2001, WATCHDOG)
    assert answer.one(c.AVP_ORIGIN_STATE_ID) > 1_700_000_000


def test_a_silent_peer_is_asked_whether_it_lives_and_then_given_up(url: str) -> None:
    async def be_silent(_: DiameterServed, client: Client) -> tuple[Answer, bool]:
        return Answer(await client.receive()), await client.is_closed()

    asked, is_closed = after_a_handshake(url, be_silent, diameter_watchdog_seconds=1)

    header = asked.message.header
    assert (header.command_code, header.command_flags, header.application_id) == (WATCHDOG, 0x80, 0)
    assert asked.one(c.AVP_ORIGIN_HOST) == "ocs.test"
    assert is_closed


def test_a_peer_that_answers_the_watchdog_stays(url: str) -> None:
    async def live(_: DiameterServed, client: Client) -> Answer:
        for _again in range(2):
            header = codec.read_message(await client.receive()).header
            client.writer.write(codec.write_message(header._replace(flags=0), codec.unsigned_avp(268, 2001)))
        return Answer(await client.ask(base(WATCHDOG)))

    assert after_a_handshake(url, live, diameter_watchdog_seconds=1).result == 2001


def test_a_peer_that_says_goodbye_is_answered_and_served_no_more(url: str) -> None:
    open_books(url)

    answers = answers_to(url, base(DISCONNECT, [new(c.AVP_DISCONNECT_CAUSE, 0)]), initial())

    assert [(answer.result, answer.is_error) for answer in answers] == [(2001, False), (3004, True)]
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


def test_a_server_that_stops_says_goodbye_and_answers_what_it_owes(url: str) -> None:
    open_books(url)

    async def talk() -> tuple[list[Answer], bool]:
        async with listening(url, deadline_milliseconds=20_000) as server:
            connection = connected(server.port)
            client = await connection.__aenter__()
            # As long as somebody else holds the database, nothing is answered.
            with sqlite_locked(url):
                client.writer.write(b"".join(initial(session=f"s;{each}") for each in range(50)))
                await until(lambda: server.peer._owed_count == 50)
        answers = [Answer(await client.receive()) for _ in range(51)]
        is_closed = await client.is_closed()
        await connection.__aexit__(None, None, None)
        return answers, is_closed

    answers, is_closed = asyncio.run(talk())

    goodbyes = [each for each in answers if each.message.header.command_code == DISCONNECT]
    assert [each.one(c.AVP_DISCONNECT_CAUSE) for each in goodbyes] == [0]
    assert [each.result for each in answers if each not in goodbyes] == [2001] * 50
    assert is_closed


def test_a_call_that_ends_while_the_server_leaves_is_charged(url: str) -> None:
    open_books(url)

    async def talk(server: DiameterServed, client: Client) -> list[Answer]:
        answers = [Answer(await client.ask(initial()))]
        Facts(url).elapse(8)
        leaving = asyncio.create_task(server.peer.leave())
        goodbye = await client.receive()
        late = credit_control(UPDATE, 1, used=1), credit_control(TERMINATION, 1, wanted=None, used=8)
        answers += [Answer(await client.ask(each)) for each in late]
        header = codec.read_message(goodbye).header
        client.writer.write(codec.write_message(header._replace(flags=0), codec.unsigned_avp(268, 2001)))
        await leaving
        return answers

    answers = after_a_handshake(url, talk)

    assert [answer.result for answer in answers] == [2001, 3004, 2001]
    assert Facts(url).rows("SELECT used_seconds FROM usage_rows") == [(8,)]


# ── what it sends ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        (request(274, 4, [new(c.AVP_SESSION_ID, "s")]), 3001),
        (request(258, 0, []), 3001),
        (request(271, 3, []), 3007),
        (request(CREDIT_CONTROL, 0, []), 3007),
        (request(WATCHDOG, 4, []), 3007),
        (request(CREDIT_CONTROL, 16_777_238, []), 3007),
        (request(CREDIT_CONTROL, 4, [], flags=0xE0), 3008),
    ],
    ids=["ASR", "RAR", "accounting", "CCR of none", "DWR of ours", "Gx", "a request that is an error"],
)
def test_what_we_do_not_speak_is_refused_and_the_connection_goes_on(url: str, asked: bytes, result: int) -> None:
    refused, alive = answers_to(url, asked, base(WATCHDOG))

    assert (refused.result, refused.is_error) == (result, True)
    assert alive.result == 2001


@pytest.mark.parametrize(
    ("avps", "result", "failed"),
    [
        ([new(c.AVP_SESSION_ID, "s"), new(c.AVP_CC_REQUEST_NUMBER, 0)], 5005, c.AVP_CC_REQUEST_TYPE),
        ([new(c.AVP_SESSION_ID, "s"), new(c.AVP_CC_REQUEST_TYPE, 7)], 5004, c.AVP_CC_REQUEST_TYPE),
    ],
)
def test_a_request_that_cannot_be_charged_shows_what_is_wrong(url: str, avps: Any, result: int, failed: int) -> None:
    refused, alive = answers_to(url, request(CREDIT_CONTROL, 4, avps), base(WATCHDOG))

    assert (refused.result, refused.is_error, refused.one(c.AVP_SESSION_ID)) == (result, False, "s")
    (shown,) = refused.all(c.AVP_FAILED_AVP)
    assert [each.code for each in shown] == [failed]
    assert alive.result == 2001


def test_an_avp_that_does_not_fit_is_refused_and_the_connection_goes_on(url: str) -> None:
    header = codec.Header(0xC0, CREDIT_CONTROL, 4, 1, 2)
    broken = codec.write_message(header, codec.text_avp(263, "s") + struct.pack(">II", 416, 0x4000_00FF))

    refused, alive = answers_to(url, broken, base(WATCHDOG))

    assert (refused.result, alive.result) == (5014, 2001)


def test_the_end_of_a_call_that_cannot_be_read_is_kept_for_an_operator(url: str) -> None:
    open_books(url)
    unread = [
        new(c.AVP_SESSION_ID, "scscf;1"),
        new(c.AVP_ORIGIN_HOST, HOST.encode()),
        new(c.AVP_ORIGIN_REALM, REALM.encode()),
        new(c.AVP_CC_REQUEST_TYPE, TERMINATION),
    ]

    (refused,) = answers_to(url, request(CREDIT_CONTROL, 4, unread))

    assert refused.result == 5005
    ((reason,),) = Facts(url).rows("SELECT reason FROM parked_reports")
    assert "AVP 415 is missing" in reason


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\1\xff\xff\xff" + bytes(100), b"\1\0\0\4" + bytes(16), bytes(64)],
    ids=["HTTP", "sixteen megabytes", "shorter than its header", "zeros"],
)
def test_what_is_no_diameter_ends_the_connection_and_nothing_else(url: str, garbage: bytes) -> None:
    async def talk(server: DiameterServed, client: Client) -> tuple[bool, Answer]:
        client.writer.write(garbage)
        is_closed = await client.is_closed()
        async with connected(server.port) as other:
            return is_closed, Answer(await other.ask(base(WATCHDOG)))

    is_closed, answer = after_a_handshake(url, talk)

    assert is_closed
    assert answer.result == 2001


def test_messages_before_garbage_are_answered(url: str) -> None:
    async def talk(_: DiameterServed, client: Client) -> tuple[Answer, bool]:
        return Answer(await client.ask(base(WATCHDOG) + bytes(40))), await client.is_closed()

    answer, is_closed = after_a_handshake(url, talk)

    assert (answer.result, is_closed) == (2001, True)


def test_a_message_may_be_split_at_every_byte(url: str) -> None:
    open_books(url)
    ccr = initial()

    async def talk(_: DiameterServed, client: Client) -> list[Answer]:
        watchdog = base(WATCHDOG)
        answers = []
        for split in range(1, len(watchdog)):
            client.writer.write(watchdog[:split])
            await client.writer.drain()
            answers.append(Answer(await client.ask(watchdog[split:])))
        for place in range(len(ccr)):
            client.writer.write(ccr[place : place + 1])
            await asyncio.sleep(0)
        return [*answers, Answer(await client.receive())]

    answers = after_a_handshake(url, talk)

    assert {answer.result for answer in answers} == {2001}
    assert answers[-1].granted == 60


# ── too much of it ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_queue_refuses_with_busy_but_help_is_given_and_recorded(url: str) -> None:
    open_books(url)

    answers = answers_to(url, initial(), initial(called="112", session="help"), queue_max=0)

    assert [(answer.result, answer.is_error) for answer in answers] == [(3004, True), (2001, False)]
    assert answers[1].granted == 86_400


def test_neither_help_nor_what_cannot_be_read_waits_for_what_came_with_it(url: str) -> None:
    open_books(url)
    nothing = request(CREDIT_CONTROL, 4, [new(c.AVP_SESSION_ID, "s")])

    async def talk(server: DiameterServed, client: Client) -> tuple[list[Answer], int, Answer]:
        help_asked = initial(called="112", session="help")
        with sqlite_locked(url):
            client.writer.write(initial() + help_asked + nothing)
            at_once = [Answer(await client.receive()) for _ in range(2)]
            owed_count = server.peer._owed_count
        return at_once, owed_count, Answer(await client.receive())

    at_once, owed_count, last = after_a_handshake(url, talk, deadline_milliseconds=5_000)

    assert [answer.result for answer in at_once] == [2001, 5005]
    assert owed_count == 1
    assert (last.result, last.granted) == (2001, 60)


def test_help_is_given_to_whoever_cannot_spell_it_right(url: str) -> None:
    open_books(url)
    ccr = codec.read_message(initial(called="112"))
    without_number = {key: values for key, values in ccr.avps.items() if key != 415}
    avps = b"".join(codec.avp(key, value) for key, values in without_number.items() for value in values)

    (answer,) = answers_to(url, codec.write_message(ccr.header, avps))

    assert answer.result == 2001
    assert answer.one(c.AVP_GRANTED_SERVICE_UNIT, c.AVP_CC_TIME) == 86_400


def test_who_does_not_read_its_answers_is_not_read_and_loses_nothing(database_engine: str) -> None:
    sent_count = 4_000

    async def talk() -> int:
        peers: set[Peer] = set()
        terms = PeerTerms(Identity("ocs.test", "test", 7))
        with _narrow_socket() as listening_socket, _narrow_socket() as socket_of_client:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Peer(terms, lambda *_: [], peers), sock=listening_socket)
            socket_of_client.connect(listening_socket.getsockname())
            reader, writer = await asyncio.open_connection(sock=socket_of_client)
            client = Client(reader, writer)
            await client.ask(capabilities())
            (peer,) = peers
            writer.write(base(WATCHDOG) * sent_count)
            await until(lambda: peer._is_reading_paused)
            answers = [codec.read_message(await client.receive()) for _ in range(sent_count)]
            assert not peer._is_reading_paused
            writer.close()
            server.close()
            await until(lambda: not peers)
        return sum(each.avps[268] == [struct.pack(">I", 2001)] for each in answers)

    assert asyncio.run(talk()) == sent_count


def test_who_never_reads_its_answers_is_given_up(database_engine: str) -> None:
    async def talk() -> None:
        peers: set[Peer] = set()
        terms = PeerTerms(Identity("ocs.test", "test", 7), watchdog_seconds=0.1)
        with _narrow_socket() as listening_socket, _narrow_socket() as socket_of_client:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Peer(terms, lambda *_: [], peers), sock=listening_socket)
            socket_of_client.setblocking(False)  # noqa: FBT003 -- the standard library's own
            await loop.sock_connect(socket_of_client, listening_socket.getsockname())
            await loop.sock_sendall(socket_of_client, capabilities())
            await until(lambda: bool(peers))
            sending = asyncio.create_task(loop.sock_sendall(socket_of_client, base(WATCHDOG) * 10_000))
            await until(lambda: any(peer._is_writing_paused for peer in peers))
            await until(lambda: not peers)
            server.close()
            with pytest.raises(OSError):  # noqa: PT011 -- reset, or a broken pipe
                await sending

    asyncio.run(talk())


def _narrow_socket() -> socket.socket:
    """Return a socket that holds little, so that what is not read is soon felt."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.bind((SERVER_HOST, 0))
    return made


def test_more_requests_than_may_be_owed_are_answered_all_the_same(url: str) -> None:
    open_books(url)

    async def talk(_: DiameterServed, client: Client) -> list[Answer]:
        ends = [credit_control(TERMINATION, 1, wanted=None, used=0, session=f"s;{each}") for each in range(2_500)]
        return [Answer(each) for each in await client.ask_all(ends)]

    answers = after_a_handshake(url, talk)

    assert [answer.result for answer in answers] == [2001] * 2_500
