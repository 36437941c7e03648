"""A large price list comes into memory and into force while a phone rings: how long both take, and who waits."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import uvloop

from talktime.bootstrap import App, Charging, open_statements
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, Finished, StartCall
from talktime.group_commit import GroupCommitter
from talktime.interfaces.cli.bench.loads.committing import open_committer
from talktime.interfaces.cli.bench.measuring.processes import memory_mb
from talktime.interfaces.cli.bench.world.filling import DECK
from talktime.interfaces.cli.bench.world.people import pairs
from talktime.settings import Settings
from talktime.usecases.rates.publish_rate_deck import PublishDeck, publish_deck

SWITCH = "swap"
QUIET_SECONDS = 2.0
# One phone that rings so often finds every pause that is longer.
PAUSE_SECONDS = 0.002
TALK_SECONDS = 30


@dataclass(slots=True)
class Swap:
    """What was seen: seconds, milliseconds, and MB."""

    load_seconds: float = 0.0
    quiet_longest_ms: float = 0.0
    load_longest_ms: float = 0.0
    swap_longest_ms: float = 0.0
    memory_before_mb: int = 0
    memory_after_mb: int = 0
    memory_peak_mb: int = 0
    calls: int = 0


class Phone:
    """Calls by one phone, one after the other, and the longest wait since it was last asked for."""

    def __init__(self, committer: GroupCommitter, organizations: int) -> None:
        """Choose whom to call."""
        self._committer = committer
        self._pairs = pairs(Random(SWITCH), organizations, 1_000)  # noqa: S311 -- repeatable chance is the point
        self._longest = 0.0
        self.acknowledged: dict[str, int] = {}
        self.hangs_up = False

    async def ring(self) -> None:
        """Call until told to hang up."""
        while not self.hangs_up:
            number = len(self.acknowledged)
            key = CallKey(SWITCH, str(number))
            await self._ask(StartCall(key, datetime.now(UTC), *self._pairs[number % len(self._pairs)]))
            finished = await self._ask(EndCall(key, datetime.now(UTC), TALK_SECONDS))
            assert isinstance(finished, Finished), finished
            self.acknowledged[key.call_id] = finished.cost_micros
            await asyncio.sleep(PAUSE_SECONDS)

    def longest_ms(self) -> float:
        """Return the longest wait since this was last asked."""
        longest, self._longest = self._longest, 0.0
        return round(longest * 1_000, 1)

    async def _ask(self, request: StartCall | EndCall) -> object:
        began = time.perf_counter()
        (answer,) = await self._committer.charge((request,))
        self._longest = max(self._longest, time.perf_counter() - began)
        return answer


async def _swap(charging: Charging, phone: Phone, database_url: str) -> Swap:
    seen, ringing = Swap(), asyncio.create_task(phone.ring())
    await asyncio.sleep(QUIET_SECONDS)
    phone.longest_ms()
    seen.memory_before_mb, _ = memory_mb(os.getpid())
    await asyncio.sleep(QUIET_SECONDS)
    seen.quiet_longest_ms = phone.longest_ms()
    began = time.perf_counter()
    await asyncio.to_thread(_warm, charging, database_url)
    seen.load_seconds, seen.load_longest_ms = round(time.perf_counter() - began, 2), phone.longest_ms()
    await asyncio.to_thread(_publish, database_url)
    await asyncio.sleep(QUIET_SECONDS)
    seen.swap_longest_ms = phone.longest_ms()
    phone.hangs_up = True
    await ringing
    seen.memory_after_mb, seen.memory_peak_mb = memory_mb(os.getpid())
    seen.calls = len(phone.acknowledged)
    return seen


def _warm(charging: Charging, database_url: str) -> None:
    """Load what may be needed, as the charging server does each second."""
    statements = open_statements(database_url)
    charging.warm_decks(statements, datetime.now(UTC))
    statements.close()


def _publish(database_url: str) -> None:
    app, now = App(Settings(database=database_url)), datetime.now(UTC)
    with app:
        app.run(publish_deck, PublishDeck(DECK, None, now, now))


def main() -> None:
    """Swap to the newest version in the database that standard input names."""
    told = json.load(sys.stdin)
    with open_committer(told["url"]) as (charging, committer):
        phone = Phone(committer, told["organizations"])
        seen = uvloop.run(_swap(charging, phone, told["url"]))
    document = {name: getattr(seen, name) for name in Swap.__dataclass_fields__}
    Path(told["report"]).write_text(json.dumps({"seen": document, "acknowledged": phone.acknowledged}), "utf-8")


if __name__ == "__main__":
    main()
