"""A request waits for its organization until its deadline, in its order, and lets the others pass."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence

from talktime import group_commit
from talktime.core.calls.requests import Answer, Parked, Request
from talktime.core.values.errors import Unavailable
from talktime.group_commit import Answered, GroupCommitter
from tests.group_commit.committing import Gate, answer_to, committing, name_of, request, sent


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
