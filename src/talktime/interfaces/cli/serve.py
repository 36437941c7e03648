"""`talktime serve`: charge calls over HTTP, with a worker beside it for what happens later."""

import fcntl
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import cyclopts

from talktime.bootstrap import App, open_gateways
from talktime.core.values.errors import Conflict, Invalid
from talktime.interfaces.asgi import Receive, Scope, Send
from talktime.interfaces.charging import describing, listening
from talktime.interfaces.charging.describing import DescribingDoor
from talktime.interfaces.charging.server import ALONE, ChargingServer
from talktime.interfaces.charging.writing import REFUSALS
from talktime.interfaces.cli.supervising import (
    TALKTIME,
    Program,
    keep_running,
    run_until_done,
    serve_for,
    tell_listening,
    told_to_stop,
)
from talktime.interfaces.cli.terminal import open_app
from talktime.interfaces.diameter.opening import opener
from talktime.interfaces.graph import paths as graph_paths
from talktime.interfaces.graph.door import GraphDoor
from talktime.interfaces.graph.rows import SipAnswer
from talktime.interfaces.nchf.door import PATH_PREFIX as NCHF_PREFIX
from talktime.interfaces.nchf.server import NchfServer
from talktime.interfaces.payments.door import PATH_PREFIX, PaymentsDoor
from talktime.interfaces.payments.receiving import EventReceiver
from talktime.settings import Settings, settings_from
from talktime.store.engine import is_sqlite, sqlite_path
from talktime.telemetry import configure_log
from talktime.telemetry.log import log_what_others_say
from talktime.telemetry.snapshots import Place

app = cyclopts.App(name="serve", help="Charge calls over HTTP, on this machine.")


@app.default
def serve(
    *,
    database: Annotated[str, cyclopts.Parameter(help="sqlite:///path or postgresql://user@host/name")] = "",
    host: str = "127.0.0.1",
    port: int = 8080,
    processes: int = 1,
    diameter: Annotated[str, cyclopts.Parameter(help="Serve Diameter Ro too: host:port, several with commas.")] = "",
    worker: Annotated[
        bool, cyclopts.Parameter(help="Bring a worker along, in a process of its own: recharges, mails, statements.")
    ] = True,
) -> int:
    """Serve POST /v1/calls/start, answer, extend, end and batch until it is stopped; and card gateways' webhooks.

    Several processes can share one PostgreSQL; a SQLite file has one. Where workers run elsewhere, say --no-worker.
    """
    if database:
        os.environ["TALKTIME_DATABASE"] = database
    if diameter:
        os.environ["TALKTIME_DIAMETER"] = diameter
    settings = settings_from(os.environ)
    if is_sqlite(settings.database_url) and processes > 1:
        message = "a SQLite file is charged by one process; use PostgreSQL for several"
        raise Invalid(message, code="one_process")
    opener(settings)
    configure_log(for_people=sys.stderr.isatty())
    address = Address(host, port)
    with open_app(database), _only_server(settings):
        if processes > 1:
            return _serve_by_several(address, processes, worker=worker)
        # Before anything else is begun, so that a port that is taken is said at once.
        with _bound(address) as listener, _worker_beside() if worker else nullcontext():
            _serve_here(settings, listener, ALONE)
    return 0


@app.command(show=False)
def process(*, number: int, count: int, host: str, port: int, folder: Path, parent: int, told: int) -> int:
    """Be one of several processes: serve until the parent says so, or is gone."""
    settings = settings_from(os.environ)

    def serve_our_part() -> None:
        _stay_on_one_processor(number, count)
        with _bound(Address(host, port), is_shared=True) as listener:
            _serve_here(settings, listener, Place(number, count, folder), lambda: tell_listening(told))

    return serve_for(parent, serve_our_part)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def _serve_here(
    settings: Settings, listener: socket.socket, place: Place, when_listening: Callable[[], None] = lambda: None
) -> None:
    """Serve in this process until it is told to stop; raise TalktimeError where it cannot begin."""
    log_what_others_say()
    _allow_many_connections()
    served = doors(settings, place)

    async def living() -> None:
        async with served.charging.opened():
            server = listening.HttpServer(
                served, served.charging, drain_seconds=settings.drain_seconds, when_listening=when_listening
            )
            await server.serve([listener])

    run_until_done(living())


