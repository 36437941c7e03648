"""A real switch on the shipped configuration, real callers, and the server that charges them, all on 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from tests.interfaces.switches import sip_programs

SCENARIOS = Path(__file__).parent / "scenarios"
HOST = "127.0.0.1"
SWITCH = "kamailio-1"
# Generous: what is awaited comes in seconds or not at all, and machines that test are busy.
PATIENCE_SECONDS = 40.0
POLL_SECONDS = 0.05
LAST_WORDS_CHARACTERS = 2_000
OPTIONS = (
    "OPTIONS sip:ping@{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{own};branch=z9hG4bKping\r\n"
    "From: <sip:ping@{host}>;tag=ping\r\nTo: <sip:ping@{host}>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
)

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """Return what is found as soon as there is something; fail where it never comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"{what} did not come within {PATIENCE_SECONDS:.0f} s")


@dataclass
class Program:
    """A program that runs until it ends or is told to; what it says goes to a file."""

    command: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
            )

    def finish(self) -> None:
        """Wait until the program has ended by itself; fail where it says that something went wrong."""
        assert self._process is not None
        status: int | str = "it did not end"
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(PATIENCE_SECONDS)
        assert status == 0, f"{self.command[0]}: {status}; {self._last_words()}"

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the program hang meanwhile: it is there, takes what it is sent, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def has_said(self, words: str) -> bool:
        return words in self.log.read_text("utf-8", "replace")

    def check_alive(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.command[0]} has ended; {self._last_words()}"

    def _last_words(self) -> str:
        return f"it said: {self.log.read_text('utf-8', 'replace')[-LAST_WORDS_CHARACTERS:]}"


class ChargingServer(Program):
    """`talktime serve`, at a port that stays its own when it is started again."""

    def __init__(self, database_url: str, folder: Path, environment: dict[str, str]) -> None:
        port = free_port(socket.SOCK_STREAM)
        self.url = f"http://{HOST}:{port}"
        serve = [
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
        super().__init__(serve, folder / "server.log", environment)

    def start(self) -> None:
        super().start()
        eventually(self._is_healthy, "the charging server")

    def _is_healthy(self) -> bool:
        self.check_alive()
        with suppress(URLError, ConnectionError), urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310 -- ours
            return bool(answer.status == 200)
        return False


class Kamailio(Program):
    """Kamailio on the configuration that ships, with the names at its top set for this machine."""

    def __init__(self, configuration: Path, charging_url: str, folder: Path) -> None:
        self.port, self.next_hop_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
        names = {
            "LISTEN_ADDRESS": f"{HOST}:{self.port}",
            "NEXT_HOP": f"sip:{HOST}:{self.next_hop_port}",
            "CHARGING_URL": charging_url,
            "SWITCH_ID": SWITCH,
        }
        command = [sip_programs.program("kamailio"), "-f", str(configuration), "-DD", "-E", "-T", "-m", "64", "-M", "8"]
        command += ["-Y", str(folder), "-P", str(folder / "kamailio.pid"), "-A", "OVERRIDDEN"]
        command += [f"--substdef=!{name}!{value}!g" for name, value in names.items()]
        super().__init__(command, folder / "kamailio.log")

    def start(self) -> None:
        super().start()
        eventually(self._answers, "Kamailio")

    def _answers(self) -> bool:
        self.check_alive()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            probe.settimeout(0.2)
            ping = OPTIONS.format(host=HOST, port=self.port, own=probe.getsockname()[1])
            with suppress(TimeoutError, ConnectionError):
                probe.sendto(ping.encode(), (HOST, self.port))
                return probe.recv(4096).startswith(b"SIP/2.0 200")
        return False


@dataclass
class Phones:
    """SIPp in both parts: who calls through Kamailio, and who is called behind it."""

    kamailio: Kamailio
    folder: Path
    _callers: list[Program] = field(default_factory=list)

    @contextmanager
    def callee(self, scenario: str, *, calls: int = 1) -> Iterator[None]:
        """Let those who are called behave as the scenario says, for so many calls; fail where one went otherwise."""
        port = self.kamailio.next_hop_port
        path = SCENARIOS / f"{scenario}.xml"
        program = Program([*_sipp(path, port), *(("-m", str(calls)) if calls else ())], self.folder / "callee.log")
        program.start()
        try:
            eventually(lambda: _is_taken(port), "the callee")
            yield
            if calls:
                program.finish()
        finally:
            program.stop()

    def call(self, scenario: str, *, of: str, to: str, call_id: str, **words: str) -> Program:
        """Let a caller begin; `words` fill the scenario's capital letters, such as REFUSAL."""
        text = (SCENARIOS / f"{scenario}.xml").read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        path = self.folder / f"{call_id}.xml"
        path.write_text(text, "utf-8")
        command = _sipp(path, free_port(socket.SOCK_DGRAM), f"{HOST}:{self.kamailio.port}")
        command += ["-m", "1", "-key", "caller", of, "-key", "callee", to, "-cid_str", call_id]
        caller = Program(command, self.folder / f"{call_id}.log")
        self._callers.append(caller)
        caller.start()
        return caller

    def hang_up(self) -> None:
        """End the callers that a failed test left on the line."""
        for caller in self._callers:
            caller.stop()


def free_port(kind: socket.SocketKind) -> int:
    """Return a port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _sipp(scenario: Path, port: int, *remote: str) -> list[str]:
    media = str(free_port(socket.SOCK_DGRAM))
    own = ["-sf", str(scenario), "-i", HOST, "-p", str(port), "-mp", media, "-nostdin", "-trace_err"]
    return [sip_programs.program("sipp"), *own, "-error_file", "/dev/stderr", *remote]


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
