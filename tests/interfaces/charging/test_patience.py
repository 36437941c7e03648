"""A server among clients that are slow, idle, many, or silent, and behind a database that stands still."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from talktime.interfaces.charging import listening, protocol
from talktime.interfaces.charging.server import ChargingServer
from talktime.settings import Settings
from tests.engines import on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import Facts, audit
from tests.interfaces.charging.outages import sqlite_locked
from tests.interfaces.charging.servers import HOST, Client, free_port, serving
from tests.interfaces.charging.test_processes import get, metrics
from tests.interfaces.charging.test_servers import start

IDLE_CONNECTIONS = 1_000
QUEUE_MAX = 20
CLIENTS = 10 * QUEUE_MAX
REFUSALS = 4_000
RESIDENT = ("talktime_process_resident_bytes", frozenset({("process", "1")}))
GROWTH_BYTES_MAX = 40_000_000
HEAD = b"POST /v1/calls/start HTTP/1.1\r\nhost: switch\r\n"


@asynccontextmanager
async def listening_here(url: str) -> AsyncIterator[tuple[int, ChargingServer]]:
    """Serve HTTP in this process, and stop as if told to."""
    charging, port = ChargingServer(Settings(database=url)), free_port()
    is_listening = asyncio.Event()
    async with charging.opened():
        with listening.bound(HOST, port) as listener:
            server = listening.HttpServer(charging, charging, when_listening=is_listening.set)
            serving_ = asyncio.create_task(server.serve([listener]))
            await is_listening.wait()
            yield port, charging
            server.tell_to_stop()
            await serving_


async def answered(reader: asyncio.StreamReader) -> bytes:
    """Return a whole answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


@on_sqlite
def test_clients_that_do_not_send_what_they_began_are_left_and_others_are_served(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS_MAX", 1.0)
    monkeypatch.setattr(listening, "LOOK_TICKS", 1)

    async def scenario() -> tuple[int, int, float]:
        async with listening_here(url) as (port, charging):
            slow = [await asyncio.open_connection(HOST, port) for _ in range(20)]
            for number, (_, writer) in enumerate(slow):
                writer.write(HEAD if number % 2 else HEAD + b"content-length: 100\r\n\r\n{")
            async with Client(port) as client:
                status, _ = await client.post("start", start("a"))
                with contextlib.suppress(ConnectionError):
                    while not all(reader.at_eof() for reader, _ in slow):
                        for _, writer in slow:
                            # A byte now and then, as an attacker would, so that no timer of silence rings.
                            writer.write(b"x")
                        await asyncio.sleep(0.1)
                        await asyncio.gather(*(_ended(reader) for reader, _ in slow))
                status_after, _ = await client.post("start", start("b"))
            for _, writer in slow:
                writer.close()
            closed = [sample.value for sample in charging.counted.snapshot("1").samples if "slow" in sample.family]
            return status, status_after, closed[0]

    assert asyncio.run(scenario()) == (200, 200, 20)
    assert Facts(url).one("SELECT count(*) FROM calls") == 2


async def _ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.01)


@on_sqlite
def test_a_connection_that_is_idle_for_long_is_closed_and_one_that_waits_for_us_is_not(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "IDLE_SECONDS_MAX", 0.5)
    monkeypatch.setattr(listening, "LOOK_TICKS", 1)

    async def scenario() -> tuple[bytes, int]:
        async with listening_here(url) as (port, _):
            idle_reader, idle_writer = await asyncio.open_connection(HOST, port)
            async with Client(port) as client:
                with sqlite_locked(url):
                    waiting = asyncio.create_task(client.post("start", start("a")))
                    ended = await idle_reader.read()
                    await asyncio.sleep(0.5)
                status, _ = await waiting
            idle_writer.close()
            return ended, status

    assert asyncio.run(scenario()) == (b"", 200)


