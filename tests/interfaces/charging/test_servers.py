"""`talktime serve` as a process: over a real network, several at once, and refused where it must not run."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.engines import on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import CALLED, MICROS_PER_SECOND, Facts, audit, caller_of, open_books
from tests.interfaces.charging.servers import Asked, Server, command, free_port, post_all, serving, serving_several

COPIES = 64
PARALLEL_CALLS = 200
RUN_SECONDS_MAX = 60

on_one_and_two_processes = pytest.mark.parametrize(
    ("database_engine", "processes"),
    [
        ("sqlite", 1),
        pytest.param("postgresql", 1, marks=pytest.mark.postgresql),
        pytest.param("postgresql", 2, marks=pytest.mark.postgresql),
    ],
    indirect=["database_engine"],
)


@pytest.fixture
def url(migrated_database_url: str) -> str:
    return migrated_database_url


@pytest.fixture
def server(url: str, tmp_path: Path) -> Iterator[Server]:
    open_books(url)
    with serving(url, tmp_path) as started:
        yield started


def start(call_id: str, organization_id: int = 1) -> dict[str, object]:
    return {"call_id": call_id, "switch": "sbc1", "from": caller_of(organization_id), "to": CALLED}


def of_call(call_id: str, **fields: object) -> dict[str, object]:
    return {"call_id": call_id, "switch": "sbc1", **fields}


def answers_to(ports: list[int], asked: list[Asked]) -> list[dict[str, Any]]:
    """Ask everything at once; everything must be answered with 200."""
    answers = asyncio.run(post_all(ports, asked))
    assert {status for status, _ in answers} == {200}
    return [fields for _, fields in answers]


def run_to_its_end(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX, env=os.environ
    )


def test_a_switch_talks_to_it_as_to_any_web_server(server: Server) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}") as http:
        started = http.post("/v1/calls/start", json=start("a"))
        extended = http.post(
            "/v1/calls/extend?format=text", data={"call_id": "a", "switch": "sbc1", "granted_total": 60}
        )
        ended = http.post("/v1/calls/end", data={"call_id": "a", "switch": "sbc1", "duration": "3.2"})
        health = http.get("/health")
        missing = http.get("/")

    assert (started.status_code, started.json()["granted"]) == (200, 60)
    assert (extended.headers["content-type"], extended.text) == ("text/plain; charset=utf-8", "allow 120 0\n")
    assert ended.json() == {"result": "ok", "charged": "0.004", "currency": "EUR", "used": 4}
    assert health.json() == {"status": "ok", "process": 1, "waiting": 0, "unknown_fields": 0}
    assert missing.status_code == 404


@on_one_and_two_processes
def test_many_copies_of_one_request_have_one_effect(url: str, tmp_path: Path, processes: int) -> None:
    open_books(url)
    asked: list[Asked] = [
        ("start", start("a")),
        ("answer", of_call("a")),
        ("extend", of_call("a", granted_total=60, elapsed=50)),
        ("end", of_call("a", duration=100)),
    ]

    with serving_several(url, tmp_path, processes) as servers:
        ports = [each.port for each in servers]
        answers = [answers_to(ports, [each] * COPIES) for each in asked[:3]]
        held = Facts(url).rows("SELECT held_micros FROM credit_lots ORDER BY organization_id")
        answers.append(answers_to(ports, [asked[3]] * COPIES))

    assert [copies.count(copies[0]) for copies in answers] == [COPIES] * 4
    assert [copies[0].get("granted_total") for copies in answers] == [60, None, 110, None]
    assert answers[3][0]["charged"] == "0.10"
    assert held == [(110 * MICROS_PER_SECOND,), (0,)]
    counts = [Facts(url).one(f"SELECT count(*) FROM {table}") for table in ("calls", "call_keys", "usage_rows")]  # noqa: S608
    assert counts == [1, 1, 1]
    assert Facts(url).one("SELECT count(*) FROM postings WHERE entry_id LIKE 'call:%'") == 1
    assert audit(url).is_clean


@on_one_and_two_processes
def test_parallel_calls_of_one_organization_never_hold_more_than_it_has(
    url: str, tmp_path: Path, processes: int
) -> None:
    granted_micros = (50 * 60 + 30) * MICROS_PER_SECOND
    open_books(url, granted_micros=granted_micros)
    calls = [f"c{number}" for number in range(PARALLEL_CALLS)]
    held = "SELECT held_micros FROM credit_lots WHERE organization_id = 1"

    with serving_several(url, tmp_path, processes) as servers:
        ports = [each.port for each in servers]
        started = answers_to(ports, [("start", start(call_id)) for call_id in calls])
        held_at_start = Facts(url).one(held)
        extended = answers_to(ports, [("extend", of_call(call_id, granted_total=60, elapsed=50)) for call_id in calls])
        held_afterwards = Facts(url).one(held)
        ended = answers_to(ports, [("end", of_call(call_id, duration=60)) for call_id in calls])

    assert Counter(answer.get("granted_total") for answer in started) == {60: 50, 30: 1, None: 149}
    assert Counter(answer.get("reason") for answer in started) == {None: 51, "credit_exhausted": 149}
    assert held_at_start == held_afterwards == granted_micros
    # Nothing is left to extend by: what each has is its last.
    assert Counter(answer.get("final") for answer in extended) == {1: 51, None: 149}
    # The call that was granted 30 seconds and lasted 60 owes the rest, and says so.
    assert Counter(answer["result"] for answer in ended) == {"ok": 51, "parked": 149}
    assert Facts(url).one("SELECT sum(cost_micros) FROM usage_rows") == 51 * 60 * MICROS_PER_SECOND
    assert Facts(url).one("SELECT sum(uncovered_micros) FROM usage_rows") == 30 * MICROS_PER_SECOND
    assert audit(url).is_clean


@on_one_and_two_processes
def test_silent_calls_are_closed_by_the_servers_own_timers(url: str, tmp_path: Path, processes: int) -> None:
    open_books(url)
    timers = {"quantum_seconds": 2, "ring_timeout_seconds": 1, "silence_grace_seconds": 1}

    with serving_several(url, tmp_path, processes, **timers) as servers:
        ports = [each.port for each in servers]
        answers_to(ports, [("start", start(name)) for name in ("talks", "rings")])
        answers_to(ports, [("answer", of_call("talks"))])
        (extended,) = answers_to(ports, [("extend", of_call("talks", granted_total=2, elapsed=1))])
        asyncio.run(until(lambda: not Facts(url).one("SELECT count(*) FROM calls WHERE state = 'open'")))
        late = [answers_to(ports, [("end", of_call(name, duration=5))])[0] for name in ("talks", "rings")]

    funded = extended["granted_total"]
    assert funded == 3
    assert [answer["result"] for answer in late] == ["parked", "ok"]
    assert Facts(url).rows(
        "SELECT call_key, line, ending, used_seconds, cost_micros FROM usage_rows ORDER BY call_key, line"
    ) == [
        ("sbc1||rings", 0, "silent", 0, 0),
        ("sbc1||rings", 1, "hangup", 5, 5 * MICROS_PER_SECOND),
        ("sbc1||talks", 0, "silent", funded, funded * MICROS_PER_SECOND),
    ]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def test_an_ordered_stop_charges_what_waits_and_a_restart_goes_on(url: str, tmp_path: Path) -> None:
    open_books(url)

    with serving(url, tmp_path) as server:
        answers_to([server.port], [("start", start("a"))])
        server.stop()
        server.start()
        (ended,) = answers_to([server.port], [("end", of_call("a", duration=7))])

    assert ended["charged"] == "0.007"
    assert "Traceback" not in server.said


@on_sqlite
@pytest.mark.parametrize("name", ["talktime.db", "a-link-to-it.db"])
def test_a_second_server_on_one_sqlite_file_is_refused(server: Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "a-link-to-it.db").symlink_to(tmp_path / "talktime.db")

    second = run_to_its_end("serve", "--database", f"sqlite:///{tmp_path / name}", "--port", str(free_port()))

    assert second.returncode == 2
    assert "another `talktime serve` charges this database" in " ".join(second.stderr.split())
    assert "Traceback" not in second.stderr
    assert answers_to([server.port], [("start", start("a"))])[0]["result"] == "allow"


@on_sqlite
def test_several_processes_on_one_sqlite_file_are_refused(url: str) -> None:
    refused = run_to_its_end("serve", "--database", url, "--processes", "2", "--port", str(free_port()))

    assert refused.returncode == 2
    assert "a SQLite file is charged by one process" in refused.stderr


def test_a_database_that_cannot_be_reached_is_named_in_a_sentence() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"

    failed = run_to_its_end("serve", "--database", url, "--port", str(free_port()))

    assert failed.returncode == 3
    assert "the database did not answer" in failed.stderr
    assert "Traceback" not in failed.stderr
