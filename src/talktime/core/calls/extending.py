"""How a call goes on: what stands is told again, and a grant grows while something pays for it."""

from datetime import datetime, timedelta

from talktime.core.calls import finishing, funding
from talktime.core.calls.calls import UNCOUNTED, Call, CallState, DenialReason, Hold, PaysFrom
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    Denied,
    ExtendCall,
    Granted,
    Noted,
    Outcome,
)
from talktime.core.rates import rating


def quantum_seconds(wanted_seconds: int, terms: ChargingTerms) -> int:
    """Return how much is granted at a time: what the client asks for, but never more than the house's quantum."""
    return min(wanted_seconds, terms.quantum_seconds) if wanted_seconds > 0 else terms.quantum_seconds


def granted(call: Call, terms: ChargingTerms) -> Granted:
    """Tell what stands on an open call, and when to ask for more."""
    recheck = call.granted_seconds
    if not call.is_final:
        recheck = max(1, call.granted_seconds - terms.recheck_margin_seconds)
    return Granted(call.granted_seconds, call.is_final, recheck, _paying(call), call.session.reported_seconds)


def _paying(call: Call) -> PaysFrom:
    """Tell what pays now: money, where included minutes have come to their end."""
    if call.setup.pays_from is not PaysFrom.MINUTES or not call.hold.money_micros:
        return call.setup.pays_from
    return PaysFrom.CREDIT if call.hold.slices else PaysFrom.OVERAGE


def answer_again(call: Call, terms: ChargingTerms) -> Granted | Denied:
    """A request that was answered before gets what stands on the call."""
    if call.state is CallState.OPEN:
        return granted(call, terms)
    return Denied(call.denial or DenialReason.CALL_ENDED)


def answer(call: Call | None, request: AnswerCall, terms: ChargingTerms) -> Outcome:
    """Note that the call was answered: its clock runs."""
    if call is None:
        return Outcome(Denied(DenialReason.CALL_UNKNOWN))
    if call.state is not CallState.OPEN or call.answered_at is not None:
        return Outcome(Noted())
    answered_at = min(max(request.answered_at, call.setup.started_at), request.at)
    alive = _alive(
        call,
        answered_at,
        terms,
        granted_seconds=call.granted_seconds,
        is_final=call.is_final,
        hold=call.hold,
    )
    return Outcome(Noted(), alive)


def _alive(
    call: Call, answered_at: datetime, terms: ChargingTerms, *, granted_seconds: int, is_final: bool, hold: Hold
) -> Call:
    """The switch has shown that the call runs: it may be silent for as long as its grant and the grace last."""
    patience_seconds = granted_seconds + terms.silence_grace_seconds
    return Call(
        call.setup,
        call.state,
        granted_seconds,
        is_final,
        answered_at + timedelta(seconds=patience_seconds),
        hold,
        answered_at,
        usage_rows_count=call.usage_rows_count,
        session=call.session,
        cut_at=call.cut_at,
    )


def extend(facts: ChargingFacts, call: Call | None, request: ExtendCall, terms: ChargingTerms) -> Outcome:
    """Grow the hold to what was used and the next quantum; what is granted only grows."""
    if call is None:
        return Outcome(Denied(DenialReason.CALL_UNKNOWN))
    setup = call.setup
    is_settled = setup.pays_from in UNCOUNTED or call.state is not CallState.OPEN
    if is_settled or request.granted_seconds < call.granted_seconds:
        return Outcome(answer_again(call, terms))
    if call.cut_at is not None:
        return Outcome(Denied(DenialReason.CALL_CUT))
    elapsed = _elapsed_seconds(call, request)
    answered_at = call.answered_at or max(setup.started_at, request.at - timedelta(seconds=elapsed))
    wanted = min(elapsed + quantum_seconds(request.wanted_seconds, terms), rating.CALL_MAX_SECONDS)
    tariff = None if setup.rate is None else finishing.matched_rate(facts, setup.rate).tariff
    funds = funding.funds_of(facts, setup.meters, tariff, setup.organization_id, setup.started_at)
    before = call.granted_seconds
    funded = funding.grow(call.hold, funds, answered_at, wanted, request.at, granted_seconds=before)
    total = max(funded.seconds, before)
    is_final = funded.seconds < wanted or total >= rating.CALL_MAX_SECONDS
    grown = _alive(call, answered_at, terms, granted_seconds=total, is_final=is_final, hold=funded.hold)
    moved = funding.moved_meters(facts, call, call.hold, funded.hold)
    return Outcome(granted(grown, terms), grown, None if tariff is None else funded.credit, meters=moved)


def _elapsed_seconds(call: Call, request: ExtendCall) -> int:
    """Believe the switch about how long the call has run, but not that it began before it was started."""
    if request.elapsed_seconds is None:
        return call.granted_seconds
    since_start = request.at - call.setup.started_at + finishing.CLOCK_TOLERANCE
    return max(0, min(request.elapsed_seconds, since_start // timedelta(seconds=1)))
