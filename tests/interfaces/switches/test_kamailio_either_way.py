"""What Kamailio does with calls whichever way it asks, by HTTP or by Diameter Ro: called by SIPp, charged for real."""

from dataclasses import dataclass

import pytest

from talktime.core.calls.calls import DenialReason, Ending
from tests.interfaces.switches.books import BLOCKED, BY_THE_MINUTE, BY_THE_SECOND, MINUTE_MICROS, SECOND_MICROS, Books
from tests.interfaces.switches.conftest import QUANTUM_SECONDS
from tests.interfaces.switches.cut_calls import are_cut_within_a_second
from tests.interfaces.switches.rig import ORIGIN_HOST, SWITCH, ChargingServer, Phones, RoTerms


@dataclass(frozen=True)
class Way:
    """One way to ask, and what a switch can say by it."""

    name: str
    # The fixture with phones at a Kamailio that asks so.
    phones: str
    switch: str
    ending_of_what_failed: Ending


HTTP = Way("http", phones="phones", switch=SWITCH, ending_of_what_failed=Ending.FAILED)
RO = Way("ro", phones="ro_phones", switch=ORIGIN_HOST, ending_of_what_failed=Ending.NOT_ANSWERED)


@pytest.fixture(scope="module")
def ro_terms() -> RoTerms:
    return RoTerms(request_seconds=QUANTUM_SECONDS)


@pytest.fixture(params=[HTTP, RO], ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture
def way_phones(request: pytest.FixtureRequest, way: Way) -> Phones:
    phones: Phones = request.getfixturevalue(way.phones)
    return phones


def test_a_call_that_people_end_is_charged_for_what_was_talked(books: Books, way: Way, way_phones: Phones) -> None:
    payer = books.payer_with(5 * MINUTE_MICROS)
    call_id = f"ended-{way.name}"

    with way_phones.callee("callee_answers"):
        way_phones.call("caller_hangs_up", of=payer.number, to=BY_THE_MINUTE, call_id=call_id, TALK_MS="2000").finish()

    call = books.ended(call_id)
    assert call.setup.key.switch == way.switch
    assert call.answered_at is not None
    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.used_seconds >= 2
    assert call.result.cost_micros == MINUTE_MICROS
    assert books.credit_of(payer).balance_micros == 4 * MINUTE_MICROS
    assert books.credit_of(payer).held_micros() == 0


def test_who_has_no_credit_is_asked_to_pay_and_an_end_that_follows_all_the_same_is_no_call(
    books: Books, way: Way, way_phones: Phones
) -> None:
    payer = books.payer_with(SECOND_MICROS - 1)
    call_id = f"no-credit-{way.name}"

    way_phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id=call_id, REFUSAL="402").finish()

    call = books.call(call_id)
    assert call is not None
    assert call.denial is DenialReason.CREDIT_EXHAUSTED
    assert books.parked_count() == 0


@pytest.mark.parametrize(
    ("way", "called", "refusal", "reason"),
    [
        (HTTP, BLOCKED, "403", DenialReason.DESTINATION_BLOCKED),
        (HTTP, "reception", "484", DenialReason.NUMBER_NOT_E164),
        (RO, BLOCKED, "403", DenialReason.DESTINATION_BLOCKED),
        (RO, "reception", "404", DenialReason.NUMBER_NOT_E164),
        (RO, "12025550123", "404", DenialReason.DESTINATION_NOT_RATED),
    ],
    indirect=["way"],
    ids=lambda value: value.name if isinstance(value, Way | DenialReason) else value,
)
def test_what_may_not_be_called_is_refused(
    books: Books, way: Way, way_phones: Phones, called: str, refusal: str, reason: DenialReason
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    call_id = f"refused-{called}-{way.name}"

    way_phones.call("caller_is_refused", of=payer.number, to=called, call_id=call_id, REFUSAL=refusal).finish()

    call = books.call(call_id)
    assert call is not None
    assert call.denial is reason


def test_calls_are_cut_on_both_sides_when_their_grants_end_and_cost_what_was_funded(
    books: Books, way_phones: Phones
) -> None:
    assert are_cut_within_a_second(books, way_phones, "caller_is_cut", funded_seconds=3)


def test_calls_are_extended_while_credit_lasts_and_then_cut(books: Books, way_phones: Phones) -> None:
    assert are_cut_within_a_second(books, way_phones, "caller_is_cut", funded_seconds=QUANTUM_SECONDS + 2)


def test_a_further_invite_within_the_call_does_not_lengthen_it(books: Books, way_phones: Phones) -> None:
    assert are_cut_within_a_second(books, way_phones, "caller_invites_again", funded_seconds=3)


def test_an_invite_that_claims_to_belong_to_a_call_gets_nowhere(way: Way, way_phones: Phones) -> None:
    with way_phones.callee("callee_answers", calls=0):
        way_phones.call(
            "caller_forges_a_call", of="442071838750", to=BY_THE_SECOND, call_id=f"forged-{way.name}"
        ).finish()


def test_who_gives_up_while_it_rings_pays_nothing_and_frees_the_credit(
    books: Books, way: Way, way_phones: Phones
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    call_id = f"given-up-{way.name}"

    with way_phones.callee("callee_rings"):
        way_phones.call("caller_cancels", of=payer.number, to=BY_THE_SECOND, call_id=call_id).finish()

    call = books.ended(call_id)
    assert call.result is not None
    assert call.result.ending is Ending.NOT_ANSWERED
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).available_micros(call.result.ended_at) == MINUTE_MICROS


def test_a_call_that_was_authorized_too_late_is_not_carried_and_frees_the_credit(
    books: Books, way: Way, way_phones: Phones, charging_server: ChargingServer
) -> None:
    payer = books.payer_with(MINUTE_MICROS)
    call_id = f"late-{way.name}"

    with charging_server.paused():
        way_phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id=call_id, REFUSAL="503").finish()

    call = books.ended(call_id)
    assert call.result is not None
    assert call.result.ending is way.ending_of_what_failed
    assert call.result.cost_micros == 0
    assert books.credit_of(payer).held_micros() == 0
