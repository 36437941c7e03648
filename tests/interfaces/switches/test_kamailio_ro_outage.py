"""What becomes of calls by Diameter Ro when Talktime is restarted under them (Kamailio 5.6: charging.md e1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.core.calls.calls import Ending, Flags
from tests.interfaces.switches.books import BY_THE_SECOND, MINUTE_MICROS, SECOND_MICROS, Books, Payer
from tests.interfaces.switches.rig import ChargingServer, KamailioRo, Phones, RoTerms, eventually

# It asks early and often, and gives its calls up soon.
IMPATIENT = RoTerms(request_seconds=9, outage_seconds_max=8)
# Longer than the outage.
TALK_SECONDS = 22
# It asks for a minute at a time: between answer and end of a call it has nothing to ask.
PATIENT = RoTerms(request_seconds=60, call_seconds_max=TALK_SECONDS + 2, name="proxy-2.example")


@pytest.fixture(scope="module")
def terms() -> dict[str, str]:
    return {"TALKTIME_SILENCE_GRACE_SECONDS": "3"}


@pytest.fixture(scope="module")
def ro_terms() -> RoTerms:
    return IMPATIENT


@pytest.fixture(scope="module")
def patient_kamailio(
    folder: Path, repository: Path, charging_server: ChargingServer, kamailio_ro: KamailioRo
) -> Iterator[KamailioRo]:
    kamailio = KamailioRo(repository / "examples/kamailio", charging_server.diameter_port, folder, PATIENT)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture(scope="module")
def payer_in_an_outage(
    books: Books, kamailio_ro: KamailioRo, patient_kamailio: KamailioRo, folder: Path, charging_server: ChargingServer
) -> Iterator[Payer]:
    """Calls at both proxies are running when the server goes away; it is back when the first has given its own up."""
    payer = books.payer_with(5 * MINUTE_MICROS)
    phones, patient_phones = Phones(kamailio_ro, folder), Phones(patient_kamailio, folder)
    with phones.callee("callee_answers", calls=2), patient_phones.callee("callee_answers", calls=2):
        unpaid = phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="unpaid")
        eventually(lambda: _is_extended(books, "unpaid"), "the first extension")
        goes_on = patient_phones.call(
            "caller_hangs_up", of=payer.number, to=BY_THE_SECOND, call_id="goes-on", TALK_MS=f"{TALK_SECONDS}000"
        )
        limited = patient_phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="limited")
        eventually(lambda: books.call("goes-on") and books.call("limited"), "the other calls")
        charging_server.stop()
        begins = phones.call("caller_is_refused", of=payer.number, to=BY_THE_SECOND, call_id="begins", REFUSAL="503")
        for_help = phones.call("caller_hangs_up", of=payer.number, to="112", call_id="for-help", TALK_MS="500")
        for caller in (begins, for_help, unpaid):
            caller.finish()
        charging_server.start()
        goes_on.finish()
        limited.finish()
    yield payer
    phones.hang_up()
    patient_phones.hang_up()
    print(kamailio_ro.last_words(), patient_kamailio.last_words())


def test_without_the_server_no_call_begins(books: Books, payer_in_an_outage: Payer) -> None:
    assert books.call("begins") is None


def test_without_the_server_calls_for_help_are_carried_and_it_is_not_told(
    books: Books, payer_in_an_outage: Payer
) -> None:
    assert books.call("for-help") is None


def test_a_call_whose_end_comes_after_the_restart_is_charged_for_all_of_it(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("goes-on")

    assert call.result is not None
    assert call.result.ending is Ending.HANGUP
    assert call.result.used_seconds >= TALK_SECONDS
    assert call.result.cost_micros == call.result.used_seconds * SECOND_MICROS


def test_no_call_lasts_longer_than_the_proxy_allows_and_all_of_it_is_charged(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("limited")

    assert call.result is not None
    assert PATIENT.call_seconds_max <= call.result.used_seconds < PATIENT.request_seconds
    assert call.result.cost_micros == call.result.used_seconds * SECOND_MICROS


def test_a_call_whose_end_was_never_told_is_closed_and_charged_up_to_the_last_funded_second(
    books: Books, payer_in_an_outage: Payer
) -> None:
    call = books.ended("unpaid")

    assert call.result is not None
    assert call.result.ending is Ending.SILENT
    assert Flags.RECONSTRUCTED in call.result.flags
    assert call.result.used_seconds == call.granted_seconds > IMPATIENT.request_seconds
    assert call.result.cost_micros == call.granted_seconds * SECOND_MICROS


def test_after_the_outage_nothing_is_held_any_more(books: Books, payer_in_an_outage: Payer) -> None:
    for call_id in ("unpaid", "goes-on", "limited"):
        books.ended(call_id)

    assert books.credit_of(payer_in_an_outage).held_micros() == 0


def test_a_call_whose_extension_nobody_answers_ends_with_its_grant_and_is_charged(
    books: Books, ro_phones: Phones, charging_server: ChargingServer
) -> None:
    payer = books.payer_with(MINUTE_MICROS)

    with ro_phones.callee("callee_answers"):
        caller = ro_phones.call("caller_is_cut", of=payer.number, to=BY_THE_SECOND, call_id="unheard")
        eventually(lambda: _is_extended(books, "unheard"), "the first extension")
        with charging_server.paused():
            caller.finish()

    call = books.ended("unheard")
    assert call.result is not None
    assert caller.talked_seconds() <= call.result.used_seconds <= call.granted_seconds
    assert call.result.cost_micros == call.result.used_seconds * SECOND_MICROS
    assert books.credit_of(payer).held_micros() == 0


def _is_extended(books: Books, call_id: str) -> bool:
    call = books.call(call_id)
    return call is not None and call.granted_seconds > IMPATIENT.request_seconds