def doors(settings: Settings, place: Place = ALONE) -> "Doors":
    """Return the application that a server process runs; a door beside switches' own gets charging's committer."""
    app = App(settings)
    receiver = EventReceiver(app, open_gateways(settings))
    nchf = NchfServer(settings)
    diameter = opener(settings, is_shared=place is not ALONE)
    # What switches are told is written in charging's door, which no other door knows.
    sip_answers = {reason: SipAnswer(told.sip_code, told.sip_reason) for reason, told in REFUSALS.items()}
    graph = GraphDoor(app, sip_answers, settings.graph_api_root)
    return Doors(ChargingServer(settings, [diameter, nchf.opened], place), PaymentsDoor(receiver), nchf, graph)


def _described() -> DescribingDoor:
    """Describe the doors of switches; card gateways know what they send."""
    return DescribingDoor(describing.description("talktime.interfaces.nchf"))


@dataclass(frozen=True, slots=True)
class Doors:
    """One address for switches and for card gateways: an ASGI application that looks at the path."""

    charging: ChargingServer
    payments: PaymentsDoor
    nchf: NchfServer
    # None where no program reads.
    graph: GraphDoor | None = None
    description: DescribingDoor = field(default_factory=_described)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to its door; the server's start and stop are charging's."""
        if scope["type"] == "http" and scope["path"].startswith(PATH_PREFIX):
            await self.payments(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"].startswith(NCHF_PREFIX):
            await self.nchf(scope, receive, send)
            return
        if self.graph is not None and scope["type"] == "http" and graph_paths.owns(scope["path"]):
            await self.graph(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == describing.PATH:
            await self.description(scope, send)
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


def _serve_by_several(address: Address, processes: int, *, worker: bool) -> int:
    """Keep several server processes running; return the exit code of one that cannot serve, or 0."""
    stop = told_to_stop()
    # Processes that share a port would share it with anybody's: whoever has it already is found here.
    with _bound(address):
        pass
    with TemporaryDirectory(prefix="talktime-") as folder:
        places = [Place(number, processes, Path(folder)) for number in range(1, processes + 1)]
        servers = [_server(place, address) for place in places]
        return keep_running([*servers, *([_worker()] if worker else [])], stop)


def _server(place: Place, address: Address) -> Program:
    own = ("--number", str(place.number), "--count", str(place.count), "--folder", str(place.folder))
    where = ("--host", address.host, "--port", str(address.port), "--parent", str(os.getpid()))
    return Program(f"server {place.number}", (*TALKTIME, "serve", "process", *own, *where), is_server=True)


def _worker() -> Program:
    return Program("worker", (*TALKTIME, "worker", "--parent", str(os.getpid())))


@contextmanager
def _worker_beside() -> Iterator[None]:
    """Keep a worker running in a process of its own, so that charging's latency is not touched."""
    # Until the server listens to signals, so that the worker is stopped before we end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stop = threading.Event()
    supervisor = threading.Thread(target=keep_running, args=([_worker()], stop), name="worker-supervisor")
    supervisor.start()
    try:
        yield
    finally:
        stop.set()
        supervisor.join()


@contextmanager
def _bound(address: Address, *, is_shared: bool = False) -> Iterator[socket.socket]:
    with listening.bound(address.host, address.port, is_shared=is_shared) as listener:
        yield listener


def _stay_on_one_processor(number: int, count: int) -> None:
    """Keep our threads beside each other where each process has a processor: they take turns, on the same objects."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if count <= len(allowed):
        os.sched_setaffinity(0, {allowed[number - 1]})


def _allow_many_connections() -> None:
    """Each connection is an open file; the usual limit of a thousand is one that a program may raise by itself."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
