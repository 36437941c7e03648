"""Servers that are born quickly: a process imports `talktime serve` once, and forks a server whenever one is wanted.

    with nursed(folder) as nursery:
        server = NursedServer(nursery, url, folder / "serve.log")
        server.start()                      0.1 s, of 2 s for a new `talktime serve`
        server.kill()

What is forked runs the command line's own `main`, with a process, memory, connections and locks of its own: what dies
is what dies under an operator. Only the imports, and the numbering plans, were there before.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from talktime.core.values import numbering
from talktime.core.values.numbers import is_emergency
from talktime.interfaces.cli.main import main as talktime
from tests.interfaces.charging.servers import HOST, POLL_SECONDS, START_SECONDS_MAX, STOP_SECONDS_MAX, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
# What a server imports when it starts to serve.
_IMPORTED = (
    "httptools",
    "talktime.interfaces.cli.serve",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)


class Nursery:
    """The process that forks servers: a line asks for one, a line says which it is."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.kills_nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        self._ask({})

    def bear(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
        """Fork a server, and return its process id."""
        return self._ask({"arguments": list(arguments), "log": str(log), "environment": dict(environment)})

    def kill(self, process_id: int) -> None:
        """End a server at once, and return when it is dead."""
        self._ask({"kill": process_id})

    def close(self) -> None:
        """End, with all servers."""
        self._process.communicate(timeout=STOP_SECONDS_MAX)

    def _ask(self, asked: dict[str, object]) -> int:
        told, heard = self._process.stdin, self._process.stdout
        assert told is not None
        assert heard is not None
        told.write(json.dumps(asked) + "\n")
        told.flush()
        return int(heard.readline())


class NursedServer:
    """A forked `talktime serve` at an address of its own."""

    def __init__(self, nursery: Nursery, url: str, log: Path, **settings: object) -> None:
        self.port, self.ro_port = free_port(), free_port()
        self._environment = {f"TALKTIME_{name.upper()}": str(value) for name, value in settings.items()}
        self._nursery = nursery
        self._url = url
        self._log = log
        self.process_id = 0

    @property
    def said(self) -> str:
        """Return what the server wrote."""
        return self._log.read_text("utf-8", "replace")

    def begin(self) -> None:
        """Start if it is dead, and do not wait."""
        if self.process_id:
            return
        arguments = ["serve", "--no-worker", "--database", self._url, "--port", str(self.port)]
        arguments += ["--diameter", f"{HOST}:{self.ro_port}"]
        self.process_id = self._nursery.bear(arguments, self._log, self._environment)

    def start(self) -> None:
        """Start, and return when it answers; one that ends because its database is starting, too, is started again."""
        gives_up_at = time.monotonic() + START_SECONDS_MAX
        self.begin()
        while not self._is_healthy():
            assert time.monotonic() < gives_up_at, f"the server does not answer: {self.said}"
            if not _lives(self.process_id):
                self.kill()
                self.begin()
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self.process_id:
            self._nursery.kill(self.process_id)
            self.process_id = 0

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def serving(nursery: Nursery, url: str, folder: Path, **settings: object) -> Iterator[NursedServer]:
    """Serve a database, and stop at the end."""
    settings = {"data_folder": folder, **settings}
    server = NursedServer(nursery, url, folder / f"serve-{time.monotonic_ns()}.log", **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def nursed() -> Iterator[Nursery]:
    """Run a nursery, and end it with its servers."""
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def _lives(process_id: int) -> bool:
    """Tell whether a process is more than a name in the table of processes."""
    state = Path(f"/proc/{process_id}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    return state != "Z"


def main() -> None:
    """Bear and bury servers until standard input ends; then whoever lives is orphaned, and must not be."""
    _import_all()
    alive: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "kill" in asked:
            _bury(asked["kill"])
            alive.discard(asked["kill"])
            print(asked["kill"], flush=True)
        elif "arguments" in asked:
            process_id = _bear(asked)
            alive.add(process_id)
            print(process_id, flush=True)
        else:
            print(os.getpid(), flush=True)
    for process_id in alive:
        _bury(process_id)


def _import_all() -> None:
    for name in _IMPORTED:
        import_module(name)
    is_emergency("0000", frozenset())
    numbering.prepare()


def _bear(asked: dict[str, Any]) -> int:
    process_id = os.fork()
    if process_id:
        return process_id
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.environ.update(asked["environment"])
        written = os.open(asked["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for target, source in enumerate((nothing, written, written)):
            os.dup2(source, target)
        status = talktime(asked["arguments"])
    except BaseException:  # noqa: BLE001 -- whatever it is, it must not reach the nursery's own code
        traceback.print_exc()
    finally:
        os._exit(status)


def _bury(process_id: int) -> None:
    os.kill(process_id, signal.SIGKILL)
    os.waitpid(process_id, 0)


if __name__ == "__main__":
    main()
