"""JSON posted to a switch: one answer, bounded in time and size, or the reason why there is none; and calls in turn."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState

# Who cuts a call waits in front of a terminal; a switch that works answers in milliseconds.
TIMEOUT_SECONDS = 3.0
ANSWER_BYTES_MAX = 1_000_000
SAID_CHARACTERS_MAX = 200
SUCCESS_CODES = range(200, 300)
NOT_THERE_CODES = frozenset({404, 410})
# What there is to see of a switch that has no request that would change nothing.
NEVER_LOOKED_AT = SwitchState(is_reached=True, said="is only asked when a call is cut")


class NoAnswer(Exception):  # noqa: N818 -- caught by every adapter, which tells it as a value
    """Nothing that can be read came back; the message says what did."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status, and the body as it was sent."""

    status: int
    body: bytes

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object; raise NoAnswer where it is none."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError as failure:
            raise NoAnswer(f"HTTP {self.status}, and no JSON object: {failure}") from failure

    def text(self) -> str:
        """Return the beginning of the body for people, on one line."""
        return " ".join(self.body.decode("utf-8", "replace").split())[:SAID_CHARACTERS_MAX]

    def summary(self) -> str:
        """Return the status and the beginning of the body for people."""
        return f"HTTP {self.status} {self.text()}".rstrip()


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts to one address, over a connection that is kept."""

    client: httpx2.AsyncClient
    url: str
    token: str
    timeout_seconds: float

    async def post(self, document: Mapping[str, Any]) -> Reply:
        """Post a document; raise NoAnswer."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self.timeout_seconds),
                self.client.stream("POST", self.url, content=msgspec.json.encode(document), headers=headers) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise NoAnswer(f"an answer of more than {ANSWER_BYTES_MAX:,} bytes")
        except TimeoutError as failure:
            raise NoAnswer(f"no answer within {self.timeout_seconds:g} s") from failure
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as failure:
            raise NoAnswer(str(failure) or type(failure).__name__) from failure
        return Reply(answer.status_code, bytes(body))


@asynccontextmanager
async def open_poster(url: str, token: str, timeout_seconds: float) -> AsyncIterator[Poster]:
    """Open a connection to be kept for several posts; neither proxies of the environment nor redirections count."""
    async with httpx2.AsyncClient(timeout=timeout_seconds, follow_redirects=False, trust_env=False) as client:
        yield Poster(client, url, token, timeout_seconds)


async def hang_up_in_turn(
    connection: AbstractAsyncContextManager[Poster],
    calls: Sequence[CallOnSwitch],
    hang_up: Callable[[Poster, CallOnSwitch], Awaitable[HangUpResult]],
) -> list[HangUpResult]:
    """Hang up calls one after the other; never raises. After one that got no answer the others are not tried."""
    results: list[HangUpResult] = []
    async with connection as poster:
        try:
            for call in calls:
                results.append(await hang_up(poster, call))  # noqa: PERF401 -- those before a failure count
        except NoAnswer as failure:
            results += [HangUpResult(HangUp.UNREACHED, str(failure))] * (len(calls) - len(results))
    return results


def told_by_status(reply: Reply) -> HangUpResult:
    """Return what became of a call where the HTTP status alone says so."""
    if reply.status in SUCCESS_CODES:
        return HangUpResult(HangUp.DONE, reply.summary())
    return HangUpResult(HangUp.NOT_THERE if reply.status in NOT_THERE_CODES else HangUp.REFUSED, reply.summary())
