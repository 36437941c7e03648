"""How a call ends: settle what was held, release the rest, write its final record."""

from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls import funding
from talktime.core.calls.calls import (
    NO_HOLD,
    UNCOUNTED,
    Call,
    CallResult,
    CallState,
    Ending,
    Flags,
    RateReference,
)
from talktime.core.calls.cdrs import UsageRow, entry_id_of
from talktime.core.calls.counting.pools import pool_of
from talktime.core.calls.funding import Part, Settled
from talktime.core.calls.pool_events import pool_events
from talktime.core.calls.requests import (
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    EndCall,
    EndLeg,
    Finished,
    Noted,
    Outcome,
    Parked,
)
from talktime.core.credit.ledger import JournalEntry
from talktime.core.organizations.organizations import Organization
from talktime.core.rates.rate_decks import MatchedRate

# A switch's clock and ours may differ by this much before a duration counts as impossible.
CLOCK_TOLERANCE = timedelta(seconds=120)


def end(facts: ChargingFacts, call: Call | None, request: EndCall, terms: ChargingTerms) -> Outcome:
    """End a call as its switch reports it: charge it once, and keep what cannot be charged for an operator."""
    if request.misread:
        return Outcome(Parked(request.misread))
    if call is None:
        return Outcome(Parked("no start was seen for this call", request.used_seconds))
    if call.state is CallState.DENIED:
        return _ended_after_refusal(facts, call, request)
    if call.state is CallState.FINISHED:
        return _ended_again(facts, call, request, terms)
    if call.state is CallState.LAPSED and request.used_seconds == 0:
        return _confirm_not_answered(facts, call)
    if request.used_seconds < 0:
        return Outcome(Parked("the duration is negative", request.used_seconds))
    if request.used_seconds > (request.at - call.setup.started_at + CLOCK_TOLERANCE) // timedelta(seconds=1):
        return Outcome(Parked("the duration is longer than the time since the call was started", request.used_seconds))
    flags = Flags.LATE if call.state is CallState.LAPSED else Flags.NONE
    if call.session.missed_count:
        flags |= Flags.GAP
    answered_at, ended_at = _talk(call, request)
    ending = request.ending if request.used_seconds > 0 or request.ending is not Ending.HANGUP else Ending.NOT_ANSWERED
    report = CallResult(ended_at, ending, request.used_seconds, flags=flags)
    return _finish(facts, call, report, answered_at, terms, at=request.at)


