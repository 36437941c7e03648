"""`talktime rate` and `talktime usage rerate`, as a person or a program calls them."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import Books

RATES = (
    "destination,prefix,price,increments\nGermany,49,{germany},60/60\nLondon,4420,0.03,30/6\nSatellite,88,blocked,1/1\n"
)
CALLS = """caller,called,started_at,used_seconds,call_id
442071234567,+4930123456,2026-03-02T09:00:00Z,61,one
442071234567,+442079460000,2026-03-02T09:00:00Z,31,two
442071234567,+88123456789,2026-03-02T09:00:00Z,31,three
442071234567,+33140205050,2026-03-02T09:00:00Z,31,four
442071234567,112,2026-03-02T09:00:00Z,31,five
442071234567,+4930123456,2025-03-02T09:00:00Z,61,six
442071234567,+4930123456,yesterday,61,seven
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return books with calls, and two decks beside the one that rated them."""
    folder = tmp_path_factory.mktemp("books")
    url = f"sqlite:///{folder / 'talktime.db'}"
    with App(Settings(database=url)) as app:
        Books.charged(app)
    for name, germany in (("cheap", "0.01"), ("dear", "0.04")):
        path = folder / f"{name}.csv"
        path.write_text(RATES.format(germany=germany))
        said = [str(path), "--deck", name, "--currency", "GBP", "--time-zone", "UTC", "--database", url]
        assert main(["decks", "import", *said]) == 0
        assert main(["decks", "publish", name, "--at", "2026-01-01", "--database", url]) == 0
    return url


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text(CALLS)
    return path


def documented(capsys: pytest.CaptureFixture[str], *said: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*said, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_file_is_rated_and_added_up(database: str, calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = documented(capsys, "rate", str(calls), "--deck", "cheap", "--database", database)

    assert (told["calls"], told["rated"], told["refused_rows"], told["cost"]) == (6, 2, 1, "0.038")
    assert told["not_rated"] == {
        "destination_blocked": 1,
        "destination_not_rated": 1,
        "number_not_e164": 1,
        "no_rate_deck_in_force": 1,
    }
    assert [(each["destination"], each["cost"], each["billed_seconds"]) for each in told["destinations"]] == [
        *(("Germany", "0.02", 120), ("London", "0.018", 36)),
    ]
    assert told["refused_rows_shown"][0]["row"] == 7


def test_what_another_deck_would_cost_stands_beside(
    database: str, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ("rate", str(calls), "--deck", "cheap", "--against", "dear", "--database", database)
    told = documented(capsys, *said)

    assert (told["cost"], told["against_cost"], told["difference"]) == ("0.038", "0.098", "0.06")
    assert [(each["destination"], each["difference"]) for each in told["destinations"]] == [
        *(("Germany", "0.06"), ("London", "0.00")),
    ]
    assert main(list(said)) == 0
    shown = capsys.readouterr()
    for text in ("0.06 GBP more", "+0.06", "Not rated", "blocks this destination", "row 7"):
        assert text in shown.out
    assert "--rejects FILE" in shown.err


def test_every_version_of_a_deck_can_be_asked_for(
    database: str, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = documented(
        capsys, *("rate", str(calls), "--deck", "dear", "--version", "1", "--against", "1", "--database", database)
    )

    assert (told["rated"], told["version"], told["against"]) == (3, 1, {"deck": "dear", "version": 1})
    assert told["difference"] == "0.00"


def test_rated_calls_and_refused_rows_are_written(
    database: str, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["rate", str(calls), "--deck", "cheap", "--database", database]
    rejects, out, parquet = (str(tmp_path / name) for name in ("rejects.csv", "rated.csv", "rated.parquet"))

    assert main([*said, "--out", out, "--rejects", rejects, "--processes", "2"]) == 0
    assert main([*said, "--out", parquet]) == 0

    with Path(out).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["call_id"], row["cost"], row["not_rated"]) for row in rows[:3]] == [
        *(("one", "0.020000", ""), ("two", "0.018000", ""), ("three", "", "destination_blocked")),
    ]
    assert [row["deck_version"] for row in rows[:2]] == ["1", "1"]
    assert [None if each is None else str(each) for each in pq.read_table(parquet)["cost"].to_pylist()] == [
        row["cost"] or None for row in rows
    ]
    assert Path(rejects).read_text().splitlines()[1].startswith("7,start 'yesterday'")
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["--deck", "nobody's"], "no rate deck named"),
        ([], "several rate decks"),
        (["--deck", "cheap", "--version", "9"], "no version 9"),
        (["--deck", "cheap", "--direction", "toll-inbound"], "was ever published"),
        (["--deck", "cheap", "--out", "x.xlsx"], "as .csv or .parquet"),
        (["--deck", "cheap", "--processes", "2", "--spark", "local[2]"], "say one of them"),
    ],
)
def test_what_cannot_be_rated_says_why(
    database: str, calls: Path, capsys: pytest.CaptureFixture[str], said: list[str], why: str
) -> None:
    assert main(["rate", str(calls), "--database", database, *said]) == 2

    assert why in capsys.readouterr().err


def test_a_file_without_calls_says_so(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(CALLS.partition("\n")[0] + "\n")

    assert main(["rate", str(path), "--deck", "cheap", "--database", database]) == 0

    assert "holds no call" in capsys.readouterr().err


def test_usage_is_rated_anew_after_a_dry_run(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["usage", "rerate", "--organization", "Acme", "--from", "2026-03-01", "--to", "2026-04-30", "--deck", "dear"]
    said += ["--database", database]

    foretold = documented(capsys, *said, "--dry-run")
    assert main([*said, "--dry-run"]) == 0
    shown = capsys.readouterr()
    done = documented(capsys, *said)
    again = documented(capsys, *said)

    assert foretold["change"] == done["change"] != "0.00"
    assert (foretold["calls_applied"], done["calls_applied"]) == (0, done["calls_that_differ"])
    assert {"destination_not_rated"} <= done["not_rated"].keys()
    assert (again["calls_that_differ"], again["change"]) == (0, "0.00")
    assert "Left as they are" in shown.out
    assert "Nothing was changed" in shown.err
    assert main(said) == 0
    assert "Every call costs what the deck says" in capsys.readouterr().err
    assert main(["audit", "--database", database]) == 0
