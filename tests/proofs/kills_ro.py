"""A witness's calls over Diameter Ro: the same story as over HTTP, asked as CCRs, answered as CCAs.

`RoClient` stands where the HTTP client stands: what is asked and answered are flat fields there, too.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from diameter.message import constants as c

from talktime.core.values.money import format_micros
from tests.interfaces.charging.books import CALLED, MICROS_PER_SECOND
from tests.interfaces.charging.servers import HOST
from tests.interfaces.diameter.kamailio import INITIAL, TERMINATION, UPDATE, Answer, capabilities, credit_control
from tests.interfaces.diameter.rig import Client

SUCCESS, LIMIT_REACHED = 2001, 4012
_KINDS = {"start": INITIAL, "extend": UPDATE, "end": TERMINATION}


class RoClient:
    """One connection to a server, opened when needed; OSError or EOFError where the server goes away."""

    def __init__(self, port: int, host: str) -> None:
        self._port, self._host = port, host
        self._client: Client | None = None

    async def post(self, operation: str, fields: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask, and return a status as HTTP has it, and fields; a protocol error, such as 3004, is a 503."""
        message = credit_control(
            _KINDS[operation],
            fields["number"],
            session=fields["call_id"],
            host=self._host,
            caller=fields["from"],
            called=CALLED,
            wanted=None if operation == "end" else 60,
            used=None if operation == "start" else fields["used"],
            at=datetime.fromisoformat(fields["at"]),
        )
        try:
            answer = Answer(await (await self._connected()).ask(message))
        except BaseException:
            self.close()
            raise
        if answer.result // 1000 == SUCCESS // 1000 or answer.result == LIMIT_REACHED:
            return 200, _flat(operation, fields, answer)
        return 503, {"code": answer.result}

    def close(self) -> None:
        """Drop the connection."""
        if self._client is not None:
            self._client.writer.close()
            self._client = None

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = Client(*await asyncio.open_connection(HOST, self._port))
            await self._client.ask(capabilities(self._host))
        return self._client


def _flat(operation: str, fields: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Say a CCA in the words of the HTTP door; a second costs what it costs in these books."""
    if answer.result == LIMIT_REACHED:
        return {"result": "deny", "code": LIMIT_REACHED}
    reported = fields["reported"]
    if operation == "end":
        return {"result": "ok", "used": reported, "charged": format_micros(reported * MICROS_PER_SECOND)}
    is_final = bool(answer.all(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, c.AVP_FINAL_UNIT_INDICATION))
    return {"result": "allow", "granted_total": reported + (answer.granted or 0), "final": int(is_final)}
