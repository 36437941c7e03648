"""`talktime worker`: do what happens later — recharges, mails, statements — and see what waits."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, instant, now, open_app, show, table, warn

EXIT_NOT_DONE = 1
# What has been due for longer than this has nobody who does it.
OVERDUE_AFTER = timedelta(minutes=2)
PARENT_SECONDS = 1.0

app = App(name="worker")


@app.default
def worker(
    *,
    once: Annotated[bool, Parameter(negative=(), help="Do every chore that is due, tell what was done, and end.")] = (
        False
    ),
    embedded: Annotated[bool, Parameter(negative=(), show=False, help="End with the process that started it.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Charge what is due, deliver, issue statements: until it is stopped (Ctrl-C, SIGTERM), or once.

    Several workers may run on one database, on one machine or many; each thing is done once.
    """
    return _once(options) if once else _until_stopped(options, embedded=embedded)


@app.command
def status(*, options: Options = DEFAULTS) -> int:
    """Show which workers are alive, when each chore was done last, and what is due or overdue.

    The exit code is 1 where something is overdue, so that a monitor can ask.
    """
    from talktime.interfaces.worker.status import show_work

    at = now()
    with open_app(options.database) as talktime:
        shown = talktime.read(show_work, at)
    show(options, _status_document(shown), lambda: _status_view(shown))
    if not shown.workers and not options.as_json:
        hint("Nobody works here: start `talktime worker`, or `talktime serve`, which brings one along.")
    return EXIT_NOT_DONE if shown.overdue else 0
