"""How soon `talktime serve` answers with 100,000 open calls stored, and how phones fare while overdue ones are closed.

    python -m benchmarks.open_calls sqlite:////tmp/open_calls.db [CALLS]

Prints one JSON object: seconds from exec to the first answered charging request, then the latency of a lone request
every 20 ms while the server closes what is overdue, a tenth of the calls.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import AnswerCall, Request, StartCall
from talktime.settings import Settings
from tests.interfaces.charging.books import CALLED, Facts, caller_of, open_books, units
from tests.interfaces.charging.servers import Client, Server

CALLS = 100_000
ORGANIZATIONS = 200
BATCH_CALLS = 256
OVERDUE_SHARE = 10
SWITCH = "bench"
PROBE_SECONDS = 0.02
CLOSING_SECONDS_MAX = 120.0
# Open calls that are not overdue must not become so while this runs.
QUANTUM_SECONDS = 3_600
_OVERDUE_OPEN = "SELECT count(*) FROM calls WHERE state = 'open' AND call_key LIKE 'bench||old-%'"


def measure(database_url: str, calls_count: int = CALLS) -> dict[str, Any]:
    """Fill an empty database, start a server on it, and return what was measured."""
    began = time.perf_counter()
    overdue_count = fill(database_url, calls_count)
    filled_seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        server = Server(database_url, Path(folder) / "serve.log", {"quantum_seconds": QUANTUM_SECONDS})
        began = time.perf_counter()
        server.start()
        try:
            measured = asyncio.run(_measure(server, database_url, began))
        finally:
            server.stop()
    return {
        "database": database_url.partition(":")[0],
        "open_calls": calls_count,
        "overdue": overdue_count,
        "filled_seconds": round(filled_seconds, 1),
        **measured,
    }


def fill(database_url: str, calls_count: int) -> int:
    """Store so many open calls, every second one answered; return how many of them, a tenth, are overdue."""
    settings = Settings(database=database_url, quantum_seconds=QUANTUM_SECONDS)
    with App(settings) as app:
        open_books(database_url, organizations_count=ORGANIZATIONS, granted_micros=units(100_000))
        with closing(app.open_charging()) as charging:
            now = datetime.now(UTC)
            for first in range(0, calls_count, BATCH_CALLS):
                numbers = range(first, min(first + BATCH_CALLS, calls_count))
                charging.charge([each for number in numbers for each in _requests(number, calls_count, now)])
    return calls_count // OVERDUE_SHARE


def _requests(number: int, calls_count: int, now: datetime) -> list[Request]:
    is_overdue = number < calls_count // OVERDUE_SHARE
    at = now - timedelta(hours=5) if is_overdue else now
    key = CallKey(SWITCH, f"{'old' if is_overdue else 'live'}-{number}")
    start = StartCall(key, at, caller_of(1 + number % ORGANIZATIONS), CALLED)
    return [start, AnswerCall(key, at, at)] if number % 2 else [start]


async def _measure(server: Server, database_url: str, began: float) -> dict[str, Any]:
    async with Client(server.port) as client:
        await _ask(client, 0)
        ready_seconds, ready_cpu_seconds = time.perf_counter() - began, _cpu_seconds(server.process_id)
        latencies, closed_seconds = await _probe_until_closed(client, Facts(database_url))
    latencies.sort()
    return {
        "ready_seconds": round(ready_seconds, 2),
        "ready_cpu_seconds": ready_cpu_seconds,
        "overdue_closed_seconds": None if closed_seconds is None else round(closed_seconds, 1),
        "requests_meanwhile": len(latencies),
        "p50_ms": round(1_000 * statistics.median(latencies), 2),
        "p99_ms": round(1_000 * latencies[len(latencies) * 99 // 100], 2),
        "max_ms": round(1_000 * latencies[-1], 2),
    }


def _cpu_seconds(process_id: int) -> float | None:
    """Return what a process has computed so far: on a busy machine that says more than the clock does."""
    path = Path(f"/proc/{process_id}/stat")
    if not path.exists():
        return None
    user, system = path.read_text().rpartition(")")[2].split()[11:13]
    return round((int(user) + int(system)) / os.sysconf("SC_CLK_TCK"), 2)


async def _probe_until_closed(client: Client, facts: Facts) -> tuple[list[float], float | None]:
    """Start a call every 20 ms while the overdue ones are closed; tell how long each request and all of it took."""
    latencies, began = list[float](), time.perf_counter()
    looked_at = began
    while time.perf_counter() - began < CLOSING_SECONDS_MAX:
        asked_at = time.perf_counter()
        await _ask(client, 1 + len(latencies))
        latencies.append(time.perf_counter() - asked_at)
        if time.perf_counter() - looked_at > 1:
            looked_at = time.perf_counter()
            if await asyncio.to_thread(facts.one, _OVERDUE_OPEN) == 0:
                return latencies, time.perf_counter() - began
        await asyncio.sleep(PROBE_SECONDS)
    return latencies, None


async def _ask(client: Client, number: int) -> None:
    caller = caller_of(1 + number % ORGANIZATIONS)
    fields = {"switch": SWITCH, "call_id": f"probe-{number}", "from": caller, "to": CALLED}
    status, answer = await client.post("start", fields)
    assert (status, answer["result"]) == (200, "allow"), answer


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else CALLS)))
