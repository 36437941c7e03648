"""What switches are answered while the database is slow, gone or held: in time, never a free call, and help always."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from talktime import emergencies
from talktime.settings import Settings
from tests.interfaces.charging.asgi import HttpAnswer, Served, until
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of
from tests.interfaces.charging.outages import database_gone, organization_held
from tests.interfaces.charging.test_door import of_call, played, start

HELP = "112"
# Short, so that the tests are: the requests must be refused well before the outage ends.
DEADLINE_MILLISECONDS = 300


@pytest.fixture(autouse=True)
def _no_call_for_help_in_our_own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def _quick_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergencies, "RECORD_PAUSE_SECONDS", 0.05)


def is_refused_for_now(answer: HttpAnswer, code: str) -> bool:
    return (answer.status, answer.headers.get("retry-after"), answer.fields["code"]) == (503, "1", code)


def test_without_a_database_calls_are_refused_for_now_and_charged_afterwards(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        await door.post("start", start("running"))
        with database_gone(url):
            refused = await asyncio.gather(
                door.post("start", start("new")),
                door.post("extend", of_call("running", granted_total=60)),
                door.post("end", of_call("running", duration=20)),
            )
        assert all(is_refused_for_now(answer, "deadline") for answer in refused)
        return [await door.post("end", of_call("running", duration=20)), await door.post("start", start("new"))]

    ended, started = played(url, scenario, deadline_milliseconds=DEADLINE_MILLISECONDS)

    assert (ended.fields["result"], ended.fields["charged"]) == ("ok", "0.02")
    assert started.fields["result"] == "allow"
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 1
    assert audit(url).is_clean


def test_help_is_allowed_without_a_database_and_recorded_afterwards(url: str) -> None:
    async def scenario(door: Served) -> dict[str, Any]:
        with database_gone(url):
            allowed = await door.post("start", start("help", called=HELP))
            # Longer than the deadline: what is to be recorded must outlast it.
            await asyncio.sleep(3 * DEADLINE_MILLISECONDS / 1000)
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls"))
        await door.post("end", of_call("help", duration=90))
        return allowed.fields

    allowed = played(url, scenario, deadline_milliseconds=DEADLINE_MILLISECONDS)

    assert (allowed["result"], allowed["granted_total"], allowed["final"]) == ("allow", 86_400, 1)
    assert Facts(url).rows("SELECT kind, used_seconds, cost_micros FROM usage_rows") == [("emergency_out", 90, 0)]
    assert audit(url).is_clean


def test_help_that_could_not_be_recorded_before_the_server_stopped_is_recorded_by_the_next(url: str) -> None:
    folder = Settings(database=url).emergencies_folder

    async def stopped(door: Served) -> dict[str, Any]:
        return (await door.post("start", start("help", called=HELP))).fields

    async def begun(door: Served) -> dict[str, Any]:
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls"))
        await until(lambda: not list(folder.iterdir()))
        return (await door.post("end", of_call("help", duration=90))).fields

    async def both() -> tuple[dict[str, Any], int, dict[str, Any]]:
        settings = Settings(database=url, deadline_milliseconds=DEADLINE_MILLISECONDS)
        before = Served(settings)
        await before.__aenter__()
        with database_gone(url):
            allowed = await stopped(before)
            await before.__aexit__()
        kept_count = len(list(folder.iterdir()))
        async with Served(settings) as door:
            return allowed, kept_count, await begun(door)

    allowed, kept_count, ended = asyncio.run(both())

    assert (allowed["result"], kept_count) == ("allow", 1)
    assert (ended["result"], ended["used"]) == ("ok", 90)
    assert Facts(url).rows("SELECT kind, used_seconds, cost_micros FROM usage_rows") == [("emergency_out", 90, 0)]
    assert audit(url).is_clean


def test_the_end_of_a_call_for_help_never_comes_before_its_start(url: str) -> None:
    """Switches repeat an end that is refused for now: it may be the first thing that the database hears of the call."""

    async def scenario(door: Served) -> dict[str, Any]:
        folder = Settings(database=url).emergencies_folder
        with database_gone(url):
            await door.post("start", start("help", called=HELP))
            await until(lambda: folder.is_dir() and list(folder.glob("*.json")))
            refused = await door.post("end", of_call("help", duration=90))
        ended = await door.post("end", of_call("help", duration=90))
        await until(lambda: not list(folder.iterdir()))
        assert is_refused_for_now(refused, "deadline")
        return ended.fields

    ended = played(url, scenario, deadline_milliseconds=DEADLINE_MILLISECONDS)

    assert (ended["result"], ended["used"]) == ("ok", 90)
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0
    assert audit(url).is_clean


def test_a_kept_call_for_help_that_cannot_be_read_is_left_and_stops_nobody(url: str) -> None:
    folder = Settings(database=url).emergencies_folder
    folder.mkdir(parents=True)
    (folder / "torn.json").write_bytes(b'{"key":')

    async def scenario(door: Served) -> dict[str, Any]:
        return (await door.post("start", start("a"))).fields

    assert played(url, scenario)["result"] == "allow"
    assert (folder / "torn.json").exists()


def test_help_is_allowed_while_too_many_wait_and_recorded_afterwards(url: str) -> None:
    async def scenario(door: Served) -> tuple[HttpAnswer, HttpAnswer]:
        with database_gone(url):
            waiting = [asyncio.create_task(door.post("start", start(f"c{number}"))) for number in range(10)]
            await asyncio.sleep(0.05)
            refused = await door.post("start", start("one-too-many"))
            allowed = await door.post("start", start("help", called=HELP))
            await asyncio.gather(*waiting)
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls WHERE kind = 'emergency_out'"))
        return refused, allowed

    refused, allowed = played(url, scenario, deadline_milliseconds=DEADLINE_MILLISECONDS, queue_max=5)

    assert is_refused_for_now(refused, "busy")
    assert allowed.fields["result"] == "allow"


@pytest.mark.parametrize(
    "fields",
    [
        {"to": HELP},
        {"call_id": "x" * 300, "to": "tel:112"},
        {"call_id": "a", "from": {"who": "knows"}, "to": "sip:+112@host", "kind": "pigeon"},
        {"call_id": "a", "from": "nobody", "to": "911"},
        {"call_id": "a", "from": caller_of(1), "to": 999, "leg": "|"},
    ],
    ids=str,
)
def test_help_is_allowed_however_it_is_spelled_and_whoever_asks(url: str, fields: dict[str, object]) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        return await door.post("start", fields)

    answer = played(url, scenario)

    assert (answer.status, answer.fields["result"], answer.fields["final"]) == (200, "allow", 1)
    assert Facts(url).one("SELECT count(*) FROM call_keys") == 0


def test_help_is_allowed_in_a_batch_that_cannot_be_charged(url: str) -> None:
    operations = [
        {"operation": "start", **start("a")},
        {"operation": "start", **start("help", called=HELP)},
        {"operation": "start", **start("b")},
    ]

    async def scenario(door: Served) -> list[HttpAnswer]:
        return [await door.batch(operations), await door.batch(operations[:1])]

    mixed, ordinary = played(url, scenario, queue_max=0)

    assert [item["result"] for item in mixed.items] == ["error", "allow", "error"]
    assert [item.get("status") for item in mixed.items] == [503, None, 503]
    assert is_refused_for_now(ordinary, "busy")


def test_a_held_organization_gets_503_or_its_turn_and_delays_no_other(url: str) -> None:
    """On SQLite a transaction holds the whole file, so that there everybody waits."""
    is_sqlite = url.startswith("sqlite:")

    async def scenario(door: Served) -> tuple[list[HttpAnswer], list[HttpAnswer], HttpAnswer]:
        with organization_held(url, 1):
            held = [asyncio.create_task(door.post("start", start(f"held-{n}", 1))) for n in range(700)]
            await asyncio.sleep(0)
            others = await asyncio.gather(*(door.post("start", start(f"other-{n}", 2)) for n in range(50)))
            refused = await asyncio.gather(*held)
        return refused, others, await door.post("start", start("held-0", 1))

    refused, others, released = played(url, scenario, deadline_milliseconds=1_000)

    assert all(is_refused_for_now(answer, "deadline") for answer in refused)
    assert all(answer.status == (503 if is_sqlite else 200) for answer in others)
    assert released.fields["result"] == "allow"
    assert audit(url).is_clean


def test_requests_that_wait_for_their_organization_succeed_when_it_is_released(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        with organization_held(url, 1):
            waiting = [asyncio.create_task(door.post("start", start(f"held-{n}", 1))) for n in range(20)]
            await asyncio.sleep(0.1)
            assert not any(task.done() for task in waiting)
        return await asyncio.gather(*waiting)

    answers = played(url, scenario, deadline_milliseconds=30_000)

    assert [answer.fields["result"] for answer in answers] == ["allow"] * 20
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots WHERE organization_id = 1") == 20 * 60_000


def test_what_waits_is_charged_before_the_server_stops(url: str) -> None:
    async def scenario() -> list[HttpAnswer]:
        async with Served(Settings(database=url)) as door:
            waiting = [asyncio.create_task(door.post("start", start(f"c{n}"))) for n in range(100)]
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    answers = asyncio.run(scenario())

    assert [answer.fields["result"] for answer in answers] == ["allow"] * 100
    assert Facts(url).one("SELECT count(*) FROM calls") == 100


def test_a_call_whose_number_only_looks_like_help_is_no_free_call(url: str) -> None:
    async def scenario(door: Served) -> dict[str, Any]:
        return (await door.post("start", start("a", called=f"{CALLED}112"))).fields

    assert played(url, scenario)["granted_total"] == 60
