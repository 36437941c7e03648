"""What waits while one transaction commits is committed together by the next, in order, each request for itself."""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime import group_commit
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Answer, EndCall, Parked, Request
from talktime.core.values.errors import Unavailable
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


def test_each_request_gets_its_own_answer_in_its_place() -> None:
    with committing(echo) as committer:
        answers = asyncio.run(committer.charge([request("a"), request("b"), request("a", 1)]))

    assert answers == [Parked("a-0"), Parked("b-0"), Parked("a-1")]


def test_what_waits_while_one_transaction_commits_is_committed_by_the_next() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> None:
        first = await gate.hold(committer)
        others = [await sent(committer, [request(f"c{number}")]) for number in range(5)]
        gate.opened.set()
        await asyncio.gather(first, *others)

    with committing(gate) as committer:
        asyncio.run(scenario(committer))

    assert gate.batches == [["first-0"], [f"c{number}-0" for number in range(5)]]


def test_a_batch_has_a_bound() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        first = await gate.hold(committer)
        many = await sent(committer, [request(f"c{number}") for number in range(1_200)])
        gate.opened.set()
        await first
        return await many

    with committing(gate) as committer:
        answers = asyncio.run(scenario(committer))

    assert [len(batch) for batch in gate.batches] == [1, 512, 512, 176]
    assert answers == [Parked(f"c{number}-0") for number in range(1_200)]


def test_a_request_whose_organization_is_held_waits_and_keeps_its_order() -> None:
    refusals = Counter[str]()
    decided: list[str] = []

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        answers: list[Answer | None] = []
        for each in requests:
            refusals[name_of(each)] += 1
            is_held = each.key.call_id == "held" and refusals["held-0"] < 4
            answers.append(None if is_held else answer_to(each))
            decided.extend([] if is_held else [name_of(each)])
        return answers

    with committing(run_batch) as committer:
        asked = [request("held"), request("free"), request("held", 1), request("held", 2), request("free", 1)]
        answers = asyncio.run(committer.charge(asked))

    assert answers == [Parked(name_of(each)) for each in asked]
    assert decided == ["free-0", "free-1", "held-0", "held-1", "held-2"]


def test_many_requests_of_a_held_organization_delay_no_other() -> None:
    is_held = threading.Event()
    is_held.set()

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        assert len(requests) <= group_commit.BATCH_MAX
        held = is_held.is_set()
        return [None if held and each.key.call_id.startswith("held") else answer_to(each) for each in requests]

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        held = await sent(committer, [request(f"held{number}") for number in range(3_000)])
        others = [await committer.charge([request("other", number)]) for number in range(20)]
        assert not held.done()
        is_held.clear()
        assert await held == [Parked(f"held{number}-0") for number in range(3_000)]
        return [answer for (answer,) in others]

    with committing(run_batch) as committer:
        answers = asyncio.run(scenario(committer))

    assert answers == [Parked(f"other-{number}") for number in range(20)]


def test_one_that_is_released_soon_does_not_stand_behind_many_that_are_held() -> None:
    tries = Counter[str]()
    is_over = threading.Event()

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        tries.update(each.key.call_id for each in requests)
        return [
            answer_to(each) if is_over.is_set() or (each.key.call_id == "brief" and tries["brief"] > 1) else None
            for each in requests
        ]

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        held = await sent(committer, [request(f"held{number}") for number in range(1_000)])
        brief = await committer.charge([request("brief")])
        is_over.set()
        await held
        return brief

    with committing(run_batch) as committer:
        brief = asyncio.run(scenario(committer))

    assert brief == [Parked("brief-0")]


def test_a_request_without_an_answer_at_its_deadline_is_told_so() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        answers = await committer.charge([request("a")])
        gate.opened.set()
        return answers

    with committing(gate, deadline_seconds=0.05) as committer:
        (answer,) = asyncio.run(scenario(committer))

    assert isinstance(answer, Unavailable)
    assert answer.code == "deadline"


