"""A load in process: closed-loop callers on one committer, as near to charging itself as a caller can stand."""

import asyncio
import gc
import time
from collections import Counter
from datetime import UTC, datetime
from random import Random

import uvloop

from talktime.bootstrap import Charging, open_statements
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, ExtendCall, Finished, Granted, Request, StartCall
from talktime.group_commit import GroupCommitter
from talktime.interfaces.cli.bench.loads.bodies import ELAPSED_SECONDS, GRANTED_SECONDS, PAIRS_COUNT, TALK_SECONDS
from talktime.interfaces.cli.bench.measuring.reports import (
    LoadOrder,
    LoadReport,
    announce,
    read_order,
    rounded,
    write_report,
)
from talktime.interfaces.cli.bench.world.people import Pair, pairs
from talktime.settings import Settings

# Callers in one process wait for each other; what is measured here is not a deadline.
DEADLINE_SECONDS = 60
QUEUE_MAX = 100_000
_GARBAGE_THRESHOLD = 200_000


class Load:
    """All callers of one load."""

    def __init__(self, order: LoadOrder, committer: GroupCommitter) -> None:
        """Choose who calls whom."""
        self._order, self._committer = order, committer
        self._pairs = pairs(Random(order.switch), order.organizations, PAIRS_COUNT)  # noqa: S311 -- repeatable chance
        self._report = LoadReport()
        self._latencies: list[float] = []
        self._begins_at = self._ends_at = 0.0

    async def run(self) -> LoadReport:
        """Call until the time is over, and end what was started."""
        self._begins_at = time.perf_counter() + self._order.warm_up_seconds
        self._ends_at = self._begins_at + self._order.seconds
        await asyncio.gather(self._measure(), *map(self._caller, range(self._order.connections)))
        self._report.operations = len(self._latencies)
        self._report.latencies = Counter(rounded(round(latency * 1_000_000)) for latency in self._latencies)
        return self._report

    async def _measure(self) -> None:
        await asyncio.sleep(self._order.warm_up_seconds)
        announce("begin")
        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(self._order.seconds)
        self._report.cpu_seconds = time.process_time() - cpu
        self._report.seconds = time.perf_counter() - began
        announce("end")

    async def _caller(self, number: int) -> None:
        serial = 0
        while time.perf_counter() < self._ends_at:
            key = CallKey(self._order.switch, f"call-{number:06d}{serial:09d}")
            await self._call(key, self._pairs[(number * 7_919 + serial) % len(self._pairs)])
            serial += 1

    async def _call(self, key: CallKey, pair: Pair) -> None:
        await self._ask(StartCall(key, datetime.now(UTC), *pair))
        await self._ask(ExtendCall(key, datetime.now(UTC), GRANTED_SECONDS, ELAPSED_SECONDS))
        await self._ask(EndCall(key, datetime.now(UTC), TALK_SECONDS))

    async def _ask(self, request: Request) -> None:
        began = time.perf_counter()
        (answer,) = await self._committer.charge((request,))
        ended = time.perf_counter()
        if self._begins_at <= ended < self._ends_at:
            self._latencies.append(ended - began)
        if isinstance(answer, Finished):
            self._report.acknowledged[request.key.call_id] = answer.cost_micros
        elif not isinstance(answer, Granted):
            self._report.surprise(repr(answer).encode())


def main() -> None:
    """Do what standard input says; the URL is the database's."""
    order, path = read_order()
    settings = Settings(database=order.url)
    charging = Charging(settings, open_statements(order.url))
    committer = GroupCommitter(charging.charge, deadline_seconds=DEADLINE_SECONDS, queue_max=QUEUE_MAX)
    committer.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        report = uvloop.run(Load(order, committer).run())
    finally:
        committer.stop()
        charging.close()
    write_report(path, report)


if __name__ == "__main__":
    main()
