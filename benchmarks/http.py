"""Calls charged over HTTP: wrk, the server and the database on one machine, each call start → extend → end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CONNECTIONS_COUNT = 256
START_SECONDS_MAX = 30
_SCRIPT = Path(__file__).with_name("charging.lua")


class Served(NamedTuple):
    """What wrk saw: requests a second and latencies."""

    requests_a_second: float
    p50_ms: float
    p99_ms: float
    errors: int


def measure(database_url: str, seconds: int) -> Served:
    """Serve the database and load it for so many seconds; raise FileNotFoundError where wrk is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise FileNotFoundError("wrk is not installed (Debian: apt-get install wrk)")
    with serving(database_url) as port:
        _wrk(wrk, port, 2, "warm-up")
        return _wrk(wrk, port, seconds, "measured")


@contextmanager
def serving(database_url: str) -> Iterator[int]:
    """Run `talktime serve` on a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "talktime",
        "serve",
        "--no-worker",
        "--database",
        database_url,
        "--port",
        str(port),
    ]
    environment = {**os.environ, "TALKTIME_DEADLINE_MILLISECONDS": "10000"}
    server = subprocess.Popen(command, env=environment)
    try:
        _wait(port)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _wait(port: int) -> None:
    for _ in range(START_SECONDS_MAX * 10):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the server did not start")


def _wrk(wrk: str, port: int, seconds: int, run: str) -> Served:
    command = [wrk, "-t1", f"-c{CONNECTIONS_COUNT}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT)]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}", "--", run], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    rate = found["requests"] / found["duration_us"] * 1e6
    return Served(rate, found["p50_us"] / 1e3, found["p99_us"] / 1e3, found["errors"])
