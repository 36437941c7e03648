"""Sessions of clients that number their requests and report what was used since the last one (RFC 8506, TS 32.291).

A session is a call: its relative reports become the absolute ones that charging knows. A number that was seen changes
nothing and is answered alike; where numbers are missing, the client's clock says what was lost, up to what was granted.
"""

from dataclasses import replace
from datetime import timedelta

from talktime.core.calls import extending, finishing
from talktime.core.calls.calls import NO_NUMBER, NO_SESSION, Call, CallState, DenialReason, Session
from talktime.core.calls.requests import (
    ChargingFacts,
    ChargingTerms,
    Denied,
    EndCall,
    EndSession,
    ExtendCall,
    Granted,
    Noted,
    Outcome,
    StartCall,
    UpdateSession,
)


def begun(request: StartCall) -> Session:
    """Return the session that a start begins; none where its protocol does not number requests."""
    return NO_SESSION if request.number == NO_NUMBER else Session(request.number)


def update(facts: ChargingFacts, call: Call | None, request: UpdateSession, terms: ChargingTerms) -> Outcome:
    """Count what was used, and grant the next quantum from there; the new grant replaces what was left of the old."""
    if call is None:
        return Outcome(Denied(DenialReason.CALL_UNKNOWN))
    if call.state is not CallState.OPEN or request.number <= call.session.number:
        return Outcome(_answer_again(call, terms))
    told = replace(call, session=_after(call, request))
    further = ExtendCall(
        request.key, request.at, call.granted_seconds, told.session.reported_seconds, request.wanted_seconds
    )
    outcome = extending.extend(facts, told, further, terms)
    return outcome if outcome.call is not None else replace(outcome, call=told)


def _answer_again(call: Call, terms: ChargingTerms) -> Granted | Denied:
    """Whoever was refused because the call was cut is refused again; else what stands is told again."""
    if call.state is CallState.OPEN and call.cut_at is not None:
        return Denied(DenialReason.CALL_CUT)
    return extending.answer_again(call, terms)


def end(facts: ChargingFacts, call: Call | None, request: EndSession, terms: ChargingTerms) -> Outcome:
    """End the call after all that its session has reported, once; a session that never began used nothing (quirk 5)."""
    if call is None and request.used_seconds == 0:
        return Outcome(Noted())
    told = call
    if call is not None and request.number > call.session.number:
        told = replace(call, session=_after(call, request))
    used_seconds = request.used_seconds if told is None else told.session.reported_seconds
    return finishing.end(facts, told, EndCall(request.key, request.at, used_seconds, request.ending), terms)


def _after(call: Call, request: UpdateSession | EndSession) -> Session:
    """Add a report to those before it; what lost ones said is made up for by the clock."""
    session = call.session
    missed_count = request.number - session.number - 1
    reported_seconds = session.reported_seconds + request.used_seconds
    if missed_count > 0:
        reported_seconds = max(reported_seconds, min(_span_seconds(call, request), call.granted_seconds))
    return Session(request.number, reported_seconds, session.missed_count + missed_count)


def _span_seconds(call: Call, request: UpdateSession | EndSession) -> int:
    """Tell how long the call has run by the client's clock, or since its start where its answer is not known."""
    began_at = call.answered_at or call.setup.started_at
    return max(0, -(-(min(request.sent_at, request.at) - began_at) // timedelta(seconds=1)))
