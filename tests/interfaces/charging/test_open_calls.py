"""A server that starts with thousands of open calls answers phones at once, and closes those that are overdue."""

import asyncio
import time
from pathlib import Path

from benchmarks import open_calls
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of
from tests.interfaces.charging.servers import Client, serving

OPEN_CALLS = 5_000
PATIENCE_SECONDS = 60.0
OVERDUE = "SELECT count(*) FROM calls WHERE state = 'open' AND call_key LIKE 'bench||old-%'"
CLOSED = "SELECT count(*) FROM calls WHERE state = '{}' AND call_key LIKE 'bench||old-%'"


def test_open_calls_of_before_are_resumed_and_overdue_ones_closed_between_phones(
    migrated_database_url: str, tmp_path: Path
) -> None:
    overdue_count = open_calls.fill(migrated_database_url, OPEN_CALLS)
    facts = Facts(migrated_database_url)

    with serving(migrated_database_url, tmp_path, quantum_seconds=open_calls.QUANTUM_SECONDS) as server:
        answered = asyncio.run(_phones(server.port, facts))

    assert answered
    # Every second one was answered: it is charged up to the last funded second; the others are free.
    assert facts.one(CLOSED.format("finished")) == facts.one(CLOSED.format("lapsed")) == overdue_count // 2
    charged = "SELECT min(used_seconds), max(used_seconds) FROM calls WHERE state = 'finished' AND ending = 'silent'"
    assert facts.rows(charged) == [(open_calls.QUANTUM_SECONDS, open_calls.QUANTUM_SECONDS)]
    assert facts.one("SELECT count(*) FROM calls WHERE state = 'open'") == OPEN_CALLS - overdue_count + len(answered)
    assert audit(migrated_database_url).violations_count == 0


async def _phones(port: int, facts: Facts) -> list[int]:
    """Extend a call of before and start others until nothing is overdue; all of them are allowed."""
    answered: list[int] = []
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    async with Client(port) as client:
        extended = {
            "switch": open_calls.SWITCH,
            "call_id": f"live-{OPEN_CALLS - 1}",
            "granted_total": 3_600,
            "elapsed": 1,
        }
        status, answer = await client.post("extend", extended)
        assert (status, answer["result"]) == (200, "allow")
        while await asyncio.to_thread(facts.one, OVERDUE):
            fields = {"call_id": f"new-{len(answered)}", "from": caller_of(1), "to": CALLED}
            status, answer = await client.post("start", fields)
            assert (status, answer["result"]) == (200, "allow")
            answered.append(status)
            assert time.monotonic() < gives_up_at
    return answered
