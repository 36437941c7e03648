"""Programs that run under us, each in a process of its own: started again when they die, ended when we end.

And what these do for their part: say that they serve, or that they will not, and end when we are gone.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from talktime.core.values.errors import Unavailable
from talktime.interfaces.cli.terminal import refuse

LOOK_SECONDS = 0.2
# What ran is started again soon, what did not begin to run a little later.
RESTART_SECONDS, BEGIN_AGAIN_SECONDS = 1.0, 5.0
# As long as it may take to finish what is in hand.
STOP_SECONDS_MAX = 120.0
# A server that will not serve until somebody sets something right: to start it again would not help.
EXIT_REFUSED = 4
PARENT_LOOK_SECONDS = 1.0
TALKTIME = (sys.executable, "-m", "talktime")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Program:
    """What to run; a server is told by `--told FD` where to say that it listens."""

    name: str
    command: tuple[str, ...]
    is_server: bool = False


def keep_running(programs: Sequence[Program], stop: threading.Event) -> int:
    """Keep the programs running until it is time to stop; return 0, or the exit code of a server that cannot serve.

    The first server is started alone: what keeps one from serving keeps all of them, and is said once.
    """
    kept = [_Kept(program) for program in programs]
    servers = [each for each in kept if each.program.is_server]
    try:
        while not stop.wait(LOOK_SECONDS):
            for each in kept:
                if not each.program.is_server or each is servers[0] or servers[0].has_listened:
                    each.look()
            refused = [each.refused for each in servers if each.refused]
            if refused:
                return refused[0]
        return 0
    finally:
        # A worker ends after those that may still give it something to do.
        _end(servers)
        _end([each for each in kept if not each.program.is_server])


def told_to_stop() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def serve_for(parent: int, serve: Callable[[], None]) -> int:
    """Serve as one of a parent's servers, until it says so or is gone; return the exit code it understands."""
    from talktime.interfaces.charging.readiness import UNFIT_CODES

    stop_with_parent(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        serve()
    except Unavailable as failure:
        if failure.code not in UNFIT_CODES:
            raise
        refuse(failure.message)
        return EXIT_REFUSED
    return 0


def stop_with_parent(parent: int, stop: Callable[[], None]) -> None:
    """Whoever started us may be killed: then we have another parent, and stop as if we had been told."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_SECONDS)
        stop()

    threading.Thread(target=look, daemon=True).start()


def tell_listening(told: int) -> None:
    """Tell the parent, by the descriptor that it gave us, that we listen."""
    os.write(told, b"!")
    os.close(told)


def run_until_done(living: Coroutine[Any, Any, None]) -> None:
    """Run a server on the loop that is made for many connections."""
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(living)


@dataclass(slots=True)
class _Kept:
    """A program, and the process that runs it."""

    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    has_listened: bool = False
    # The exit code of a server that will not serve.
    refused: int = 0
    _told: int = -1
    _start_at: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        if self.process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        self._hear()
        code = self.process.poll()
        if code is not None:
            self._note_end(code)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process_does_not_end", name=self.program.name, pid=self.process.pid)
            self.process.kill()
            self.process.wait()
        self._close_told()

    def _start(self) -> None:
        command, passed = list(self.program.command), []
        if self.program.is_server:
            self._told, to_tell = os.pipe()
            os.set_blocking(self._told, False)
            command += ["--told", str(to_tell)]
            passed = [to_tell]
        # In a group of its own: Ctrl-C reaches us, and it is we who stop it.
        self.process = subprocess.Popen(  # noqa: S603 -- our own
            command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=passed
        )
        for descriptor in passed:
            os.close(descriptor)

    def _hear(self) -> None:
        if self._told < 0:
            return
        try:
            is_told = bool(os.read(self._told, 1))
        except BlockingIOError:
            return
        self._close_told()
        if is_told:
            self.has_listened = True

    def _note_end(self, code: int) -> None:
        self._hear()
        self._close_told()
        self.process = None
        if self.program.is_server and (code == EXIT_REFUSED or (code != 0 and not self.has_listened)):
            self.refused = code if code > 0 else EXIT_REFUSED
            return
        pause = RESTART_SECONDS if self.has_listened else BEGIN_AGAIN_SECONDS
        self._start_at = time.monotonic() + pause
        how = {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}
        log.error("process_lost", name=self.program.name, starts_again_in_seconds=pause, **how)

    def _close_told(self) -> None:
        if self._told >= 0:
            os.close(self._told)
            self._told = -1


def _end(kept: Sequence[_Kept]) -> None:
    for each in kept:
        each.end()
    until = time.monotonic() + STOP_SECONDS_MAX
    for each in kept:
        each.wait(until)
