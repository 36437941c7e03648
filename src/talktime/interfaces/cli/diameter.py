"""`talktime diameter`: charge calls over Diameter alone, by a process for each name and address."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from talktime.core.values.errors import Invalid
from talktime.interfaces.charging.server import ChargingServer
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
from talktime.settings import Settings, settings_from
from talktime.store.engine import is_sqlite
from talktime.telemetry import configure_log
from talktime.telemetry.log import log_what_others_say

app = cyclopts.App(name="diameter", help="Charge calls over Diameter Ro alone, on PostgreSQL.")

Listen = Annotated[
    list[str] | None,
    Parameter(
        help="Where to listen, host:port, before it NAME= where our name (Origin-Host) there is another; once for"
        " each process. Without it, TALKTIME_DIAMETER.",
        negative=(),
    ),
]


@app.default
def diameter(
    *,
    listen: Listen = None,
    database: Annotated[str, Parameter(help="postgresql://user@host/name")] = "",
) -> int:
    """Answer switches by Diameter Ro and Gy until it is stopped: each address by a process of its own.

    Any of them answers whatever another one began. A SQLite file has one process: `talktime serve --diameter`.
    """
    if database:
        os.environ["TALKTIME_DATABASE"] = database
    settings = settings_from(os.environ)
    if is_sqlite(settings.database_url):
        message = "a SQLite file is charged by one process: say `talktime serve --diameter HOST:PORT`"
        raise Invalid(message, code="one_process")
    listeners = listen or [each.strip() for each in settings.diameter.split(",") if each.strip()]
    if not listeners:
        message = "nothing to listen on: say --listen 127.0.0.1:3868, or set TALKTIME_DIAMETER"
        raise Invalid(message, code="nowhere")
    for each in listeners:
        opener(_settings_of(each, settings))
    configure_log(for_people=sys.stderr.isatty())
    with open_app(database):
        if len(listeners) > 1:
            return _run_several(listeners)
        _run_here(_settings_of(listeners[0], settings))
    return 0


@app.command(show=False)
def listener(*, at: str, parent: int, told: int) -> int:
    """Be one of several listeners: answer until the parent says so, or is gone."""
    return serve_for(parent, partial(_run_here, _settings_of(at, settings_from(os.environ)), told))


def _settings_of(listen: str, settings: Settings) -> Settings:
    """Return the settings of one listener, `[NAME=]host:port`."""
    name, equals, address = listen.rpartition("=")
    return replace(settings, diameter=address, diameter_host=name if equals else settings.diameter_host)


def _run_several(listeners: Sequence[str]) -> int:
    command = (*TALKTIME, "diameter", "listener", "--parent", str(os.getpid()))
    programs = [Program(f"diameter {each}", (*command, "--at", each), is_server=True) for each in listeners]
    return keep_running(programs, told_to_stop())


def _run_here(settings: Settings, told: int = -1) -> None:
    """Answer in this process until it is told to stop; raise TalktimeError where it cannot begin."""
    log_what_others_say()

    async def living() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with ChargingServer(settings, [opener(settings)]).opened():
            if told >= 0:
                tell_listening(told)
            await stop.wait()

    run_until_done(living())
