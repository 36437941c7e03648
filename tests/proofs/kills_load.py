"""Kills under load: a switch writes down its answers while servers die; then the books are held against it."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interfaces.charging.books import open_books, units
from tests.interfaces.charging.servers import POLL_SECONDS, STOP_SECONDS_MAX
from tests.proofs import kills_judge
from tests.proofs.kills_nursery import REPOSITORY, NursedServer

# So many kills belong to one witness; then its calls end, and every answer is compared with the books.
KILLS_OF_A_WITNESS = 100
CALLERS, BATCHERS = 24, 1
ORGANIZATIONS = 10
# Some organizations run dry soon: denials and final grants are answers, too.
POOR_ORGANIZATIONS = 3
GRANTED_MICROS = units(5_000)
# Calls run for so long before a server is killed; some are killed before they answer at all.
LOAD_SECONDS_MAX = 0.5
KILLED_EARLY, EARLY_SECONDS_MAX = 0.15, 0.12
CALM_SECONDS_MAX = 10.0
WITNESS_SECONDS_MAX = 60.0
SAID_AFTER_KILLS = 25

Say = Callable[[str], None]


@dataclass(frozen=True)
class Kill:
    """One way to die."""

    name: str
    how: Callable[[], object]


@dataclass
class Tally:
    """What was counted; `met_load` are the kills before which something was acknowledged since the kill before."""

    kills: Counter[str] = field(default_factory=Counter)
    met_load: int = 0
    calls: int = 0
    diameter_calls: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    asked_again: int = 0


def saying(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what tells whoever waits for a proof how far it has come."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    return say


def prove(
    url: str,
    servers: Sequence[NursedServer],
    deck: Sequence[Kill],
    kills: int,
    *,
    seed: int,
    folder: Path,
    say: Say,
) -> Counter[str]:
    """Kill so many times, and hold what was acknowledged against the books; return the kills by their names."""
    began, dice, tally = time.monotonic(), random.Random(seed), Tally()
    open_books(url, organizations_count=ORGANIZATIONS, granted_micros=GRANTED_MICROS, poor_count=POOR_ORGANIZATIONS)
    order = _shuffled(deck, kills, dice)
    for first in range(0, kills, KILLS_OF_A_WITNESS):
        for server in servers:
            server.start()
        switch, path = f"w{first}", folder / f"w{first}.jsonl"
        with witnessing(servers, path, switch, seed) as witness:
            for kill in order[first : first + KILLS_OF_A_WITNESS]:
                _kill(kill, servers, path, dice, tally)
                if tally.kills.total() % SAID_AFTER_KILLS == 0:
                    _say_progress(say, url, tally, kills, path, time.monotonic() - began)
            for server in servers:
                server.start()
            counts = _ended(witness)
        _judge(url, switch, path, counts, tally)
    kills_judge.assert_books_are_closed(url)
    assert tally.met_load >= kills // 2, "most kills met no load"
    say(json.dumps(_figures(url, tally, time.monotonic() - began)))
    return tally.kills


@contextmanager
def witnessing(
    servers: Sequence[NursedServer], path: Path, switch: str, seed: int
) -> "Iterator[subprocess.Popen[str]]":
    """Run a witness in a process of its own, which survives the servers."""
    ports, ro_ports = (",".join(map(str, each)) for each in zip(*((s.port, s.ro_port) for s in servers), strict=True))
    arguments = [ports, str(path), "--switch", switch, "--seed", str(seed), "--ro", ro_ports]
    arguments += ["--callers", str(CALLERS), "--batchers", str(BATCHERS), "--organizations", str(ORGANIZATIONS)]
    path.touch()
    witness = subprocess.Popen(
        [sys.executable, "-m", "tests.proofs.kills", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        _await_line(path, witness)
        yield witness
    finally:
        witness.kill()
        witness.communicate(timeout=STOP_SECONDS_MAX)


def _shuffled(deck: Sequence[Kill], kills: int, dice: random.Random) -> list[Kill]:
    """Return so many kills: the deck again and again, in another order each time."""
    order: list[Kill] = []
    while len(order) < kills:
        order += dice.sample(deck, len(deck))
    return order[:kills]


def _kill(kill: Kill, servers: Sequence[NursedServer], path: Path, dice: random.Random, tally: Tally) -> None:
    """Let calls run for a while, kill, and have whoever died begin again."""
    acknowledged_bytes = path.stat().st_size
    if dice.random() < KILLED_EARLY:
        time.sleep(dice.uniform(0, EARLY_SECONDS_MAX))
    else:
        for server in servers:
            server.start()
        _await_growth(path, acknowledged_bytes)
        time.sleep(dice.uniform(0, LOAD_SECONDS_MAX))
    kill.how()
    tally.kills[kill.name] += 1
    tally.met_load += path.stat().st_size > acknowledged_bytes
    for server in servers:
        server.begin()


def _await_growth(path: Path, size_bytes: int) -> None:
    """Wait until something is acknowledged again, but not for ever: a kill that meets no load is a kill, too."""
    gives_up_at = time.monotonic() + CALM_SECONDS_MAX
    while path.stat().st_size == size_bytes and time.monotonic() < gives_up_at:
        time.sleep(POLL_SECONDS)


def _judge(url: str, switch: str, path: Path, counts: dict[str, int], tally: Tally) -> None:
    """Compare what a witness wrote down with the books; then it is not needed any more."""
    witnessed = kills_judge.read(path)
    assert witnessed.acknowledged.total() == counts["acknowledged"]
    assert counts["differing"] == 0, "what was asked again was not answered alike: standard error shows it"
    kills_judge.assert_nothing_is_lost_or_doubled(url, switch, witnessed)
    kills_judge.assert_sums_agree(url)
    tally.calls += len(witnessed.by_call)
    tally.diameter_calls += sum(call_id.startswith(f"{switch};") for call_id in witnessed.by_call)
    tally.acknowledged += witnessed.acknowledged
    tally.unanswered += counts["unanswered"]
    tally.asked_again += counts["asked_again"]
    path.unlink()


def _ended(witness: "subprocess.Popen[str]") -> dict[str, int]:
    said, _ = witness.communicate("enough\n", timeout=WITNESS_SECONDS_MAX)
    counts: dict[str, int] = json.loads(said)
    return counts


def _say_progress(say: Say, url: str, tally: Tally, kills: int, path: Path, seconds: float) -> None:
    database, done, compared = url.partition(":")[0], tally.kills.total(), tally.acknowledged.total()
    with path.open("rb") as lines:
        acknowledged = compared + sum(1 for _ in lines)
    say(f"{database}: kill {done} of {kills}, {acknowledged} acknowledged, {compared} compared, {seconds:.0f} s")


def _figures(url: str, tally: Tally, seconds: float) -> dict[str, object]:
    return {
        "proof": "kills",
        "database": url.partition(":")[0],
        "kills": dict(tally.kills),
        "kills_that_met_load": tally.met_load,
        "calls": tally.calls,
        "calls_over_diameter": tally.diameter_calls,
        "acknowledged": dict(tally.acknowledged),
        "unanswered_and_asked_again": tally.unanswered,
        "answered_and_asked_again": tally.asked_again,
        "lost": 0,
        "doubled": 0,
        "audit": "clean",
        "seconds": round(seconds),
    }


def _await_line(path: Path, witness: "subprocess.Popen[str]") -> None:
    while path.stat().st_size == 0:
        assert witness.poll() is None, "the witness ended"
        time.sleep(POLL_SECONDS)
