"""What operators see of a server: its health, whether calls should go to it, its counts, and a log without numbers."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql

from talktime.settings import Settings
from tests.engines import on_postgresql, on_sqlite
from tests.interfaces.charging.asgi import HttpAnswer, Served, until
from tests.interfaces.charging.books import BLOCKED, CALLED, Facts, caller_of
from tests.interfaces.charging.outages import database_gone
from tests.interfaces.charging.test_door import of_call, played, start
from tests.telemetry.test_metrics import read

HELP = "112"


async def get(door: Served, path: str, method: str = "GET") -> HttpAnswer:
    answer = await door.exchange(path, [], method=method)
    assert answer is not None
    return answer


async def metrics(door: Served) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await get(door, "/metrics")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return read(answer.body)


def labels(**of: str) -> frozenset[tuple[str, str]]:
    return frozenset({"process": "1", **of}.items())


def requests_of(found: Mapping[tuple[str, frozenset[tuple[str, str]]], float]) -> dict[tuple[str, str, str], float]:
    """Return how many requests had each operation, result and reason."""
    counted = {}
    for (name, of), value in found.items():
        if name == "talktime_requests_total":
            named = dict(of)
            counted[named["operation"], named["result"], named["reason"]] = value
    return counted


def test_outcomes_are_counted_by_operation_and_reason(url: str) -> None:
    async def scenario(door: Served) -> Any:
        await door.post("start", start("a"))
        await door.post("extend", of_call("a", granted_total=60, elapsed=50))
        await door.post("end", of_call("a", duration=70))
        await door.post("start", start("b", called=BLOCKED))
        await door.post("end", of_call("nobody", duration=5))
        await door.batch([{"operation": "start", **start("c")}, {"operation": "start"}, {"operation": "dance"}])
        await door.post("start", {"call_id": "d", "colour": "blue"})
        return await metrics(door)

    found = played(url, scenario)

    assert requests_of(found) == {
        ("start", "allow", ""): 2,
        ("start", "deny", "destination_blocked"): 1,
        ("extend", "allow", ""): 1,
        ("end", "finished", ""): 1,
        ("end", "parked", ""): 1,
    }
    assert found["talktime_requests_unread_total", labels(code="missing_field")] == 2
    assert found["talktime_requests_unread_total", labels(code="unknown_operation")] == 1
    assert found["talktime_request_seconds_count", labels(operation="start")] == 3
    assert found["talktime_batch_requests_sum", labels()] == 6
    assert found["talktime_batches_total", labels(result="committed")] == 6
    stages = [
        found["talktime_batch_seconds_count", labels(stage=each)] for each in ("load", "decide", "save", "commit")
    ]
    assert stages == [6, 6, 6, 6]
    assert found["talktime_deck_versions_loaded", labels()] == 1


def test_requests_that_were_refused_for_now_are_counted_by_why(url: str) -> None:
    async def scenario(door: Served) -> Any:
        with database_gone(url):
            waiting = [asyncio.create_task(door.post("start", start(f"c{number}"))) for number in range(10)]
            await asyncio.sleep(0.05)
            during = await metrics(door)
            await asyncio.gather(*waiting)
        return during, await metrics(door)

    during, found = played(url, scenario, queue_max=4, deadline_milliseconds=300)

    assert during["talktime_requests_waiting", labels()] == 4
    assert requests_of(found) == {("start", "error", "busy"): 6, ("start", "error", "deadline"): 4}
    if not url.startswith("sqlite:"):
        assert found["talktime_batches_total", labels(result="unavailable")] >= 1


def test_what_is_open_and_what_it_holds_is_read_from_the_database(url: str) -> None:
    async def scenario(door: Served) -> Any:
        for number in range(3):
            await door.post("start", start(f"c{number}"))
        await door.post("end", of_call("nobody", duration=5))
        found: Any = {}
        while ("talktime_open_calls", frozenset({("currency", "EUR")})) not in found:
            await asyncio.sleep(0.05)
            found = await metrics(door)
        return found

    found = played(url, scenario)

    assert found["talktime_open_calls", frozenset({("currency", "EUR")})] == 3
    assert found["talktime_held_micros", frozenset({("currency", "EUR")})] == 180_000
    assert found["talktime_parked_reports", frozenset()] == 1
    assert 0 < found["talktime_oldest_open_call_seconds", frozenset()] < 3_600


@on_sqlite
def test_silent_calls_that_the_server_closes_are_counted(url: str) -> None:
    async def scenario(door: Served) -> Any:
        await door.post("start", start("rings"))
        await until(lambda: door.server.counted.silent_calls_closed)
        return await metrics(door)

    found = played(url, scenario, quantum_seconds=1, ring_timeout_seconds=1, silence_grace_seconds=0)

    assert found["talktime_silent_calls_closed_total", labels()] == 1
    assert requests_of(found)["close", "finished", ""] == 1


@on_sqlite
def test_calls_for_help_that_are_not_recorded_yet_are_counted(url: str) -> None:
    async def scenario(door: Served) -> tuple[float, float]:
        name = ("talktime_emergency_calls_unrecorded", labels())
        with database_gone(url):
            await door.post("start", start("help", called=HELP))
            during = (await metrics(door))[name]
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls"))
        await asyncio.sleep(0)
        return during, (await metrics(door))[name]

    during, _ = played(url, scenario)

    assert during == 1


@on_sqlite
def test_a_server_is_healthy_and_ready_while_it_can_charge(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        return [await get(door, "/health"), await get(door, "/ready"), await get(door, "/ready", "POST")]

    health, ready, posted = played(url, scenario)

    assert (health.status, health.fields["status"]) == (200, "ok")
    assert (ready.status, ready.fields) == (200, {"status": "ready"})
    assert posted.status == 405


@on_sqlite
def test_a_server_that_cannot_charge_any_more_is_neither_healthy_nor_ready(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        await asyncio.to_thread(door.server.counted.committer.stop)
        return [await get(door, "/health"), await get(door, "/ready")]

    health, ready = played(url, scenario)

    assert (health.status, health.fields["status"]) == (503, "failed")
    assert (ready.status, ready.fields["reason"]) == (503, "charging_ended")


@on_sqlite
def test_a_server_that_stops_is_not_ready(url: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        door.server.readiness.is_stopping = True
        return await get(door, "/ready")

    ready = played(url, scenario)

    assert (ready.status, ready.fields["reason"]) == (503, "stopping")


@on_postgresql
def test_a_server_without_its_database_is_healthy_and_not_ready_until_it_is_back(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        with database_gone(url):
            without = [await get(door, "/health"), await get(door, "/ready")]
        return [*without, await get(door, "/ready")]

    health, gone, back = played(url, scenario)

    assert health.status == 200
    assert (gone.status, gone.fields["reason"]) == (503, "database")
    assert back.status == 200


@on_postgresql
def test_a_database_that_does_not_answer_is_waited_for_a_second_and_asked_once(url: str) -> None:
    async def scenario(door: Served) -> tuple[list[HttpAnswer], int]:
        with psycopg.connect(url) as operator:
            operator.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            asked = await asyncio.gather(*(get(door, "/ready") for _ in range(20)))
            waiting = operator.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            operator.rollback()
        assert waiting is not None
        return asked, waiting[0]

    asked, waiting = played(url, scenario)

    assert {answer.status for answer in asked} == {503}
    assert asked[0].fields == {
        "status": "not_ready",
        "reason": "database",
        "detail": "the database did not answer within 1 s",
    }
    assert waiting == 1


def test_a_server_of_another_version_than_the_databases_is_not_ready_and_does_not_start(url: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        Facts(url).change("UPDATE alembic_version SET version_num = '9999'")
        return await get(door, "/ready")

    ready = played(url, scenario)

    assert (ready.status, ready.fields["reason"]) == (503, "schema_differs")
    assert "the database's schema is 9999, and this version's is" in ready.fields["detail"]
    assert asyncio.run(Served(Settings(database=url)).refusal()) == ready.fields["detail"]


@on_postgresql
def test_a_server_whose_clock_is_wrong_is_not_ready_and_does_not_start(url: str) -> None:
    async def scenario(door: Served) -> tuple[HttpAnswer, Any]:
        turn_clock(url, minutes=2)
        return await get(door, "/ready"), await metrics(door)

    ready, found = played(url, scenario)

    assert (ready.status, ready.fields["reason"]) == (503, "clock_differs")
    assert 118 < found["talktime_clock_difference_seconds", labels()] < 125
    refused = asyncio.run(Served(Settings(database=url)).refusal())
    assert refused.startswith("this machine's clock differs from the database's by 1")
    assert refused.endswith(" s; set it right, then serve")


def turn_clock(url: str, *, minutes: int) -> None:
    """Have a PostgreSQL database tell another time, to connections that are opened from now on."""
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute("CREATE SCHEMA turned")
        operator.execute(
            sql.SQL(
                "CREATE FUNCTION turned.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
                " 'SELECT pg_catalog.clock_timestamp() + make_interval(mins => {})'"
            ).format(sql.Literal(minutes))
        )
        path = sql.SQL("ALTER DATABASE {} SET search_path = turned, pg_catalog, public")
        operator.execute(path.format(sql.Identifier(name)))
        operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )


def test_no_log_shows_a_number_in_full_whatever_becomes_of_the_calls(
    url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also where a request fails, and the log says which, and why."""
    numbers = [CALLED, BLOCKED, caller_of(1), caller_of(2), "447700900123"]

    async def scenario(door: Served) -> None:
        for number in numbers:
            call_id = f"{number}-1"
            await door.post("start", {**start(call_id, called=number), "organizer": caller_of(2)})
            await door.post("extend", of_call(call_id, granted_total=60))
            await door.post("end", of_call(call_id, duration=70))
            await door.post("end", {"duration": number})
            await door.post("start", {"from": number, "to": number})
        door.server._charging._terms = None  # type: ignore[assignment]
        failed = await door.post("start", start("447700900123-2"))
        assert failed.status == 500

    played(url, scenario)
    said = capfd.readouterr().err

    events = [json.loads(line)["event"] for line in said.splitlines() if line.startswith("{")]
    assert events.count("request") >= 4 * len(numbers)
    assert "charging_failed" in events
    assert [number for number in numbers if number in said] == []


@on_sqlite
@pytest.mark.parametrize(("kept", "results"), [("all", ["allow", "deny"]), ("denied", ["deny"]), ("none", [])])
def test_an_operator_chooses_which_requests_are_logged(
    url: str, capfd: pytest.CaptureFixture[str], kept: str, results: list[str]
) -> None:
    async def scenario(door: Served) -> None:
        await door.post("start", start("a"))
        await door.post("start", start("b", called=BLOCKED))

    played(url, scenario, log_requests=kept)

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert [line["result"] for line in lines if line["event"] == "request"] == results
    assert [line["organization"] for line in lines if line["event"] == "request"] == [1] * len(results)