def test_answers_that_came_in_time_are_kept_when_others_miss_the_deadline() -> None:
    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        return [None if each.key.call_id == "held" else answer_to(each) for each in requests]

    with committing(run_batch, deadline_seconds=0.1) as committer:
        answers = asyncio.run(committer.charge([request("a"), request("held"), request("b")]))

    assert (answers[0], answers[2]) == (Parked("a-0"), Parked("b-0"))
    assert isinstance(answers[1], Unavailable)


def test_a_request_that_has_been_refused_at_its_deadline_is_not_charged_later() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> None:
        first = await gate.hold(committer)
        late = await sent(committer, [request("late")])
        await first
        await late
        gate.opened.set()
        await committer.charge([request("new")])

    with committing(gate, deadline_seconds=0.05) as committer:
        asyncio.run(scenario(committer))

    assert gate.batches == [["first-0"], ["new-0"]]


def test_a_batch_that_the_database_did_not_take_is_tried_again() -> None:
    attempts: list[int] = []

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        attempts.append(len(requests))
        if len(attempts) < 3:
            raise Unavailable("the database did not answer")
        return echo(requests)

    with committing(run_batch) as committer:
        answers = asyncio.run(committer.charge([request("a"), request("b")]))

    assert answers == [Parked("a-0"), Parked("b-0")]
    assert len(attempts) >= 3


def test_a_request_that_fails_fails_alone() -> None:
    runs: list[int] = []

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        runs.append(len(requests))
        if any(each.key.call_id == "poison" for each in requests):
            raise ZeroDivisionError
        return echo(requests)

    gate = Gate(run_batch)

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        first = await gate.hold(committer)
        asked = [request("poison" if number == 300 else f"c{number}") for number in range(512)]
        many = await sent(committer, asked)
        gate.opened.set()
        await first
        return await many

    with committing(gate) as committer:
        answers = asyncio.run(scenario(committer))

    assert isinstance(answers.pop(300), ZeroDivisionError)
    assert answers == [Parked(f"c{number}-0") for number in range(512) if number != 300]
    # Halving finds one in 512 by 9 halvings of two runs each.
    assert len(runs) == 1 + 1 + 2 * 9


def test_what_follows_on_a_call_that_waits_does_not_overtake_it_when_the_batch_is_halved() -> None:
    decided: list[str] = []
    tries = Counter[str]()

    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        if any(each.key.call_id == "poison" for each in requests):
            raise ZeroDivisionError
        tries.update(map(name_of, requests))
        # As charging does: an organization that is held is recognized by the call's first request.
        is_held = "a-0" in map(name_of, requests) and tries["a-0"] < 3
        answers = [None if is_held and each.key.call_id == "a" else answer_to(each) for each in requests]
        decided.extend(answer.reason for answer in answers if answer is not None)
        return list(answers)

    with committing(run_batch) as committer:
        asyncio.run(committer.charge([request("a"), request("b"), request("poison"), request("a", 1)]))

    assert decided.index("a-0") < decided.index("a-1")


def test_too_many_waiting_requests_are_refused_at_once() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> Unavailable:
        first = await gate.hold(committer)
        waiting = await sent(committer, [request("a"), request("b")])
        with pytest.raises(Unavailable) as refused:
            await committer.charge([request("c")])
        assert committer.waiting_count == 3
        gate.opened.set()
        await asyncio.gather(first, waiting)
        assert await committer.charge([request("c")]) == [Parked("c-0")]
        return refused.value

    with committing(gate, queue_max=3) as committer:
        refused = asyncio.run(scenario(committer))

    assert refused.code == "busy"


def test_what_waits_is_charged_before_the_end_and_nothing_afterwards() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        first = await gate.hold(committer)
        waiting = await sent(committer, [request(f"c{number}") for number in range(600)])
        ending = asyncio.create_task(asyncio.to_thread(committer.stop))
        gate.opened.set()
        await asyncio.gather(first, ending)
        answers = await waiting
        with pytest.raises(Unavailable):
            await committer.charge([request("too-late")])
        return answers

    with committing(gate) as committer:
        answers = asyncio.run(scenario(committer))

    assert answers == [Parked(f"c{number}-0") for number in range(600)]