@on_sqlite
def test_requests_that_are_unusual_are_answered_like_the_others(url: str) -> None:
    """Pipelined, in pieces, with a query, in chunks, from an old client, with an expectation, or too large."""
    body = b'{"call_id":"%d","switch":"sbc1","from":"442000000001","to":"442079460000"}'
    one = HEAD + b"content-length: %d\r\n\r\n" % len(body % 1)
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n" % len(body % 7) + body % 7 + b"\r\n0\r\n\r\n"

    async def scenario() -> list[bytes]:
        async with listening_here(url) as (port, _):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(one + body % 1 + one + body % 2)
            answers = [await answered(reader), await answered(reader)]
            for piece in (one[:20], one[20:], (body % 3)[:10], (body % 3)[10:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            answers.append(await answered(reader))
            for request in (
                one.replace(b"/start ", b"/start?format=text ") + body % 4,
                one.replace(b"host", b"accept: text/plain\r\nhost") + body % 5,
                one.replace(b"host", b"expect: 100-continue\r\nhost"),
            ):
                writer.write(request)
                answers.append(await (reader.readuntil(b"\r\n\r\n") if b"100-" in request else answered(reader)))
            writer.write(body % 6)
            answers.append(await answered(reader))
            writer.write(chunked)
            answers.append(await answered(reader))
            writer.write(HEAD + b"content-length: 20000\r\n\r\n" + b"x" * 20_000)
            answers.append(await answered(reader))
            writer.write(one.replace(b"HTTP/1.1", b"HTTP/1.0") + body % 8)
            answers.append(await reader.read())
            writer.close()
            return answers

    answers = asyncio.run(scenario())

    json_head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    assert [answer.startswith(json_head) for answer in answers[:3]] == [True] * 3
    assert answers[3].endswith(b"allow 60 0\n")
    assert answers[4].endswith(b"allow 60 0\n")
    assert answers[5] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers[6].startswith(json_head)
    assert answers[7].startswith(json_head)
    assert answers[8].startswith(b"HTTP/1.1 413 ")
    assert answers[9].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close\r\n" in answers[9]
    assert Facts(url).one("SELECT count(*) FROM calls") == 8


@on_sqlite
def test_a_client_that_hangs_up_in_the_middle_of_its_request_is_not_charged(url: str) -> None:
    async def scenario() -> int:
        async with listening_here(url) as (port, _):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.write(HEAD + b"content-length: 100\r\n\r\n{")
            await writer.drain()
            writer.close()
            async with Client(port) as client:
                status, _ = await client.post("start", start("a"))
            return status

    assert asyncio.run(scenario()) == 200
    assert Facts(url).one("SELECT count(*) FROM calls") == 1


@on_sqlite
def test_a_mistake_of_ours_is_an_answer_and_the_connection_goes_on(url: str) -> None:
    async def scenario() -> list[int]:
        async with listening_here(url) as (port, charging), Client(port) as client:
            committer, charging.door._committer = charging.door._committer, None  # type: ignore[assignment]
            failed, _ = await client.post("start", start("a"))
            charging.door._committer = committer
            answered_, _ = await client.post("start", start("a"))
            return [failed, answered_]

    assert asyncio.run(scenario()) == [500, 200]


@on_sqlite
def test_a_thousand_idle_connections_do_not_hurt(url: str, tmp_path: Path) -> None:
    async def scenario(port: int) -> list[int]:
        gate = asyncio.Semaphore(100)

        async def connected() -> asyncio.StreamWriter:
            async with gate:
                return (await asyncio.open_connection(HOST, port))[1]

        idle = await asyncio.gather(*(connected() for _ in range(IDLE_CONNECTIONS)))
        async with Client(port) as client:
            statuses = [(await client.post("start", start(f"c{number}")))[0] for number in range(50)]
        open_now = await asyncio.to_thread(metrics, port)
        assert open_now["talktime_connections", frozenset({("process", "1")})] >= IDLE_CONNECTIONS
        for writer in idle:
            writer.close()
        return statuses

    with many_files(), serving(url, tmp_path) as server:
        assert asyncio.run(scenario(server.port)) == [200] * 50


@contextmanager
def many_files() -> Iterator[None]:
    """Allow this process to open more connections than usual."""
    import resource  # noqa: PLC0415 -- for this alone

    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 2 * IDLE_CONNECTIONS:
        pytest.skip(f"this system allows {most} open files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


@contextmanager
def standing_still(url: str) -> Iterator[None]:
    """Have the database answer nobody: every organization is held, or the file."""
    if url.startswith("sqlite:"):
        with sqlite_locked(url):
            yield
        return
    with psycopg.connect(url) as operator:
        operator.execute("LOCK TABLE organizations IN ACCESS EXCLUSIVE MODE")
        yield
        operator.rollback()


def test_while_the_database_stands_still_most_are_refused_at_once_memory_is_bounded_and_all_recovers(
    url: str, tmp_path: Path
) -> None:
    refused: list[tuple[float, str, str]] = []

    async def insist(port: int, number: int, is_over: asyncio.Event) -> dict[str, Any]:
        """Ask again and again, as a switch does, until there is another answer than "not now"."""
        async with Client(port) as client:
            while True:
                began = time.monotonic()
                status, fields = await client.post("start", start(f"c{number}"))
                if status == 200:
                    return fields
                assert status == 503
                refused.append((time.monotonic() - began, str(fields["code"]), client.headers["retry-after"]))
                if not is_over.is_set():
                    await asyncio.sleep(0.05)

    async def scenario(port: int) -> tuple[list[dict[str, Any]], float]:
        before = (await asyncio.to_thread(metrics, port))[RESIDENT]
        is_over = asyncio.Event()
        with standing_still(url):
            asking = [asyncio.create_task(insist(port, number, is_over)) for number in range(CLIENTS)]
            await until(lambda: len(refused) >= REFUSALS)
            health, _ = await asyncio.to_thread(get, port, "/health")
            assert health == 200
            after = (await asyncio.to_thread(metrics, port))[RESIDENT]
        is_over.set()
        return await asyncio.gather(*asking), after - before

    with serving(url, tmp_path, queue_max=QUEUE_MAX, deadline_milliseconds=1_000, log_requests="none") as server:
        answers, grown_bytes = asyncio.run(scenario(server.port))

    assert [fields["result"] for fields in answers] == ["allow"] * CLIENTS
    assert {(code, after) for _, code, after in refused} <= {("busy", "1"), ("deadline", "1")}
    busy = [seconds for seconds, code, _ in refused if code == "busy"]
    assert len(busy) > REFUSALS * 0.8
    # Not one of them waited for a deadline: they were refused at the door.
    assert sorted(busy)[len(busy) // 2] < 0.5
    assert grown_bytes < GROWTH_BYTES_MAX
    assert Facts(url).one("SELECT count(*) FROM calls") == CLIENTS
    assert audit(url).is_clean
