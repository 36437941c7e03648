"""The decisions of charging: facts and a request go in, what follows from them comes out; no clock, no database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls import cutting, extending, finishing, funding, sessions
from talktime.core.calls.afterwards import correcting
from talktime.core.calls.calls import (
    EMERGENCY,
    NO_HOLD,
    Call,
    CallKind,
    CallSetup,
    CallState,
    DenialReason,
    Hold,
    PaysFrom,
    RateReference,
)
from talktime.core.calls.counting.meters import DEPARTMENT, OVERAGE, USER, Meter, kind_of
from talktime.core.calls.entitlement import procedure
from talktime.core.calls.entitlement.cases import Case, case_of
from talktime.core.calls.entitlement.procedure import Free, Refused, Sources
from talktime.core.calls.funding import Funds
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    CorrectCall,
    CutCall,
    Denied,
    EndCall,
    EndLeg,
    EndSession,
    ExtendCall,
    Granted,
    Outcome,
    Request,
    StartCall,
    UpdateSession,
)
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import watching
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates import rating
from talktime.core.rates.rating import Tariff
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import is_emergency

FREE_GRANT_SECONDS = rating.CALL_MAX_SECONDS


def decide(facts: ChargingFacts, requests: Iterable[Request], terms: ChargingTerms) -> list[Outcome]:
    """Decide requests one after another, each on the facts as the one before left them; outcomes in their order."""
    calls, credits_, watches, meters = dict(facts.calls), dict(facts.credits), dict(facts.watches), dict(facts.meters)
    current = replace(facts, calls=calls, credits=credits_, watches=watches, meters=meters)
    outcomes = []
    for request in requests:
        outcome = decide_one(current, request, terms)
        if outcome.call is not None:
            organization_id = outcome.call.setup.organization_id
            calls[outcome.call.setup.key] = outcome.call
            if outcome.credit is not None:
                credits_[organization_id] = outcome.credit
            if outcome.watch is not None:
                watches[organization_id] = outcome.watch
            for name, meter in outcome.meters.items():
                meters[organization_id, name] = meter
        if facts.charged and outcome.usage:
            current = correcting.after(current, outcome)
        outcomes.append(outcome)
    return outcomes


def decide_one(facts: ChargingFacts, request: Request, terms: ChargingTerms) -> Outcome:
    """Decide a single request, and what follows from it for the credit."""
    outcome = _decide_call(facts, request, terms)
    call = outcome.call
    if call is None:
        return outcome
    is_refused = call.denial is DenialReason.CREDIT_EXHAUSTED
    if outcome.credit is None and not is_refused:
        return outcome
    organization_id = call.setup.organization_id
    watch = facts.watches.get(organization_id)
    if watch is None:
        return outcome
    before = facts.credits[organization_id]
    watched = watching.after_movement(
        facts.organizations[organization_id],
        watch,
        before,
        outcome.credit or before,
        request.at,
        wants_credit=is_refused or _is_cut_short(facts, outcome, request.at, terms),
    )
    if watched.watch is watch:
        return outcome
    return replace(outcome, watch=watched.watch, events=outcome.events + watched.events, purchase=watched.purchase)


def _is_cut_short(facts: ChargingFacts, outcome: Outcome, at: datetime, terms: ChargingTerms) -> bool:
    """Tell whether credit, and not a cap, the bill's limit or the longest time of a call, makes this grant the last."""
    answer = outcome.answer
    return (
        isinstance(answer, Granted)
        and answer.is_final
        and outcome.credit is not None
        and answer.granted_seconds + terms.quantum_seconds <= rating.CALL_MAX_SECONDS
        and _is_bound_by_credit(facts, outcome, outcome.credit, at)
    )


def _is_bound_by_credit(facts: ChargingFacts, outcome: Outcome, credit: Credit, at: datetime) -> bool:
    assert outcome.call is not None
    setup = outcome.call.setup
    if any(kind_of(name) == OVERAGE for name in setup.meters):
        return False
    moved = {(setup.organization_id, name): meter for name, meter in outcome.meters.items()}
    after = replace(facts, meters={**facts.meters, **moved})
    caps = funding.funds_of(after, setup.meters, None, setup.organization_id, setup.started_at).cap_left_micros
    return credit.available_micros(at) <= caps


