"""`talktime serve` as an operator starts it, on a free port, for as long as a measurement lasts."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from talktime.core.values.errors import Unavailable

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
LOG_SHOWN_BYTES = 2_000
_PAUSE_SECONDS = 0.05


class Served(NamedTuple):
    """A running server."""

    url: str
    process_id: int
    diameter_url: str


@contextmanager
def serving(database_url: str, *, processes: int = 1, by_diameter: bool = False) -> Iterator[Served]:
    """Serve a database until the block ends; it has closed the database then. Raise Unavailable."""
    port, diameter = _free_port(), f"127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "talktime", "serve", "--no-worker", "--database", database_url]
    options = ["--port", str(port), "--processes", str(processes)]
    if by_diameter:
        options += ["--diameter", diameter]
    with tempfile.TemporaryFile() as log:
        # In a group of its own: Ctrl-C reaches us, and it is we who stop the server.
        server = subprocess.Popen(  # noqa: S603 -- our own
            [*command, *options],
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(server, url, log, processes)
            yield Served(url, server.pid, f"diameter://{diameter}")
        finally:
            _stop(server)


def _wait(server: "subprocess.Popen[bytes]", url: str, log: IO[bytes], processes: int) -> None:
    """Wait until each process has answered: they share the port, and connections stay with whoever was there first."""
    deadline = time.monotonic() + START_SECONDS_MAX
    answered: set[int] = set()
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1) as answer:  # noqa: S310 -- our own address
                answered.add(json.load(answer)["process"])
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        if len(answered) == processes:
            return
    log.seek(0)
    said = log.read()[-LOG_SHOWN_BYTES:].decode("utf-8", "replace").strip()
    message = f"`talktime serve` did not start: {said or 'it said nothing'}"
    raise Unavailable(message, code="server")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
