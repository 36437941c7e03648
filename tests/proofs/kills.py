"""A switch that writes down every answer it gets: the witness of what a server acknowledged before it was killed.

    python -m tests.proofs.kills 127.0.0.1:8080 witnessed.jsonl --seed 1 --callers 32 --organizations 10

Each caller makes one call after the other: start, perhaps answer, some extensions, end. What gets no answer is asked
again, word for word, until it is answered. Every answer is a line in the file, written at once, in another process than
the server's. A line on standard input ends it: calls in progress are brought to their end, and the count is printed.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.interfaces.charging.books import CALLED, caller_of
from tests.interfaces.charging.servers import Client

RETRY_SECONDS = 0.02
ANSWER_SECONDS_MAX = 10.0
EXTENSIONS_MAX = 2
# A call may be said to have lasted a little longer than it has existed: clocks differ (core/calls/finishing.py).
USED_SECONDS_MAX = 100


@dataclass
class Counts:
    """What the witness saw."""

    acknowledged: int = 0
    repeated: int = 0


class Witness:
    """Asks until it is answered, and writes the answer down before it goes on."""

    def __init__(self, port: int, path: str) -> None:
        self.counts = Counts()
        self.is_over = False
        self._port = port
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    async def make_calls(self, number: int, dice: random.Random, organizations_count: int) -> None:
        """Make one call after the other until it is over."""
        async with Client(self._port) as client:
            for count in range(sys.maxsize):
                if self.is_over:
                    return
                await self._make_call(client, f"{number}-{count}", 1 + dice.randrange(organizations_count), dice)

    async def _make_call(self, client: Client, call_id: str, organization_id: int, dice: random.Random) -> None:
        of_call = {"call_id": call_id, "switch": "witness"}
        started = await self._ask(client, "start", {**of_call, "from": caller_of(organization_id), "to": CALLED})
        if started["result"] != "allow":
            return
        if dice.random() < 0.5:
            await self._ask(client, "answer", of_call)
        granted, is_final = started["granted_total"], started["final"]
        for _ in range(dice.randrange(EXTENSIONS_MAX + 1)):
            if is_final:
                break
            extended = await self._ask(
                client, "extend", {**of_call, "granted_total": granted, "elapsed": max(0, granted - 10)}
            )
            granted, is_final = extended.get("granted_total", granted), extended.get("final", 1)
        used = dice.randrange(min(granted, USED_SECONDS_MAX) + 1)
        await self._ask(client, "end", {**of_call, "duration": used})

    async def _ask(self, client: Client, operation: str, fields: Mapping[str, object]) -> dict[str, Any]:
        while True:
            try:
                status, answer = await asyncio.wait_for(client.post(operation, fields), ANSWER_SECONDS_MAX)
            except (OSError, EOFError, TimeoutError):
                status, answer = 0, {}
            if status == 200:
                self._write_down({"operation": operation, "call_id": fields["call_id"], "answer": answer})
                return answer
            self.counts.repeated += 1
            await asyncio.sleep(RETRY_SECONDS)

    def _write_down(self, seen: Mapping[str, object]) -> None:
        os.write(self._file, json.dumps(seen).encode() + b"\n")
        self.counts.acknowledged += 1


async def _run(arguments: argparse.Namespace) -> Counts:
    witness = Witness(arguments.port, arguments.file)
    calls = asyncio.gather(
        *(
            witness.make_calls(number, random.Random(f"{arguments.seed}-{number}"), arguments.organizations)
            for number in range(arguments.callers)
        )
    )
    await asyncio.to_thread(sys.stdin.readline)
    witness.is_over = True
    await calls
    return witness.counts


def main() -> None:
    """Run until a line comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--organizations", type=int, default=10)
    counts = asyncio.run(_run(parser.parse_args()))
    print(json.dumps(vars(counts)))


if __name__ == "__main__":
    main()