def _decide_call(  # noqa: C901 -- one line for each request
    facts: ChargingFacts, request: Request, terms: ChargingTerms
) -> Outcome:
    call = facts.calls.get(request.key)
    match request:
        case StartCall():
            return _start(facts, request, terms) if call is None else _start_again(call, request, terms)
        case AnswerCall():
            return extending.answer(call, request, terms)
        case ExtendCall():
            return extending.extend(facts, call, request, terms)
        case UpdateSession():
            return sessions.update(facts, call, request, terms)
        case EndCall():
            return finishing.end(facts, call, request, terms)
        case EndSession():
            return sessions.end(facts, call, request, terms)
        case CutCall():
            return cutting.cut(call, request)
        case EndLeg():
            return finishing.end_leg(facts, call, request, terms)
        case CloseCall():
            return finishing.close(facts, call, request, terms)
        case CorrectCall():  # pragma: no branch -- there is no other request
            return correcting.correct(facts, call, request, terms)


def _start_again(call: Call, request: StartCall, terms: ChargingTerms) -> Outcome:
    """Answer a repeated start alike; a phone chooses its call ids, so who is called and who calls must be the same."""
    if (request.caller, request.called) != (call.setup.caller, call.setup.called):
        return Outcome(Denied(DenialReason.CALL_ID_TAKEN))
    return Outcome(extending.answer_again(call, terms))


def _start(facts: ChargingFacts, request: StartCall, terms: ChargingTerms) -> Outcome:
    case = case_of(facts, request, terms)
    verdict = procedure.decide(case)
    match verdict:
        case Free(pays_from):
            return _start_free(case, pays_from)
        case Refused(reason):
            return _refuse(case, reason)
        case Sources():  # pragma: no branch -- there is no other verdict
            return _start_paid(case, verdict)


def _start_paid(case: Case, sources: Sources) -> Outcome:
    """Grant the first quantum from what may pay, or refuse where that does not pay one increment."""
    facts, request, terms = case.facts, case.request, case.terms
    organization_id = case.organization.organization_id
    names = (*sources.pools, *sources.counted_by)
    tariff = None if sources.rate is None else sources.rate.tariff
    funds = funding.funds_of(facts, names, tariff, organization_id, request.at)
    wanted_seconds = extending.quantum_seconds(request.wanted_seconds, terms)
    funded = funding.grow(NO_HOLD, funds, request.at, wanted_seconds, request.at)
    # S4: whoever is called toll-free has a positive balance, even where the call would cost nothing.
    has_nothing = case.is_to_service and funds.paid_from_micros(request.at) <= 0
    if funded.seconds == 0 or has_nothing:
        return _refuse(case, _exhausted(case, sources))
    pays_from = _first_source(funded.hold, funds, request.at)
    setup = _setup(case, pays_from, sources)
    patience_seconds = terms.ring_timeout_seconds + funded.seconds + terms.silence_grace_seconds
    call = Call(
        setup,
        CallState.OPEN,
        granted_seconds=funded.seconds,
        is_final=funded.seconds < wanted_seconds,
        valid_until=request.at + timedelta(seconds=patience_seconds),
        hold=funded.hold,
        session=sessions.begun(request),
    )
    moved = {**funding.moved_meters(facts, call, NO_HOLD, funded.hold), **_counted_call(case)}
    return Outcome(extending.granted(call, terms), call, None if tariff is None else funded.credit, meters=moved)


def _exhausted(case: Case, sources: Sources) -> DenialReason:
    """Tell which limit does not pay the first block: a cap, before the credit or the bill."""
    return next(limit.reason for limit in limits(case, sources) if not limit.pays_first_block)


@frozen
class Limit:
    """What bounds the money of a call: how it is refused, what is left, and whether that pays the first block.

    Of a toll-free call even one that costs nothing is not paid by a balance of zero (S4).
    """

    reason: DenialReason
    left_micros: int
    pays_first_block: bool


