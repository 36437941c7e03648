"""What the tests of the group committer share: requests that are recognized by their answers, and a slow database."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Answer, EndCall, Parked, Request
from talktime.group_commit import Answered, GroupCommitter, RunBatch
from talktime.telemetry import configure_log

configure_log()

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_SECONDS = 60.0


def request(call_id: str, number: int = 0) -> EndCall:
    return EndCall(CallKey("sbc1", call_id), AT, number)


def answer_to(asked: Request) -> Parked:
    """An answer by which the request is recognized."""
    return Parked(name_of(asked))


def name_of(asked: Request) -> str:
    return f"{asked.key.call_id}-{asked.used_seconds}" if isinstance(asked, EndCall) else ""


def echo(requests: Sequence[Request]) -> list[Answer | None]:
    return [answer_to(each) for each in requests]


@contextmanager
def committing(
    run_batch: RunBatch, *, deadline_seconds: float = LONG_SECONDS, queue_max: int = 10_000
) -> Iterator[GroupCommitter]:
    committer = GroupCommitter(run_batch, deadline_seconds=deadline_seconds, queue_max=queue_max)
    committer.start()
    try:
        yield committer
    finally:
        committer.stop()
        assert not committer._thread.is_alive()


class Gate:
    """A database whose first transaction lasts until it is let go."""

    def __init__(self, then: RunBatch = echo) -> None:
        self.batches: list[list[str]] = []
        self.entered = threading.Event()
        self.opened = threading.Event()
        self._then = then

    def __call__(self, requests: Sequence[Request]) -> list[Answer | None]:
        self.batches.append([name_of(each) for each in requests])
        self.entered.set()
        assert self.opened.wait(LONG_SECONDS)
        return self._then(requests)

    async def hold(self, committer: GroupCommitter) -> "asyncio.Task[list[Answered]]":
        """Send a request that occupies the committer, and return once it does."""
        first = asyncio.create_task(committer.charge([request("first")]))
        await asyncio.to_thread(self.entered.wait)
        return first


async def sent(committer: GroupCommitter, requests: Sequence[Request]) -> "asyncio.Task[list[Answered]]":
    """Hand requests in together and return once they are in the queue."""
    task = asyncio.create_task(committer.charge(requests))
    await asyncio.sleep(0)
    return task
