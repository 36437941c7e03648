"""A month of calls, programs that may read them, and clients that do: raw requests, and the official SDK.

fill(url)                                        Acme and Fabrikam with calls of every kind, and a month of short ones
program = admit(url, "Acme")                     an application of Acme's, with all scopes
async with reading(url) as door:                 the door without a network
    answer = await door.get(path, token=await door.token(program))
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey, DenialReason
from talktime.core.calls.requests import EndCall, StartCall
from talktime.core.insight.access.applications import Scope
from talktime.core.organizations.organizations import Organization
from talktime.interfaces.charging.writing import REFUSALS
from talktime.interfaces.graph.allowances import Allowances
from talktime.interfaces.graph.door import GraphDoor
from talktime.interfaces.graph.rows import SipAnswer
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.insight.access.manage_applications import CreateApplication, create_application
from tests.real_books import ACME, ADA, FABRIKAM, LONDON, Books

HOST = "talktime.example"
FROM, TO = "2026-03-01T00:00:00Z", "2026-03-31T23:59:59Z"
MONTH = f"(fromDateTime={FROM},toDateTime={TO})"
PSTN_CALLS = f"/v1.0/communications/callRecords/getPstnCalls{MONTH}"
SCOPE = "https://talktime.example/.default"
EVERYTHING = Scope.CALL_RECORDS | Scope.PSTN_CALLS | Scope.CREDITS
FIRST_AT = datetime(2026, 3, 4, tzinfo=UTC)
BATCH_CALLS = 100

Fields = dict[str, Any]


@dataclass(frozen=True)
class Program:
    """An application and the secret that it was shown."""

    tenant: str
    client_id: str
    secret: str


@dataclass(frozen=True)
class GraphAnswer:
    """Status, headers and body as they went out."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> Fields:
        fields = json.loads(self.body)
        assert isinstance(fields, dict)
        return fields

    @property
    def rows(self) -> list[Fields]:
        rows = self.fields["value"]
        assert isinstance(rows, list)
        return rows

    @property
    def code(self) -> str:
        return str(self.fields["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.fields["error"]["message"])


def found(url: str) -> None:
    """Add the two organizations alone."""

    def add(tx: Transaction, at: datetime) -> None:
        for organization_id, name in ((ACME, "Acme"), (FABRIKAM, "Fabrikam")):
            tx.organizations.add(Organization(organization_id, name, "GB", "GBP", LONDON, "az"), at)

    with App(Settings(database=url)) as app:
        app.run(add, FIRST_AT)


def fill(url: str, short_calls_count: int = 0) -> None:
    """Charge calls of every kind, and short ones a quarter of an hour apart."""
    with App(Settings(database=url)) as app:
        Books.charged(app)
        charging = app.open_charging()
        for begin in range(0, short_calls_count, BATCH_CALLS):
            keys = [CallKey("sbc1", f"short-{n:05}") for n in range(begin, min(begin + BATCH_CALLS, short_calls_count))]
            begun = [FIRST_AT + timedelta(minutes=15 * (begin + n), microseconds=n) for n in range(len(keys))]
            starts = [StartCall(key, at, ADA, "442079460000") for key, at in zip(keys, begun, strict=True)]
            ends = [EndCall(key, at + timedelta(seconds=9), 5) for key, at in zip(keys, begun, strict=True)]
            assert None not in charging.charge(starts)
            assert None not in charging.charge(ends)
        charging.close()


def admit(
    url: str,
    organization: str,
    scopes: Scope = EVERYTHING,
    *,
    name: str = "reader",
    expires_at: datetime | None = None,
) -> Program:
    """Create an application, whose id and secret say whose they are."""
    client_id, secret = f"{organization}-{name}", f"tts_{organization}-{name}-secret"
    with App(Settings(database=url)) as app:
        wanted = CreateApplication(organization, name, scopes, client_id, secret, datetime.now(UTC), expires_at)
        created = app.run(create_application, wanted)
    return Program(str(created.organization.organization_id), client_id, secret)


class Door:
    """Asks the door as uvicorn would."""

    def __init__(self, door: GraphDoor, address: str = "127.0.0.1") -> None:
        self._door, self._address = door, address

    def from_address(self, address: str) -> "Door":
        """Return the same door as it is reached from another address."""
        return Door(self._door, address)

    async def get(self, address: str, *, token: str = "", **headers: str) -> GraphAnswer:
        """Get a path with its query, or a whole address that the door gave."""
        given = {**headers, **({"authorization": f"Bearer {token}"} if token else {})}
        return await self._asked("GET", address.removeprefix(f"http://{HOST}"), b"", given)

    async def post(self, address: str, fields: Mapping[str, str], **headers: str) -> GraphAnswer:
        """Post a form."""
        given = {"content-type": "application/x-www-form-urlencoded", **headers}
        return await self._asked("POST", address, urlencode(fields).encode(), given)

    async def token(self, program: Program) -> str:
        """Return an access token."""
        answer = await self.post(f"/{program.tenant}/oauth2/v2.0/token", form(program))
        assert answer.status == 200, answer.body
        return str(answer.fields["access_token"])

    async def all(self, address: str, token: str) -> list[Fields]:
        """Follow the pages to their end."""
        found = []
        following: str | None = address
        while following:
            answer = await self.get(following, token=token)
            assert answer.status == 200, answer.body
            found += answer.rows
            following = answer.fields.get("@odata.nextLink")
        return found

    async def _asked(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> GraphAnswer:
        path, _, query = address.partition("?")
        named = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope: Fields = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "client": (self._address, 50_000),
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        told: list[Any] = []

        async def receive() -> Fields:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            told.append(message)

        await self._door(scope, receive, send)
        begin, end = told
        answered = {name.decode(): value.decode() for name, value in begin["headers"]}
        return GraphAnswer(begin["status"], answered, end["body"])


@asynccontextmanager
async def reading(url: str, allowances: Allowances | None = None, api_root: str = "") -> AsyncIterator[Door]:
    """Open the door on a database."""
    with App(Settings(database=url)) as app:
        yield Door(GraphDoor(app, sip_answers(), api_root, allowances))


def sip_answers() -> dict[DenialReason, SipAnswer]:
    """Return what the charging door tells switches."""
    return {reason: SipAnswer(told.sip_code, told.sip_reason) for reason, told in REFUSALS.items()}


def form(program: Program, **others: str) -> dict[str, str]:
    """Return what a program posts for a token."""
    return {
        "grant_type": "client_credentials",
        "client_id": program.client_id,
        "client_secret": program.secret,
        "scope": SCOPE,
        **others,
    }
