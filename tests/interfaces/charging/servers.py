"""Real servers for tests: `talktime serve` in a process of its own, and a client that keeps its connection.

with serving(url, quantum_seconds=1) as server:
answers = asyncio.run(post_all([server.port], [("start", {…}), …]))
"""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

HOST = "127.0.0.1"
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02

Asked = tuple[str, Mapping[str, object]]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def command(*arguments: str) -> list[str]:
    """Return the command line of talktime with these arguments."""
    return [sys.executable, "-m", "talktime", *arguments]


class Server:
    """A server process, and what it said; `kill` ends it as a crash would, `start` begins again."""

    def __init__(self, url: str, log: Path, settings: Mapping[str, object], arguments: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._url = url
        self._log = log
        self._arguments = arguments
        self._environment = {f"TALKTIME_{name.upper()}": str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """Return what the server wrote."""
        return self._log.read_text("utf-8", "replace")

    def start(self) -> None:
        """Start, and return when it answers."""
        own = ("--database", self._url, "--port", str(self.port))
        arguments = command("serve", "--no-worker", *own, *self._arguments)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self._environment}
            )
        gives_up_at = time.monotonic() + START_SECONDS_MAX
        while not self._is_healthy():
            assert self._process.poll() is None, f"the server ended: {self.said}"
            assert time.monotonic() < gives_up_at, f"the server does not answer: {self.said}"
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(signal.SIGTERM)

    def tell(self, what: signal.Signals) -> None:
        """Send a signal, and do not wait."""
        os.kill(self.process_id, what)

    def wait(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        assert self._process is not None
        returned = self._process.wait(STOP_SECONDS_MAX)
        self._process = None
        return returned

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS_MAX)
            self._process = None

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def serving(url: str, folder: Path, arguments: Sequence[str] = (), **settings: object) -> Iterator[Server]:
    """Serve a database, and stop at the end."""
    server = Server(url, folder / f"serve-{time.monotonic_ns()}.log", settings, arguments)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def serving_several(url: str, folder: Path, count: int, **settings: object) -> Iterator[list[Server]]:
    """Serve one database from several processes."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(url, folder, **settings)) for _ in range(count)]


class Client:
    """One connection to a server, opened when needed; OSError or EOFError where the server goes away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        # Of the last answer, in small letters.
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def post(self, operation: str, fields: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """Ask, and return status and fields."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        body = json.dumps(fields).encode()
        head = f"POST /v1/calls/{operation} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            answered = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            self.headers = dict(line.split(": ", 1) for line in answered.split("\r\n")[1:-2])
            length = int(answered.partition("content-length: ")[2].partition("\r\n")[0])
            return int(answered[9:12]), json.loads(await reader.readexactly(length))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def post_all(ports: Sequence[int], asked: Sequence[Asked]) -> list[tuple[int, dict[str, Any]]]:
    """Ask everything at once, each on a connection of its own, in turn on the ports; answers in order."""
    clients = [Client(ports[number % len(ports)]) for number in range(len(asked))]
    try:
        return await asyncio.gather(
            *(client.post(operation, fields) for client, (operation, fields) in zip(clients, asked, strict=True))
        )
    finally:
        for client in clients:
            client.close()