def limits(case: Case, sources: Sources) -> Iterator[Limit]:
    """Return the limits on a call that money may pay, in the order in which they refuse: caps, then what pays."""
    assert sources.rate is not None
    at, tariff, organization_id = case.request.at, sources.rate.tariff, case.organization.organization_id
    for name in sources.counted_by:
        reason = _CAPS.get(kind_of(name))
        if reason is not None:
            left = funding.funds_of(case.facts, (name,), tariff, organization_id, at).cap_left_micros
            yield Limit(reason, left, _pays_first_block(case, tariff, left))
    is_billed = any(kind_of(name) == OVERAGE for name in sources.counted_by)
    left = funding.funds_of(case.facts, sources.counted_by, tariff, organization_id, at).paid_from_micros(at)
    reason = DenialReason.CREDIT_EXHAUSTED
    if case.organization.mode is BillingMode.POSTPAID:
        # Who pays after use cannot add funds (S41): the bill is what would let him call on.
        reason = DenialReason.OVERAGE_LIMIT_REACHED if is_billed else DenialReason.OVERAGE_OFF
    is_enough = left > 0 or not case.is_to_service
    yield Limit(reason, left, is_enough and _pays_first_block(case, tariff, left))


def _pays_first_block(case: Case, tariff: Tariff, left_micros: int) -> bool:
    return rating.affordable_seconds(tariff, case.request.at, left_micros, case.terms.quantum_seconds) > 0


_CAPS = {USER: DenialReason.USER_CAP_REACHED, DEPARTMENT: DenialReason.DEPARTMENT_CAP_REACHED}


def _first_source(hold: Hold, funds: Funds, at: datetime) -> PaysFrom:
    """Tell what pays for the first second: minutes, else credit that is left, else the bill."""
    if hold.minutes:
        return PaysFrom.MINUTES
    is_billed = funds.overage_left_micros > 0 and funds.credit.available_micros(at) <= 0
    return PaysFrom.OVERAGE if is_billed else PaysFrom.CREDIT


def _counted_call(case: Case) -> Mapping[str, Meter]:
    """Count the call among the payer's of this hour, where a stop watches them."""
    name = case.calls_meter
    if not name:
        return {}
    counted = case.facts.meter(case.organization.organization_id, name)
    return {name: Meter(counted.used + 1, counted.held)}


def _start_free(case: Case, pays_from: PaysFrom) -> Outcome:
    """Allow a call that costs nothing; an emergency call of an unknown caller is allowed and belongs to nobody."""
    answer = Granted(FREE_GRANT_SECONDS, is_final=True, recheck_after_seconds=FREE_GRANT_SECONDS, pays_from=pays_from)
    if case.payer is None:
        return Outcome(answer)
    call = Call(
        _setup(case, pays_from, kind=_kind_of(case)),
        CallState.OPEN,
        granted_seconds=FREE_GRANT_SECONDS,
        is_final=True,
        valid_until=case.request.at + timedelta(seconds=FREE_GRANT_SECONDS),
        session=sessions.begun(case.request),
    )
    # What an add-on includes is checked by the stop on calls an hour, so it counts.
    counted = _counted_call(case) if pays_from is PaysFrom.INCLUDED else {}
    return Outcome(answer, call, meters=counted)


def _refuse(case: Case, reason: DenialReason) -> Outcome:
    """Refuse, and keep the refused call where it is somebody's."""
    if case.payer is None:
        return Outcome(Denied(reason))
    return Outcome(Denied(reason), Call(_setup(case, PaysFrom.CREDIT), CallState.DENIED, denial=reason))


def _setup(case: Case, pays_from: PaysFrom, sources: Sources | None = None, kind: CallKind | None = None) -> CallSetup:
    request, payer = case.request, case.payer
    assert payer is not None
    rate, destination = None, ""
    if sources is not None:
        priced = None if isinstance(case.price, DenialReason) else case.price[1].rate
        destination = case.destination if priced is None else priced.destination
        if sources.rate is not None:
            kept = sources.rate.rate
            rate = RateReference(sources.version_id, kept.direction, kept.prefix, kept.origin_prefix)
    return CallSetup(
        organization_id=payer.organization_id,
        key=request.key,
        kind=case.kind if kind is None else kind,
        caller=request.caller,
        called=request.called,
        started_at=request.at,
        pays_from=pays_from,
        user_id=None if payer.user is None else payer.user.user_id,
        conference_id=request.conference_id,
        rate=rate,
        destination=destination,
        meters=() if sources is None else (*sources.pools, *sources.counted_by),
        capability=procedure.capability_of(case, pays_from),
        switch_ref=request.switch_ref,
    )


def _kind_of(case: Case) -> CallKind:
    """A call for help is one, however it was announced."""
    is_help = case.kind not in EMERGENCY and is_emergency(case.request.called, case.terms.emergency_countries)
    return CallKind.EMERGENCY_OUT if is_help else case.kind
