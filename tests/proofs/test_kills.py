"""`kill -9` of a server under load loses no answer that it gave, and does nothing twice.

What dies is the server's process; the machine, and PostgreSQL, live on. That a commit also survives a loss of power is
left to fsync, which is on: `synchronous=FULL` on SQLite, PostgreSQL's own default (`store/engine.py`).
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from talktime.core.values.money import MICROS_PER_UNIT
from tests.interfaces.charging.books import Facts, audit, open_books, units
from tests.interfaces.charging.servers import STOP_SECONDS_MAX, Server, serving

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 20
KILLS_IN_SHORT = 2
CALLERS = 32
ORGANIZATIONS = 10
# Some organizations run dry soon: denials and final grants are answers, too.
POOR_ORGANIZATIONS = 3
GRANTED_MICROS = units(1_000)
# Calls run this long, counted from when the server answers again, before it is killed.
LOAD_SECONDS_MIN, LOAD_SECONDS_MAX = 0.3, 1.8
WITNESS_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Witnessed:
    """What the witness was answered, call by call, and what it counted."""

    by_call: dict[str, dict[str, list[dict[str, Any]]]]
    acknowledged: Counter[str]
    repeated: int


@pytest.mark.parametrize("seed", [1])
def test_two_kills_lose_nothing_and_double_nothing(migrated_database_url: str, tmp_path: Path, seed: int) -> None:
    prove(migrated_database_url, tmp_path, kills=KILLS_IN_SHORT, seed=seed)


@pytest.mark.proof
def test_twenty_kills_lose_nothing_and_double_nothing(migrated_database_url: str, tmp_path: Path) -> None:
    began = time.monotonic()

    witnessed = prove(migrated_database_url, tmp_path, kills=KILLS, seed=2026)

    figures = {
        "proof": "kills",
        "database": migrated_database_url.partition(":")[0],
        "kills": KILLS,
        "calls": len(witnessed.by_call),
        "acknowledged": dict(witnessed.acknowledged),
        "asked_again": witnessed.repeated,
        "lost": 0,
        "doubled": 0,
        "audit": "clean",
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(figures))


def prove(url: str, folder: Path, *, kills: int, seed: int) -> Witnessed:
    """Kill a server under load so many times, then hold what it had acknowledged against what stands in the books."""
    dice = random.Random(seed)
    open_books(url, organizations_count=ORGANIZATIONS, granted_micros=GRANTED_MICROS, poor_count=POOR_ORGANIZATIONS)
    path = folder / "witnessed.jsonl"
    with serving(url, folder) as server, witnessing(server, path, seed) as witness:
        for number in range(kills):
            before = _lines_count(path)
            time.sleep(dice.uniform(LOAD_SECONDS_MIN, LOAD_SECONDS_MAX))
            server.kill()
            assert _lines_count(path) > before, f"kill {number} met no load"
            server.start()
        counts = _ended(witness)
    witnessed = _read(path, counts["repeated"])
    assert sum(witnessed.acknowledged.values()) == counts["acknowledged"]
    assert_nothing_is_lost_or_doubled(url, witnessed)
    return witnessed


@contextmanager
def witnessing(server: Server, path: Path, seed: int) -> "Iterator[subprocess.Popen[str]]":
    """Run the witness in a process of its own, which survives the server."""
    arguments = [str(server.port), str(path), "--seed", str(seed)]
    arguments += ["--callers", str(CALLERS), "--organizations", str(ORGANIZATIONS)]
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


def assert_nothing_is_lost_or_doubled(url: str, witnessed: Witnessed) -> None:
    """Compare every acknowledged answer with the rows of its call, and the sums with each other."""
    calls = {
        row[0].removeprefix("witness||"): row[1:]
        for row in Facts(url).rows(
            "SELECT call_key, state, granted_seconds, denial, used_seconds, cost_micros FROM calls"
        )
    }
    assert calls.keys() == witnessed.by_call.keys()
    differing = {
        call_id: (seen, calls[call_id])
        for call_id, seen in witnessed.by_call.items()
        if not _agrees(seen, *calls[call_id])
    }
    assert differing == {}
    charged = sum(_charged_micros(answers["end"][0]) for answers in witnessed.by_call.values() if "end" in answers)
    ended_count = sum("end" in answers for answers in witnessed.by_call.values())
    facts = Facts(url)
    assert facts.one("SELECT count(*) FROM usage_rows") == ended_count
    assert facts.one("SELECT count(*) FROM (SELECT DISTINCT call_key FROM usage_rows) AS calls") == ended_count
    assert facts.one("SELECT coalesce(sum(cost_micros), 0) FROM usage_rows") == charged
    assert facts.one("SELECT coalesce(sum(amount_micros), 0) FROM postings WHERE debit = 'lot'") == charged
    assert facts.one("SELECT sum(spent_micros) FROM credit_lots") == charged
    assert facts.one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert facts.one("SELECT count(*) FROM parked_reports") == 0
    report = audit(url)
    assert report.violations == ()
    assert report.is_clean


def _agrees(
    seen: dict[str, list[dict[str, Any]]],
    state: str,
    granted_seconds: int,
    denial: str | None,
    used_seconds: int | None,
    cost_micros: int | None,
) -> bool:
    """Tell whether a call's rows say what its switch was answered: each operation once, with these results."""
    if any(len(answers) > 1 for operation, answers in seen.items() if operation != "extend"):
        return False
    (started,) = seen["start"]
    if started["result"] == "deny":
        return (state, denial) == ("denied", started["reason"])
    (ended,) = seen["end"]
    grants = [answer["granted_total"] for answer in (started, *seen["extend"])]
    return (
        all(answer["result"] == "allow" for answer in seen["extend"])
        and all(answer["result"] == "ok" for answer in seen["answer"])
        and (state, granted_seconds) == ("finished", max(grants))
        and (used_seconds, cost_micros) == (ended["used"], _charged_micros(ended))
    )


def _charged_micros(ended: dict[str, Any]) -> int:
    return int(Decimal(ended["charged"]) * MICROS_PER_UNIT)


def _ended(witness: "subprocess.Popen[str]") -> dict[str, int]:
    said, _ = witness.communicate("enough\n", timeout=WITNESS_SECONDS_MAX)
    counts: dict[str, int] = json.loads(said)
    return counts


def _read(path: Path, repeated: int) -> Witnessed:
    by_call: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    acknowledged: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            seen = json.loads(line)
            by_call[seen["call_id"]][seen["operation"]].append(seen["answer"])
            acknowledged[seen["operation"]] += 1
    return Witnessed(by_call, acknowledged, repeated)


def _await_line(path: Path, witness: "subprocess.Popen[str]") -> None:
    while path.stat().st_size == 0:
        assert witness.poll() is None, "the witness ended"
        time.sleep(0.02)


def _lines_count(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)
