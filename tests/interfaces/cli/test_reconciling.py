"""`talktime calls reconcile` and `talktime calls orphans`, as a person or a program calls them."""

import json
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import ADA, Books

HEADER = "call_id,leg,started_at,answered_at,used_seconds,from,to"
AGREED = "ordinary-00,,2026-03-02 09:00:00,2026-03-02 09:00:04,7,,"
LONGER = "ordinary-03,,2026-03-02 10:54:12,2026-03-02 10:54:16,206,,"
ORPHAN = f"orphan,,2026-03-02 10:00:00,2026-03-02 10:00:04,90,+{ADA},0033140205050"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('books') / 'talktime.db'}"
    with App(Settings(database=url)) as app:
        Books.charged(app)
    return url


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def test_a_file_is_compared_told_and_settled(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, AGREED, LONGER, ORPHAN, "bad,,yesterday,,1,,")
    said = ["calls", "reconcile", str(path), "--switch", "sbc1", "--time-zone", "UTC", "--database", database]

    code = main(said)
    shown = capsys.readouterr()
    assert code == 1
    for told in ("calls.csv beside sbc1", "3 calls", "lasted otherwise", "+0.04 GBP", "correct it", "not in the file"):
        assert told in shown.out
    for told in ("1 line could not be read", "`--apply`", "Never started here: 1 call"):
        assert told.replace("`", "") in shown.err
    assert "'yesterday' is no instant" in shown.out

    assert main([*said, "--apply", "--charge", "--output", str(tmp_path / "out.csv")]) == 1
    shown = capsys.readouterr()
    assert "corrected" in shown.out
    assert "charged" in shown.out
    assert "Settled: 2 calls" in shown.err
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[1] == "differs,sbc1,,ordinary-03,3,2026-03-02T10:54:12Z,166,206,0.14,0.04,GBP,True,"

    main([*said, "--apply", "--charge", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (document["applied"], document["bad_lines"], document["format"]) == (0, 1, "plain")
    totals = {(total["what"], total["currency"]): total for total in document["totals"]}
    assert totals["agreed", "GBP"]["calls"] == 3
    assert {row["what"] for row in document["rows"]} == {"missing"}
    assert main(["audit", "--database", database]) == 0


def test_a_corrected_call_has_a_receipt(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "ordinary-09,,2026-03-02 14:59:47,2026-03-02 14:59:51,44,,")
    main(["calls", "reconcile", str(path), "--switch", "sbc1", "--time-zone", "UTC", "--apply", "--database", database])
    capsys.readouterr()

    main(["calls", "receipt", "ordinary-09", "--database", database])
    shown = capsys.readouterr().out
    main(["calls", "receipt", "ordinary-09", "--database", database, "--json"])
    document = json.loads(capsys.readouterr().out)

    for told in (
        "Usage row 0: 84 s used",
        "2 × 60 s",
        "a correction (the switch's own record says so",
        "0.02 GBP back to",
    ):
        assert told in shown
    assert document["cost"] == "0.02"
    assert document["charges"][1]["correction"]["reference"] == "record from 2026-03-02T14:59:47Z of 44 s"
    assert [paid["amount"] for paid in document["charges"][1]["paid"]] == ["-0.02"]


def test_a_file_that_agrees_leaves_nothing_to_do(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, AGREED)

    code = main(["calls", "reconcile", str(path), "--switch", "sbc1", "--time-zone", "UTC", "--database", database])

    assert code == 0
    assert "Nothing to do" in capsys.readouterr().err


def test_a_file_without_calls_says_so(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["calls", "reconcile", str(written(tmp_path)), "--switch", "sbc1", "--database", database])

    assert code == 0
    assert "holds no call" in capsys.readouterr().err


def test_a_file_under_a_misspelled_switch_is_refused_with_those_that_are_known(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, AGREED)
    said = ["calls", "reconcile", str(path), "--switch", "scb1", "--time-zone", "UTC", "--database", database]

    code = main([*said, "--apply", "--charge"])

    shown = capsys.readouterr()
    assert code == 2
    assert "no call here is of the switch 'scb1': calls here are of sbc1" in " ".join(shown.err.split())


def test_a_file_whose_ids_are_not_ours_is_told_and_not_charged(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(
        tmp_path,
        f"x-1,,2026-03-02 09:00:00,2026-03-02 09:00:04,7,+{ADA},442079460000",
        f"x-2,,2026-03-04 09:00:00,2026-03-04 09:00:04,7,+{ADA},442079460000",
    )
    said = ["calls", "reconcile", str(path), "--switch", "sbc1", "--time-zone", "UTC", "--database", database]

    assert main([*said, "--apply"]) == 1
    shown = capsys.readouterr()
    for told in ("perhaps charged already", "perhaps the same call as sbc1 · ordinary-00"):
        assert told in " ".join(shown.out.split())
    assert "No call of the file is known here" in shown.err
    assert "is not charged again" in " ".join(shown.err.split())

    assert main([*said, "--apply", "--charge"]) == 2
    assert "--charge-all-unknown" in capsys.readouterr().err

    main([*said, "--apply", "--charge-all-unknown", "--json"])
    totals = {total["what"]: total["applied"] for total in json.loads(capsys.readouterr().out)["totals"]}
    assert (totals["unknown"], totals["perhaps"]) == (1, 0)


def test_many_differences_are_listed_in_a_file(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"orphan-{number},,2026-03-02 10:00:00,,60,+1,+2" for number in range(50)]
    bad = [f"bad-{number},,never,,60,+1,+2" for number in range(50)]
    quiet = [f"quiet-{number},,2026-03-02 10:00:00,,0,+1,+2" for number in range(1_001)]
    path = written(tmp_path, *lines, *bad, *quiet)

    main(["calls", "reconcile", str(path), "--switch", "sbc1", "--time-zone", "UTC", "--database", database])

    shown = capsys.readouterr()
    assert "and 10 more: --output FILE lists them all" in shown.out
    assert "and 10 more" in shown.out.splitlines()[-1]
    assert "50 lines could not be read" in shown.err


def test_orphans_are_listed_and_settled_by_name(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    listing = ["calls", "orphans", "--database", database]

    assert main(listing) == 0
    shown = capsys.readouterr()
    for told in ("sbc1 · never-started", "33 s", "no start was seen", "never started here"):
        assert told in shown.out
    assert main([*listing, "--resolve", "never-started"]) == 2
    capsys.readouterr()
    assert main([*listing, "--resolve", "never-started", "--note", "billed by hand", "--by", "Ada"]) == 0
    assert "settled" in capsys.readouterr().out

    main(listing)
    assert "No report waits" in capsys.readouterr().err
    main([*listing, "--all"])
    assert "by Ada: billed by hand" in capsys.readouterr().out
    main([*listing, "--all", "--json"])
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert (report["resolved_by"], report["resolution"], report["what_to_do"]) == ("Ada", "billed by hand", None)
