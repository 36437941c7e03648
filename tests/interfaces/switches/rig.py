"""A real switch on the shipped configuration, real callers, and the server that charges them, all on 127.0.0.1."""

import json
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
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.interfaces.switches import sip_programs

SCENARIOS = Path(__file__).parent / "scenarios"
HOST = "127.0.0.1"
SWITCH = "kamailio-1"
# The names in examples/kamailio/cdp.xml; Kamailio finds Talktime by the name, so it is one that every machine knows.
ORIGIN_HOST, OCS_HOST, REALM = "proxy-1.example", "localhost", "example"
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


def eventually(look: Callable[[], Found | None], what: str, *, patience_seconds: float = PATIENCE_SECONDS) -> Found:
    """Return what is found as soon as there is something; fail where it never comes."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"{what} did not come within {patience_seconds:.0f} s")


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
        status = self.await_end()
        assert status == 0, f"{self.command[0]}: {status}; {self.last_words()}"

    def await_end(self, patience_seconds: float = PATIENCE_SECONDS) -> int | str:
        """Wait until the program has ended by itself, and return what it said of it."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(patience_seconds)
        return f"it did not end within {patience_seconds:.0f} s"

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
        assert self._process.poll() is None, f"{self.command[0]} has ended; {self.last_words()}"

    def last_words(self) -> str:
        return f"it said: {self.log.read_text('utf-8', 'replace')[-LAST_WORDS_CHARACTERS:]}"


class ChargingServer(Program):
    """`talktime serve` by HTTP and by Diameter, at ports that stay its own when it is started again."""

    def __init__(self, database_url: str, folder: Path, environment: dict[str, str]) -> None:
        port, self.diameter_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
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
            "--diameter",
            f"{HOST}:{self.diameter_port}",
        ]
        names = {"TALKTIME_DATA_FOLDER": str(folder / "data"), "TALKTIME_DIAMETER_REALM": REALM}
        names |= {"TALKTIME_DIAMETER_HOST": OCS_HOST}
        super().__init__(serve, folder / "server.log", {**names, **environment})

    def start(self) -> None:
        super().start()
        eventually(self._is_healthy, "the charging server")

    def _is_healthy(self) -> bool:
        self.check_alive()
        with suppress(URLError, ConnectionError), urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310 -- ours
            return bool(answer.status == 200)
        return False


class Switch(Program):
    """Kamailio on a configuration that ships, with the names at its top set for this machine."""

    def __init__(self, configuration: Path, folder: Path, names: dict[str, str]) -> None:
        self.port, self.next_hop_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
        names = {
            "LISTEN_ADDRESS": f"{HOST}:{self.port}",
            "NEXT_HOP": f"sip:{HOST}:{self.next_hop_port}",
            **names,
        }
        command = [sip_programs.program("kamailio"), "-f", str(configuration), "-DD", "-E", "-m", "192", "-M", "8"]
        # One process for JSON-RPC, which comes by TCP.
        command += ["-N", "1"]
        command += ["-Y", str(folder), "-P", str(folder / "kamailio.pid"), "-A", "OVERRIDDEN"]
        command += [f"--substdef=!{name}!{value}!g" for name, value in names.items()]
        super().__init__(command, folder / "kamailio.log")

    def start(self) -> None:
        super().start()
        eventually(self._answers, "Kamailio")

    def await_next_hop(self) -> None:
        """Wait until somebody listens where calls go."""
        eventually(lambda: _is_taken(self.next_hop_port), "the callee")

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


