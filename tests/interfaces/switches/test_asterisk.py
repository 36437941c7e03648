"""The form requests of examples/asterisk, replayed against `talktime serve`; Debian has no Asterisk to run them."""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from talktime.core.calls.calls import CallKey, Ending, text_of
from tests.interfaces.switches.books import BY_THE_MINUTE, BY_THE_SECOND, MINUTE_MICROS, SECOND_MICROS, Books, Payer
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.recipes import AsteriskDialplan, post, post_for_json
from tests.interfaces.switches.rig import HOST, PATIENCE_SECONDS, ChargingServer, Program, eventually


@pytest.fixture(scope="module")
def dialplan(repository: Path) -> AsteriskDialplan:
    return AsteriskDialplan(repository / "examples/asterisk/extensions.conf")


@dataclass
class Channel:
    """A channel of Asterisk, as far as the dialplan looks at it."""

    dialplan: AsteriskDialplan
    server: ChargingServer
    payer: Payer
    unique_id: str
    answer_format: str = "json"
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variables |= {
            "TALKTIME": self.server.url,
            "TALKTIME_SWITCH": "asterisk-1",
            "TALKTIME_FORMAT": self.answer_format,
            "CHANNEL(linkedid)": self.unique_id,
            "CHANNEL(uniqueid)": f"{self.unique_id}.7",
            "CALLERID(num)": f"+{self.payer.number}",
        }
        self.variables["TT_KEY"] = self.dialplan.assigned("TT_KEY", self.variables)

    def ask(self, operation: str, **variables: str) -> str:
        """Send what the dialplan sends and return what comes back."""
        return post(*self.dialplan.request(operation, {**self.variables, **variables}))

    def end(self, seconds: str, why: str) -> str:
        report = self.dialplan.assigned("TT_REPORT", {**self.variables, "TT_SECONDS": seconds, "TT_WHY": why})
        return self.ask("end", TT_REPORT=report)

    @property
    def key(self) -> CallKey:
        return CallKey("asterisk-1", self.unique_id, f"{self.unique_id}.7")


def test_a_call_is_authorized_answered_and_charged_by_decimal_seconds(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan
) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)
    channel = Channel(dialplan, charging_server, payer, "1795251594.12", answer_format="text")

    started = channel.ask("start", ARG1=f"+{BY_THE_MINUTE}")
    answered = channel.ask("answer")
    ended = channel.end("2.983417", "bye")

    assert started == "allow 60 0"
    assert answered == "ok"
    assert ended == "ok 1.00"
    call = books.finished("1795251594.12")
    assert call is not None
    assert text_of(call.setup.key) == text_of(channel.key)
    assert call.result is not None
    assert call.result.used_seconds == 3
    assert call.result.ending is Ending.HANGUP


def test_the_words_that_the_dialplan_reads_from_a_line_of_text_stand_there(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan
) -> None:
    payer = books.payer_with(3 * SECOND_MICROS)
    allowed = Channel(dialplan, charging_server, payer, "1795251600.1", answer_format="text")
    denied = Channel(dialplan, charging_server, payer, "1795251600.2", answer_format="text")

    lines = [channel.ask("start", ARG1=BY_THE_SECOND).split(" ") for channel in (allowed, denied)]

    read = [{name: line[place - 1] for name, place in dialplan.text_fields().items()} for line in lines]
    assert read[0] == {"TT_RESULT": "allow", "TT_GRANTED": "3", "TT_FINAL": "1", "TT_HANGUP_CAUSE": "1"}
    assert read[1]["TT_RESULT"] == "deny"
    assert read[1]["TT_HANGUP_CAUSE"] == "21"


