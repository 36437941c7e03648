"""What waits while one transaction commits is committed together by the next, in order, each request for itself."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.requests import Answer, EndCall, Parked, Request
from talktime.core.values.errors import Unavailable
from talktime.group_commit import Answered, GroupCommitter
from tests.group_commit.committing import Gate, answer_to, committing, echo, name_of, request, sent


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


CALLS = "abd"


@given(
    asked=st.lists(st.sampled_from(CALLS), min_size=1, max_size=40),
    held=st.lists(st.frozensets(st.sampled_from("AB")), max_size=8),
    poisoned=st.frozensets(st.integers(0, 39), max_size=3),
)
def test_whatever_is_held_or_fails_each_call_is_decided_in_its_order(
    asked: list[str], held: list[frozenset[str]], poisoned: frozenset[int]
) -> None:
    """Calls a and b belong to organization A, d to B; `held` says who is held in each transaction."""
    requests = [request(call_id, number) for number, call_id in enumerate(asked)]
    poisonous = {name_of(each) for number, each in enumerate(requests) if number in poisoned}
    transactions = iter(held)
    decided: dict[str, list[int]] = defaultdict(list)

    def run_batch(batch: Sequence[Request]) -> list[Answer | None]:
        now_held = next(transactions, frozenset())
        waits = ["A" in now_held if each.key.call_id in "ab" else "B" in now_held for each in batch]
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
