"""Why a payment was declined, in the reader's words: what gateways call `expired_card` is for programs."""

from talktime.notices.catalogs import marked
from talktime.notices.telling import Telling

_LOST = marked("The card was reported lost or stolen.")
_UNUSABLE = marked("The card cannot be used for this payment.")
_DECLINES = {
    "expired_card": marked("The card has expired."),
    "insufficient_funds": marked("The card has not enough funds."),
    "card_velocity_exceeded": marked("The card's limit was exceeded."),
    "withdrawal_count_limit_exceeded": marked("The card's limit was exceeded."),
    "lost_card": _LOST,
    "stolen_card": _LOST,
    "pickup_card": _LOST,
    "incorrect_number": marked("The card number is wrong."),
    "invalid_number": marked("The card number is wrong."),
    "invalid_account": marked("The card's account does not exist any more."),
    "authentication_required": marked("The bank wants the owner of the card to confirm this payment."),
    "card_not_supported": _UNUSABLE,
    "currency_not_supported": marked("The card does not pay in this currency."),
    "restricted_card": _UNUSABLE,
    "transaction_not_allowed": _UNUSABLE,
    "not_permitted": _UNUSABLE,
    "processing_error": marked("The payment service could not process the payment."),
    "try_again_later": marked("The payment service could not process the payment."),
    "issuer_not_available": marked("The bank of the card could not be reached."),
}


def why_declined(t: Telling) -> str:
    """Return one sentence; the gateway's own words where we have none for its code."""
    known = _DECLINES.get(t.text("code"))
    if known is not None:
        return t.say(known)
    reason = t.text("reason") or t.text("code").replace("_", " ")
    return (
        t.say("%(method)s was declined: %(reason)s", method=t.text("method"), reason=reason)
        or t.say("The payment was declined: %(reason)s", reason=reason)
        or t.say("The payment was declined.")
    )
