"""A load in process: closed-loop callers on one committer, as near to charging itself as a caller can stand."""

import asyncio
from array import array
from datetime import UTC, datetime
from random import Random

import uvloop

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, ExtendCall, Finished, Granted, Request, StartCall
from talktime.group_commit import GroupCommitter
from talktime.interfaces.cli.bench.loads import timing
from talktime.interfaces.cli.bench.loads.bodies import ELAPSED_SECONDS, GRANTED_SECONDS, PAIRS_COUNT, TALK_SECONDS
from talktime.interfaces.cli.bench.loads.committing import open_committer
from talktime.interfaces.cli.bench.loads.timing import clock
from talktime.interfaces.cli.bench.measuring.reports import LoadOrder, LoadReport, read_order, write_report
from talktime.interfaces.cli.bench.world.people import Pair, pairs


class Load:
    """All callers of one load."""

    def __init__(self, order: LoadOrder, committer: GroupCommitter) -> None:
        """Choose who calls whom."""
        self._order, self._committer = order, committer
        self._pairs = pairs(Random(order.switch), order.organizations, PAIRS_COUNT)  # noqa: S311 -- repeatable chance
        self._report = LoadReport()
        self._latencies = array("q")
        self._begins_at = self._ends_at = 0

    async def run(self) -> LoadReport:
        """Call until the time is over, and end what was started."""
        self._begins_at, self._ends_at = timing.span(self._order, clock())
        measuring = timing.measure(self._report, self._begins_at, self._ends_at)
        await asyncio.gather(measuring, *map(self._caller, range(self._order.connections)))
        self._report.operations = len(self._latencies)
        self._report.latencies = timing.counted(self._latencies)
        return self._report

    async def _caller(self, number: int) -> None:
        serial = 0
        while clock() < self._ends_at:
            key = CallKey(self._order.switch, f"call-{number:06d}{serial:09d}")
            await self._call(key, self._pairs[(number * 7_919 + serial) % len(self._pairs)])
            serial += 1

    async def _call(self, key: CallKey, pair: Pair) -> None:
        await self._ask(StartCall(key, datetime.now(UTC), *pair))
        await self._ask(ExtendCall(key, datetime.now(UTC), GRANTED_SECONDS, ELAPSED_SECONDS))
        await self._ask(EndCall(key, datetime.now(UTC), TALK_SECONDS))

    async def _ask(self, request: Request) -> None:
        began = clock()
        (answer,) = await self._committer.charge((request,))
        ended = clock()
        if self._begins_at <= ended < self._ends_at:
            self._latencies.append(ended - began)
        if isinstance(answer, Finished):
            self._report.acknowledged[request.key.call_id] = answer.cost_micros
        elif not isinstance(answer, Granted):
            self._report.surprise(repr(answer).encode())


def main() -> None:
    """Do what standard input says; the URL is the database's."""
    order, path = read_order()
    with open_committer(order.url) as (_, committer):
        report = uvloop.run(Load(order, committer).run())
    write_report(path, report)


if __name__ == "__main__":
    main()
