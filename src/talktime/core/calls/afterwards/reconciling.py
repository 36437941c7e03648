"""A switch's own records of its calls beside ours: where they differ, and what would be asked of charging."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from talktime.core.calls.calls import Call, CallKey, CallState, Ending, Flags
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingTerms,
    CloseCall,
    CorrectCall,
    EndCall,
    Request,
    StartCall,
)
from talktime.core.values.frozen import frozen

# Switches write whole seconds, some cut off and some rounded, and we count a started second.
TOLERANCE_SECONDS = 1


@frozen
class SwitchRecord:
    """What a switch recorded of a call; numbers as normalized digits. Merged from all lines that are about it.

    `used_seconds` is None where no line tells how long it was talked, and `started_at` where none tells its beginning.
    """

    line: int
    call_id: str
    leg: str = ""
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    used_seconds: int | None = None
    caller: str = ""
    called: str = ""

    @property
    def talked_seconds(self) -> int | None:
        """Return how long was talked, a started second counting; None where beginning or end are not recorded."""
        if self.used_seconds is not None:
            return self.used_seconds
        if self.ended_at is None or self.started_at is None:
            return None
        if self.answered_at is None:
            return 0
        return max(0, -(-(self.ended_at - self.answered_at) // timedelta(seconds=1)))


class Match(Enum):
    """How a switch's record and our call go together."""

    AGREED = "agreed"
    # It lasted otherwise than it was charged: it is corrected.
    DIFFERS = "differs"
    # Open here and ended there: it is ended.
    ENDED_THERE = "ended_there"
    # Open here, and there is no end of it there either.
    RUNNING = "running"
    # Ended here, and its record tells no end: nothing can be compared.
    UNFINISHED = "unfinished"
    # Talked there, and never started here: late usage, charged where that is wanted.
    UNKNOWN = "unknown"
    # Never started here by its name, and a call of ours has its numbers and its time: one call told twice, perhaps.
    PERHAPS = "perhaps"
    # Refused here, and talked all the same.
    REFUSED = "refused"
    # It was corrected otherwise after this record had corrected it.
    SETTLED_OTHERWISE = "settled_otherwise"
    # Charged here, and within its period the file has no record of it.
    MISSING = "missing"


@frozen
class Reconciled:
    """One call beside its record: what it costs more (below zero: less) when the record is right, and what was done.

    `why_not` says why nothing can be done about a difference; the currency is empty where nobody pays.
    """

    key: CallKey
    match: Match
    record: SwitchRecord | None
    started_at: datetime | None
    used_seconds: int | None
    cost_micros: int = 0
    change_micros: int = 0
    currency: str = ""
    why_not: str = ""
    is_applied: bool = False


class Total(NamedTuple):
    """What calls of one kind come to in one currency."""

    calls: int = 0
    here_seconds: int = 0
    there_seconds: int = 0
    cost_micros: int = 0
    # What is charged more, and what is given back.
    more_micros: int = 0
    less_micros: int = 0
    applied: int = 0
    # Differences about which nothing can be done.
    refused: int = 0

    def plus(self, each: Reconciled) -> "Total":
        """Count one call."""
        talked = None if each.record is None else each.record.talked_seconds
        return Total(
            self.calls + 1,
            self.here_seconds + (each.used_seconds or 0),
            self.there_seconds + (talked or 0),
            self.cost_micros + each.cost_micros,
            self.more_micros + max(0, each.change_micros),
            self.less_micros - min(0, each.change_micros),
            self.applied + each.is_applied,
            self.refused + bool(each.why_not),
        )


# What `--apply` does something about, late usage where it was asked for.
PROPOSED = frozenset({Match.DIFFERS, Match.ENDED_THERE, Match.UNKNOWN})


def match_of(record: SwitchRecord, call: Call | None, terms: ChargingTerms, tolerance_seconds: int) -> Match:
    """Tell how a record and the call of its key go together."""
    talked = record.talked_seconds
    if call is None or call.state is CallState.DENIED:
        return _match_of_uncharged(call, talked)
    if call.state is CallState.OPEN:
        return Match.RUNNING if talked is None else Match.ENDED_THERE
    if talked is None:
        return Match.UNFINISHED
    return Match.AGREED if _is_agreed(call, talked, terms, tolerance_seconds) else Match.DIFFERS


def _match_of_uncharged(call: Call | None, talked: int | None) -> Match:
    if not talked:
        return Match.UNFINISHED if talked is None else Match.AGREED
    return Match.UNKNOWN if call is None else Match.REFUSED


def _is_agreed(call: Call, talked: int, terms: ChargingTerms, tolerance_seconds: int) -> bool:
    """Seconds that a switch takes to cut a call at its final grant are nobody's, and so is a rounded second."""
    assert call.result is not None
    difference = talked - call.result.used_seconds
    if call.result.used_seconds == 0 or talked == 0:
        return difference == 0
    was_cut = Flags.CLAMPED in call.result.flags or (call.is_final and call.result.used_seconds == call.granted_seconds)
    most = max(tolerance_seconds, terms.overrun_grace_seconds if was_cut else 0)
    return -tolerance_seconds <= difference <= most


def proposal(key: CallKey, record: SwitchRecord, match: Match, at: datetime, terms: ChargingTerms) -> Sequence[Request]:
    """Return what settles a difference at an instant, in order; nothing where nothing is to be done."""
    talked = record.talked_seconds
    if match not in PROPOSED or talked is None:
        return ()
    if match is Match.DIFFERS:
        return (_correction(key, record, talked, at),)
    if match is Match.ENDED_THERE:
        return _ending(key, record, talked, at)
    return _late_usage(key, record, talked, at, terms)


def _correction(key: CallKey, record: SwitchRecord, talked: int, at: datetime) -> CorrectCall:
    """The reference follows from the record, so that a record corrects its call once."""
    began_at = record.started_at or record.answered_at or record.ended_at
    since = "" if began_at is None else f" from {began_at:%Y-%m-%dT%H:%M:%SZ}"
    reason = "the switch's own record says so"
    return CorrectCall(key, at, talked, reason, f"record{since} of {talked} s", record.answered_at)


def _ending(key: CallKey, record: SwitchRecord, talked: int, at: datetime) -> tuple[Request, ...]:
    end = EndCall(key, at, talked, Ending.HANGUP if talked else Ending.NOT_ANSWERED)
    if record.answered_at is None or not talked:
        return (end,)
    return AnswerCall(key, at, record.answered_at), end


def _late_usage(
    key: CallKey, record: SwitchRecord, talked: int, at: datetime, terms: ChargingTerms
) -> tuple[Request, ...]:
    """Start the call as of its time, and charge it now: as one whose switch fell silent, once it is old enough."""
    if record.started_at is None:
        return ()
    start = StartCall(key, record.started_at, record.caller, record.called)
    patience_seconds = terms.ring_timeout_seconds + terms.quantum_seconds + terms.silence_grace_seconds
    if at >= record.started_at + timedelta(seconds=patience_seconds):
        return start, CloseCall(key, at), _correction(key, record, talked, at)
    answered_at = record.answered_at or record.started_at
    return start, AnswerCall(key, at, answered_at), EndCall(key, at, talked)
