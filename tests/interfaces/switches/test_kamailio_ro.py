"""Kamailio's ims_charging on the configuration in examples/kamailio, called by SIPp, charged over Diameter Ro."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from talktime.core.calls.calls import Call, DenialReason, Ending
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
from tests.interfaces.switches.rig import (
    ORIGIN_HOST,
    Caller,
    ChargingServer,
    KamailioRo,
    Phones,
    RoTerms,
    eventually,
    median_talked_seconds,
)

FUNDED_SECONDS = 11
CALL_SECONDS_MAX = 14


@pytest.fixture(scope="module")
def ro_terms() -> RoTerms:
    return RoTerms(request_seconds=QUANTUM_SECONDS, call_seconds_max=CALL_SECONDS_MAX)


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
    payers = [books.payer_with(3 * SECOND_MICROS) for _ in range(3)]

    with ro_phones.callee("callee_answers", calls=3):
        callers = [
            ro_phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id=f"cut-{payer.organization_id}")
            for payer in payers
        ]
        for caller in callers:
            caller.finish()

    assert abs(median_talked_seconds(callers) - 3) <= 1
    for payer in payers:
        call = _ended(books, f"cut-{payer.organization_id}")
        assert call.is_final
        _assert_costs_what_was_funded(call, 3)
        assert books.credit_of(payer).balance_micros == 0


def test_a_further_invite_within_the_call_does_not_lengthen_it(books: Books, ro_phones: Phones) -> None:
    payers = [books.payer_with(3 * SECOND_MICROS) for _ in range(3)]

    with ro_phones.callee("callee_answers", calls=3):
        callers = [
            ro_phones.call(
                "caller_invites_again", of=payer.number, to=BY_THE_SECOND, call_id=f"again-{payer.organization_id}"
            )
            for payer in payers
        ]
        for caller in callers:
            caller.finish()

    assert abs(median_talked_seconds(callers) - 3) <= 1
    for payer in payers:
        _assert_costs_what_was_funded(_ended(books, f"again-{payer.organization_id}"), 3)


@dataclass(frozen=True)
class LongCalls:
    """Calls that outlast a grant: some whose credit ends, one that the proxy ends."""

    payers: Sequence[Payer]
    callers: Sequence[Caller]
    limited: Caller


@pytest.fixture(scope="module")
def long_calls(books: Books, kamailio_ro: KamailioRo, folder: Path) -> Iterator[LongCalls]:
    payers = [books.payer_with(FUNDED_SECONDS * SECOND_MICROS) for _ in range(3)]
    rich = books.payer_with(MINUTE_MICROS)
    phones = Phones(kamailio_ro, folder)
    with phones.callee("callee_answers", calls=4):
        limited = phones.call("caller_is_cut", of=rich.number, to=BY_THE_SECOND, call_id="limited")
        callers = [
            phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id=f"long-{payer.organization_id}")
            for payer in payers
        ]
        for caller in (*callers, limited):
            caller.finish()
    yield LongCalls(payers, callers, limited)
    phones.hang_up()


def test_calls_are_extended_while_credit_lasts_and_then_cut(books: Books, long_calls: LongCalls) -> None:
    assert abs(median_talked_seconds(long_calls.callers) - FUNDED_SECONDS) <= 1
    for payer in long_calls.payers:
        call = _ended(books, f"long-{payer.organization_id}")
        assert call.granted_seconds == FUNDED_SECONDS > QUANTUM_SECONDS
        _assert_costs_what_was_funded(call, FUNDED_SECONDS)
        assert books.credit_of(payer).balance_micros == 0


def test_no_call_lasts_longer_than_the_proxy_allows_and_all_of_it_is_charged(
    books: Books, long_calls: LongCalls
) -> None:
    call = _ended(books, "limited")

    assert call.result is not None
    assert CALL_SECONDS_MAX <= call.result.used_seconds <= CALL_SECONDS_MAX + QUANTUM_SECONDS
    assert call.result.used_seconds >= long_calls.limited.talked_seconds() - 1
    assert call.result.cost_micros == call.result.used_seconds * SECOND_MICROS


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


def _assert_costs_what_was_funded(call: Call, funded_seconds: int) -> None:
    assert call.result is not None
    assert call.result.used_seconds == funded_seconds
    assert call.result.cost_micros == funded_seconds * SECOND_MICROS
    assert call.result.uncovered_micros == 0
