"""How a call ends: settle what was held, release the rest, write its final record."""

from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls.calls import (
    NO_HOLD,
    Call,
    CallResult,
    CallState,
    Ending,
    Flags,
    PaysFrom,
    RateReference,
)
from talktime.core.calls.cdrs import UsageRow, entry_id_of
from talktime.core.calls.requests import (
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    EndCall,
    Finished,
    Noted,
    Outcome,
    Parked,
)
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.organizations.organizations import Organization
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import MatchedRate

# A switch's clock and ours may differ by this much before a duration counts as impossible.
CLOCK_TOLERANCE = timedelta(seconds=120)


def end(facts: ChargingFacts, call: Call | None, request: EndCall, terms: ChargingTerms) -> Outcome:
    """End a call as its switch reports it: charge it once, and keep what cannot be charged for an operator."""
    if request.misread:
        return Outcome(Parked(request.misread))
    if call is None:
        return Outcome(Parked("no start was seen for this call"))
    if call.state is CallState.DENIED:
        return _ended_after_refusal(facts, call, request)
    if call.state is CallState.FINISHED:
        return _ended_again(facts, call, request)
    if call.state is CallState.LAPSED and request.used_seconds == 0:
        return _confirm_not_answered(facts, call)
    if request.used_seconds < 0:
        return Outcome(Parked("the duration is negative"))
    if call.setup.started_at + timedelta(seconds=request.used_seconds) > request.at + CLOCK_TOLERANCE:
        return Outcome(Parked("the duration is longer than the time since the call was started"))
    flags = Flags.LATE if call.state is CallState.LAPSED else Flags.NONE
    answered_at, ended_at = _talk(call, request)
    ending = request.ending if request.used_seconds > 0 or request.ending is not Ending.HANGUP else Ending.NOT_ANSWERED
    report = CallResult(ended_at, ending, request.used_seconds, flags=flags)
    return _finish(facts, call, report, answered_at, terms, at=request.at)


def _confirm_not_answered(facts: ChargingFacts, call: Call) -> Outcome:
    """It was given up as not answered, and so it was: its record stands, and an end that says otherwise is parked."""
    currency = facts.organizations[call.setup.organization_id].currency
    return Outcome(Finished(0, 0, currency), replace(call, state=CallState.FINISHED))


def _talk(call: Call, request: EndCall) -> tuple[datetime | None, datetime]:
    """Tell when the call was answered, as far as is known, and when it ended: a report may come long afterwards."""
    used = timedelta(seconds=request.used_seconds)
    if call.answered_at is not None:
        return call.answered_at, min(request.at, call.answered_at + used)
    if request.used_seconds == 0:
        return None, request.at
    return max(call.setup.started_at, request.at - used), request.at


def _ended_after_refusal(facts: ChargingFacts, call: Call, request: EndCall) -> Outcome:
    """Switches report the end of refused calls too; talk time on one is an operator's matter."""
    if request.used_seconds > 0:
        return Outcome(Parked("the call was refused, and lasted all the same"))
    return Outcome(Finished(0, 0, facts.organizations[call.setup.organization_id].currency))


def _ended_again(facts: ChargingFacts, call: Call, request: EndCall) -> Outcome:
    """A repeated end is answered with the first charge; one that differs from the server's own closing is kept."""
    assert call.result is not None
    if Flags.RECONSTRUCTED in call.result.flags and request.used_seconds != call.result.used_seconds:
        return Outcome(Parked("the server closed the silent call before, with another duration"))
    currency = facts.organizations[call.setup.organization_id].currency
    return Outcome(Finished(call.result.used_seconds, call.result.cost_micros, currency))


def close(facts: ChargingFacts, call: Call | None, request: CloseCall, terms: ChargingTerms) -> Outcome:
    """End a call whose switch fell silent: not answered as far as we know, it is free; else its grant is charged."""
    if call is None or call.state is not CallState.OPEN or call.valid_until is None or request.at < call.valid_until:
        return Outcome(Noted())
    if call.answered_at is None or call.setup.pays_from is PaysFrom.FREE:
        silent = CallResult(request.at, Ending.SILENT, 0, flags=Flags.RECONSTRUCTED)
        return _finish(facts, call, silent, None, terms, at=request.at, state=CallState.LAPSED)
    ended_at = call.answered_at + timedelta(seconds=call.granted_seconds)
    silent = CallResult(ended_at, Ending.SILENT, call.granted_seconds, flags=Flags.RECONSTRUCTED)
    return _finish(facts, call, silent, call.answered_at, terms, at=request.at)


