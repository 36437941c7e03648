"""The decisions of charging: facts and a request go in, what follows from them comes out; no clock, no database."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls import finishing
from talktime.core.calls.calls import (
    Call,
    CallKind,
    CallSetup,
    CallState,
    DenialReason,
    Hold,
    PaysFrom,
    RateReference,
)
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    Denied,
    EndCall,
    ExtendCall,
    Granted,
    Noted,
    Outcome,
    Request,
    StartCall,
)
from talktime.core.credit import lots
from talktime.core.credit.recharging import watching
from talktime.core.organizations.licensing.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Identity, NumberUse
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction, MatchedRate, version_in_force
from talktime.core.values.numbers import is_e164, is_emergency

FREE_GRANT_SECONDS = rating.CALL_MAX_SECONDS


def decide(facts: ChargingFacts, requests: Iterable[Request], terms: ChargingTerms) -> list[Outcome]:
    """Decide requests one after another, each on the facts as the one before left them; outcomes in their order."""
    calls, credits_, watches = dict(facts.calls), dict(facts.credits), dict(facts.watches)
    current = replace(facts, calls=calls, credits=credits_, watches=watches)
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
        wants_credit=is_refused or _is_cut_short(outcome, terms),
    )
    if watched.watch is watch:
        return outcome
    return replace(outcome, watch=watched.watch, events=watched.events, purchase=watched.purchase)


def _is_cut_short(outcome: Outcome, terms: ChargingTerms) -> bool:
    """Tell whether credit, and not the longest time that a call may take, makes this grant the last."""
    answer = outcome.answer
    return (
        isinstance(answer, Granted)
        and answer.is_final
        and answer.granted_seconds + terms.quantum_seconds <= rating.CALL_MAX_SECONDS
    )


def _decide_call(facts: ChargingFacts, request: Request, terms: ChargingTerms) -> Outcome:
    call = facts.calls.get(request.key)
    match request:
        case StartCall():
            return _start(facts, request, terms) if call is None else Outcome(_answer_again(call, terms))
        case AnswerCall():
            return _answer(call, request, terms)
        case ExtendCall():
            return _extend(facts, call, request, terms)
        case EndCall():
            return finishing.end(facts, call, request, terms)
        case CloseCall():  # pragma: no branch -- there is no other request
            return finishing.close(facts, call, request, terms)


def payer_of(identities: Mapping[str, Identity], request: StartCall) -> tuple[Identity | None, CallKind]:
    """Tell whose call it is and of which kind: the organizer's, else the called number's owner's, else the caller's.

    A conference is paid by its organizer (S6, S7), a service number by the organization that owns it (S4).
    """
    if request.organizer:
        return identities.get(request.organizer.lower()), request.kind or CallKind.CONFERENCE_OUT
    called = identities.get(request.called)
    if request.kind in _INBOUND_KINDS or (request.kind is None and called is not None):
        return called, _inbound_kind(called, request.kind)
    return identities.get(request.caller), request.kind or CallKind.USER_OUT


_INBOUND_KINDS = frozenset({CallKind.USER_IN, CallKind.CONFERENCE_IN, CallKind.VOICE_APP_IN})


def _inbound_kind(called: Identity | None, stated: CallKind | None) -> CallKind:
    """What is called decides between user and service; the switch may say which service."""
    if called is not None and called.use is NumberUse.USER:
        return CallKind.USER_IN
    return CallKind.VOICE_APP_IN if stated is CallKind.VOICE_APP_IN else CallKind.CONFERENCE_IN


def _start(facts: ChargingFacts, request: StartCall, terms: ChargingTerms) -> Outcome:
    payer, kind = payer_of(facts.identities, request)
    if is_emergency(request.called, terms.emergency_countries):
        return _start_free(request, payer, CallKind.EMERGENCY_OUT)
    if payer is None:
        return Outcome(Denied(DenialReason.CALLER_UNKNOWN))
    organization = facts.organizations[payer.organization_id]
    if not organization.is_active:
        return _refuse(request, payer, kind, DenialReason.ORGANIZATION_SUSPENDED)
    if _is_included(kind, facts.identities.get(request.called)):
        return _start_free(request, payer, kind)
    if kind not in _INBOUND_KINDS and not is_e164(request.called):
        return _refuse(request, payer, kind, DenialReason.NUMBER_NOT_E164)
    missing = _missing_license(payer, kind)
    if missing is not None:
        return _refuse(request, payer, kind, missing)
    return _start_on_credit(facts, request, payer, kind, terms)


def _is_included(kind: CallKind, called: Identity | None) -> bool:
    """Calls to users, and to toll numbers under the conferencing subscription, never cost (domain.md 1.1)."""
    is_toll = called is not None and called.use is NumberUse.TOLL
    return kind is CallKind.USER_IN or (kind in _INBOUND_KINDS and is_toll)


def _missing_license(payer: Identity, kind: CallKind) -> DenialReason | None:
    """A service number needs no license to be called; whoever dials out needs two (S16, S50, S55)."""
    if kind in _INBOUND_KINDS:
        return None
    licenses = payer.user.licenses if payer.user is not None else License(0)
    if kind is CallKind.USER_OUT and License.PHONE_SYSTEM not in licenses:
        return DenialReason.PHONE_SYSTEM_LICENSE_MISSING
    if kind is CallKind.CONFERENCE_OUT and License.AUDIO_CONFERENCING not in licenses:
        return DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING
    if License.COMMUNICATIONS_CREDITS not in licenses:
        return DenialReason.CREDITS_LICENSE_MISSING
    return None


def _start_on_credit(
    facts: ChargingFacts, request: StartCall, payer: Identity, kind: CallKind, terms: ChargingTerms
) -> Outcome:
    organization = facts.organizations[payer.organization_id]
    found = _rate_of(facts, organization, request, kind)
    if isinstance(found, DenialReason):
        return _refuse(request, payer, kind, found)
    version_id, matched = found
    credit = facts.credits[organization.organization_id]
    available = credit.available_micros(request.at)
    granted = rating.affordable_seconds(matched.tariff, request.at, available, terms.quantum_seconds)
    rate = matched.rate
    setup = _setup(
        request,
        payer,
        kind,
        PaysFrom.CREDIT,
        rate=RateReference(version_id, rate.direction, rate.prefix, rate.origin_prefix),
        destination=rate.destination,
    )
    # S4: whoever is called toll-free has a positive balance, even where the call would cost nothing.
    if granted == 0 or (kind in _INBOUND_KINDS and available == 0):
        return _refused(setup, DenialReason.CREDIT_EXHAUSTED)
    credit, slices = lots.hold(credit, rating.cost_micros(matched.tariff, request.at, granted), request.at)
    patience_seconds = terms.ring_timeout_seconds + granted + terms.silence_grace_seconds
    call = Call(
        setup,
        CallState.OPEN,
        granted_seconds=granted,
        is_final=granted < terms.quantum_seconds,
        valid_until=request.at + timedelta(seconds=patience_seconds),
        hold=Hold(slices),
    )
    return Outcome(_granted(call, terms), call, credit)


def _rate_of(
    facts: ChargingFacts, organization: Organization, request: StartCall, kind: CallKind
) -> tuple[int, MatchedRate] | DenialReason:
    direction = Direction.TOLL_FREE_INBOUND if kind in _INBOUND_KINDS else Direction.OUTBOUND
    version_id = version_in_force(facts.publications.get((organization.deck, direction), ()), request.at)
    if version_id is None:
        return DenialReason.NO_RATE_DECK_IN_FORCE
    deck = facts.decks[version_id]
    matched = deck.match(direction, request.called, request.caller)
    if matched is None:
        return DenialReason.DESTINATION_NOT_RATED
    if matched.rate.blocked:
        return DenialReason.DESTINATION_BLOCKED
    if deck.terms.currency != organization.currency:
        return DenialReason.DECK_CURRENCY_DIFFERS
    if not organization.has_credit_set_up:
        return DenialReason.CREDIT_NOT_SET_UP
    return version_id, matched


def _start_free(request: StartCall, payer: Identity | None, kind: CallKind) -> Outcome:
    """Allow a call that costs nothing; an emergency call of an unknown caller is allowed and belongs to nobody."""
    answer = Granted(
        FREE_GRANT_SECONDS, is_final=True, recheck_after_seconds=FREE_GRANT_SECONDS, pays_from=PaysFrom.FREE
    )
    if payer is None:
        return Outcome(answer)
    call = Call(
        _setup(request, payer, kind, PaysFrom.FREE),
        CallState.OPEN,
        granted_seconds=FREE_GRANT_SECONDS,
        is_final=True,
        valid_until=request.at + timedelta(seconds=FREE_GRANT_SECONDS),
    )
    return Outcome(answer, call)


def _refuse(request: StartCall, payer: Identity, kind: CallKind, reason: DenialReason) -> Outcome:
    return _refused(_setup(request, payer, kind, PaysFrom.CREDIT), reason)


def _refused(setup: CallSetup, reason: DenialReason) -> Outcome:
    return Outcome(Denied(reason), Call(setup, CallState.DENIED, denial=reason))


def _setup(
    request: StartCall,
    payer: Identity,
    kind: CallKind,
    pays_from: PaysFrom,
    *,
    rate: RateReference | None = None,
    destination: str = "",
) -> CallSetup:
    return CallSetup(
        organization_id=payer.organization_id,
        key=request.key,
        kind=kind,
        caller=request.caller,
        called=request.called,
        started_at=request.at,
        pays_from=pays_from,
        user_id=None if payer.user is None else payer.user.user_id,
        conference_id=request.conference_id,
        rate=rate,
        destination=destination,
    )


def _granted(call: Call, terms: ChargingTerms) -> Granted:
    recheck = call.granted_seconds
    if not call.is_final:
        recheck = max(1, call.granted_seconds - terms.recheck_margin_seconds)
    return Granted(call.granted_seconds, call.is_final, recheck, call.setup.pays_from)


def _answer_again(call: Call, terms: ChargingTerms) -> Granted | Denied:
    """A request that was answered before gets what stands on the call."""
    if call.state is CallState.OPEN:
        return _granted(call, terms)
    return Denied(call.denial or DenialReason.CALL_ENDED)


def _answer(call: Call | None, request: AnswerCall, terms: ChargingTerms) -> Outcome:
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
    )


def _extend(facts: ChargingFacts, call: Call | None, request: ExtendCall, terms: ChargingTerms) -> Outcome:
    if call is None:
        return Outcome(Denied(DenialReason.CALL_UNKNOWN))
    if call.setup.rate is None or call.state is not CallState.OPEN or request.granted_seconds < call.granted_seconds:
        return Outcome(_answer_again(call, terms))
    elapsed = _elapsed_seconds(call, request)
    answered_at = call.answered_at or max(call.setup.started_at, request.at - timedelta(seconds=elapsed))
    wanted = min(elapsed + terms.quantum_seconds, rating.CALL_MAX_SECONDS)
    credit = facts.credits[call.setup.organization_id]
    tariff = finishing.matched_rate(facts, call.setup.rate).tariff
    budget = call.hold.amount_micros + credit.available_micros(request.at)
    affordable = rating.affordable_seconds(tariff, answered_at, budget, wanted)
    total = max(affordable, call.granted_seconds)
    missing = min(rating.cost_micros(tariff, answered_at, total), budget) - call.hold.amount_micros
    hold = call.hold
    if missing > 0:
        credit, slices = lots.hold(credit, missing, request.at)
        hold = hold.grown(slices)
    is_final = affordable < wanted or total >= rating.CALL_MAX_SECONDS
    grown = _alive(call, answered_at, terms, granted_seconds=total, is_final=is_final, hold=hold)
    return Outcome(_granted(grown, terms), grown, credit)


def _elapsed_seconds(call: Call, request: ExtendCall) -> int:
    """Believe the switch about how long the call has run, but not that it began before it was started."""
    if request.elapsed_seconds is None:
        return call.granted_seconds
    since_start = request.at - call.setup.started_at + finishing.CLOCK_TOLERANCE
    return max(0, min(request.elapsed_seconds, since_start // timedelta(seconds=1)))
