"""Any switch with a program beside it: that is posted which call to end, and says by the status what became of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import TIMEOUT_SECONDS, NoAnswer, Poster, Reply, open_poster

SUCCESS_CODES = range(200, 300)
# No such call; too early to be ended, as a call that rings may be.
NOT_THERE_CODES = frozenset({404, 410})
RINGING_CODE = 425


@dataclass(frozen=True, slots=True)
class HttpSwitch:
    """A program's address, and the token by which it knows us."""

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """Post the calls one after the other; never raises. After one that got no answer the others are not tried."""
        return asyncio.run(self._hang_up_all(calls))

    def look(self) -> SwitchState:
        """Tell that nothing is known: there is no request that would change nothing."""
        return SwitchState(is_reached=True, said="is only asked when a call is cut")

    async def _hang_up_all(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        results: list[HangUpResult] = []
        async with open_poster(self.url, self.token, self.timeout_seconds) as poster:
            try:
                for call in calls:
                    results.append(_read(await _post(poster, call)))  # noqa: PERF401 -- those before a failure count
            except NoAnswer as failure:
                results += [HangUpResult(HangUp.UNREACHED, str(failure))] * (len(calls) - len(results))
        return results


async def _post(poster: Poster, call: CallOnSwitch) -> Reply:
    key = call.key
    return await poster.post(
        {"switch": key.switch, "call_id": key.call_id, "leg": key.leg, "switch_ref": call.switch_ref}
    )


def _read(reply: Reply) -> HangUpResult:
    said = f"HTTP {reply.status} {reply.text()}".rstrip()
    if reply.status in SUCCESS_CODES:
        return HangUpResult(HangUp.DONE, said)
    if reply.status in NOT_THERE_CODES:
        return HangUpResult(HangUp.NOT_THERE, said)
    return HangUpResult(HangUp.RINGING if reply.status == RINGING_CODE else HangUp.REFUSED, said)
