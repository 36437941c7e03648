"""A switch on a virtual clock: recorded calls become the requests that a live switch would have sent.

The switch follows the answers as a live one does: it asks for more when it is told to, and hangs up where the
last grant ends. Requests come in batches, but in exactly the order in which they would come one by one: a batch
ends where the answer to one of its requests might still bring forth an earlier request. So whatever is decided
does not depend on how many share a commit.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from heapq import heapify, heappop, heappush

from talktime.core.calls.calls import CallKey, CallKind, DenialReason, Ending
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    Denied,
    EndCall,
    ExtendCall,
    Finished,
    Granted,
    Parked,
    Request,
    StartCall,
)
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.core.values.frozen import frozen


@frozen
class RecordedCall:
    """A call as some switch recorded it: who talked to whom, and how long they would talk if nothing cut them.

    Numbers are normalized digits, users are named in lower case; `kind` None leaves it to charging.
    """

    call_id: str
    caller: str
    called: str
    kind: CallKind | None
    started_at: datetime
    ring_seconds: int
    duration_seconds: int

    def __post_init__(self) -> None:
        """A call cannot end before it starts."""
        assert self.started_at.tzinfo is not None
        assert self.ring_seconds >= 0
        assert self.duration_seconds >= 0

    @property
    def answered_at(self) -> datetime:
        """Return when the called party picked up, if anybody did."""
        return self.started_at + timedelta(seconds=self.ring_seconds)


@frozen
class ReplayedCall:
    """What became of a recorded call."""

    call: RecordedCall
    used_seconds: int = 0
    charged_micros: int = 0
    denial: DenialReason | None = None
    # The grant ended before the people had finished.
    was_cut: bool = False
    # Why charging set the call's end aside for an operator; empty where it was charged.
    parked: str = ""


@frozen
class ReplaySummary:
    """What became of many recorded calls."""

    calls_count: int
    answered_count: int
    used_seconds: int
    charged_micros: int
    cut_count: int
    denials: dict[DenialReason, int]
    parked: tuple[ReplayedCall, ...]

    @property
    def denied_count(self) -> int:
        """Return how many calls were refused, for whatever reason."""
        return sum(self.denials.values())


def summary_of(replayed: Iterable[ReplayedCall]) -> ReplaySummary:
    """Count and add up as the calls come; denials stand with the most frequent reason first."""
    counts: Counter[str] = Counter()
    denials: Counter[DenialReason] = Counter()
    parked: list[ReplayedCall] = []
    for each in replayed:
        counts["calls"] += 1
        counts["answered"] += each.used_seconds > 0
        counts["used_seconds"] += each.used_seconds
        counts["charged_micros"] += each.charged_micros
        counts["cut"] += each.was_cut
        if each.denial is not None:
            denials[each.denial] += 1
        if each.parked:
            parked.append(each)
    return ReplaySummary(
        calls_count=counts["calls"],
        answered_count=counts["answered"],
        used_seconds=counts["used_seconds"],
        charged_micros=counts["charged_micros"],
        cut_count=counts["cut"],
        denials=dict(denials.most_common()),
        parked=tuple(parked),
    )


class _Stage(Enum):
    """What a call asks next."""

    START = auto()
    ANSWER = auto()
    EXTEND = auto()
    END = auto()


@dataclass(slots=True)
class _Progress:
    """How far a call has come; seconds count from its answer."""

    call: RecordedCall
    key: CallKey
    stage: _Stage = _Stage.START
    granted: Granted | None = None
    used_seconds: int = 0
    ending: Ending = Ending.HANGUP

    def at_second(self, second: int) -> datetime:
        return self.call.answered_at + timedelta(seconds=second)


# When a call asks, and its number: calls are numbered by start, so that what happens at once has an order.
_Due = tuple[datetime, int]


@dataclass(slots=True)
class VirtualSwitch:
    """Recorded calls on their way through charging: take requests, have them answered, hand the answers back."""

    name: str
    _progress: list[_Progress] = field(default_factory=list)
    # One entry for each call that waits for its time; a call whose last request is unanswered has none.
    _due: list[_Due] = field(default_factory=list)
    _asked: list[tuple[_Progress, int]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, calls: Iterable[RecordedCall]) -> "VirtualSwitch":
        """Return a switch of that name with the calls before it, whatever order they come in."""
        ordered = sorted(calls, key=lambda call: (call.started_at, call.call_id))
        due = [(call.started_at, number) for number, call in enumerate(ordered)]
        heapify(due)
        return cls(name, [_Progress(call, CallKey(name, call.call_id)) for call in ordered], due)

    def next_requests(self, most: int) -> list[Request]:
        """Return the next requests in order of time, at most so many; none when every call is over."""
        assert not self._asked, "the last requests have not been answered"
        requests: list[Request] = []
        horizon: _Due | None = None
        while self._due and len(requests) < most and (horizon is None or self._due[0] < horizon):
            at, number = heappop(self._due)
            progress = self._progress[number]
            requests.append(_request(progress, at))
            self._asked.append((progress, number))
            earliest = _earliest_consequence(progress)
            if earliest is not None:
                horizon = min(horizon, (earliest, number)) if horizon is not None else (earliest, number)
            if progress.stage is _Stage.ANSWER:
                # What is answered to it tells a switch nothing, so that the next request may share its batch.
                progress.stage = _Stage.EXTEND
                self._schedule(progress, number, _plan(progress))
        return requests

    def take_answers(self, requests: Sequence[Request], answers: Sequence[Answer]) -> list[ReplayedCall]:
        """Take the answers to what `next_requests` returned; return the calls that are over."""
        asked, self._asked = self._asked, []
        over: list[ReplayedCall] = []
        for request, answer, (progress, number) in zip(requests, answers, asked, strict=True):
            match request:
                case StartCall():
                    over += self._take_start(progress, number, answer)
                case ExtendCall():
                    self._take_extension(progress, number, request, answer)
                case EndCall():
                    over.append(_replayed(progress, request, answer))
                case _:
                    pass
        return over

    def _take_start(self, progress: _Progress, number: int, answer: Answer) -> list[ReplayedCall]:
        if isinstance(answer, Denied):
            return [ReplayedCall(progress.call, denial=answer.reason)]
        assert isinstance(answer, Granted)
        progress.granted = answer
        is_answered = progress.call.duration_seconds > 0
        progress.stage = _Stage.ANSWER if is_answered else _Stage.END
        progress.ending = Ending.HANGUP if is_answered else Ending.NOT_ANSWERED
        self._schedule(progress, number, 0)
        return []

    def _take_extension(self, progress: _Progress, number: int, request: ExtendCall, answer: Answer) -> None:
        progress.granted = _granted_after(request, answer, progress.granted)
        self._schedule(progress, number, _plan(progress))

    def _schedule(self, progress: _Progress, number: int, second: int) -> None:
        heappush(self._due, (progress.at_second(second), number))


def _earliest_consequence(progress: _Progress) -> datetime | None:
    """Return the first instant at which the answer to the request can make the call ask again, or None for never."""
    if progress.stage is _Stage.START:
        return progress.call.answered_at
    if progress.stage is _Stage.EXTEND:
        assert progress.granted is not None
        return progress.at_second(min(progress.call.duration_seconds, progress.granted.granted_seconds))
    return None


def _granted_after(request: ExtendCall, answer: Answer, before: Granted | None) -> Granted:
    """Return what holds after an extension was asked for: more, or what was granted before for the last time."""
    assert before is not None
    if not isinstance(answer, Granted) or answer.granted_seconds <= request.granted_seconds:
        return replace(before, is_final=True)
    # A switch uses what it had before it asks for more than the next grant.
    return replace(answer, recheck_after_seconds=max(answer.recheck_after_seconds, request.granted_seconds))


def _plan(progress: _Progress) -> int:
    """Decide what a talking call asks next, and return the second at which it does."""
    granted, talks_until = progress.granted, progress.call.duration_seconds
    assert granted is not None
    allowed_until = granted.granted_seconds if granted.is_final else granted.recheck_after_seconds
    if talks_until > allowed_until and not granted.is_final:
        return allowed_until
    progress.stage = _Stage.END
    progress.used_seconds = min(talks_until, allowed_until)
    if talks_until > allowed_until and allowed_until < CALL_MAX_SECONDS:
        progress.ending = Ending.CREDIT_EXHAUSTED
    return progress.used_seconds


def _request(progress: _Progress, at: datetime) -> Request:
    call, key = progress.call, progress.key
    if progress.stage is _Stage.START:
        return StartCall(key, at, call.caller, call.called, call.kind)
    if progress.stage is _Stage.ANSWER:
        return AnswerCall(key, at, at)
    if progress.stage is _Stage.EXTEND:
        assert progress.granted is not None
        elapsed = (at - call.answered_at) // timedelta(seconds=1)
        return ExtendCall(key, at, progress.granted.granted_seconds, elapsed)
    return EndCall(key, at, progress.used_seconds, progress.ending)


def _replayed(progress: _Progress, request: EndCall, answer: Answer) -> ReplayedCall:
    was_cut = request.used_seconds < progress.call.duration_seconds
    if isinstance(answer, Parked):
        return ReplayedCall(progress.call, request.used_seconds, was_cut=was_cut, parked=answer.reason)
    assert isinstance(answer, Finished)
    return ReplayedCall(progress.call, answer.used_seconds, answer.cost_micros, was_cut=was_cut)
