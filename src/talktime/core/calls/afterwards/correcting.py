"""A call that has ended turns out to have lasted otherwise: the difference is charged, or given back, once.

Nothing that was written changes. Further usage rows say what is added or taken back of each source, and further journal
entries book it; the call counts with their sums. The price is that of the rate that the call has kept, unless it is
rated anew: then it keeps the other one.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls import finishing, funding
from talktime.core.calls.afterwards.settling import Difference, SettledAnew, settle_anew
from talktime.core.calls.afterwards.standing import standing_of
from talktime.core.calls.calls import NO_HOLD, Call, CallResult, CallState, Ending, Flags
from talktime.core.calls.cdrs import NOTHING_CHARGED, Charged, entry_id_of
from talktime.core.calls.pool_events import pool_events
from talktime.core.calls.requests import (
    ChargingFacts,
    ChargingTerms,
    CorrectCall,
    Finished,
    Outcome,
    Parked,
)
from talktime.core.credit import unwinding
from talktime.core.credit.ledger import JournalEntry

# Flags that say something of the duration that was corrected, and nothing of the new one.
_OUTDATED = Flags.CLAMPED | Flags.OVERRUN | Flags.RECONSTRUCTED
# How calls end that were not answered.
_NOT_TALKED = frozenset({Ending.NOT_ANSWERED, Ending.FAILED})


def correct(facts: ChargingFacts, call: Call | None, request: CorrectCall, terms: ChargingTerms) -> Outcome:
    """Charge a call for the seconds that it really lasted; keep for an operator what cannot be corrected."""
    assert request.reference
    problem = _problem(call, request)
    if problem:
        return Outcome(Parked(problem, request.used_seconds))
    assert call is not None
    currency = facts.organizations[call.setup.organization_id].currency
    if call.result is None:
        return Outcome(Finished(0, 0, currency))
    charged = facts.charged.get(call.setup.key, NOTHING_CHARGED)
    if any(row.correction_reference == request.reference for row in charged.rows):
        return Outcome(Finished(call.result.used_seconds, call.result.cost_micros, currency))
    return _corrected(facts, call, request, charged, terms)


def after(facts: ChargingFacts, outcome: Outcome) -> ChargingFacts:
    """Return the facts with what a decision has written of its call: the next correction in a batch builds on it."""
    assert outcome.call is not None
    setup = outcome.call.setup
    postings = tuple(posting for entry in outcome.entries for posting in entry.postings)
    written = facts.charged.get(setup.key, NOTHING_CHARGED)
    charged = {**facts.charged, setup.key: Charged(written.rows + outcome.usage, written.postings + postings)}
    repaid = dict(facts.repaid)
    for lot_id, amount in unwinding.repaid(postings).items():
        key = setup.organization_id, lot_id
        repaid[key] = repaid.get(key, 0) + amount
    return replace(facts, charged=charged, repaid=repaid)


def _problem(call: Call | None, request: CorrectCall) -> str:
    """Say why a call cannot be corrected; empty where it can."""
    if call is None:
        return "no start was seen for this call"
    if call.state is CallState.OPEN:
        return "the call is open still, and cannot be corrected before it has ended"
    if call.state is CallState.DENIED and request.used_seconds > 0:
        return "the call was refused, and lasted all the same"
    if request.used_seconds < 0:
        return "the duration is negative"
    if request.rate is not None and call.setup.rate is None:
        return "the call has no price that another rate could change"
    if call.setup.started_at + timedelta(seconds=request.used_seconds) > request.at + finishing.CLOCK_TOLERANCE:
        return "the duration is longer than the time since the call was started"
    return ""


def _corrected(
    facts: ChargingFacts, call: Call, request: CorrectCall, charged: Charged, terms: ChargingTerms
) -> Outcome:
    if request.rate is not None:
        assert call.result is not None
        # Whoever asks has read the call before; what was corrected meanwhile stands.
        request = replace(request, used_seconds=call.result.used_seconds)
        call = replace(call, setup=replace(call.setup, rate=request.rate))
    setup, at = call.setup, request.at
    organization = facts.organizations[setup.organization_id]
    talked = replace(call, answered_at=_answered_at(call, request))
    used_at = _used_at(talked, request, terms)
    standing = standing_of(setup, charged)
    settled = settle_anew(Difference(facts, talked, standing, request.used_seconds, at, used_at))
    ended = replace(
        talked,
        state=CallState.FINISHED,
        result=_result(talked, request, settled),
        usage_rows_count=call.usage_rows_count + len(settled.changes),
    )
    rows = tuple(
        replace(
            finishing.usage_row(ended, organization, call.usage_rows_count + index, part),
            correction_reference=request.reference,
            correction_reason=request.reason,
        )
        for index, part in enumerate(settled.changes)
    )
    entries = tuple(
        JournalEntry(setup.organization_id, entry_id_of(setup.key, row.line), at, part.postings)
        for row, part in zip(rows, settled.changes, strict=True)
        if part.postings
    )
    moved = funding.moved_meters(facts, call, NO_HOLD, NO_HOLD, settled.changes)
    return Outcome(
        Finished(request.used_seconds, settled.cost_micros, organization.currency),
        ended,
        settled.credit if entries else None,
        rows,
        entries,
        pool_events(facts, call, moved, settled.credit.balance_micros, at),
        meters=moved,
    )


def _answered_at(call: Call, request: CorrectCall) -> datetime | None:
    """Keep the answer by which the call was priced; of one that counted as not answered take what is told now."""
    if call.answered_at is not None or not request.used_seconds:
        return call.answered_at
    return min(max(request.answered_at or call.setup.started_at, call.setup.started_at), request.at)


def _used_at(call: Call, request: CorrectCall, terms: ChargingTerms) -> datetime | None:
    """Tell when the call was made, within the grace of late usage (money.md 31)."""
    began_at = call.answered_at or call.setup.started_at
    return began_at if request.at - began_at <= timedelta(seconds=terms.late_usage_grace_seconds) else None


def _result(call: Call, request: CorrectCall, settled: SettledAnew) -> CallResult:
    """Say how the call ended, as it is known now."""
    assert call.result is not None
    used = request.used_seconds
    if request.rate is not None:
        flags = call.result.flags | Flags.CORRECTED
        return replace(
            call.result, cost_micros=settled.cost_micros, uncovered_micros=settled.uncovered_micros, flags=flags
        )
    flags = call.result.flags & ~_OUTDATED | Flags.CORRECTED
    if used > call.granted_seconds:
        flags |= Flags.OVERRUN
    if call.state is CallState.LAPSED and used:
        flags |= Flags.LATE
    ended_at = call.result.ended_at
    if call.answered_at is not None:
        ended_at = min(request.at, call.answered_at + timedelta(seconds=used))
    ending = Ending.HANGUP if used and call.result.ending in _NOT_TALKED else call.result.ending
    return CallResult(ended_at, ending, used, settled.cost_micros, settled.uncovered_micros, flags)
