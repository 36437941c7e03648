"""Kamailio's ims_charging on the configuration in examples/kamailio, called by SIPp, charged over Diameter Ro."""

import pytest

from talktime.core.calls.calls import Call, DenialReason, Ending
from tests.interfaces.switches.books import (
    BLOCKED,
    BY_THE_MINUTE,
    BY_THE_SECOND,
    MINUTE_MICROS,
    SECOND_MICROS,
    Books,
)
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.cut_calls import are_cut_within_a_second
from tests.interfaces.switches.rig import (
    ORIGIN_HOST,
    ChargingServer,
    Phones,
    RoTerms,
    eventually,
)


@pytest.fixture(scope="module")
def ro_terms() -> RoTerms:
    return RoTerms(request_seconds=QUANTUM_SECONDS)


def test_a_call_that_people_end_is_charged_for_what_was_talked(books: Books, ro_phones: Phones) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)

    with ro_phones.callee("callee_answers"):
        ro_phones.call("caller_hangs_up", of=payer.number, to=BY_THE_MINUTE, call_id="ended", TALK_MS="2000").finish()

    call = _ended(books, "ended")
    assert call.setup.key.switch == ORIGIN_HOST
    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.used_seconds >= 2
    assert call.result.cost_micros == MINUTE_MICROS
    assert books.credit_of(payer).balance_micros == 4 * MINUTE_MICROS
    assert books.credit_of(payer).held_micros() == 0


def test_who_has_no_credit_is_asked_to_pay_and_the_end_that_follows_all_the_same_is_no_call(
    books: Books, ro_phones: Phones
) -> None:
    payer = books.payer_with(SECOND_MICROS - 1)

    ro_phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="no-credit", REFUSAL="402").finish()

    call = books.call("no-credit")
    assert call is not None
    assert call.denial is DenialReason.CREDIT_EXHAUSTED
    assert books.parked_count() == 0


@pytest.mark.parametrize(
    ("called", "refusal", "reason"),
    [
        (BLOCKED, "403", DenialReason.DESTINATION_BLOCKED),
        ("reception", "404", DenialReason.NUMBER_NOT_E164),
        ("12025550123", "404", DenialReason.DESTINATION_NOT_RATED),
    ],
)
def test_what_may_not_be_called_is_refused(
    books: Books, ro_phones: Phones, called: str, refusal: str, reason: DenialReason
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    call_id = f"refused-{called}"

    ro_phones.call("caller_is_refused", of=payer.number, to=called, call_id=call_id, REFUSAL=refusal).finish()

    call = books.call(call_id)
    assert call is not None
    assert call.denial is reason


def test_who_is_blocked_is_refused(books: Books, ro_phones: Phones) -> None:
    payer = books.payer_with(MINUTE_MICROS, block_reason="owes money")

    ro_phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="blocked", REFUSAL="403").finish()

    call = books.call("blocked")
    assert call is not None
    assert call.denial is DenialReason.USER_BLOCKED


def test_who_is_nobodys_user_is_refused(books: Books, ro_phones: Phones) -> None:
    ro_phones.call("caller_is_refused", of="442071838750", to=BY_THE_SECOND, call_id="nobody", REFUSAL="403").finish()

    assert books.call("nobody") is None


def test_who_names_another_called_party_than_is_dialed_is_refused_before_anybody_is_asked(
    books: Books, ro_phones: Phones
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    named = {"Max-Forwards: 70": f"Max-Forwards: 70\nP-Called-Party-ID: <sip:{BY_THE_SECOND}@example>"}

    ro_phones.call(
        "caller_is_refused", of=payer.number, to=BY_THE_MINUTE, call_id="other", REFUSAL="403", **named
    ).finish()

    assert books.call("other") is None


def test_calls_are_cut_when_their_final_units_are_used_and_cost_what_was_funded(
    books: Books, ro_phones: Phones
) -> None:
    assert are_cut_within_a_second(books, ro_phones, "caller_is_cut", funded_seconds=3)


def test_calls_are_extended_while_credit_lasts_and_then_cut(books: Books, ro_phones: Phones) -> None:
    assert are_cut_within_a_second(books, ro_phones, "caller_is_cut", funded_seconds=QUANTUM_SECONDS + 2)


def test_a_further_invite_within_the_call_does_not_lengthen_it(books: Books, ro_phones: Phones) -> None:
    assert are_cut_within_a_second(books, ro_phones, "caller_invites_again", funded_seconds=3)


def test_an_invite_that_claims_to_belong_to_a_call_gets_nowhere(ro_phones: Phones) -> None:
    with ro_phones.callee("callee_answers", calls=0):
        ro_phones.call("caller_forges_a_call", of="442071838750", to=BY_THE_SECOND, call_id="forged").finish()


def test_who_gives_up_while_it_rings_pays_nothing_and_frees_the_credit(books: Books, ro_phones: Phones) -> None:
    payer = books.payer_with(MINUTE_MICROS)

    with ro_phones.callee("callee_rings"):
        ro_phones.call("caller_cancels", of=payer.number, to=BY_THE_SECOND, call_id="given-up").finish()

    call = _ended(books, "given-up")
    assert call.result is not None
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).available_micros(call.result.ended_at) == MINUTE_MICROS


def test_a_call_that_was_authorized_too_late_is_not_carried_and_frees_the_credit(
    books: Books, ro_phones: Phones, charging_server: ChargingServer
) -> None:
    payer = books.payer_with(MINUTE_MICROS)

    with charging_server.paused():
        ro_phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="late", REFUSAL="503").finish()

    call = _ended(books, "late")
    assert call.result is not None
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).held_micros() == 0


def _ended(books: Books, call_id: str) -> Call:
    return eventually(lambda: books.finished(call_id), f"the end of the call {call_id}")
