"""Starts that come at a steady rate whatever the server does, and how long each one waited for its answer.

    load = SteadyStarts(port, per_second=150, organizations_count=50)
    async with load: …          meanwhile `load.answered` fills

A start is due at its instant; what it waits for a connection counts, so that a server that stalls is not spared the
starts that would have come meanwhile.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.interfaces.charging.books import CALLED, caller_of
from tests.interfaces.charging.servers import Client

CLIENTS_MAX = 500


@dataclass(frozen=True, slots=True)
class Start:
    """One start: when it was due, how long its answer took, and what that was."""

    due_at: float
    seconds: float
    organization_id: int
    status: int
    fields: dict[str, Any]


class SteadyStarts:
    """An open-loop load of starts of calls, for one organization after the other."""

    def __init__(self, port: int, *, per_second: int, organizations_count: int) -> None:
        self.answered: list[Start] = []
        self._port = port
        self._per_second = per_second
        self._organizations_count = organizations_count
        self._idle: list[Client] = []
        self._clients_count = 0
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)
        await asyncio.gather(*self._asking)
        for client in self._idle:
            client.close()

    async def _send(self) -> None:
        begins = time.monotonic()
        number = 0
        while True:
            due_at = begins + number / self._per_second
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            task = asyncio.create_task(self._start(number, due_at))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            number += 1

    async def _start(self, number: int, due_at: float) -> None:
        organization_id = 1 + number % self._organizations_count
        fields = {"call_id": f"steady-{number}", "from": caller_of(organization_id), "to": CALLED}
        client = self._idle.pop() if self._idle else self._connect()
        status, answer = await client.post("start", fields)
        self.answered.append(Start(due_at, time.monotonic() - due_at, organization_id, status, answer))
        self._idle.append(client)

    def _connect(self) -> Client:
        self._clients_count += 1
        assert self._clients_count <= CLIENTS_MAX, "the server has fallen hopelessly behind"
        return Client(self._port)


def latencies_ms(starts: Iterable[Start]) -> dict[str, float]:
    """Return how many there were, and the median, the 99th percentile and the longest of what they waited."""
    waited = sorted(start.seconds * 1000 for start in starts)
    return {
        "starts": len(waited),
        "p50_ms": round(_percentile(waited, 50), 2),
        "p99_ms": round(_percentile(waited, 99), 2),
        "max_ms": round(waited[-1], 2),
    }


def between(starts: Sequence[Start], begins: float, ends: float) -> list[Start]:
    """Return the starts that were due in [begins, ends)."""
    return [start for start in starts if begins <= start.due_at < ends]


def write_deck(path: Path, prefixes_count: int, seed: int) -> None:
    """Write a price list as a vendor's: so many prefixes, 44 among them at 0.12, all others at random."""
    dice = random.Random(seed)
    prefixes = {"44"}
    while len(prefixes) < prefixes_count:
        prefixes.add(str(dice.randrange(200, 10 ** dice.randrange(3, 9))))
    lines = ["prefix,destination,price,increments"]
    for prefix in sorted(prefixes):
        price = "0.12" if prefix == "44" else f"{dice.randrange(1, 30_000) / 10_000:.4f}"
        lines.append(f"{prefix},Destination {prefix[:3]},{price},{dice.choice(('1/1', '6/6', '60/60'))}")
    path.write_text("\n".join(lines), "utf-8")


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
