"""Explain whether a call may be made and what would pay for it, as charging would decide now; nothing is saved."""

from dataclasses import replace

from talktime.core.calls.calls import CallKey, DenialReason
from talktime.core.calls.explaining.explanations import Explanation, explain
from talktime.core.calls.requests import ChargingTerms, Denied, StartCall
from talktime.core.values.errors import Invalid, NotFound
from talktime.store.charging.transaction import ChargingTransaction

# What is explained is a new call, whatever id was sent with it; no switch has a name that cannot be printed.
_NO_CALL = CallKey("\n", "")


def explain_call(tx: ChargingTransaction, request: StartCall, terms: ChargingTerms) -> Explanation:
    """Walk the procedure for a call on a snapshot; raise NotFound for a payer, Invalid for a number that is none."""
    asked = replace(request, key=_NO_CALL)
    facts = tx.look((asked,), terms)
    explanation = explain(facts, asked, terms)
    if explanation.answer == Denied(DenialReason.CALLER_UNKNOWN):
        raise NotFound(_nobody(asked), code="caller_unknown")
    is_number = asked.called.isascii() and asked.called.isdigit()
    if not is_number and asked.called not in facts.identities:
        message = (
            f"{request.called!r} is no telephone number: write + and the country code first, such as +442079460000"
        )
        raise Invalid(message, code="number")
    return explanation


def _nobody(request: StartCall) -> str:
    who = request.organizer or request.forwarded_by or request.caller
    if not who:
        return f"{request.called} is no number of ours, and nobody was named who calls: name the user who does"
    return f"nobody is known as {who!r}: `talktime users list` and `talktime numbers list` show who is there"
