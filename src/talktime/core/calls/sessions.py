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
    if request.number == NO_NUMBER:
        return NO_SESSION
    ahead = timedelta(0) if request.sent_at is None else request.sent_at - request.at
    return Session(request.number, clock_ahead_seconds=round(ahead.total_seconds()))


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
    if call is None or call.state not in _GOING_ON:
        used_seconds = request.used_seconds
        if call is not None:
            is_new = request.number > call.session.number
            used_seconds = call.session.reported_seconds + (request.used_seconds if is_new else 0)
        return finishing.end(facts, call, _ended(request, used_seconds), terms)
    # Of a call that goes on an end is new, whatever its number.
    told = replace(call, session=_after(call, request))
    return finishing.end(facts, told, _ended(request, told.session.reported_seconds), terms)


_GOING_ON = frozenset({CallState.OPEN, CallState.LAPSED})


def _ended(request: EndSession, used_seconds: int) -> EndCall:
    return EndCall(request.key, request.at, used_seconds, request.ending)


def _after(call: Call, request: UpdateSession | EndSession) -> Session:
    """Add a report to those before it; what lost ones said is made up for by the clock.

    A report of much more than time has passed says nothing of this call (Kamailio 4495): it counts as lost.
    """
    session = call.session
    lost_count = abs(request.number - session.number - 1)
    reported_seconds = session.reported_seconds + request.used_seconds
    if reported_seconds > (request.at - call.setup.started_at + finishing.CLOCK_TOLERANCE) // timedelta(seconds=1):
        reported_seconds = session.reported_seconds
        lost_count += 1
    if lost_count and request.number > session.number:
        reported_seconds = max(reported_seconds, min(_span_seconds(call, request), call.granted_seconds))
    return Session(
        max(request.number, session.number),
        reported_seconds,
        session.missed_count + lost_count,
        session.clock_ahead_seconds,
    )


def _span_seconds(call: Call, request: UpdateSession | EndSession) -> int:
    """Tell how long the call has run by the client's clock, or since its start where its answer is not known."""
    began_at = call.answered_at or call.setup.started_at
    sent_at = request.sent_at - timedelta(seconds=call.session.clock_ahead_seconds)
    return max(0, -(-(min(sent_at, request.at) - began_at) // timedelta(seconds=1)))
