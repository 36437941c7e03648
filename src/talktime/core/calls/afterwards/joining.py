"""Which of our calls a switch's record is about where its own key names none: told by another name of the call."""

from collections.abc import Sequence
from datetime import timedelta

from talktime.core.calls.afterwards.reconciling import Match, SwitchRecord
from talktime.core.calls.calls import CallKey
from talktime.core.values.frozen import frozen

# Clocks of two systems, and a caller who dials again: calls so near each other may be one that is told twice.
NEAR = timedelta(minutes=2)
# Where several calls bear the name of a record, only what needs no repair is believed.
_BELIEVED = frozenset({Match.AGREED, Match.RUNNING, Match.UNFINISHED})


@frozen
class NamedCall:
    """A call of ours that a record's id names otherwise than by its key; an open one counts as talked."""

    key: CallKey
    caller: str
    called: str
    is_talked: bool


def joined(record: SwitchRecord, named: Sequence[NamedCall]) -> tuple[CallKey, ...]:
    """Return the calls that a record is about: those of other numbers, or of no talk, only for want of others."""
    talked = [each for each in named if each.is_talked] or named
    alike = [each for each in talked if (each.caller, each.called) == (record.caller, record.called)]
    return tuple(each.key for each in alike or talked)


def counts(record: SwitchRecord, others: Sequence[SwitchRecord]) -> bool:
    """Tell whether a record is the one that counts of those of its id: the longest, and the first of these."""
    return all(_rank(record) <= _rank(other) for other in others)


def match_among(match: Match, calls_count: int) -> Match:
    """Return how a record goes with one of so many calls of its name: nobody knows which of them is to be mended."""
    return match if calls_count == 1 or match in _BELIEVED else Match.PERHAPS


def _rank(record: SwitchRecord) -> tuple[int, int]:
    return -(record.talked_seconds or 0), record.line
