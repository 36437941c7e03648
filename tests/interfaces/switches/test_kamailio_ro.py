"""Kamailio's ims_charging on the configuration in examples/kamailio, called by SIPp, charged over Diameter Ro."""

from talktime.core.calls.calls import DenialReason
from tests.interfaces.switches.books import BY_THE_MINUTE, BY_THE_SECOND, MINUTE_MICROS, Books
from tests.interfaces.switches.rig import Phones


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