def test_an_end_waits_no_longer_for_a_held_organization_than_its_requests_do() -> None:
    def run_batch(requests: Sequence[Request]) -> list[Answer | None]:
        return [None] * len(requests)

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        waiting = await sent(committer, [request("held")])
        await asyncio.to_thread(committer.stop)
        return await waiting

    with committing(run_batch, deadline_seconds=0.1) as committer:
        (answer,) = asyncio.run(scenario(committer))

    assert isinstance(answer, Unavailable)


def test_a_loop_that_has_closed_is_not_missed() -> None:
    gate = Gate()

    async def leave(committer: GroupCommitter) -> None:
        (await gate.hold(committer)).cancel()

    with committing(gate) as committer:
        asyncio.run(leave(committer))
        gate.opened.set()
        answers = asyncio.run(committer.charge([request("a")]))

    assert answers == [Parked("a-0")]


def test_a_caller_who_gives_up_does_not_disturb_the_others() -> None:
    gate = Gate()

    async def scenario(committer: GroupCommitter) -> list[Answered]:
        first = await gate.hold(committer)
        gone, stays = await sent(committer, [request("gone")]), await sent(committer, [request("stays")])
        gone.cancel()
        first.cancel()
        gate.opened.set()
        return await stays

    with committing(gate) as committer:
        answers = asyncio.run(scenario(committer))
        assert committer.waiting_count == 0

    assert answers == [Parked("stays-0")]


def test_callers_on_several_loops_each_get_their_own() -> None:
    answered: dict[int, list[Answered]] = {}

    def call(committer: GroupCommitter, number: int, ask: Callable[[], Awaitable[list[Answered]]]) -> None:
        async def ask_often() -> list[Answered]:
            return [answer for _ in range(50) for answer in await ask()]

        answered[number] = asyncio.run(ask_often())

    with committing(echo) as committer:
        threads = [
            threading.Thread(
                target=call, args=(committer, number, lambda number=number: committer.charge([request("c", number)]))
            )
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answered == {number: [Parked(f"c-{number}")] * 50 for number in range(4)}


CALLS = "abcdef"


@given(
    asked=st.lists(st.sampled_from(CALLS), min_size=1, max_size=40),
    held=st.lists(st.frozensets(st.sampled_from("AB")), max_size=8),
    poisoned=st.frozensets(st.integers(0, 39), max_size=3),
)
def test_whatever_is_held_or_fails_each_call_is_decided_in_its_order(
    asked: list[str], held: list[frozenset[str]], poisoned: frozenset[int]
) -> None:
    """Calls a to c belong to organization A, the others to B; `held` says who is held in each transaction."""
    requests = [request(call_id, number) for number, call_id in enumerate(asked)]
    poisonous = {name_of(each) for number, each in enumerate(requests) if number in poisoned}
    transactions = iter(held)
    decided: dict[str, list[int]] = defaultdict(list)

    def run_batch(batch: Sequence[Request]) -> list[Answer | None]:
        now_held = next(transactions, frozenset())
        waits = ["A" in now_held if each.key.call_id in "abc" else "B" in now_held for each in batch]
        if any(not is_waiting and name_of(each) in poisonous for each, is_waiting in zip(batch, waits, strict=True)):
            raise ZeroDivisionError
        for each, is_waiting in zip(batch, waits, strict=True):
            if not is_waiting and isinstance(each, EndCall):
                decided[each.key.call_id].append(each.used_seconds)
        return [None if is_waiting else answer_to(each) for each, is_waiting in zip(batch, waits, strict=True)]

    with committing(run_batch) as committer:
        answers = asyncio.run(committer.charge(requests))

    for asked_for, answer in zip(requests, answers, strict=True):
        expected = ZeroDivisionError if name_of(asked_for) in poisonous else Parked
        assert isinstance(answer, expected)
    for numbers in decided.values():
        assert numbers == sorted(numbers)
