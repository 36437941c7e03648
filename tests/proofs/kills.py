"""A switch that writes down every answer it gets: the witness of what servers acknowledged before they were killed.

    python -m tests.proofs.kills 8080,8081 witnessed.jsonl --switch w1 --seed 1 --callers 32 --batchers 1 --ro 3868,3869

Each caller makes one call after the other: start, perhaps answer, some extensions, end; a batcher makes twenty at once,
and on the ports of `--ro` some speak Diameter.
What gets no answer is asked again, word for word, of any server, until it is answered; one answer in ten is asked for
again although it came. Every answer is a line in the file, written at once, in another process than the servers'.
A line on standard input ends it: calls in progress are brought to their end, and the counts are printed.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.interfaces.charging.books import CALLED, caller_of
from tests.interfaces.charging.servers import Client
from tests.proofs.kills_ro import RoClient

RETRY_SECONDS = 0.02
ANSWER_SECONDS_MAX = 10.0
EXTENSIONS_MAX = 2
# A call may be said to have lasted a little longer than it has existed: clocks differ (core/calls/finishing.py).
USED_SECONDS_MAX = 100
# A session is not believed to have lasted longer than it has existed: a started second, and the grace of two.
RO_USED_SECONDS_MAX = 3
ASKED_AGAIN = 0.1
IN_VAIN_ATTEMPTS = 1_000
CALLS_IN_A_BATCH = 20

Fields = dict[str, object]
Answer = dict[str, Any]


@dataclass
class Counts:
    """What the witness saw: answers, questions that got none, and answers that were asked for again."""

    acknowledged: int = 0
    unanswered: int = 0
    asked_again: int = 0
    differing: int = 0


class Witness:
    """Asks until it is answered, and writes the answer down before it goes on."""

    def __init__(self, path: str, switch: str) -> None:
        self.counts = Counts()
        self.is_over = False
        self.switch = switch
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    async def ask(self, line: "Line", operation: str, fields: Fields) -> Answer:
        """Ask one thing until it is answered."""
        (answer,) = await self._answers(line, operation, [fields])
        return answer

    async def ask_at_once(self, line: "Line", asked: list[Fields]) -> list[Answer]:
        """Ask many things in one request until each is answered; what was answered already must be answered alike."""
        return await self._answers(line, "batch", asked)

    async def _answers(self, line: "Line", operation: str, asked: list[Fields]) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(asked)
        for attempt in range(sys.maxsize):
            for place, answer in enumerate(await self._asked_once(line, operation, asked)):
                if answer is not None:
                    answers[place] = self._noted(asked[place], answers[place], answer)
            if None in answers:
                self.counts.unanswered += 1
                if attempt == IN_VAIN_ATTEMPTS:
                    print(f"asked {attempt} times in vain, lastly {line.refused}: {asked}", file=sys.stderr)
                await asyncio.sleep(RETRY_SECONDS)
            elif line.dice.random() < ASKED_AGAIN:
                self.counts.asked_again += 1
            else:
                return [answer for answer in answers if answer is not None]
        raise AssertionError  # the loop returns

    async def _asked_once(self, line: "Line", operation: str, asked: list[Fields]) -> list[Answer | None]:
        client = line.dice.choice(line.clients)
        is_batch = operation == "batch"
        try:
            question: Any = asked if is_batch else asked[0]
            status, said = await asyncio.wait_for(client.post(operation, question), ANSWER_SECONDS_MAX)
        except (OSError, EOFError, TimeoutError) as failure:
            line.refused = repr(failure)
            return [None] * len(asked)
        if status != 200:
            line.refused = f"{status} {said}"
            return [None] * len(asked)
        return [None if item.get("status") == 503 else item for item in (said if is_batch else [said])]

    def _noted(self, asked: Fields, before: Answer | None, answer: Answer) -> Answer:
        """Write an answer down when it comes for the first time; compare it when it comes again."""
        if before is None or (before != answer and _gained_nothing(asked, before)):
            self.counts.acknowledged += 1
            seen = {"operation": asked["operation"], "call_id": asked["call_id"], "answer": answer}
            os.write(self._file, json.dumps(seen).encode() + b"\n")
            return answer
        if before != answer:
            self.counts.differing += 1
            print(f"{asked} was answered {before}, and now {answer}", file=sys.stderr)
        return before


def _gained_nothing(asked: Fields, answer: Answer) -> bool:
    """Tell whether an extension found no credit: asked again it is a new question, and others may have ended since."""
    return asked["operation"] == "extend" and answer.get("granted_total") == asked.get("granted_total")


class Line:
    """Somebody who calls: connections to all servers, dice, and the calls made one after the other."""

    def __init__(
        self, witness: Witness, clients: Sequence[Client | RoClient], name: str, seed: int, organizations_count: int
    ) -> None:
        self.clients = clients
        self.dice = random.Random(f"{seed}-{name}")
        # What was said instead of an answer when it was asked last.
        self.refused = ""
        self._witness = witness
        self._name = name
        self._organizations_count = organizations_count

    async def make_calls(self) -> None:
        """Make one call after the other until it is over."""
        for count in range(sys.maxsize):
            if self._witness.is_over:
                break
            await self._make_call(f"{self._name}-{count}")
        for client in self.clients:
            client.close()

    async def make_many_calls(self) -> None:
        """Make twenty calls at once, again and again, until it is over."""
        for count in range(sys.maxsize):
            if self._witness.is_over:
                break
            await self._make_batch([f"{self._name}-{count}-{number}" for number in range(CALLS_IN_A_BATCH)])
        for client in self.clients:
            client.close()

    async def make_ro_calls(self) -> None:
        """Make one call after the other over Diameter until it is over."""
        for count in range(sys.maxsize):
            if self._witness.is_over:
                break
            await self._make_ro_call(f"{self._witness.switch};{self._name};{count}")
        for client in self.clients:
            client.close()

    async def _make_ro_call(self, session: str) -> None:
        """Make a call of which each report tells what was used since the last one."""
        call = {"call_id": session, "from": caller_of(1 + self.dice.randrange(self._organizations_count))}

        async def ask(operation: str, number: int, used: int, reported: int) -> Answer:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            said = {"operation": operation, "number": number, "used": used, "reported": reported, "at": at}
            return await self._ask({**call, **said})

        answer = await ask("start", 0, 0, 0)
        if answer["result"] != "allow":
            return
        granted, reported, number = answer["granted_total"], 0, 1
        while number <= self.dice.randrange(EXTENSIONS_MAX + 2) and not answer.get("final", 1):
            used = self.dice.randrange(min(granted, RO_USED_SECONDS_MAX) - reported + 1)
            reported += used
            answer = await ask("extend", number, used, reported)
            granted, number = answer.get("granted_total", granted), number + 1
        used = self.dice.randrange(min(granted, RO_USED_SECONDS_MAX) - reported + 1)
        await ask("end", number, used, reported + used)

    async def _make_call(self, call_id: str) -> None:
        started = await self._ask(self._start(call_id))
        if started["result"] != "allow":
            return
        if self.dice.random() < 0.5:
            await self._ask(self._of(call_id, "answer"))
        granted, is_final = started["granted_total"], started["final"]
        for _ in range(self.dice.randrange(EXTENSIONS_MAX + 1)):
            if is_final:
                break
            extended = await self._ask(self._extend(call_id, granted))
            granted, is_final = extended.get("granted_total", granted), extended.get("final", 1)
        await self._ask(self._end(call_id, granted))

    async def _make_batch(self, call_ids: list[str]) -> None:
        started = await self._witness.ask_at_once(self, [self._start(call_id) for call_id in call_ids])
        granted = {
            call_id: answer["granted_total"]
            for call_id, answer in zip(call_ids, started, strict=True)
            if answer["result"] == "allow"
        }
        if not granted:
            return
        extended = await self._witness.ask_at_once(self, [self._extend(*item) for item in granted.items()])
        totals = [answer["granted_total"] for answer in extended]
        ends = [self._end(call_id, total) for call_id, total in zip(granted, totals, strict=True)]
        await self._witness.ask_at_once(self, ends)

    async def _ask(self, fields: Fields) -> Answer:
        return await self._witness.ask(self, str(fields["operation"]), fields)

    def _of(self, call_id: str, operation: str, **more: object) -> Fields:
        return {"operation": operation, "call_id": call_id, "switch": self._witness.switch, **more}

    def _start(self, call_id: str) -> Fields:
        organization_id = 1 + self.dice.randrange(self._organizations_count)
        return self._of(call_id, "start", **{"from": caller_of(organization_id), "to": CALLED})

    def _extend(self, call_id: str, granted: int) -> Fields:
        return self._of(call_id, "extend", granted_total=granted, elapsed=max(0, granted - 10))

    def _end(self, call_id: str, granted: int) -> Fields:
        return self._of(call_id, "end", duration=self.dice.randrange(min(granted, USED_SECONDS_MAX) + 1))


async def _run(arguments: argparse.Namespace) -> Counts:
    witness = Witness(arguments.file, arguments.switch)
    http_ports, ro_ports = (
        [int(port) for port in ports.split(",") if port] for ports in (arguments.ports, arguments.ro)
    )

    def line(name: str) -> Line:
        clients = [Client(port) for port in http_ports]
        return Line(witness, clients, name, arguments.seed, arguments.organizations)

    def ro_line(name: str) -> Line:
        clients = [RoClient(port, arguments.switch) for port in ro_ports]
        return Line(witness, clients, name, arguments.seed, arguments.organizations)

    calls = asyncio.gather(
        *(line(f"c{number}").make_calls() for number in range(arguments.callers)),
        *(line(f"b{number}").make_many_calls() for number in range(arguments.batchers)),
        *(ro_line(f"r{number}").make_ro_calls() for number in range(arguments.ro_callers if ro_ports else 0)),
    )
    await asyncio.to_thread(sys.stdin.readline)
    witness.is_over = True
    await calls
    return witness.counts


def main() -> None:
    """Run until a line comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ports")
    parser.add_argument("file")
    parser.add_argument("--switch", default="witness")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--batchers", type=int, default=1)
    parser.add_argument("--ro", default="")
    parser.add_argument("--ro-callers", type=int, default=4)
    parser.add_argument("--organizations", type=int, default=10)
    counts = asyncio.run(_run(parser.parse_args()))
    print(json.dumps(vars(counts)))


if __name__ == "__main__":
    main()