def end_leg(facts: ChargingFacts, call: Call | None, request: EndLeg, terms: ChargingTerms) -> Outcome:
    """End a leg with its conference, by our clock, for no more than it was granted; one that has ended is left alone.

    A leg that was not answered as far as we know is given up, as a silent one is: its switch's end is charged once.
    """
    if call is None or call.state is not CallState.OPEN:
        return Outcome(Noted())
    if call.answered_at is None:
        return _give_up(facts, call, request.at, terms)
    talked = max(timedelta(0), request.at - call.answered_at)
    used_seconds = min(-(-talked // timedelta(seconds=1)), call.granted_seconds)
    # Seconds are rounded up: nothing ends later than it is booked.
    ended_at = min(request.at, call.answered_at + timedelta(seconds=used_seconds))
    report = CallResult(ended_at, Ending.HANGUP, used_seconds, flags=Flags.RECONSTRUCTED)
    return _finish(facts, call, report, call.answered_at, terms, at=request.at)


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
        return Outcome(Parked("the call was refused, and lasted all the same", request.used_seconds))
    return Outcome(Finished(0, 0, facts.organizations[call.setup.organization_id].currency))


def _ended_again(facts: ChargingFacts, call: Call, request: EndCall, terms: ChargingTerms) -> Outcome:
    """A repeated end is answered with the first charge; one that differs from the server's own closing is kept.

    Of a leg that its conference ended, what a switch rounds is no difference.
    """
    assert call.result is not None
    difference = abs(request.used_seconds - call.result.used_seconds)
    tolerated = 0 if call.result.ending is Ending.SILENT else terms.overrun_grace_seconds
    if Flags.RECONSTRUCTED in call.result.flags and difference > tolerated:
        return Outcome(Parked("the server closed the call before, with another duration", request.used_seconds))
    currency = facts.organizations[call.setup.organization_id].currency
    return Outcome(Finished(call.result.used_seconds, call.result.cost_micros, currency))


def close(facts: ChargingFacts, call: Call | None, request: CloseCall, terms: ChargingTerms) -> Outcome:
    """End a call whose switch fell silent: not answered as far as we know, it is free; else its grant is charged."""
    if call is None or call.state is not CallState.OPEN or call.valid_until is None or request.at < call.valid_until:
        return Outcome(Noted())
    if call.answered_at is None or call.setup.pays_from in UNCOUNTED:
        return _give_up(facts, call, request.at, terms)
    ended_at = call.answered_at + timedelta(seconds=call.granted_seconds)
    silent = CallResult(ended_at, Ending.SILENT, call.granted_seconds, flags=Flags.RECONSTRUCTED)
    return _finish(facts, call, silent, call.answered_at, terms, at=request.at)


def _give_up(facts: ChargingFacts, call: Call, at: datetime, terms: ChargingTerms) -> Outcome:
    silent = CallResult(at, Ending.SILENT, 0, flags=Flags.RECONSTRUCTED)
    return _finish(facts, call, silent, None, terms, at=at, state=CallState.LAPSED)


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
    if setup.pays_from in UNCOUNTED:
        free = Settled((Part(setup.pays_from, used, used),), facts.credits[setup.organization_id])
        ended = _ended(call, state, answered_at, replace(report, used_seconds=used, flags=flags), len(free.parts))
        return Outcome(Finished(used, 0, organization.currency), ended, usage=_usage_rows(ended, organization, free))
    tariff = None if setup.rate is None else matched_rate(facts, setup.rate).tariff
    priced_from = answered_at or setup.started_at
    funds = funding.funds_of(facts, setup.meters, tariff, setup.organization_id, setup.started_at)
    used_at = _used_at(call, priced_from, terms, at)
    settled = funding.settle(call, funds, priced_from, used, at, used_at=used_at)
    if settled.uncovered_micros and 0 < used - call.granted_seconds <= terms.overrun_grace_seconds:
        # No switch had more than it was granted: a second that nothing pays was rounded, and nobody owes it.
        used, flags = call.granted_seconds, report.flags | Flags.CLAMPED
        settled = funding.settle(call, funds, priced_from, used, at, used_at=used_at)
    cost, uncovered = settled.cost_micros, settled.uncovered_micros
    result = CallResult(report.ended_at, report.ending, used, cost, uncovered, flags)
    ended = _ended(call, state, answered_at, result, len(settled.parts))
    rows = _usage_rows(ended, organization, settled)
    entries = tuple(
        JournalEntry(setup.organization_id, entry_id_of(setup.key, row.line), at, part.postings)
        for row, part in zip(rows, settled.parts, strict=True)
        if part.postings
    )
    moved = funding.moved_meters(facts, call, call.hold, NO_HOLD, settled.parts)
    return Outcome(
        Finished(used, cost, organization.currency),
        ended,
        None if tariff is None else settled.credit,
        rows,
        entries,
        pool_events(facts, call, moved, settled.credit.balance_micros, at),
        meters=moved,
    )


def _used_at(call: Call, began_at: datetime, terms: ChargingTerms, at: datetime) -> datetime | None:
    """Tell when a call was made whose hold was given up since, within the grace of late usage (money.md 31)."""
    is_late = call.state is CallState.LAPSED
    return began_at if is_late and at - began_at <= timedelta(seconds=terms.late_usage_grace_seconds) else None


def _ended(call: Call, state: CallState, answered_at: datetime | None, result: CallResult, rows_count: int) -> Call:
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
        call.usage_rows_count + rows_count,
        call.session,
        call.cut_at,
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


def _usage_rows(call: Call, organization: Organization, settled: Settled) -> tuple[UsageRow, ...]:
    """Write one row for each source; they share the call's id, and each has a line of its own (domain.md 8)."""
    first_line = call.usage_rows_count - len(settled.parts)
    return tuple(usage_row(call, organization, first_line + index, part) for index, part in enumerate(settled.parts))


def usage_row(call: Call, organization: Organization, line: int, part: Part) -> UsageRow:
    """Return the usage row of what one source paid of a call that has ended."""
    setup, result = call.setup, call.result
    assert result is not None
    rate = None if part.pool else setup.rate
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
        prefix=rate.prefix if rate is not None else "",
        deck_version_id=rate.version_id if rate is not None else None,
        started_at=setup.started_at,
        answered_at=call.answered_at,
        ended_at=result.ended_at,
        used_seconds=part.used_seconds,
        billed_seconds=part.billed_seconds,
        connection_fee_micros=part.fee_micros,
        cost_micros=part.cost_micros,
        uncovered_micros=part.uncovered_micros,
        currency=organization.currency,
        paid_by=part.paid_by,
        ending=result.ending,
        flags=result.flags,
        capability=pool_of(part.pool).capability if part.pool else setup.capability,
    )


def matched_rate(facts: ChargingFacts, reference: RateReference) -> MatchedRate:
    """Return the rate that a call in progress keeps; published versions are immutable, so it is there."""
    deck = facts.decks[reference.version_id]
    matched = deck.find(reference.direction, reference.prefix, reference.origin_prefix)
    assert matched is not None
    return matched
