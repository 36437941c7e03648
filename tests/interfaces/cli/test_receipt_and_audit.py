"""`talktime calls receipt` and `talktime audit`, as a person or a program calls them."""

import json
import sqlite3
from contextlib import closing

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import Books


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('books') / 'talktime.db'}"
    with App(Settings(database=url)) as app:
        Books.charged(app)
    return url


def test_a_receipt_can_be_read(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["calls", "receipt", "ordinary-02", "--database", database])

    written = capsys.readouterr().out
    assert code == 0
    for told in ("33 · France", "az, version 1", "4 × 30 s", "0.112 GBP", "lot 1 (order-1", "hung up"):
        assert told in written


def test_every_kind_of_receipt_can_be_drawn_and_told(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for call_id in (
        "exhausted",
        "open",
        "late",
        "lapsed",
        "silent",
        "emergency",
        "never-started",
        "two-legs",
        "overrun",
    ):
        assert main(["calls", "receipt", call_id, "--database", database]) == 0
        assert call_id in capsys.readouterr().out
        assert main(["calls", "receipt", call_id, "--database", database, "--json"]) == 0
        json.loads(capsys.readouterr().out)


def test_a_receipt_for_programs_has_money_as_text(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["calls", "receipt", "overrun", "--database", database, "--json"])

    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["cost"], told["uncovered"]) == ("finished", "0.1089", "0.1078")
    assert told["rate"]["deck_version"] == 1
    assert told["charges"][0]["exact_cost"] == "0.108888886166…"
    assert [paid["amount"] for paid in told["charges"][0]["paid"]] == ["0.0011", "0.1078"]
    assert told["flags"] == ["overrun"]


def test_an_unknown_call_is_the_callers_mistake(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "receipt", "nothing", "--database", database]) == 2
    assert "nothing" in capsys.readouterr().err


def test_clean_books_pass_the_audit(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", "--database", database])

    assert code == 0
    assert "every invariant holds" in capsys.readouterr().out


def test_a_violation_is_shown_and_sets_the_exit_code(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE organizations SET receivable_micros = 0")
        connection.commit()

    code = main(["audit", "--database", database])
    drawn = capsys.readouterr().out
    code_of_json = main(["audit", "--database", database, "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (code, code_of_json) == (1, 1)
    assert "receivable_equals_journal" in drawn
    assert told["clean"] is False
    assert told["violations"] == [
        {
            "rule": "receivable_equals_journal",
            "organization_id": 2,
            "row": "organizations",
            "expected": "receivable 0.1078 (journal)",
            "found": "0.00",
        }
    ]
