"""Kamailio on the configuration in examples/kamailio, called by SIPp and charged by `talktime serve`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.core.calls.calls import Call, CallKind, CallState, DenialReason, Ending
from tests.interfaces.switches.books import (
    BLOCKED,
    BY_THE_MINUTE,
    BY_THE_SECOND,
    MINUTE_MICROS,
    SECOND_MICROS,
    Books,
    Payer,
)
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.cut_calls import are_cut_within_a_second
from tests.interfaces.switches.rig import (
    SWITCH,
    ChargingServer,
    Kamailio,
    Phones,
    eventually,
)


def test_a_call_that_people_end_is_charged_for_what_was_talked(books: Books, phones: Phones) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)

    with phones.callee("callee_answers"):
        phones.call("caller_hangs_up", of=payer.number, to=BY_THE_MINUTE, call_id="ended", TALK_MS="2000").finish()

    call = _ended(books, "ended")
    assert call.setup.key.switch == SWITCH
    assert call.answered_at is not None
    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.used_seconds >= 2
    assert call.result.cost_micros == MINUTE_MICROS
    assert books.credit_of(payer).balance_micros == 4 * MINUTE_MICROS
    assert books.credit_of(payer).held_micros() == 0


def test_who_has_no_credit_is_asked_to_pay(books: Books, phones: Phones) -> None:
    payer = books.payer_with(SECOND_MICROS - 1)

    phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="no-credit", REFUSAL="402").finish()

    call = books.call("no-credit")
    assert call is not None
    assert call.denial is DenialReason.CREDIT_EXHAUSTED


@pytest.mark.parametrize(
    ("called", "refusal", "reason"),
    [(BLOCKED, "403", DenialReason.DESTINATION_BLOCKED), ("reception", "484", DenialReason.NUMBER_NOT_E164)],
)
def test_what_may_not_be_called_is_refused_with_the_servers_code(
    books: Books, phones: Phones, called: str, refusal: str, reason: DenialReason
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    call_id = f"refused-{refusal}"

    phones.call("caller_is_refused", of=payer.number, to=called, call_id=call_id, REFUSAL=refusal).finish()

    call = books.call(call_id)
    assert call is not None
    assert call.denial is reason


def test_calls_are_cut_on_both_sides_when_their_grants_end_and_cost_what_was_funded(
    books: Books, phones: Phones
) -> None:
    assert are_cut_within_a_second(books, phones, "caller_is_cut", funded_seconds=3)


def test_calls_are_extended_while_credit_lasts_and_then_cut(books: Books, phones: Phones) -> None:
    assert are_cut_within_a_second(books, phones, "caller_is_cut", funded_seconds=QUANTUM_SECONDS + 2)


def test_a_further_invite_within_the_call_does_not_lengthen_it(books: Books, phones: Phones) -> None:
    assert are_cut_within_a_second(books, phones, "caller_invites_again", funded_seconds=3)


def test_json_rpc_takes_no_other_orders(kamailio: Kamailio) -> None:
    status, _ = kamailio.ask("core.kill")

    assert status == 403
    kamailio.check_alive()


def test_an_invite_that_claims_to_belong_to_a_call_gets_nowhere(phones: Phones) -> None:
    with phones.callee("callee_answers", calls=0):
        phones.call("caller_forges_a_call", of="442071838750", to=BY_THE_SECOND, call_id="forged").finish()


def test_who_gives_up_while_it_rings_pays_nothing_and_frees_the_credit(books: Books, phones: Phones) -> None:
    payer = books.payer_with(MINUTE_MICROS)

    with phones.callee("callee_rings"):
        phones.call("caller_cancels", of=payer.number, to=BY_THE_SECOND, call_id="given-up").finish()

    call = _ended(books, "given-up")
    assert call.result is not None
    assert call.result.ending is Ending.NOT_ANSWERED
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).available_micros(call.result.ended_at) == MINUTE_MICROS


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

    _assert_cut_at(_ended(books, "slow"), 11)
    assert books.credit_of(payer).balance_micros == 0


def test_a_call_that_was_authorized_too_late_is_not_carried_and_frees_the_credit(
    books: Books, phones: Phones, charging_server: ChargingServer
) -> None:
    payer = books.payer_with(MINUTE_MICROS)

    with charging_server.paused():
        phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="late", REFUSAL="503").finish()

    call = _ended(books, "late")
    assert call.result is not None
    assert call.result.ending is Ending.FAILED
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).held_micros() == 0


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
    call = _ended(books, "out-for-help")

    assert call.setup.kind is CallKind.EMERGENCY_OUT
    assert call.state is CallState.FINISHED
    assert call.result is not None
    assert call.result.used_seconds >= 1
    assert call.result.cost_micros == 0


def test_a_call_that_ended_without_the_server_is_charged_when_it_is_back(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = _ended(books, "out-ends")

    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.cost_micros == MINUTE_MICROS


def test_a_call_for_which_nobody_could_be_asked_was_cut_at_what_was_granted(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = _ended(books, "out-goes-on")

    assert call.granted_seconds == QUANTUM_SECONDS
    assert call.result is not None
    assert call.result.ending is Ending.CREDIT_EXHAUSTED


def _ended(books: Books, call_id: str) -> Call:
    return eventually(lambda: books.finished(call_id), f"the end of the call {call_id}")


def _is_answered(books: Books, call_id: str) -> bool:
    call = books.call(call_id)
    return call is not None and call.answered_at is not None


def _assert_cut_at(call: Call, funded_seconds: int) -> None:
    assert call.result is not None
    assert call.result.ending is Ending.CREDIT_EXHAUSTED
    assert call.result.used_seconds == funded_seconds
    assert call.result.cost_micros == funded_seconds * SECOND_MICROS
    assert call.result.uncovered_micros == 0
