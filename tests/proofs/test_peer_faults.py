"""Four faults that were measured in the system that the field uses today, each as a story that ends well here.

It charges 28 units for an 18-unit call after a kill, charges a repeated *terminate* twice, grants calls for nothing
while its store refuses writes, and loses 26 % of charges where two engines share a store (issue 5).
"""

import asyncio
import http.client
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from talktime.interfaces.nchf.door import COLLECTION
from talktime.settings import Settings
from tests.engines import on_postgresql
from tests.interfaces.charging.asgi import PATIENCE_SECONDS, until
from tests.interfaces.charging.books import CALLED, MICROS_PER_SECOND, Facts, audit, caller_of, open_books
from tests.interfaces.charging.outages import database_gone
from tests.interfaces.charging.servers import HOST, Asked, Client, post_all
from tests.interfaces.nchf import served
from tests.proofs import peer_faults
from tests.proofs.kills_nursery import NursedServer, Nursery, nursed, serving
from tests.proofs.kills_ro import RoClient
from tests.proofs.peer_faults import RefusingStore

QUANTUM_SECONDS, TALKED_SECONDS = 10, 18
DEADLINE_MILLISECONDS = 300
RETRY_SECONDS = 0.05
ORGANIZATIONS, CALLS, CALLERS = 5, 300, 30

Answered = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with nursed() as given:
        yield given


@pytest.fixture
def url(migrated_database_url: str) -> str:
    open_books(migrated_database_url, organizations_count=ORGANIZATIONS)
    return migrated_database_url


def start(call_id: str, called: str = CALLED) -> Asked:
    return "start", {"call_id": call_id, "switch": "sbc1", "from": caller_of(1), "to": called}


def extend(call_id: str, granted_total: int) -> Asked:
    return "extend", {"call_id": call_id, "switch": "sbc1", "granted_total": granted_total}


def end(call_id: str, duration: int) -> Asked:
    return "end", {"call_id": call_id, "switch": "sbc1", "duration": duration}


def asked(server: NursedServer, *questions: Asked) -> list[Answered]:
    """Ask one after another, on one connection."""

    async def ask() -> list[Answered]:
        async with Client(server.port) as client:
            return [await client.post(*question) for question in questions]

    return asyncio.run(ask())


def await_accepted(server: NursedServer, question: Asked) -> None:
    """Ask again and again, as switches do, until it is not refused for now any more."""

    async def ask() -> None:
        async with Client(server.port) as client:
            for _ in range(int(PATIENCE_SECONDS / RETRY_SECONDS)):
                if (await client.post(*question))[0] == 200:
                    return
                await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError("the store did not recover")

    asyncio.run(ask())


def charged_micros(url: str) -> list[int]:
    """Return what calls were charged, by the CDRs and by the journal."""
    by_cdrs = Facts(url).one("SELECT coalesce(sum(cost_micros), 0) FROM usage_rows")
    by_journal = Facts(url).one("SELECT coalesce(sum(amount_micros), 0) FROM postings WHERE debit = 'lot'")
    by_lots = Facts(url).one("SELECT sum(spent_micros) FROM credit_lots")
    assert by_cdrs == by_journal == by_lots
    return [by_cdrs, Facts(url).one("SELECT count(*) FROM usage_rows")]


