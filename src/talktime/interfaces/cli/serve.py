"""`talktime serve`: charge calls over HTTP, with a worker beside it for what happens later."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cyclopts
import uvicorn

from talktime.bootstrap import App, open_gateways
from talktime.core.values.errors import Conflict, Invalid
from talktime.interfaces.charging.door import Receive, Scope, Send
from talktime.interfaces.charging.server import ChargingServer
from talktime.interfaces.cli.terminal import open_app
from talktime.interfaces.payments.door import PATH_PREFIX, PaymentsDoor
from talktime.interfaces.payments.receiving import EventReceiver
from talktime.settings import Settings, settings_from
from talktime.store.engine import is_sqlite, sqlite_path

# A worker that ends before it was told to is started again after so long.
RESTART_SECONDS = 5.0
WORKER_LOOK_SECONDS = 0.5
# As long as it may take to finish what is in hand.
STOP_SECONDS_MAX = 120.0

app = cyclopts.App(name="serve", help="Charge calls over HTTP, on this machine.")


@app.default
def serve(
    *,
    database: Annotated[str, cyclopts.Parameter(help="sqlite:///path or postgresql://user@host/name")] = "",
    host: str = "127.0.0.1",
    port: int = 8080,
    processes: int = 1,
    worker: Annotated[
        bool, cyclopts.Parameter(help="Bring a worker along, in a process of its own: recharges, mails, statements.")
    ] = True,
) -> None:
    """Serve POST /v1/calls/start, answer, extend, end and batch until it is stopped; and card gateways' webhooks.

    Several processes can share one PostgreSQL; a SQLite file has one. Where workers run elsewhere, say --no-worker.
    """
    if database:
        os.environ["TALKTIME_DATABASE"] = database
    settings = settings_from(os.environ)
    if is_sqlite(settings.database_url) and processes > 1:
        message = "a SQLite file is charged by one process; use PostgreSQL for several"
        raise Invalid(message, code="one_process")
    with open_app(database), _only_server(settings), _worker_beside() if worker else nullcontext():
        uvicorn.run(
            "talktime.interfaces.cli.serve:doors",
            factory=True,
            host=host,
            port=port,
            workers=processes,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            ws="none",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            log_level="warning",
        )


def doors() -> "Doors":
    """Return the application that a server process runs."""
    settings = settings_from(os.environ)
    receiver = EventReceiver(App(settings), open_gateways(settings))
    return Doors(ChargingServer(settings), PaymentsDoor(receiver))


@dataclass(frozen=True, slots=True)
class Doors:
    """One address for switches and for card gateways: an ASGI application that looks at the path."""

    charging: ChargingServer
    payments: PaymentsDoor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to its door; the server's start and stop are charging's."""
        if scope["type"] == "http" and scope["path"].startswith(PATH_PREFIX):
            await self.payments(scope, receive, send)
            return
        await self.charging(scope, receive, send)


@contextmanager
def _only_server(settings: Settings) -> Iterator[None]:
    """Refuse a second `serve` on one SQLite file: two writers would take turns badly."""
    if not is_sqlite(settings.database_url):
        yield
        return
    # By the file's own name, whichever link led to it.
    with Path(f"{Path(sqlite_path(settings.database_url)).resolve()}.serve").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            message = f"another `talktime serve` charges this database (it holds {lock.name}); stop it first"
            raise Conflict(message, code="already_serving") from failure
        yield


@contextmanager
def _worker_beside() -> Iterator[None]:
    """Keep a worker running in a process of its own, so that charging's latency is not touched."""
    # The server hands its signals on when it is done, and this one would end us before the worker is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stop = threading.Event()
    supervisor = threading.Thread(target=_supervise, args=(stop,), name="worker-supervisor")
    supervisor.start()
    try:
        yield
    finally:
        stop.set()
        supervisor.join()


def _supervise(stop: threading.Event) -> None:
    command = [sys.executable, "-m", "talktime", "worker", "--parent", str(os.getpid())]
    while not stop.is_set():
        # In a group of its own: Ctrl-C reaches us, and it is we who stop the worker.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 -- our own
        while process.poll() is None and not stop.wait(WORKER_LOOK_SECONDS):
            pass
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)
            return
        stop.wait(RESTART_SECONDS)
