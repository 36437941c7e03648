"""Any switch with a program beside it: that is posted which call to end, and says by the status what became of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import (
    NEVER_LOOKED_AT,
    TIMEOUT_SECONDS,
    Poster,
    hang_up_in_turn,
    open_poster,
    told_by_status,
)

# Too early to be ended, as a call that rings may be.
RINGING_CODE = 425


@dataclass(frozen=True, slots=True)
class HttpSwitch:
    """A program's address, and the token by which it knows us."""

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """Post the calls one after the other; never raises. After one that got no answer the others are not tried."""
        connection = open_poster(self.url, self.token, self.timeout_seconds)
        return asyncio.run(hang_up_in_turn(connection, calls, _hang_up))

    def look(self) -> SwitchState:
        """Tell that nothing is known: there is no request that would change nothing."""
        return NEVER_LOOKED_AT


async def _hang_up(poster: Poster, call: CallOnSwitch) -> HangUpResult:
    key = call.key
    reply = await poster.post(
        {"switch": key.switch, "call_id": key.call_id, "leg": key.leg, "switch_ref": call.switch_ref}
    )
    return HangUpResult(HangUp.RINGING, reply.summary()) if reply.status == RINGING_CODE else told_by_status(reply)
