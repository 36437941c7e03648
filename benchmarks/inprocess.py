"""Calls charged in process: closed-loop callers, each start → extend → end, through the group committer."""

import asyncio
import gc
import random
import time
from datetime import UTC, datetime

from benchmarks.books import ORGANIZATIONS_COUNT, caller_of
from talktime.bootstrap import Charging, open_statements
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, ExtendCall, Finished, Granted, Request, StartCall
from talktime.group_commit import GroupCommitter
from talktime.settings import Settings

CALLERS_COUNT = 512
WARM_UP_SECONDS = 1.0


def measure(database_url: str, seconds: float) -> list[float]:
    """Charge for so many seconds; return the latency of every operation, in seconds."""
    settings = Settings(database=database_url, deadline_milliseconds=60_000, queue_max=100_000)
    charging = Charging(settings, open_statements(database_url))
    committer = GroupCommitter(charging.charge, deadline_seconds=60, queue_max=100_000)
    committer.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000)
    try:
        return asyncio.run(_load(committer, seconds))
    finally:
        committer.stop()
        charging.close()


async def _load(committer: GroupCommitter, seconds: float) -> list[float]:
    begins = time.perf_counter() + WARM_UP_SECONDS
    latencies: list[float] = []
    callers = [_caller(committer, number, begins, begins + seconds, latencies) for number in range(CALLERS_COUNT)]
    await asyncio.gather(*callers)
    return latencies


async def _caller(committer: GroupCommitter, number: int, begins: float, ends: float, latencies: list[float]) -> None:
    dice = random.Random(number)
    count = 0
    while time.perf_counter() < ends:
        key = CallKey("bench", f"{number}-{count}")
        count += 1
        called = str(dice.randrange(10**10, 10**11))
        caller = caller_of(dice.randrange(1, ORGANIZATIONS_COUNT + 1))
        for request_of in (_start, _extend, _end):
            began = time.perf_counter()
            (answer,) = await committer.charge((request_of(key, caller, called),))
            assert isinstance(answer, Granted | Finished), answer
            if began >= begins:
                latencies.append(time.perf_counter() - began)


def _start(key: CallKey, caller: str, called: str) -> Request:
    return StartCall(key, datetime.now(UTC), caller, called)


def _extend(key: CallKey, _caller: str, _called: str) -> Request:
    return ExtendCall(key, datetime.now(UTC), 60, 50)


def _end(key: CallKey, _caller: str, _called: str) -> Request:
    return EndCall(key, datetime.now(UTC), 75)
