"""`talktime serve`: charge calls over HTTP."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import cyclopts
import uvicorn

from talktime.core.values.errors import Conflict, Invalid
from talktime.interfaces.charging.server import ChargingServer
from talktime.interfaces.cli.terminal import open_app
from talktime.settings import Settings, settings_from
from talktime.store.engine import is_sqlite, sqlite_path

app = cyclopts.App(name="serve", help="Charge calls over HTTP, on this machine.")


@app.default
def serve(
    *,
    database: Annotated[str, cyclopts.Parameter(help="sqlite:///path or postgresql://user@host/name")] = "",
    host: str = "127.0.0.1",
    port: int = 8080,
    processes: int = 1,
) -> None:
    """Serve POST /v1/calls/start, answer, extend, end and batch until it is stopped.

    Several processes can share one PostgreSQL; a SQLite file has one.
    """
    if database:
        os.environ["TALKTIME_DATABASE"] = database
    settings = settings_from(os.environ)
    if is_sqlite(settings.database_url) and processes > 1:
        message = "a SQLite file is charged by one process; use PostgreSQL for several"
        raise Invalid(message, code="one_process")
    with open_app(database), _only_server(settings):
        uvicorn.run(
            "talktime.interfaces.cli.serve:charging_server",
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


def charging_server() -> ChargingServer:
    """Return the application that a server process runs."""
    return ChargingServer(settings_from(os.environ))


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
