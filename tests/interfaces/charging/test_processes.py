"""Server processes: several on one PostgreSQL, one that dies, those that cannot serve, and how all of them stop."""

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import on_postgresql, on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import Facts, audit
from tests.interfaces.charging.servers import HOST, Asked, Server, command, free_port, post_all, serving
from tests.interfaces.charging.test_observing import turn_clock
from tests.interfaces.charging.test_servers import answers_to, of_call, run_to_its_end, start
from tests.telemetry.test_metrics import read

CALLS = 64
STARTED = "talktime_process_started_seconds"


@pytest.fixture
def two(url: str, tmp_path: Path) -> Iterator[Server]:
    """Two processes on one port, each of them ready."""
    with serving(url, tmp_path, arguments=("--processes", "2")) as server:
        asyncio.run(until(lambda: len(processes_of(server.port)) == 2))
        yield server


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def metrics(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    status, body = get(port, "/metrics")
    assert status == 200
    return read(body)


def processes_of(port: int) -> dict[str, float]:
    """Return when each process began to serve."""
    found = {}
    for (name, labels), value in metrics(port).items():
        if name == STARTED:
            found[dict(labels)["process"]] = value
    return found


def children_of(parent: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return False


def starts(count: int, name: str = "c") -> list[Asked]:
    return [("start", start(f"{name}{number}")) for number in range(count)]


@on_postgresql
def test_processes_share_a_port_evenly_and_whichever_is_asked_tells_for_all(two: Server) -> None:
    answers_to([two.port], starts(CALLS))

    allowed: dict[str, float] = {}

    def is_all_told() -> bool:
        """The process that is not asked has told what it counted once a second."""
        for (name, labels), value in metrics(two.port).items():
            if name == "talktime_requests_total" and ("result", "allow") in labels:
                allowed[dict(labels)["process"]] = value
        return sum(allowed.values()) == CALLS

    asyncio.run(until(is_all_told))
    # Of 64 coins, fewer than ten heads fall once in a billion times.
    assert min(allowed["1"], allowed["2"]) >= 10


@on_postgresql
def test_a_process_that_dies_is_told_and_started_again_while_the_other_serves(two: Server) -> None:
    before = processes_of(two.port)
    victim = children_of(two.process_id)[1]

    os.kill(victim, signal.SIGKILL)
    asyncio.run(until(lambda: "process_lost" in two.said))
    answers_to([two.port], starts(8))
    asyncio.run(until(lambda: processes_of(two.port)["2"] > before["2"]))

    assert processes_of(two.port)["1"] == before["1"]
    lost = re.search(r".*process_lost.*", two.said)
    assert lost is not None
    assert '"name": "server 2"' in lost[0]
    assert '"signal": "SIGKILL"' in lost[0]


@on_postgresql
def test_an_ordered_stop_of_several_processes_charges_what_waits(url: str, two: Server) -> None:
    async def stopped_while_asked() -> list[tuple[int, dict[str, Any]]]:
        asking = asyncio.create_task(post_all([two.port], starts(CALLS)))
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls"))
        two.tell(signal.SIGTERM)
        return await asking

    answers = asyncio.run(stopped_while_asked())

    assert [fields["result"] for _, fields in answers] == ["allow"] * CALLS
    assert two.wait() == 0
    assert Facts(url).one("SELECT count(*) FROM calls") == CALLS
    assert "Traceback" not in two.said
    assert audit(url).is_clean


@on_postgresql
def test_processes_do_not_outlive_a_parent_that_is_killed(two: Server) -> None:
    children = children_of(two.process_id)

    two.kill()

    assert len(children) == 2
    asyncio.run(until(lambda: not any(map(is_alive, children))))


@on_postgresql
@pytest.mark.parametrize(
    "arguments", [("serve", "--no-worker"), ("serve", "--no-worker", "--processes", "2"), ("worker",)], ids=str
)
def test_nobody_works_by_a_wrong_clock_and_says_so_once(url: str, arguments: tuple[str, ...]) -> None:
    turn_clock(url, minutes=-2)
    port = ("--port", str(free_port())) if arguments[0] == "serve" else ()

    refused = run_to_its_end(*arguments, "--database", url, *port)

    assert refused.returncode in {3, 4}
    assert " ".join(refused.stderr.split()).count("this machine's clock differs from the database's by 1") == 1
    assert "Traceback" not in refused.stderr


@on_sqlite
def test_a_port_that_is_taken_is_said_in_a_sentence(url: str) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        refused = run_to_its_end("serve", "--no-worker", "--database", url, "--port", str(port))

    assert refused.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in " ".join(refused.stderr.split())


@on_sqlite
def test_a_server_that_is_told_to_stop_says_so_before_it_stops_to_listen(url: str, tmp_path: Path) -> None:
    with serving(url, tmp_path, drain_seconds=60) as server:
        server.tell(signal.SIGTERM)
        asyncio.run(until(lambda: get(server.port, "/ready")[0] == 503))
        (drained,) = answers_to([server.port], [("start", start("a"))])
        (ended,) = answers_to([server.port], [("end", of_call("a", duration=1))])
        # Told again, it does not wait.
        server.tell(signal.SIGTERM)
        returned = server.wait()

    assert (drained["result"], ended["result"], returned) == ("allow", "ok", 0)
    with pytest.raises(ConnectionRefusedError):
        get(server.port, "/health")


def test_the_hidden_command_of_a_process_is_none_of_the_help() -> None:
    helped = subprocess.run(command("serve", "--help"), capture_output=True, text=True, check=True)

    assert "--processes" in helped.stdout
    assert "--told" not in helped.stdout