def test_the_fields_that_the_dialplan_reads_from_json_stand_there(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    channel = Channel(dialplan, charging_server, payer, "1795251601.1")
    names = dialplan.json_fields()

    allowed = post_for_json(*dialplan.request("start", {**channel.variables, "ARG1": BY_THE_SECOND}))
    denied = post_for_json(
        *dialplan.request("start", {**channel.variables, "ARG1": "88213000000", "TT_KEY": "call_id=x"})
    )

    assert allowed[names["TT_RESULT"]] == "allow"
    assert allowed[names["TT_GRANTED"]] == QUANTUM_SECONDS
    assert allowed[names["TT_FINAL"]] == 0
    assert 0 < allowed[names["TT_RECHECK"]] < QUANTUM_SECONDS
    assert denied[names["TT_RESULT"]] == "deny"
    assert denied[names["TT_HANGUP_CAUSE"]] == 21


def test_a_call_that_nobody_answered_is_free(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    channel = Channel(dialplan, charging_server, payer, "1795251602.1", answer_format="text")

    channel.ask("start", ARG1=BY_THE_SECOND)
    ended = channel.end("0", "noanswer")

    assert ended == "ok 0.00"
    assert books.credit_of(payer).held_micros() == 0


class Asterisk:
    """The manager interface's part of a conversation, played by the test: it tells events and hears what is asked."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(PATIENCE_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def meet(self) -> None:
        """Let the helper connect and log in."""
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(PATIENCE_SECONDS)
        self._lines = self._connection.makefile("r", encoding="utf-8", newline="\r\n")
        self._connection.sendall(b"Asterisk Call Manager/9.0.0\r\n")
        assert self.hear() == {"Action": "Login", "Username": "talktime", "Secret": "secret", "Events": "user"}

    def hear(self) -> dict[str, str]:
        """Return the next action that the helper asks for."""
        block = iter(lambda: self._lines.readline().rstrip("\r\n"), "")
        return dict(line.split(": ", 1) for line in block)

    def tell(self, user_event: str, **headers: str) -> None:
        lines = {"Event": "UserEvent", "UserEvent": user_event, **headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._connection.sendall(f"{text}\r\n".encode())

    def close(self) -> None:
        self._lines.close()
        self._connection.close()
        self._listener.close()


@pytest.fixture
def asterisk() -> Iterator[Asterisk]:
    asterisk = Asterisk()
    yield asterisk
    asterisk.close()


@pytest.fixture
def helper(repository: Path, folder: Path, charging_server: ChargingServer, asterisk: Asterisk) -> Iterator[Program]:
    """The helper that ships, connected to the test."""
    settings = {"TALKTIME_URL": charging_server.url, "AMI_PORT": str(asterisk.port), "AMI_SECRET": "secret"}
    script = repository / "examples/asterisk/extend_calls.py"
    helper = Program([sys.executable, str(script)], folder / "helper.log", settings)
    helper.start()
    asterisk.meet()
    yield helper
    helper.stop()


def test_the_helper_lengthens_a_call_until_its_credit_ends(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan, asterisk: Asterisk, helper: Program
) -> None:
    payer = books.payer_with(10 * SECOND_MICROS)
    channel = Channel(dialplan, charging_server, payer, "1795251603.1")
    started = post_for_json(*dialplan.request("start", {**channel.variables, "ARG1": BY_THE_SECOND}))

    asterisk.tell(
        "TalktimeAnswered",
        TalktimeKey=channel.variables["TT_KEY"],
        TalktimeGranted=str(started["granted_total"]),
        TalktimeRecheck=str(started["recheck_after"]),
        TalktimeFinal=str(started["final"]),
        TalktimeChannel="PJSIP/carrier-00000002",
        TalktimeCaller="PJSIP/ann-00000001",
    )
    lengthened, remembered = asterisk.hear(), asterisk.hear()

    assert lengthened["Action"] == "AbsoluteTimeout"
    assert lengthened["Channel"] == "PJSIP/carrier-00000002"
    assert 0 < int(lengthened["Timeout"]) < 10
    assert remembered == {"Action": "Setvar", "Channel": "PJSIP/ann-00000001", "Variable": "TT_GRANTED", "Value": "10"}
    call = books.call("1795251603.1")
    assert call is not None
    assert (call.granted_seconds, call.is_final) == (10, True)


def test_the_helper_repeats_an_end_until_it_is_told(
    books: Books, charging_server: ChargingServer, dialplan: AsteriskDialplan, asterisk: Asterisk, helper: Program
) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)
    channel = Channel(dialplan, charging_server, payer, "1795251604.1")
    channel.ask("start", ARG1=BY_THE_MINUTE)
    report = dialplan.assigned("TT_REPORT", {**channel.variables, "TT_SECONDS": "61.2", "TT_WHY": "bye"})

    with charging_server.paused():
        asterisk.tell("TalktimeUntold", TalktimeReport=report)
        eventually(lambda: helper.has_said("timed out"), "the first attempt's end")
    eventually(lambda: helper.has_said("told at last"), "the second attempt's end")

    assert books.credit_of(payer).balance_micros == 3 * MINUTE_MICROS
