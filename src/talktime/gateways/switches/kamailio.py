"""Kamailio, told by JSON-RPC (modules xhttp and jsonrpcs): the dialog of a call is found by its Call-ID and ended.

Measured against 5.6.3: `dlg.dlg_list` answers `{}` for a Call-ID that it does not know, and one dialog where several
bear it; the From tag tells these apart. `dlg.terminate_dlg` sends BYE to both sides of an answered dialog. Of one that
rings it forgets the dialog and reports the call as failed, and the phone rings on, limited by nobody's timer: so such a
one is never ended here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import TIMEOUT_SECONDS, NoAnswer, Poster, hang_up_in_turn, open_poster

# The dialog module's states: 4 is answered and acknowledged, 5 is over.
CONFIRMED, DELETED = 4, 5
NOT_FOUND = "Couldnt find callid in dialog"
# What the configuration answers, without a body, to whoever has no business here.
REFUSAL_CODES = {401: "HTTP 401: it wants another token", 403: "HTTP 403: it takes such requests from others only"}


@dataclass(frozen=True, slots=True)
class KamailioSwitch:
    """One Kamailio; `token` is sent as a bearer's, for a configuration that asks for one."""

    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """End calls one after the other; never raises. After one that got no answer the others are not tried."""
        connection = open_poster(self.url, self.token, self.timeout_seconds)
        return asyncio.run(hang_up_in_turn(connection, calls, _hang_up))

    def look(self) -> SwitchState:
        """Tell whether Kamailio answers, and how many dialogs it has."""
        return asyncio.run(self._look())

    async def _look(self) -> SwitchState:
        async with open_poster(self.url, self.token, self.timeout_seconds) as poster:
            try:
                result, error = await _ask(poster, "dlg.stats_active")
            except NoAnswer as failure:
                return SwitchState(is_reached=False, said=str(failure))
        if error:
            return SwitchState(is_reached=False, said=error)
        count = result.get("all") if isinstance(result, dict) else None
        return SwitchState(is_reached=True, said=f"{count} dialogs")


async def _hang_up(poster: Poster, call: CallOnSwitch) -> HangUpResult:
    dialog, error = await _dialog(poster, call)
    if error:
        return HangUpResult(HangUp.REFUSED, error)
    if dialog is None:
        return HangUpResult(HangUp.NOT_THERE, "no dialog of this Call-ID")
    if dialog["state"] != CONFIRMED:
        return HangUpResult(HangUp.RINGING, "the dialog is not answered yet")
    tags = dialog["caller"]["tag"], dialog["callee"]["tag"]
    _, error = await _ask(poster, "dlg.terminate_dlg", call.key.call_id, *tags)
    if error == NOT_FOUND:
        return HangUpResult(HangUp.NOT_THERE, "the dialog has ended meanwhile")
    return HangUpResult(HangUp.REFUSED, error) if error else HangUpResult(HangUp.DONE, "BYE to both sides")


async def _dialog(poster: Poster, call: CallOnSwitch) -> tuple[dict[str, Any] | None, str]:
    """Return the dialog of the call's leg, None where there is none, and what went wrong; raise NoAnswer."""
    found, error = await _ask(poster, "dlg.dlg_list", call.key.call_id)
    if error or _is_of(call, found):
        return found, error
    # Our configuration's legs are From tag and CSeq.
    tag, _, _ = call.key.leg.rpartition("-")
    if found and tag:
        found, error = await _ask(poster, "dlg.dlg_list", call.key.call_id, tag)
    return (found if _is_of(call, found) else None), error


async def _ask(poster: Poster, method: str, *parameters: str) -> tuple[Any, str]:
    """Return the result, and what went wrong where there is none; raise NoAnswer."""
    document: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "id": 1}
    if parameters:
        document["params"] = parameters
    reply = await poster.post(document)
    if reply.status in REFUSAL_CODES:
        return None, REFUSAL_CODES[reply.status]
    answer = reply.document()
    error = answer.get("error")
    if error is not None:
        return None, str(error.get("message") if isinstance(error, dict) else error) or "an error without words"
    if "result" not in answer:
        raise NoAnswer(f"HTTP {reply.status}, and neither result nor error: {reply.text()}")
    return answer["result"], ""


def _is_of(call: CallOnSwitch, found: Any) -> bool:
    """Tell whether what was found is the open dialog of this leg, by the variable that our configuration sets."""
    if not isinstance(found, dict) or not isinstance(found.get("state"), int):
        return False
    sides = found.get("caller"), found.get("callee")
    is_whole = all(isinstance(side, dict) and "tag" in side for side in sides)
    return is_whole and found["state"] < DELETED and _leg_of(found) in {"", call.key.leg}


def _leg_of(dialog: dict[str, Any]) -> str:
    variables = dialog.get("variables")
    named = [each for each in variables if isinstance(each, dict)] if isinstance(variables, list) else []
    return next((str(each["leg"]) for each in named if "leg" in each), "")
