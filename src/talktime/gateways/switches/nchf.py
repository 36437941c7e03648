"""A consumer of the Nchf door, told to abort a call by ChargingNotifyRequest (TS 32.291 §6.1.5.2) at its notifyUri."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import TIMEOUT_SECONDS, NoAnswer, Poster, Reply, open_poster

# How the door keeps a session's notifyUri on its call.
REF_PREFIX = "nchf:"
NOTIFICATION = {"notificationType": "ABORT_CHARGING"}
SUCCESS_CODES = range(200, 300)
NOT_THERE_CODES = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class NchfSwitch:
    """One consumer: how the addresses begin that it may name, so that nobody makes us ask another, and our token."""

    url: str
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """Notify of calls one after the other; never raises. After one that got no answer the others are not tried."""
        return asyncio.run(self._hang_up_all(calls))

    def look(self) -> SwitchState:
        """Tell that nothing is known: there is no request that would change nothing."""
        return SwitchState(is_reached=True, said="is only asked when a call is cut")

    async def _hang_up_all(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        results: list[HangUpResult] = []
        async with open_poster(self.url, self.token, self.timeout_seconds) as poster:
            try:
                for call in calls:
                    results.append(await self._hang_up(poster, call))  # noqa: PERF401 -- those before a failure count
            except NoAnswer as failure:
                results += [HangUpResult(HangUp.UNREACHED, str(failure))] * (len(calls) - len(results))
        return results

    async def _hang_up(self, poster: Poster, call: CallOnSwitch) -> HangUpResult:
        address = call.switch_ref.removeprefix(REF_PREFIX)
        if address == call.switch_ref:
            return HangUpResult(HangUp.REFUSED, "the consumer named no notifyUri when it created the session")
        if not address.startswith(self.url):
            return HangUpResult(HangUp.REFUSED, f"the session's notifyUri does not begin with {self.url}")
        return _read(await replace(poster, url=address).post(NOTIFICATION))


def _read(reply: Reply) -> HangUpResult:
    said = f"HTTP {reply.status} {reply.text()}".rstrip()
    if reply.status in SUCCESS_CODES:
        return HangUpResult(HangUp.DONE, said)
    return HangUpResult(HangUp.NOT_THERE if reply.status in NOT_THERE_CODES else HangUp.REFUSED, said)
