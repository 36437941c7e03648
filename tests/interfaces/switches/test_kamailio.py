"""Kamailio on the configuration in examples/kamailio, called by SIPp and charged by `talktime serve`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.core.calls.calls import Call, CallKind, CallState, Ending
from tests.interfaces.switches.books import (
    BY_THE_MINUTE,
    BY_THE_SECOND,
    MINUTE_MICROS,
    SECOND_MICROS,
    Books,
    Payer,
)
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.rig import ChargingServer, Kamailio, Phones, eventually


def test_json_rpc_takes_no_other_orders(kamailio: Kamailio) -> None:
    status, _ = kamailio.ask("core.kill")

    assert status == 403
    kamailio.check_alive()


def test_more_is_asked_for_again_where_the_server_was_slow_to_answer_and_is_granted_once(
    books: Books, phones: Phones, charging_server: ChargingServer
) -> None:
    payer = books.payer_with(11 * SECOND_MICROS)

    with phones.callee("callee_answers"):
        caller = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="slow")
        eventually(lambda: _is_answered(books, "slow"), "the answer")
        with charging_server.paused():
            eventually(lambda: phones.kamailio.has_said("extend: no answer, status=28"), "the first attempt's end")
        caller.finish()

    _assert_cut_at(books.ended("slow"), 11)
    assert books.credit_of(payer).balance_micros == 0


@pytest.fixture(scope="module")
def payer_in_an_outage(
    books: Books, kamailio: Kamailio, folder: Path, charging_server: ChargingServer
) -> Iterator[Payer]:
    """Two calls are running when the server goes away, two are made meanwhile; all are over when it is back."""
    payer = books.payer_with(5 * MINUTE_MICROS)
    phones = Phones(kamailio, folder)
    with phones.callee("callee_answers", calls=3):
        ends = phones.call("caller_hangs_up", of=payer.number, to=BY_THE_MINUTE, call_id="out-ends", TALK_MS="2000")
        goes_on = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="out-goes-on")
        eventually(lambda: _is_answered(books, "out-ends") and _is_answered(books, "out-goes-on"), "the answers")
        charging_server.stop()
        begins = phones.call(
            "caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="out-begins", REFUSAL="503"
        )
        for_help = phones.call("caller_hangs_up", of=payer.number, to="112", call_id="out-for-help", TALK_MS="500")
        for caller in (begins, for_help, ends, goes_on):
            caller.finish()
    charging_server.start()
    yield payer
    phones.hang_up()


def test_without_the_server_no_call_begins(books: Books, payer_in_an_outage: Payer) -> None:
    assert books.call("out-begins") is None


def test_without_the_server_calls_for_help_are_carried_and_recorded_when_it_is_back(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("out-for-help")

    assert call.setup.kind is CallKind.EMERGENCY_OUT
    assert call.state is CallState.FINISHED
    assert call.result is not None
    assert call.result.used_seconds >= 1
    assert call.result.cost_micros == 0


def test_a_call_that_ended_without_the_server_is_charged_when_it_is_back(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("out-ends")

    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.cost_micros == MINUTE_MICROS


def test_a_call_for_which_nobody_could_be_asked_was_cut_at_what_was_granted(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("out-goes-on")

    assert call.granted_seconds == QUANTUM_SECONDS
    assert call.result is not None
    assert call.result.ending is Ending.CREDIT_EXHAUSTED


def _is_answered(books: Books, call_id: str) -> bool:
    call = books.call(call_id)
    return call is not None and call.answered_at is not None


def _assert_cut_at(call: Call, funded_seconds: int) -> None:
    assert call.result is not None
    assert call.result.ending is Ending.CREDIT_EXHAUSTED
    assert call.result.used_seconds == funded_seconds
    assert call.result.cost_micros == funded_seconds * SECOND_MICROS
    assert call.result.uncovered_micros == 0