def _finish(
    facts: ChargingFacts,
    call: Call,
    report: CallResult,
    answered_at: datetime | None,
    terms: ChargingTerms,
    *,
    at: datetime,
    state: CallState = CallState.FINISHED,
) -> Outcome:
    """Settle the hold, release the rest, and write the usage row and the journal entry (S13, S34).

    Money moves when the report comes, `at`; the record says when the talk was.
    """
    setup = call.setup
    organization = facts.organizations[setup.organization_id]
    used, flags = _measured(call, report, terms)
    if setup.rate is None:
        result = CallResult(report.ended_at, report.ending, used, flags=flags)
        ended = _ended(call, state, answered_at, result)
        row = _usage_row(ended, organization, call.usage_rows_count, billed_seconds=used)
        return Outcome(Finished(used, 0, organization.currency), ended, usage=(row,))
    matched = matched_rate(facts, setup.rate)
    priced_from = answered_at or setup.started_at
    cost = rating.cost_micros(matched.tariff, priced_from, used)
    credit = facts.credits[setup.organization_id]
    used_at = _used_at(call, priced_from, terms, at)
    after, postings, uncovered = lots.settle(credit, call.hold.slices, cost, at, used_at=used_at)
    result = CallResult(report.ended_at, report.ending, used, cost, uncovered, flags)
    ended = _ended(call, state, answered_at, result)
    row = _usage_row(
        ended,
        organization,
        call.usage_rows_count,
        billed_seconds=rating.billed_seconds(matched.tariff, priced_from, used),
        matched=matched,
    )
    entry_id = entry_id_of(setup.key, row.line)
    entries = (JournalEntry(setup.organization_id, entry_id, at, postings),) if postings else ()
    return Outcome(Finished(used, cost, organization.currency), ended, after, (row,), entries)


def _used_at(call: Call, began_at: datetime, terms: ChargingTerms, at: datetime) -> datetime | None:
    """Tell when a call was made whose hold was given up since, within the grace of late usage (money.md 31)."""
    is_late = call.state is CallState.LAPSED
    return began_at if is_late and at - began_at <= timedelta(seconds=terms.late_usage_grace_seconds) else None


def _ended(call: Call, state: CallState, answered_at: datetime | None, result: CallResult) -> Call:
    return Call(
        call.setup,
        state,
        call.granted_seconds,
        call.is_final,
        call.valid_until,
        NO_HOLD,
        answered_at,
        call.denial,
        result,
        call.usage_rows_count + 1,
    )


def _measured(call: Call, report: CallResult, terms: ChargingTerms) -> tuple[int, Flags]:
    """Switches round up and cut late by a second or two: a call that was cut at its grant costs that grant."""
    over = report.used_seconds - call.granted_seconds
    if over <= 0:
        return report.used_seconds, report.flags
    was_cut = call.is_final or report.ending is Ending.CREDIT_EXHAUSTED
    if was_cut and over <= terms.overrun_grace_seconds:
        return call.granted_seconds, report.flags | Flags.CLAMPED
    return report.used_seconds, report.flags | Flags.OVERRUN


def _usage_row(
    call: Call, organization: Organization, line: int, *, billed_seconds: int, matched: MatchedRate | None = None
) -> UsageRow:
    setup, result = call.setup, call.result
    assert result is not None
    fee_micros = 0
    if matched is not None and result.cost_micros > 0:
        fee_micros = rating.connection_fee_micros(matched.tariff, call.answered_at or setup.started_at)
    return UsageRow(
        organization_id=setup.organization_id,
        key=setup.key,
        line=line,
        kind=setup.kind,
        user_id=setup.user_id,
        conference_id=setup.conference_id,
        caller=setup.caller,
        called=setup.called,
        destination=setup.destination,
        prefix=setup.rate.prefix if setup.rate is not None else "",
        deck_version_id=setup.rate.version_id if setup.rate is not None else None,
        started_at=setup.started_at,
        answered_at=call.answered_at,
        ended_at=result.ended_at,
        used_seconds=result.used_seconds,
        billed_seconds=billed_seconds,
        connection_fee_micros=fee_micros,
        cost_micros=result.cost_micros,
        uncovered_micros=result.uncovered_micros,
        currency=organization.currency,
        paid_by=setup.pays_from,
        ending=result.ending,
        flags=result.flags,
    )


def matched_rate(facts: ChargingFacts, reference: RateReference) -> MatchedRate:
    """Return the rate that a call in progress keeps; published versions are immutable, so it is there."""
    deck = facts.decks[reference.version_id]
    matched = deck.find(reference.direction, reference.prefix, reference.origin_prefix)
    assert matched is not None
    return matched
