import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talktime.interfaces.cli.main import main

HEADER = "call_id,from,to,kind,started_at,ring_seconds,duration_seconds"
PRICES = "Prefix,Destination,Rate per minute,Increments\n44,United Kingdom,0.06,60/60\n"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the command line on an organization that has prices and 0.12 USD: two minutes."""
    database = f"sqlite:///{tmp_path / 'talktime.db'}"
    (tmp_path / "prices.csv").write_text(PRICES)

    def run(*arguments: str, code: int = 0) -> str:
        assert main([*arguments, "--database", database]) == code
        return capsys.readouterr().out

    run("decks", "import", str(tmp_path / "prices.csv"), "--deck", "standard", "--currency", "USD")
    run("decks", "publish", "standard", "--at", "2026-01-01T00:00:00Z")
    named = ("--country", "GB", "--currency", "USD", "--time-zone", "Europe/London", "--deck", "standard")
    run("organizations", "add", "Acme", *named)
    run("credit", "add", "0.12", "--reference", "PO-1", "--purchased-at", "2026-01-01")
    return run


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Give a file with a call that is cut, one that is paid, one that is denied, and one that is no call."""
    path = tmp_path / "calls.csv"
    lines = (
        HEADER,
        "A,ada,+442079460000,user_out,2026-03-02T12:00:00Z,5,100",
        "B,ada,+442079460000,user_out,2026-03-02T12:00:10Z,5,30",
        "C,ada,+442079460000,user_out,2026-03-02T12:05:00Z,5,30",
        "D,ada,+442079460000,user_out,2026-03-02T12:06:00Z,5,-1",
    )
    path.write_text("\n".join(lines) + "\n")
    return path


def document(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read


def test_a_replayed_file_says_what_was_charged_cut_denied_and_rejected(run: Run, calls: Path) -> None:
    told = document(run("calls", "replay", str(calls), "--create-users", "--json"))

    assert (told["lines"], told["calls"], told["classes"]) == (4, 3, {"user_out": 4})
    assert (told["charged"], told["currency"], told["uncovered"]) == ("0.12", "USD", "0.00")
    assert (told["cut"], told["denied"], told["users_created"]) == (1, {"credit_exhausted": 1}, 1)
    assert told["rejected"] == [
        {"line": 5, "class": "user_out", "reason": "duration_seconds '-1' is no number of seconds from 0 up"}
    ]


def test_a_person_is_told_the_same_with_reasons_in_words(run: Run, calls: Path) -> None:
    told = run("calls", "replay", str(calls), "--create-users")

    assert "3 calls of Acme" in told
    assert "0.12 USD" in told
    assert "add funds" in told
    assert "duration_seconds '-1'" in told


def test_a_smaller_quantum_holds_less_at_a_time(run: Run, calls: Path, tmp_path: Path) -> None:
    per_second = tmp_path / "per_second.csv"
    per_second.write_text(PRICES.replace("60/60", "1/1"))
    run("decks", "import", str(per_second), "--deck", "standard", "--currency", "USD")
    run("decks", "publish", "standard", "--at", "2026-01-01T00:00:00Z")

    told = document(run("calls", "replay", str(calls), "--create-users", "--quantum", "5", "--json"))

    # 120 seconds are paid for: all of B, and what is left goes to A, second by second.
    assert (told["charged"], told["talk_seconds"]) == ("0.12", 120)


def test_callers_that_belong_to_nobody_are_denied_and_told(
    run: Run, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(run("calls", "replay", str(calls), "--json"))

    assert told["denied"] == {"caller_unknown": 3}


def test_local_times_need_a_time_zone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "local.csv"
    path.write_text(f"{HEADER}\nA,ada,+442079460000,user_out,2026-03-02 12:00:00,5,30\n")

    without = document(run("calls", "replay", str(path), "--create-users", "--json"))
    stated = document(run("calls", "replay", str(path), "--create-users", "--time-zone", "Europe/London", "--json"))

    assert "time zone" in without["rejected"][0]["reason"]
    assert (without["calls"], stated["calls"]) == (0, 1)


def test_a_file_that_cannot_be_read_is_the_callers_mistake(run: Run, tmp_path: Path) -> None:
    told = document(run("calls", "replay", str(tmp_path / "nowhere.csv"), "--json", code=2))

    assert told["error"] == "file_not_found"
