"""`talktime exports`, as a person or a program calls it."""

import csv
import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import Books


@pytest.fixture(scope="module")
def charged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Charge once; each test gets a copy."""
    path = tmp_path_factory.mktemp("books") / "talktime.db"
    with App(Settings(database=f"sqlite:///{path}")) as app:
        Books.charged(app)
    return path


@pytest.fixture
def database(charged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path / "data"))
    return f"sqlite:///{shutil.copyfile(charged, tmp_path / 'talktime.db')}"


@pytest.fixture
def told(database: str, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, code: int = 0) -> Any:
        named = () if arguments[0] == "worker" else ("--organization", "Acme")
        assert main([*arguments, *named, "--database", database, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def test_an_export_is_started_made_by_a_worker_and_fetched(told: Any, tmp_path: Path) -> None:
    started = told("exports", "start", "--from", "2026-03-01")
    waiting = told("exports", "fetch", code=2)
    worked = told("worker", "--once")
    shown = told("exports", "show", "1")
    fetched = told("exports", "fetch", "--output", str(tmp_path / "here.csv"))

    assert (started["state"], started["export"], started["file"]) == ("queued", 1, None)
    assert waiting["error"] == "export_queued"
    assert "talktime worker" in waiting["message"]
    assert [
        done["what"] for chore in worked["chores"] for done in chore["done"] if chore["chore"] == "make_exports"
    ] == ["export_done"]
    assert shown["state"] == "done"
    assert shown["sha256"] == fetched["sha256"] == sha256((tmp_path / "here.csv").read_bytes()).hexdigest()
    with (tmp_path / "here.csv").open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.reader(stream))) == shown["rows_total"] + 1


def test_a_folder_takes_the_file_under_its_own_name(told: Any, tmp_path: Path) -> None:
    made = told("exports", "start", "--now", "--format", "zip", "--from", "2026-03-01")

    fetched = told("exports", "fetch", "--output", str(tmp_path))

    assert made["state"] == "done"
    assert made["decimals"] == 2
    assert Path(fetched["file"]).name == "Export.callingplans.1-1.zip"
    assert Path(fetched["file"]).stat().st_size == fetched["bytes"]


def test_a_filter_narrows_what_is_exported(told: Any) -> None:
    everything, some = (
        told("exports", "start", "--now", "--from", "2026-03-01", *arguments)
        for arguments in ((), ("--paid-by", "credit", "--direction", "outbound", "--cost-min", "0.01"))
    )

    assert 0 < some["rows_total"] < everything["rows_total"]


def test_a_file_that_was_changed_is_not_handed_out(told: Any) -> None:
    made = told("exports", "start", "--now", "--from", "2026-03-01")
    Path(made["file"]).write_text("something else")

    refused = told("exports", "fetch", code=3)
    Path(made["file"]).unlink()
    missing = told("exports", "fetch", code=3)

    assert refused["error"] == "export_file_changed"
    assert missing["error"] == "export_file_missing"
    assert "TALKTIME_DATA_FOLDER" in missing["message"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["start", "--decimals", "two"], "money_decimals"),
        (["start", "--decimals", "7"], "money_decimals"),
        (["start", "--format", "zip", "--layout", "talktime"], "layout"),
        (["start", "--user", "nobody@acme.example"], "user_not_found"),
        (["show", "7"], "export_not_found"),
        (["fetch"], "export_not_found"),
        (["fetch", "--output", "-"], "output_taken"),
    ],
)
def test_what_cannot_be_is_named(told: Any, arguments: list[str], error: str) -> None:
    assert told("exports", *arguments, code=2)["error"] == error


def test_people_see_how_their_exports_stand(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    whose = ("--organization", "Acme", "--database", database)

    main(["exports", "list", *whose])
    empty = capsys.readouterr()
    main(["exports", "start", "--format", "summary", "--from", "2026-03-01", *whose])
    main(["exports", "start", "--now", "--from", "2026-03-01", *whose])
    capsys.readouterr()
    main(["exports", *whose])
    listed = capsys.readouterr().out
    main(["exports", "show", "1", *whose])
    waiting = capsys.readouterr()
    main(["exports", "show", *whose])
    ready = capsys.readouterr().out

    assert "has no exports yet" in empty.err
    assert [line.split()[0] for line in listed.splitlines() if "usage" in line] == ["2", "1"]
    assert "queued" in waiting.out
    assert "talktime worker" in waiting.err
    assert "Complete until" in ready
    assert "SHA-256" in ready


def test_standard_output_takes_the_file_as_it_is(
    database: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    whose = ["--organization", "Acme", "--database", database]
    main(["exports", "start", "--now", "--from", "2026-03-01", *whose])
    capfdbinary.readouterr()

    main(["exports", "fetch", "--output", "-", *whose])

    (made,) = (tmp_path / "data" / "exports").glob("*/*.csv")
    assert capfdbinary.readouterr().out == made.read_bytes()


def test_a_report_is_sent_by_a_schedule_until_it_is_ended(told: Any, tmp_path: Path) -> None:
    none = told("exports", "schedules")
    added = told("exports", "schedule", "weekly", "--day", "3", "--hour", "8", "--to", "finance@acme.example")
    listed = told("exports", "schedules")
    ended = told("exports", "unschedule", "1")

    assert none["schedules"] == []
    assert (added["schedule"], added["cadence"], added["day"], added["hour"]) == (1, "weekly", 3, 8)
    assert added["recipients"] == ["finance@acme.example"]
    assert added["next_run_at"] is not None
    assert listed["schedules"] == [added]
    assert ended == {**added, "next_run_at": None}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["schedule", "monthly"], "recipients"),
        (["schedule", "monthly", "--to", "role:billing_admin"], "recipients"),
        (["schedule", "monthly", "--to", "a@b.example", "--day", "31"], "run_day"),
        (["schedule", "monthly", "--to", "a@b.example", "--from", "2026-03-01"], "period"),
        (["unschedule", "9"], "schedule_not_found"),
    ],
)
def test_a_schedule_that_cannot_be_is_named(told: Any, arguments: list[str], error: str) -> None:
    assert told("exports", *arguments, code=2)["error"] == error


def test_people_see_when_a_report_comes(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    whose = ("--organization", "Acme", "--database", database)

    main(["exports", "schedules", *whose])
    empty = capsys.readouterr().err
    main(["exports", "schedule", "monthly", "--to", "finance@acme.example", *whose])
    added = capsys.readouterr()

    assert "sends no reports" in empty
    assert "on day 1 of the month at 07:00" in added.out
    assert "talktime worker" in added.err
