"""Requests that wait while one transaction commits are committed together by the next.

No timer: the thread takes what waits, up to a batch, so an idle system answers at once and a busy one shares its
fsync. A request that fails fails alone: a batch that cannot be saved is halved until the culprit stands by itself.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Answer, Request
from talktime.core.values.errors import Unavailable
from talktime.core.values.frozen import frozen

BATCH_MAX = 512
# Of the requests whose organization is held elsewhere, so many are tried again in one batch: room for the others.
HELD_MAX = 128
HELD_PAUSE_SECONDS = 0.002
# A database that is gone is asked again so often: quick enough for phones, slow enough for its log and ours.
UNAVAILABLE_PAUSE_SECONDS = 0.05
STOP_SECONDS_MAX = 10.0

RunBatch = Callable[[Sequence[Request]], list[Answer | None]]
Answered = Answer | Exception
# Told the answers, or errors, to what was asked together, in its order.
Tell = Callable[[list[Answered]], None]
# Told what was asked together, what was answered, and since when (`monotonic`) it was waited for.
Observe = Callable[[Sequence[Request], Sequence[Answered], float], None]

log = structlog.get_logger()


@dataclass(slots=True)
class Ticket:
    """What one caller handed in together, and the answers as they come; complete when none is missing."""

    requests: Sequence[Request]
    tell: Tell
    loop: asyncio.AbstractEventLoop
    began: float
    deadline: float
    answers: list[Answered | None] = field(default_factory=list)
    missing: int = 0
    # Until it is told, by whichever comes first: the answers or the deadline.
    expiry: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        """Make room for the answers."""
        self.answers = [None] * len(self.requests)
        self.missing = len(self.requests)


@frozen
class _Item:
    """One request of a ticket."""

    request: Request
    ticket: Ticket
    place: int


class GroupCommitter:
    """A thread with one connection that charges whatever waits."""

    def __init__(
        self, run_batch: RunBatch, *, deadline_seconds: float, queue_max: int, observe: Observe | None = None
    ) -> None:
        """Charge by `run_batch`, which answers in the order of the requests and None for those to be tried again."""
        self._run_batch = run_batch
        self._observe = observe or (lambda *_: None)
        self._deadline_seconds = deadline_seconds
        self._queue_max = queue_max
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="group-commit", daemon=True)
        self._stopping = False
        # Requests whose organization another transaction holds, those of one call in their order.
        self._held: list[_Item] = []
        self._rounds = 0
        self._unanswered_count = 0
        # Calls for help that doors have allowed, and that are to be recorded still.
        self.unrecorded_count = 0

    def start(self) -> None:
        """Begin to charge."""
        self._thread.start()

    def stop(self) -> None:
        """Charge what waits, then end."""
        self._queue.put(None)
        self._thread.join(STOP_SECONDS_MAX)

    @property
    def waiting_count(self) -> int:
        """Return how many requests wait: for their answer, or for a database that let their deadlines pass."""
        return max(self._unanswered_count, self._queue.qsize())

    @property
    def held_count(self) -> int:
        """Return how many of them wait for an organization that another transaction holds."""
        return len(self._held)

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread is there that charges."""
        return self._thread.is_alive()

    async def charge(self, requests: Sequence[Request]) -> list[Answered]:
        """Return an answer, or the error that it got instead, for each request; raise Unavailable where too many wait.

        Each request stands for itself: the answers of one ticket may span several commits. One that has none at the
        deadline gets Unavailable, wherever it is then: it may still be charged, and is answered alike when sent again.
        """
        future: asyncio.Future[list[Answered]] = asyncio.get_running_loop().create_future()

        def tell(answers: list[Answered]) -> None:
            # Whoever asked may have gone meanwhile.
            if not future.done():
                future.set_result(answers)

        self.submit(requests, tell)
        return await future

    def submit(self, requests: Sequence[Request], tell: Tell) -> None:
        """Charge as `charge` does, and tell the answers on the running loop: a phone's answer needs no task."""
        began = time.monotonic()
        if self._stopping or self.waiting_count + len(requests) > self._queue_max:
            message = "too many requests are waiting to be charged"
            busy = Unavailable(message, code="busy")
            self._observe(requests, [busy] * len(requests), began)
            raise busy
        loop = asyncio.get_running_loop()
        ticket = Ticket(requests, tell, loop, began, began + self._deadline_seconds)
        ticket.expiry = loop.call_later(self._deadline_seconds, self._expire, ticket)
        self._unanswered_count += len(requests)
        for place, request in enumerate(requests):
            self._queue.put(_Item(request, ticket, place))

    def _work(self) -> None:
        while not (self._stopping and not self._held and self._queue.empty()):
            batch = self._take()
            if batch:
                self._held += self._charge_batch(batch)

    def _take(self) -> list[_Item]:
        """Take what waits, after some of those held back; block only where there is nothing to do."""
        batch = self._next_held()
        tried_count = len(batch)
        if not batch and not self._held and not self._stopping:
            self._admit(self._queue.get(), batch, frozenset())
        held_calls = {item.request.key for item in self._held}
        while len(batch) < BATCH_MAX:
            try:
                self._admit(self._queue.get_nowait(), batch, held_calls)
            except Empty:
                break
        if len(batch) == tried_count:
            time.sleep(HELD_PAUSE_SECONDS)
        return _in_time(batch)

    def _next_held(self) -> list[_Item]:
        """Take some of those held back, other calls each time, so that nobody stands behind another's lock for long."""
        self._rounds += 1
        groups_count = 1 + len(self._held) // HELD_MAX
        tried: list[_Item] = []
        later: list[_Item] = []
        for item in _in_time(self._held):
            # By call, because what is asked about one call is decided in its order.
            is_next = hash(item.request.key) % groups_count == self._rounds % groups_count
            (tried if is_next else later).append(item)
        self._held = later
        return tried

    def _admit(self, item: _Item | None, batch: list[_Item], held_calls: AbstractSet[CallKey]) -> None:
        if item is None:
            self._stopping = True
        elif held_calls and item.request.key in held_calls:
            self._held.append(item)
        else:
            batch.append(item)

    def _charge_batch(self, batch: list[_Item]) -> list[_Item]:
        """Charge a batch and answer it; return the items that have to wait."""
        try:
            answers = self._run_batch([item.request for item in batch])
        except Unavailable as failure:
            # Nothing was committed, or a commit got no answer: decided again, stored answers make that safe.
            log.warning("charging_unavailable", error=str(failure), requests=len(batch))
            time.sleep(UNAVAILABLE_PAUSE_SECONDS)
            return batch
        except Exception as failure:  # noqa: BLE001 -- whatever it is, it must fail alone and be told
            return self._charge_halves(batch, failure)
        self._answer([(item, answer) for item, answer in zip(batch, answers, strict=True) if answer is not None])
        return [item for item, answer in zip(batch, answers, strict=True) if answer is None]

    def _charge_halves(self, batch: list[_Item], failure: Exception) -> list[_Item]:
        if len(batch) == 1:
            log.error("charging_failed", request=repr(batch[0].request), exc_info=failure)
            self._answer([(batch[0], failure)])
            return []
        middle = len(batch) // 2
        waiting = self._charge_batch(batch[:middle])
        # What follows on a call that waits must not overtake it.
        held_calls = {item.request.key for item in waiting}
        ready: list[_Item] = []
        for item in batch[middle:]:
            (waiting if item.request.key in held_calls else ready).append(item)
        return [*waiting, *(self._charge_batch(ready) if ready else [])]

    def _answer(self, answered: list[tuple[_Item, Answered]]) -> None:
        """Hand answers to their tickets, and complete tickets to their loops: one wake-up for each loop."""
        complete: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}
        for item, answer in answered:
            ticket = item.ticket
            ticket.answers[item.place] = answer
            ticket.missing -= 1
            if ticket.missing == 0:
                complete.setdefault(ticket.loop, []).append(ticket)
        for loop, tickets in complete.items():
            # A loop that has closed meanwhile has nobody left to tell; the charges stand.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._tell_all, tickets)

    def _tell_all(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            self._tell(ticket, ticket.answers)  # type: ignore[arg-type]

    def _expire(self, ticket: Ticket) -> None:
        """Answer what is still missing at the deadline, whatever the committing thread is waiting for."""
        message = "the database, or another transaction on the organization, took too long"
        late = Unavailable(message, code="deadline")
        self._tell(ticket, [late if answer is None else answer for answer in ticket.answers])

    def _tell(self, ticket: Ticket, answers: list[Answered]) -> None:
        if ticket.expiry is None:
            return
        ticket.expiry.cancel()
        ticket.expiry = None
        self._unanswered_count -= len(ticket.requests)
        try:
            self._observe(ticket.requests, answers, ticket.began)
            ticket.tell(answers)
        except Exception:
            # One who cannot be told must not keep the others of his batch from it.
            log.exception("telling_failed")


def _in_time(batch: list[_Item]) -> list[_Item]:
    """Leave out what has been answered at its deadline: nobody waits for it any more."""
    now = time.monotonic()
    return [item for item in batch if item.ticket.deadline >= now]
