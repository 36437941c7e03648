"""A consumer of the Nchf door, told to abort a call by ChargingNotifyRequest (TS 32.291 §6.1.5.2) at its notifyUri."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import (
    NEVER_LOOKED_AT,
    TIMEOUT_SECONDS,
    Poster,
    hang_up_in_turn,
    open_poster,
    told_by_status,
)

# How the door keeps a session's notifyUri on its call.
REF_PREFIX = "nchf:"
NOTIFICATION = {"notificationType": "ABORT_CHARGING"}


@dataclass(frozen=True, slots=True)
class NchfSwitch:
    """One consumer: how the addresses begin that it may name, so that nobody makes us ask another, and our token."""

    url: str
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """Notify of calls one after the other; never raises. After one that got no answer the others are not tried."""
        connection = open_poster(self.url, self.token, self.timeout_seconds)
        return asyncio.run(hang_up_in_turn(connection, calls, self._hang_up))

    def look(self) -> SwitchState:
        """Tell that nothing is known: there is no request that would change nothing."""
        return NEVER_LOOKED_AT

    async def _hang_up(self, poster: Poster, call: CallOnSwitch) -> HangUpResult:
        address = call.switch_ref.removeprefix(REF_PREFIX)
        if address == call.switch_ref:
            return HangUpResult(HangUp.REFUSED, "the consumer named no notifyUri when it created the session")
        if not address.startswith(self.url):
            return HangUpResult(HangUp.REFUSED, f"the session's notifyUri does not begin with {self.url}")
        return told_by_status(await replace(poster, url=address).post(NOTIFICATION))
