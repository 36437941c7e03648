"""`talktime ledger`, as an accountant calls it."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from talktime.bootstrap import App
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from tests.exports.bean_check import bean_check
from tests.interfaces.cli.conftest import Talktime
from tests.real_books import Books


@pytest.fixture
def charged(talktime: Talktime, migrated_database_url: str) -> Talktime:
    """Give the command line on real books."""
    with App(Settings(database=migrated_database_url)) as app:
        Books.charged(app)
    return talktime


def test_a_beancount_file_is_clean_and_the_command_shows_its_balances(charged: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "new" / "books.beancount"

    ran = charged("ledger", "export", "--format", "beancount", "--output", path)

    assert ran.code == 0
    assert bean_check(path) == ""
    assert "2100   Deferred revenue" in ran.out
    assert "48.3196 Cr" in ran.out
    assert "balanced" in ran.out
    assert "35 entries" in ran.out


def test_a_csv_file_and_the_balances_tell_the_same(charged: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"

    ran = charged("ledger", "export", "--format", "csv", "--output", path, "--organization", "Acme", "--json")

    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    (trial,) = ran.document["balances"]
    assert ran.document["agrees"] is True
    assert ran.document["file"] == str(path)
    assert sum(Decimal(row["debit"] or 0) for row in rows) == Decimal(trial["debit"])
    assert {row["account_number"]: row["balance"] for row in rows} == {
        line["account"]: line["closing"] for line in trial["accounts"]
    }


def test_standard_output_takes_nothing_but_the_file(charged: Talktime, tmp_path: Path) -> None:
    ran = charged("ledger", "export", "--format", "beancount", "--output", "-", "--organization", "Fabrikam")

    path = tmp_path / "piped.beancount"
    path.write_text(ran.out, "utf-8")
    assert ran.code == 0
    assert bean_check(path) == ""
    assert "Books of Fabrikam" in ran.err


def test_damaged_books_are_exported_told_of_and_end_with_1(
    charged: Talktime, migrated_database_url: str, tmp_path: Path
) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        app.run(_damage, None)
    path = tmp_path / "books.beancount"

    ran = charged("ledger", "export", "--format", "beancount", "--output", path)
    shown = charged("ledger", "balances", "--json")

    assert (ran.code, shown.code) == (1, 1)
    assert "talktime audit" in ran.err
    assert "48.319600 Cr   48.319601 Cr" in ran.err
    assert "Balance failed" in bean_check(path)
    assert [each["tables"] for each in shown.document["differences"]] == ["-48.319601"]


def test_a_month_begins_with_what_was(charged: Talktime) -> None:
    ran = charged("ledger", "balances", "--from", "2026-04-01", "--until", "2026-04-30", "--json")

    (trial,) = ran.document["balances"]
    opening = {line["name"]: line["opening"] for line in trial["accounts"]}
    assert opening["Cash clearing"] == "52.028"
    assert opening["Earlier earnings"] == "-2.759"
    assert (ran.document["first_day"], ran.document["last_day"]) == ("2026-04-01", "2026-04-30")


def test_where_there_are_no_books_the_command_says_how_they_begin(acme: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"

    ran = acme("ledger", "export", "--format", "csv", "--output", path)

    assert ran.code == 0
    assert "talktime credit add" in ran.err
    assert path.read_text("utf-8").startswith("entry_id,line,date,")


def test_a_period_without_books_names_the_choice(charged: Talktime) -> None:
    ran = charged("ledger", "balances", "--until", "2026-03-01", "--organization", "Acme")

    assert ran.code == 0
    assert "The books of Acme begin after that period" in ran.err


def test_the_chart_of_accounts_names_numbers_and_kinds(talktime: Talktime) -> None:
    shown, told = talktime("ledger", "accounts"), talktime("ledger", "accounts", "--json")

    assert "Deferred revenue       liability   credit" in shown.out
    named = {account["account"]: account["name"] for account in told.document["accounts"]}
    assert (named["1220"], named["4200"]) == ("Accrued overage", "Breakage revenue")
    assert list(named) == sorted(named)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--format", "csv", "--output", "-"], "output_taken"),
        (["--format", "csv", "--output", ""], "nowhere"),
        (["--format", "csv", "--output", "--organization"], "nowhere"),
        (["--format", "csv", "--output", "x", "--organization", "Nobody"], "organization_not_found"),
        (["--format", "csv", "--output", "x", "--from", "2026-02-01", "--until", "2026-01-01"], "period"),
        (["--format", "xlsx", "--output", "x"], "usage"),
        (["--output", "x"], "usage"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_reason(
    charged: Talktime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    ran = charged("ledger", "export", *arguments, "--json")

    assert ran.code == 2
    assert ran.document["error"] == code
    assert list(Path().iterdir()) == []


def _damage(tx: Transaction, _: None) -> None:
    statement = "UPDATE credit_lots SET granted_micros = granted_micros + 1 WHERE organization_id = 1 AND lot_id = 2"
    tx.credit._connection.execute(text(statement))
