"""An NF consumer without a network: all doors as `talktime serve` opens them, asked as an IMS would.

async with Served(settings) as chf:
    answer = await chf.create(message("call-1", wanted=60))
    await chf.update(answer.reference, message("call-1", 1, used=50, wanted=60))
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talktime.core.values.errors import NotFound
from talktime.interfaces.charging.server import ChargingServer
from talktime.interfaces.cli.serve import Doors
from talktime.interfaces.nchf.door import COLLECTION
from talktime.interfaces.nchf.server import NchfServer
from talktime.interfaces.payments.door import PaymentsDoor, Received
from talktime.settings import Settings
from tests.interfaces.charging import asgi
from tests.interfaces.charging.books import CALLED, Facts, caller_of

HOST = "chf.example:8080"
CONSUMER = "b9b4b8a2-1c1a-4c6c-9d0e-3a1f0b7c5d11"
SENT_AT = "2026-03-02T09:00:00Z"
# Nobody waits for a message that says he talked for longer.
TALK_SECONDS_MAX = 120

Fields = dict[str, Any]


@dataclass(frozen=True)
class NchfAnswer:
    """Status, headers and message as they went out."""

    status: int
    headers: Mapping[str, str]
    message: Fields | None

    @property
    def reference(self) -> str:
        """Return the word that names the resource that was made."""
        begin = f"http://{HOST}{COLLECTION}/"
        location = self.headers["location"]
        assert location.startswith(begin)
        return location.removeprefix(begin)

    @property
    def units(self) -> list[Fields]:
        """Return what the rating groups get."""
        return [] if self.message is None else list(self.message.get("multipleUnitInformation", []))

    @property
    def invalid(self) -> list[Fields]:
        """Return the places that a problem names."""
        return [] if self.message is None else list(self.message.get("invalidParams", []))

    @property
    def unit(self) -> Fields:
        """Return what the only rating group gets."""
        (unit,) = self.units
        return unit

    @property
    def cause(self) -> str:
        """Return the cause of a problem."""
        assert self.message is not None
        return str(self.message["cause"])


def message(
    call_id: str,
    number: int = 0,
    *,
    organization_id: int = 1,
    called: str = CALLED,
    wanted: int | None = None,
    used: int | None = None,
    indicator: str = "ONLINE_CHARGING",
    **more: object,
) -> Fields:
    """Return a ChargingDataRequest; without `wanted` and `used` it asks for nothing and reports nothing."""
    unit: Fields = {"ratingGroup": 100}
    if wanted is not None:
        unit["requestedUnit"] = {"time": wanted} if wanted else {}
    if used is not None:
        container = {"localSequenceNumber": number, "time": used, "quotaManagementIndicator": indicator}
        unit["usedUnitContainer"] = [container]
    return {
        "subscriberIdentifier": "imsi-460030700000001",
        "nfConsumerIdentification": {"nFName": CONSUMER, "nodeFunctionality": "IMS_Node"},
        "invocationTimeStamp": SENT_AT,
        "invocationSequenceNumber": number,
        "iMSChargingInformation": {
            "roleOfNode": "ORIGINATING",
            "userSessionID": call_id,
            "callingPartyAddresses": [f"tel:+{caller_of(organization_id)}"],
            "calledPartyAddress": f"sip:+{called}@ims.example;user=phone",
        },
        **({"multipleUnitUsage": [unit]} if len(unit) > 1 else {}),
        **more,
    }


def with_ims(asked: Fields, **more: object) -> Fields:
    """Return a message whose call the IMS knows more of; what is None is taken away."""
    ims = {**asked["iMSChargingInformation"], **more}
    return {**asked, "iMSChargingInformation": {name: value for name, value in ims.items() if value is not None}}


class Served(asgi.Served):
    """All doors behind one address, from their start-up to their shutdown."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        nchf = NchfServer(settings)
        self._facts = Facts(settings.database)
        self.server = Doors(ChargingServer(settings, [nchf.opened]), PaymentsDoor(_no_gateway), nchf)  # type: ignore[assignment]

    async def create(self, asked: Fields) -> NchfAnswer:
        """Begin a session, or charge an event."""
        return await self.ask(COLLECTION, json.dumps(asked).encode())

    async def update(self, reference: str, asked: Fields) -> NchfAnswer:
        """Report, after the time that it tells of, and ask for more."""
        self._facts.elapse(_told_seconds(asked))
        return await self.ask(f"{COLLECTION}/{reference}/update", json.dumps(asked).encode())

    async def release(self, reference: str, asked: Fields) -> NchfAnswer:
        """End a session, after the time that it tells of."""
        self._facts.elapse(_told_seconds(asked))
        return await self.ask(f"{COLLECTION}/{reference}/release", json.dumps(asked).encode())

    async def ask(self, path: str, body: bytes, *, method: str = "POST") -> NchfAnswer:
        """Send bytes as they are."""
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        answer = await self.exchange(path, sent, {"host": HOST, "content-type": asgi.JSON}, method=method)
        assert answer is not None, "no answer was given"
        return NchfAnswer(answer.status, answer.headers, answer.fields if answer.body else None)


def _told_seconds(asked: Fields) -> int:
    told = [
        sum(used["time"] for used in unit.get("usedUnitContainer", ())) for unit in asked.get("multipleUnitUsage", ())
    ]
    return min(max(told, default=0), TALK_SECONDS_MAX)


def _no_gateway(name: str, *_: object) -> Received:
    raise NotFound(f"there is no gateway {name}")