def test_a_call_of_18_seconds_is_charged_18_after_a_kill_and_not_28(url: str, nursery: Nursery, tmp_path: Path) -> None:
    with serving(nursery, url, tmp_path, quantum_seconds=QUANTUM_SECONDS) as server:
        (_, started), (_, extended) = asked(server, start("a"), extend("a", QUANTUM_SECONDS))
        server.kill()
        server.start()
        # A switch that got no answer asks again; then the call goes on as if nothing had happened.
        ((_, again), (_, ended)) = asked(server, extend("a", QUANTUM_SECONDS), end("a", TALKED_SECONDS))

    assert (started["granted_total"], extended["granted_total"]) == (10, 20)
    assert again == extended
    assert (ended["used"], ended["charged"]) == (TALKED_SECONDS, "0.018")
    assert charged_micros(url) == [TALKED_SECONDS * MICROS_PER_SECOND, 1]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def test_a_terminate_that_is_repeated_is_charged_once(url: str, nursery: Nursery, tmp_path: Path) -> None:
    """As JSON, at once and in turn, in a batch with itself, and by a switch that asks a server that was killed."""
    batch: Asked = ("batch", [{"operation": "end", **end("a", TALKED_SECONDS)[1]}] * 3)  # type: ignore[arg-type]

    with serving(nursery, url, tmp_path) as server:
        _, (_, first) = asked(server, start("a"), end("a", TALKED_SECONDS))
        at_once = asyncio.run(post_all([server.port], [end("a", TALKED_SECONDS)] * 20))
        ((_, in_a_batch),) = asked(server, batch)
        server.kill()
        server.start()
        ((_, afterwards),) = asked(server, end("a", TALKED_SECONDS))

    assert first["charged"] == "0.018"
    assert [fields for _, fields in at_once] == [first] * 20
    assert in_a_batch == [first] * 3
    assert afterwards == first
    assert charged_micros(url) == [TALKED_SECONDS * MICROS_PER_SECOND, 1]
    assert audit(url).is_clean


def test_a_ccr_t_that_is_repeated_is_charged_once(url: str, nursery: Nursery, tmp_path: Path) -> None:
    call = {"call_id": "scscf.test;1;1", "from": caller_of(1), "at": datetime.now(UTC).isoformat()}
    begun = {**call, "number": 0, "used": 0, "reported": 0}
    over = {**call, "number": 1, "used": TALKED_SECONDS, "reported": TALKED_SECONDS}

    async def ask(server: NursedServer, operation: str, fields: dict[str, object]) -> Answered:
        client = RoClient(server.ro_port, "scscf.test")
        try:
            return await client.post(operation, fields)
        finally:
            client.close()

    with serving(nursery, url, tmp_path) as server:
        began = asyncio.run(ask(server, "start", begun))
        ends = [asyncio.run(ask(server, "end", over)) for _ in range(2)]
        server.kill()
        server.start()
        ends.append(asyncio.run(ask(server, "end", over)))

    assert (began[0], began[1]["result"]) == (200, "allow")
    assert [status for status, _ in ends] == [200] * 3
    assert charged_micros(url) == [TALKED_SECONDS * MICROS_PER_SECOND, 1]
    assert audit(url).is_clean


