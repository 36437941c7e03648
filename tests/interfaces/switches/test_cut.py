"""An administrator cuts calls that a real Kamailio carries: `talktime calls cut`, JSON-RPC, BYE to both sides."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from talktime.core.calls.calls import Call, CallState, Ending
from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.kamailio import KamailioSwitch
from tests.interfaces.switches.books import BY_THE_SECOND, MINUTE_MICROS, SECOND_MICROS, Books
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.rig import SWITCH, Kamailio, Phones, eventually

GOES_ON = 3
SECOND = timedelta(seconds=1)
NOBODY = "http://127.0.0.1:9/RPC"


class Operator:
    """Somebody in front of a terminal on the machine of the charging server."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._file = folder / "switches.toml"
        self._environment = {**os.environ, "TALKTIME_DATABASE": database_url, "TALKTIME_SWITCHES": str(self._file)}

    def sets_up(self, url: str) -> None:
        self._file.write_text(f'[{SWITCH}]\nkind = "kamailio"\nurl = "{url}"\n', "utf-8")

    def types(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a command; return its exit code, and the document that it printed."""
        command = [sys.executable, "-m", "talktime", *words, "--json"]
        ran = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)


@pytest.fixture
def operator(database_of_the_switch: str, folder: Path, kamailio: Kamailio) -> Operator:
    operator = Operator(database_of_the_switch, folder)
    operator.sets_up(kamailio.rpc_url)
    return operator


def test_a_call_in_progress_is_cut_on_both_sides_and_charged_for_what_was_talked(
    books: Books, phones: Phones, operator: Operator
) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)

    with phones.callee("callee_answers"):
        caller = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="admin-cuts")
        _talks(books, "admin-cuts")
        _, live = operator.types("calls", "live", "--organization", f"org{payer.organization_id}")
        code, told = operator.types("calls", "cut", "admin-cuts")
        # Both phones end by themselves, and only if they are sent BYE.
        caller.finish()

    call = books.ended("admin-cuts")
    assert [each["call_id"] for each in live["calls"]] == ["admin-cuts"]
    assert (code, told["calls"][0]["outcome"]) == (0, "cut")
    assert call.cut_at is not None
    assert call.answered_at is not None
    assert call.result is not None
    # By the caller's own clock, BYE came within a second after the cut was committed.
    assert caller.talked_seconds() <= (call.cut_at - call.answered_at) / SECOND + 1
    # The switch reports started seconds.
    talked = call.result.used_seconds
    assert 0 <= talked - caller.talked_seconds() < 2
    assert call.result.cost_micros == talked * SECOND_MICROS
    assert books.credit_of(payer).balance_micros == 5 * MINUTE_MICROS - talked * SECOND_MICROS
    assert books.credit_of(payer).held_micros() == 0


def test_all_calls_of_a_user_are_cut_and_what_is_cut_again_is_told_to_be_over(
    books: Books, phones: Phones, operator: Operator
) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)
    whose = ("--organization", f"org{payer.organization_id}")
    names = ("first-of-two", "second-of-two")

    with phones.callee("callee_answers", calls=2):
        callers = [phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id=name) for name in names]
        for name in names:
            _talks(books, name)
        code, told = operator.types("calls", "cut", "--user", f"ann@org{payer.organization_id}", *whose)
        for caller in callers:
            caller.finish()
    for name in names:
        books.ended(name)
    code_again, again = operator.types("calls", "cut", *names)

    assert (code, {each["outcome"] for each in told["calls"]}) == (0, {"cut"})
    assert (code_again, {each["outcome"] for each in again["calls"]}) == (0, {"over"})
    assert books.credit_of(payer).held_micros() == 0


def test_a_call_whose_switch_cannot_be_told_ends_with_what_it_was_granted(
    books: Books, phones: Phones, operator: Operator
) -> None:
    """Of Kamailio's Ro module that is always so: it ignores a server's requests to abort."""
    payer = books.payer_with(5 * MINUTE_MICROS)
    operator.sets_up(NOBODY)

    with phones.callee("callee_answers"):
        caller = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="out-of-reach")
        _talks(books, "out-of-reach")
        code, told = operator.types("calls", "cut", "out-of-reach")
        caller.finish()

    call = books.ended("out-of-reach")
    (shown,) = told["calls"]
    assert (code, shown["outcome"], shown["switch_was_told"]) == (GOES_ON, "ends_by_itself", "unreached")
    assert shown["ends_within_seconds"] <= shown["granted_seconds"]
    assert call.granted_seconds == shown["granted_seconds"] <= 2 * QUANTUM_SECONDS
    assert call.result is not None
    assert call.result.ending is Ending.CREDIT_EXHAUSTED
    assert call.result.used_seconds == call.granted_seconds
    assert call.result.cost_micros == call.granted_seconds * SECOND_MICROS


def test_a_call_that_rings_is_not_forgotten_by_the_switch_and_is_cut_once_it_is_answered(
    books: Books, phones: Phones, operator: Operator, kamailio: Kamailio
) -> None:
    """Told to end a dialog that rings, 5.6.3 would report a failed call, and let it be answered without a timer."""
    payer = books.payer_with(MINUTE_MICROS)

    with phones.callee("callee_answers_late"):
        caller = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="rings")
        ringing = eventually(lambda: books.call("rings"), "the start")
        (told,) = eventually(lambda: _answers_of(kamailio, ringing), "the dialog")
        _talks(books, "rings")
        code, shown = operator.types("calls", "cut", "rings")
        caller.finish()

    call = books.ended("rings")
    assert told.outcome is HangUp.RINGING
    assert (code, shown["calls"][0]["outcome"]) == (0, "cut")
    assert call.result is not None
    assert call.result.cost_micros == call.result.used_seconds * SECOND_MICROS > 0


def test_the_switch_tells_whether_it_can_be_told(kamailio: Kamailio) -> None:
    assert KamailioSwitch(kamailio.rpc_url).look() == SwitchState(is_reached=True, said="0 dialogs")
    assert not KamailioSwitch(NOBODY).look().is_reached


def _answers_of(kamailio: Kamailio, call: Call) -> list[HangUpResult] | None:
    """Tell Kamailio to end a call as soon as it has a dialog for it."""
    told = KamailioSwitch(kamailio.rpc_url).hang_up([CallOnSwitch(call.setup.key)])
    return None if told[0].outcome is HangUp.NOT_THERE else told


def _talks(books: Books, call_id: str) -> Call:
    def look() -> Call | None:
        call = books.call(call_id)
        return call if call is not None and call.answered_at is not None and call.state is CallState.OPEN else None

    return eventually(look, f"the answer of {call_id}")
