"""`talktime reports`, `budgets` and `users erase`, as a person or a program calls them."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import Books

MARCH = ("--organization", "Acme", "--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "talktime.db"
    with App(Settings(database=f"sqlite:///{path}")) as app:
        Books.charged(app)
    return path


@pytest.fixture
def database(books: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{books}")
    return books


@pytest.mark.parametrize("report", ["usage", "uncovered", "destinations", "users", "dialout", "refused"])
def test_every_report_says_how_far_it_is_complete(
    database: Path, capsys: pytest.CaptureFixture[str], report: str
) -> None:
    code = main(["reports", report, *MARCH])

    told = capsys.readouterr()
    assert (database.exists(), code) == (True, 0), told.err
    assert "complete until 2026-03-03" in told.out
    assert "1 report is parked" in told.out


def test_details_are_shown_as_a_table_and_the_next_page_is_named(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["reports", "usage", *MARCH, "--limit", "2", "--sort", "-cost"])

    told = capsys.readouterr()
    cursor = told.err.partition("--after ")[2].split()[0]
    assert (database.exists(), code) == (True, 0)
    assert "ada@acme.example" in told.out
    assert main(["reports", "usage", *MARCH, "--limit", "2", "--sort", "-cost", "--after", cursor, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2


def test_json_and_csv_tell_the_same_and_csv_has_every_row(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usage.csv"

    code = main(["reports", "usage", *MARCH, "--csv", str(path), "--json"])

    told = json.loads(capsys.readouterr().out)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert (database.exists(), code) == (True, 0)
    assert len(rows) == told["totals"][0]["rows"]
    assert sum(Decimal(row["Cost"]) for row in rows) == Decimal(told["totals"][0]["cost"])
    assert [row["Call ID"] for row in rows[: len(told["rows"])]] == [row["Call ID"] for row in told["rows"]]
    assert len(told["snapshot"]) == 16


def test_columns_and_order_of_a_sum_are_chosen(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["reports", "destinations", *MARCH, "--sort", "destination", "--columns", "destination,cost", "--csv", "-"]
    )

    lines = capsys.readouterr().out.splitlines()
    assert (database.exists(), code) == (True, 0)
    assert lines[0] == "Destination,Cost"
    names = [line.partition(",")[0] for line in lines[1:]]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kind", "nope"), "'nope' is no call type: there are user_out"),
        (("--paid-by", "nope"), "'nope' is no source: there are credit"),
        (("--sort", "nope"), "'nope' is no order: there are start"),
        (("--columns", "nope"), "no column 'nope': it has Start Time"),
        (("--cost-min", "nope"), "--cost-min is an amount such as 0.50"),
        (("--user", "nope"), "has no user named nope"),
        (("--after", "nope"), "this is no cursor that a page gave"),
        (("--limit", "1001"), "a page has 1 to 1,000 rows"),
        (("--csv", "-", "--json"), "choose one"),
        (("--csv", "--json"), "--csv takes a path"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    database: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code = main(["reports", "usage", *MARCH, *arguments])

    told = capsys.readouterr()
    assert (database.exists(), code) == (True, 2)
    assert message in told.err + told.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--from", "2020-01-01", "--to", "2020-01-31"), "Its usage goes from 2026-03-02 to 2026-03-03"),
        (("--from", "2026-03-01", "--search", "no such number"), "leave one out"),
    ],
)
def test_an_empty_report_says_what_to_do(
    database: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], hint: str
) -> None:
    code = main(["reports", "usage", "--organization", "Acme", *arguments])

    assert (database.exists(), code) == (True, 0)
    assert hint in capsys.readouterr().err


def test_an_organization_without_usage_is_told_when_there_will_be_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{tmp_path / 'new.db'}")
    terms = ("--country", "US", "--currency", "USD", "--time-zone", "America/New_York", "--deck", "standard")
    assert main(["organizations", "add", "New", *terms]) == 0

    code = main(["reports", "destinations"])

    assert code == 0
    assert "has no usage yet" in capsys.readouterr().err


def test_a_budget_is_set_warned_of_and_removed(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.db"
    own.write_bytes(books.read_bytes())
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{own}")

    assert main(["budgets", "set", "Analysis", "0.01", "--organization", "Acme"]) == 0
    assert main(["reports", "departments", "--month", "2026-03", "--organization", "Acme"]) == 0
    shown = capsys.readouterr()
    assert main(["budgets", "--month", "2026-03", "--organization", "Acme", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["budgets", "set", "Analysis", "--remove", "--organization", "Acme"]) == 0
    assert main(["budgets", "--month", "2026-03", "--organization", "Acme"]) == 0

    assert "no budget → 0.01 GBP a month" in shown.out
    assert "exceeded" in shown.out
    assert "! Analysis has used" in shown.err
    assert document["departments"][0]["budget"] == "0.01"
    assert "No department has a budget yet" in capsys.readouterr().err


def test_days_and_months_do_not_mix(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [
        main(["reports", "departments", *MARCH]),
        main(["reports", "departments", "--month", "March", "--organization", "Acme"]),
        main(["budgets", "set", "Analysis", "--organization", "Acme"]),
    ]

    told = capsys.readouterr().err
    assert (database.exists(), codes) == (True, [2, 2, 2])
    assert "budgets are of months" in told
    assert "'March' is no month" in told
    assert "or --remove" in told


def test_a_user_is_erased_only_when_it_is_confirmed(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.db"
    own.write_bytes(books.read_bytes())
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{own}")
    ada = ("users", "erase", "ada@acme.example", "--organization", "Acme")

    assert main([*ada]) == 0
    planned = capsys.readouterr()
    assert main([*ada, "--confirm", "--dry-run", "--json"]) == 0
    still = json.loads(capsys.readouterr().out)
    assert main([*ada, "--confirm", "--json"]) == 0
    erased = json.loads(capsys.readouterr().out)
    assert main([*ada, "--confirm"]) == 2

    assert "Nothing was changed" in planned.err
    assert "usage rows" in planned.out
    assert (still["is_erased"], erased["is_erased"]) == (False, True)
    assert erased["rows"] == still["rows"]
    assert main(["audit"]) == 0


def test_retention_is_shown_set_and_applied(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.db"
    own.write_bytes(books.read_bytes())
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{own}")
    retention = ("reports", "retention", "--organization", "Acme")

    assert main([*retention]) == 0
    shown = capsys.readouterr().out
    assert main([*retention, "--days", "1", "--apply", "--json"]) == 0
    applied = json.loads(capsys.readouterr().out)
    assert main([*retention, "--by-country", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert main([*retention, "--by-country", "--days", "3"]) == 2

    assert "United Kingdom" in shown
    assert "all others" in shown
    assert applied["days"] == 1
    assert applied["rows_forgotten"] > 10
    assert again["days"] is None
    assert {each["country"]: each["days"] for each in again["countries"]}["IT"] == 730