def test_an_nchf_release_that_is_repeated_is_charged_once(url: str, nursery: Nursery, tmp_path: Path) -> None:
    def ask(server: NursedServer, path: str, asked: dict[str, object]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, server.port)
        try:
            connection.request("POST", path, json.dumps(asked), {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, urlsplit(answer.getheader("location", "")).path
        finally:
            connection.close()

    release = served.message("a", 1, used=TALKED_SECONDS)
    with serving(nursery, url, tmp_path) as server:
        created, resource = ask(server, COLLECTION, served.message("a", wanted=60))
        released = [ask(server, f"{resource}/release", release)[0] for _ in range(2)]
        server.kill()
        server.start()
        released.append(ask(server, f"{resource}/release", release)[0])

    assert created == 201
    assert released[0] == 204
    assert set(released[1:]) <= {204, 404}
    assert charged_micros(url) == [TALKED_SECONDS * MICROS_PER_SECOND, 1]
    assert audit(url).is_clean


@pytest.mark.parametrize(
    ("database_engine", "store_that_refuses"),
    [
        pytest.param("sqlite", peer_faults.full_disk, id="a full disk"),
        pytest.param("sqlite", peer_faults.files_that_may_not_grow, id="files that may not grow"),
        pytest.param("postgresql", peer_faults.read_only_database, marks=pytest.mark.postgresql, id="read-only"),
        pytest.param("postgresql", peer_faults.revoked_permission, marks=pytest.mark.postgresql, id="revoked"),
    ],
    indirect=["database_engine"],
)
def test_a_store_that_refuses_writes_refuses_calls_and_recovers_by_itself(
    url: str,
    nursery: Nursery,
    tmp_path: Path,
    store_that_refuses: Callable[[str], AbstractContextManager[RefusingStore]],
) -> None:
    meanwhile = [start("new"), extend("running", 60), end("over", TALKED_SECONDS)]

    with store_that_refuses(url) as store, serving(nursery, store.url, tmp_path, **patience()) as server:
        facts = Facts(store.url)
        asked(server, start("running"), start("over"))
        with store.refuses(server.process_id):
            refused = asked(server, *meanwhile, ("batch", [{"operation": "start", **start("many")[1]}]))  # type: ignore[arg-type]
            ((_, helped),) = asked(server, start("help", called="112"))
            nothing = charged_micros(store.url)
        await_accepted(server, start("later"))
        accepted = asked(server, *meanwhile)
        asyncio.run(until(lambda: facts.one("SELECT count(*) FROM calls WHERE kind = 'emergency_out'")))
        closed = asked(server, end("running", 100), end("new", 0), end("later", 0), end("help", 5))
        totals, report = charged_micros(store.url), audit(store.url)

    assert [status for status, _ in refused[:3]] == [503] * 3
    assert refused[3] == (503, refused[3][1]) or refused[3][1][0]["status"] == 503
    assert (helped["result"], nothing) == ("allow", [0, 0])
    assert [fields["result"] for _, fields in accepted] == ["allow", "allow", "ok"]
    assert [status for status, _ in closed] == [200] * 4
    assert totals[0] == (TALKED_SECONDS + 100) * MICROS_PER_SECOND
    assert report.is_clean


def test_help_that_was_allowed_without_a_database_is_recorded_although_the_server_dies(
    url: str, nursery: Nursery, tmp_path: Path
) -> None:
    facts, folder = Facts(url), Settings(database=url, data_folder=tmp_path).emergencies_folder

    with serving(nursery, url, tmp_path, **patience()) as server:
        with database_gone(url):
            ((_, helped),) = asked(server, start("help", called="112"))
            asyncio.run(until(lambda: list(folder.glob("*.json"))))
            server.kill()
        server.start()
        asyncio.run(until(lambda: facts.one("SELECT count(*) FROM calls WHERE kind = 'emergency_out'")))
        asyncio.run(until(lambda: not list(folder.glob("*.json"))))
        ((_, ended),) = asked(server, end("help", 90))

    assert (helped["result"], ended["result"]) == ("allow", "ok")
    assert charged_micros(url) == [0, 1]
    assert audit(url).is_clean


@on_postgresql
def test_two_servers_on_one_store_lose_nothing(url: str, nursery: Nursery, tmp_path: Path) -> None:
    """Every operation goes to either of them, and is repeated to the other one."""
    dice = random.Random(2026)

    with serving(nursery, url, tmp_path) as first, serving(nursery, url, tmp_path) as second:
        durations = asyncio.run(_calls_by_turns([first.port, second.port], dice))

    lost = CALLS - Facts(url).one("SELECT count(DISTINCT call_key) FROM usage_rows")
    assert (len(durations), lost) == (CALLS, 0)
    assert charged_micros(url) == [sum(durations) * MICROS_PER_SECOND, CALLS]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def patience() -> dict[str, object]:
    """Return settings by which a request is refused soon, so that the tests are short."""
    return {"deadline_milliseconds": DEADLINE_MILLISECONDS}


async def _calls_by_turns(ports: list[int], dice: random.Random) -> list[int]:
    """Make calls from many places at once; return how long each one lasted."""
    left = iter(range(CALLS))

    async def call_on() -> list[int]:
        clients = [Client(port) for port in ports]
        try:
            return [await _call(clients, f"c{number}", dice) for number in left]
        finally:
            for client in clients:
                client.close()

    durations = await asyncio.gather(*(call_on() for _ in range(CALLERS)))
    return [duration for several in durations for duration in several]


async def _call(clients: list[Client], call_id: str, dice: random.Random) -> int:
    """Make a call of which each operation is asked of both servers, in an order of its own; return its seconds."""
    duration = dice.randrange(1, 100)
    of_call = {"call_id": call_id, "switch": "sbc1"}
    caller = caller_of(1 + dice.randrange(ORGANIZATIONS))
    for operation, fields in (
        ("start", {"from": caller, "to": CALLED}),
        ("answer", {}),
        ("extend", {"granted_total": 60}),
        ("end", {"duration": duration}),
    ):
        first, second = dice.sample(clients, 2)
        answers = [await client.post(operation, {**of_call, **fields}) for client in (first, second)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 200
    return duration
