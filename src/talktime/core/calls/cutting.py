"""An administrator cuts a call: what was granted stands, nothing more is, and the switch is told to hang up now."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from talktime.core.calls.calls import EMERGENCY, Call, CallKey, CallState
from talktime.core.calls.requests import CutCall, Noted, Outcome


def cut(call: Call | None, request: CutCall) -> Outcome:
    """Make an open call's grant its last; a call that is over, unknown or cut already is left alone, one for help too.

    So a call ends with what it was granted even where its switch cannot be told: the client asks for more in vain.
    """
    if call is None or call.state is not CallState.OPEN or call.cut_at is not None or call.setup.kind in EMERGENCY:
        return Outcome(Noted())
    return Outcome(Noted(), replace(call, is_final=True, cut_at=request.at))


def ends_within_seconds(call: Call, at: datetime) -> int:
    """Return in how many seconds a call ends that is granted no more: since now, or, while it rings, its answer."""
    if call.answered_at is None:
        return call.granted_seconds
    ends_at = call.answered_at + timedelta(seconds=call.granted_seconds)
    return max(0, -((at - ends_at) // timedelta(seconds=1)))


class CallOnSwitch(NamedTuple):
    """By what a switch finds a call that it is told to end: the key, and the switch's own name of the call, if any."""

    key: CallKey
    switch_ref: str = ""


class HangUp(Enum):
    """What became of telling a switch to end a call now."""

    # It has hung up; its report of the end follows as of any call.
    DONE = "hung_up"
    # It knows no such call: that has ended, or its report is on the way.
    NOT_THERE = "not_there"
    # Not answered yet, and this switch can hang up only what is answered.
    RINGING = "ringing"
    # It answered with a no: a wrong secret, a name that names no channel.
    REFUSED = "refused"
    # No answer, or none that can be read; the call may have been ended all the same.
    UNREACHED = "unreached"
    # Nobody has said how this switch is reached, or it takes no such request (Diameter Ro).
    NOT_SET_UP = "not_set_up"


class HangUpResult(NamedTuple):
    """What became of it, and what the switch said, for people."""

    outcome: HangUp
    said: str = ""


class SwitchState(NamedTuple):
    """Whether a switch answers, and what it said."""

    is_reached: bool
    said: str
