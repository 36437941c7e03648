"""`talktime pools` and `talktime calls refused`, and receipts of calls that several sources paid."""

import json
import shutil
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.pooled_books import PooledBooks


@pytest.fixture(scope="module")
def charged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "talktime.db"
    with App(Settings(database=f"sqlite:///{path}")) as app:
        PooledBooks.charged(app)
    return path


@pytest.fixture
def database(charged: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copyfile(charged, tmp_path / 'talktime.db')}"


def run(database: str, *words: str) -> int:
    return main([*words, "--database", database])


def test_each_pool_is_a_row_with_a_bar(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(database, "pools", "--organization", "Contoso", "--month", "2026-03")

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    small = next(line for line in lines if "Domestic Calling Plan 120 " in line and "United Kingdom" in line)
    assert small.split()[-7:] == ["120", "120", "0", "0", "100", "%", "█" * 12]
    abroad = next(line for line in lines if "600 international" in line)
    assert abroad.split()[-7:] == ["600", "4", "0", "596", "0", "%", "░" * 12]
    assert any("Audio Conferencing" in line and "all countries" in line and "60 to Zone A" in line for line in lines)
    assert any("bob@contoso.example" in line and "100 %" in line for line in lines)


def test_what_open_calls_hold_stands_between_used_and_left(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, "pools", "--organization", "Contoso", "--month", "2026-04", "--json")

    told = json.loads(capsys.readouterr().out)
    small = next(pool for pool in told["pools"] if pool["capability"] == "MCOPSTN5")
    assert (small["used_minutes"], small["held_minutes"], small["available_minutes"]) == (1, 1, 118)
    assert (told["month"], told["renews_on"]) == ("2026-04", "2026-05-01")
    assert told["own_minutes"]["users"] == 1


def test_where_there_are_no_pools_it_says_which_license_brings_minutes(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database, "pools", "--organization", "Tailspin") == 0

    assert "calling plan brings some" in " ".join(capsys.readouterr().err.split())


def test_a_plan_that_its_other_counter_has_ended_says_so(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with App(Settings(database=database)) as app:
        books = PooledBooks(app)
        books.use_up_abroad()
        books.close()

    run(database, "pools", "--organization", "Contoso", "--month", "2026-04")

    written = " ".join(capsys.readouterr().out.split())
    assert "GB: its international minutes are used up, and either counter ends the plan." in written


def test_what_is_no_month_is_the_callers_mistake(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(database, "pools", "--organization", "Contoso", "--month", "March") == 2
    assert "write 2026-10" in capsys.readouterr().err


def test_refused_calls_are_counted_by_reason_and_those_lost_because_of_balance(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:  # money.md 62
    assert run(database, "calls", "refused", "--organization", "Tailspin") == 0

    written = capsys.readouterr()
    assert "overage_limit_reached" in written.out
    assert "1 of 1 were lost because of the balance" in written.out
    assert "talktime" in written.err

    run(database, "calls", "refused", "--organization", "Contoso", "--json")

    told = json.loads(capsys.readouterr().out)
    assert (told["calls"], told["lost_because_of_balance"]) == (1, 0)
    assert told["reasons"][0]["reason"] == "credits_license_missing"


def test_where_nothing_was_refused_it_says_so(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(database, "calls", "refused", "--organization", "Contoso", "--from", "2027-01-01") == 0

    assert "No call of Contoso was refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call_id", "parts"),
    [
        (
            "straddling",
            (
                "1 minute drawn",
                "1 minute of Domestic Calling Plan 120 GB, 2026-03",
                "0 of 120 minutes left now",
                "60 – 150 90 × 1 s",
                "From credit 0.02 GBP",
                "Together 0.02 GBP, exactly 0.0199999995",
            ),
        ),
        (
            "split",
            ("0 – 30 1 × 30 s", "30 – 120 3 × 30 s", "0.032 GBP goes on the bill", "Together 0.112 GBP, exactly 0.112"),
        ),
        ("abroad", ("4 minutes drawn", "no charge", "596 of 600 minutes left now")),
        ("late", ("no minute was left",)),
        ("cut", ("minutes were used up, and no money may pay",)),
        ("open", ("1 minute of Domestic Calling Plan 120 GB, 2026-04",)),
        ("open-billed-again", ("0.0133 GBP of the month's overage", "paid after use")),
    ],
)
def test_a_receipt_tells_which_source_paid_what(
    database: str, call_id: str, parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database, "calls", "receipt", call_id) == 0

    written = " ".join(capsys.readouterr().out.split())
    for part in parts:
        assert part in written


def test_a_receipt_for_programs_has_each_source_and_the_sums(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, "calls", "receipt", "straddling", "--json")

    told = json.loads(capsys.readouterr().out)
    minutes, credit = told["charges"]
    assert (minutes["paid_by"], minutes["minutes"], minutes["pool"]["capability"]) == ("minutes", 1, "MCOPSTN5")
    assert (credit["paid_by"], credit["pool"], credit["cost"]) == ("credit", None, "0.02")
    assert told["sums"] == {
        "minutes": 1,
        "credit": "0.02",
        "owed": "0.00",
        "overage": "0.00",
        "exact_cost": "0.0199999995",
        "cost": "0.02",
    }


def test_a_statement_tells_what_is_billed_after_use(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("statements", "show", "--month", "2026-03", "--organization", "Tailspin")

    run(database, *words)
    written = " ".join(capsys.readouterr().out.split())
    run(database, *words, "--json")
    told = json.loads(capsys.readouterr().out)

    assert "Billed after use: 0.0787 GBP" in written
    assert sorted(used["cost"] for used in told["billed_after_use"]) == ["0.0067", "0.032", "0.04"]