class Kamailio(Switch):
    """Kamailio that asks over HTTP, and takes JSON-RPC at `rpc_url`."""

    def __init__(self, configuration: Path, charging_url: str, folder: Path) -> None:
        rpc_address = f"{HOST}:{free_port(socket.SOCK_STREAM)}"
        self.rpc_url = f"http://{rpc_address}/RPC"
        names = {"CHARGING_URL": charging_url, "SWITCH_ID": SWITCH, "RPC_ADDRESS": rpc_address}
        super().__init__(configuration, folder, names)

    def ask(self, method: str, *parameters: str) -> tuple[int, dict[str, Any]]:
        """Return HTTP status and answer of a JSON-RPC."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        request = Request(self.rpc_url, json.dumps(asked).encode(), {"Content-Type": "application/json"})  # noqa: S310 -- ours
        try:
            with urlopen(request, timeout=5) as answer:  # noqa: S310 -- ours
                return 200, json.load(answer)
        except HTTPError as refusal:
            with refusal:
                return refusal.code, {}

    def dialogs_count(self) -> int:
        """Return how many calls Kamailio has in hand."""
        _, answer = self.ask("dlg.stats_active")
        return int(answer["result"]["all"])


@dataclass(frozen=True)
class RoTerms:
    """What is set at the top of kamailio-ro.cfg, and in cdp.xml the name."""

    request_seconds: int = 60
    call_seconds_max: int = 3_600
    outage_seconds_max: int = 60
    name: str = ORIGIN_HOST


class KamailioRo(Switch):
    """Kamailio that asks by Diameter Ro."""

    def __init__(self, examples: Path, diameter_port: int, folder: Path, terms: RoTerms) -> None:
        folder = folder / terms.name
        folder.mkdir()
        self.name = terms.name
        cdp = (examples / "cdp.xml").read_text("utf-8")
        changes = {'port="3868"': f'port="{diameter_port}"', f'FQDN="{ORIGIN_HOST}"': f'FQDN="{terms.name}"'}
        for shipped, here in changes.items():
            assert cdp.count(shipped) == 1
            cdp = cdp.replace(shipped, here)
        (folder / "cdp.xml").write_text(cdp, "utf-8")
        names = {
            "CDP_XML": str(folder / "cdp.xml"),
            "ORIGIN_HOST": terms.name,
            "ORIGIN_REALM": REALM,
            "OCS_HOST": OCS_HOST,
            "OCS_REALM": REALM,
            "REQUEST_SECONDS": str(terms.request_seconds),
            "CALL_SECONDS_MAX": str(terms.call_seconds_max),
            "OUTAGE_SECONDS_MAX": str(terms.outage_seconds_max),
        }
        super().__init__(examples / "kamailio-ro.cfg", folder, names)


@dataclass
class Caller(Program):
    """SIPp calling once."""

    messages: Path = field(kw_only=True)

    def talked_seconds(self) -> float:
        """Return how long the call lasted by the caller's own clock: from the answer to the BYE, whoever sent it."""
        lines = [line.split("\t") for line in self.messages.read_text("utf-8").splitlines()]
        answered_at = next(float(at) for _, _, at, *_, first in lines if first.startswith("SIP/2.0 200"))
        ended_at = next(float(at) for _, _, at, *_, first in lines if first.startswith("BYE "))
        return ended_at - answered_at


@dataclass
class Phones:
    """SIPp in both parts: who calls through Kamailio, and who is called behind it."""

    kamailio: Switch
    folder: Path
    _callers: list[Program] = field(default_factory=list)

    @contextmanager
    def callee(self, scenario: str, *, calls: int = 1) -> Iterator[None]:
        """Let those who are called behave as the scenario says, for so many calls; fail where one went otherwise."""
        command = phone(SCENARIOS / f"{scenario}.xml", self.kamailio.next_hop_port)
        program = Program([*command, *(("-m", str(calls)) if calls else ())], self.folder / "callee.log")
        program.start()
        try:
            self.kamailio.await_next_hop()
            yield
            if calls:
                program.finish()
        finally:
            program.stop()

    def call(self, scenario: str, *, of: str, to: str, call_id: str, **words: str) -> "Caller":
        """Let a caller begin; `words` fill the scenario's capital letters, such as REFUSAL."""
        text = (SCENARIOS / f"{scenario}.xml").read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        path = self.folder / f"{call_id}.xml"
        path.write_text(text, "utf-8")
        command = phone(path, free_port(socket.SOCK_DGRAM), f"{HOST}:{self.kamailio.port}")
        command += ["-m", "1", "-key", "caller", of, "-key", "callee", to, "-cid_str", call_id]
        messages = self.folder / f"{call_id}.messages"
        command += ["-trace_shortmsg", "-shortmessage_file", str(messages)]
        caller = Caller(command, self.folder / f"{call_id}.log", messages=messages)
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


def phone(scenario: Path, port: int, *remote: str) -> list[str]:
    """Return the command of a SIPp that plays a scenario."""
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
