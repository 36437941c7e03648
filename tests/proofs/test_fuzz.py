"""What no switch should send is answered with a no: nothing crashes, nothing is answered 5xx, the books agree.

make prove ONLY=fuzz        ten minutes in all; TALKTIME_FUZZ_SECONDS and TALKTIME_FUZZ_SEED say otherwise
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from talktime.settings import Settings
from tests.engines import on_sqlite
from tests.interfaces.charging.asgi import HttpAnswer, Served
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of, open_books, units
from tests.proofs.fuzz_bodies import ORGANIZATIONS, Mangler, Sent

SEED = os.environ.get("TALKTIME_FUZZ_SEED", "2026")
# Of the ten minutes this is what the bodies get; the decoder and the connection of Diameter get the rest.
SECONDS = int(os.environ.get("TALKTIME_FUZZ_SECONDS", "600"))
BODIES_SHARE = 0.5
REQUESTS_IN_SHORT = 3_000
AT_ONCE = 50
# So often it is asked whether an ordinary call still is charged as it should be.
ORDINARY_AFTER = 10

# SQLite, as the inputs are what is in question, and what PostgreSQL minds beyond it is said by a test of its own.


@on_sqlite
def test_spoiled_bodies_are_refused_and_break_nothing(migrated_database_url: str) -> None:
    asked = asyncio.run(fuzz_bodies(migrated_database_url, SEED, requests_max=REQUESTS_IN_SHORT))

    # Both what is refused and what is charged was met.
    assert min(asked["answered 200"], asked["answered 400"]) > REQUESTS_IN_SHORT // 10


@pytest.mark.proof
def test_fuzz_of_bodies_for_minutes(migrated_database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    began, seconds = time.monotonic(), SECONDS * BODIES_SHARE / 2
    asked = asyncio.run(fuzz_bodies(migrated_database_url, SEED, until=began + seconds))

    figures = {"proof": "fuzz.bodies", "database": migrated_database_url.partition(":")[0], "seed": SEED, **asked}
    with capsys.disabled():
        print(json.dumps({**figures, "seconds": round(time.monotonic() - began)}))


async def fuzz_bodies(url: str, seed: str, *, requests_max: int = 10**9, until: float = float("inf")) -> Counter[str]:
    """Send spoiled requests, many at once, until there were enough; return how many were answered how."""
    open_books(url, organizations_count=ORGANIZATIONS, granted_micros=units(1_000))
    mangler, asked = Mangler(seed), Counter[str]()
    async with Served(Settings(database=url, deadline_milliseconds=60_000)) as door:
        for number in _rounds(requests_max // AT_ONCE, until):
            together = [mangler.request() for _ in range(AT_ONCE)]
            answers = await asyncio.gather(*(_send(door, sent) for sent in together), return_exceptions=True)
            for sent, answer in zip(together, answers, strict=True):
                asked[f"answered {_judged(sent, answer)}"] += 1
            if number % ORDINARY_AFTER == 0:
                await _call(door, f"ordinary-{number}")
    report = audit(url)
    assert report.violations == (), report.violations
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == Facts(url).one(
        "SELECT sum(hold_micros) FROM calls"
    )
    return asked


def _rounds(count: int, until: float) -> Iterator[int]:
    """Return numbers until there were enough, or time is up."""
    for number in range(count):
        if time.monotonic() >= until:
            return
        yield number


async def _send(door: Served, sent: Sent) -> HttpAnswer:
    headers = {"accept": sent.accept} if sent.accept else {}
    return await door.send(sent.operation, sent.body, content_type=sent.content_type, headers=headers, query=sent.query)


def _judged(sent: Sent, answer: HttpAnswer | BaseException) -> int:
    """Return the status of an answer that may be given; show how to ask again for one that may not."""
    if isinstance(answer, BaseException):
        pytest.fail(f"the door raised {answer!r}; to see it again:\n{sent}")
    has_failed_item = any(isinstance(item, dict) and item.get("status", 0) >= 500 for item in _items(answer))
    if answer.status >= 500 or has_failed_item:
        pytest.fail(f"answered {answer.status} {answer.body!r}; to see it again:\n{sent}")
    return answer.status


def _items(answer: HttpAnswer) -> list[object]:
    said = json.loads(answer.body) if answer.body.startswith(b"[") else []
    return said if isinstance(said, list) else []


async def _call(door: Served, call_id: str) -> None:
    """Make a call as it should be: it is charged as if nothing had happened."""
    of_call = {"call_id": call_id, "switch": "ordinary"}
    started = await door.post("start", {**of_call, "from": caller_of(1), "to": CALLED})
    ended = await door.post("end", {**of_call, "duration": 3})
    assert started.fields["result"] == "allow", started.fields
    assert (ended.fields["result"], ended.fields["charged"]) == ("ok", "0.003")
