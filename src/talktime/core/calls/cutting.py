"""An administrator cuts a call: what was granted stands, and nothing more is."""

from dataclasses import replace

from talktime.core.calls.calls import Call, CallState
from talktime.core.calls.requests import CutCall, Noted, Outcome


def cut(call: Call | None, request: CutCall) -> Outcome:
    """Make an open call's grant its last; a call that is over, unknown or cut already is left alone."""
    if call is None or call.state is not CallState.OPEN or call.cut_at is not None:
        return Outcome(Noted())
    return Outcome(Noted(), replace(call, is_final=True, cut_at=request.at))
