"""`talktime usage import`, as a person or a program calls it."""

import csv
import json
import zipfile
from pathlib import Path

import pytest

from tests.imports.usage.exports import OF_2025, row, saved, text_of
from tests.interfaces.cli.conftest import Talktime

RATES = "prefix,destination,price\n44,United Kingdom,0.02\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [[*row(UsageId=f"id-{number}"), "good"] for number in range(3)]
    bad = [*row(UsageId="x", User_Display_Name="=cmd|x"), "bad"]
    return saved(tmp_path, text_of([*rows, rows[0], bad], (*OF_2025, "Mood")))


def test_a_dry_run_shows_what_would_be_and_imports_nothing(acme: Talktime, file: Path) -> None:
    tried = acme("usage", "import", file, "--dry-run")

    assert tried.code == 0, tried.err
    assert "3 calls would be imported for Acme" in tried.out
    assert "Not new, twice in the file" in tried.out
    assert "is a formula, and a file of calls holds none" in tried.out
    assert "columns that nobody reads: Mood" in tried.out
    assert "Leave --dry-run away" in tried.err
    assert acme("usage", "imports", "--json").document["imports"] == []


def test_an_import_is_listed_repeated_and_removed(acme: Talktime, file: Path) -> None:
    imported = acme("usage", "import", file)
    listed = acme("usage", "imports")
    again = acme("usage", "import", file)
    removed = acme("usage", "imports", "remove", 1)

    assert imported.code == 0, imported.err
    assert "3 calls imported for Acme" in imported.out
    assert "talktime usage imports remove 1" in imported.err
    assert "usage.csv" in listed.out
    assert "0.15 EUR" in listed.out
    assert "No new calls for Acme" in again.out
    assert "Import 1 removed" in removed.out
    assert "No usage was imported for Acme yet" in acme("usage", "imports").out
    assert acme("usage", "imports", "remove", 1).code == 2


def test_programs_get_one_document(acme: Talktime, file: Path) -> None:
    document = acme("usage", "import", file, "--json").document

    assert document["new"] == 3
    assert document["known"] == {"in_file": 1}
    assert document["rejects"] == [
        {
            "line": 6,
            "part": "",
            "column": "User Display Name",
            "value": "=cmd|x",
            "reason": "is a formula, and a file of calls holds none",
        }
    ]
    assert document["sums"] == [{"currency": "EUR", "calls": 3, "charged": "0.15", "rated": "0.00"}]
    assert document["known_first"] == [{"line": 5, "part": "", "why": "in_file", "first_line": 2}]
    assert acme("usage", "imports", "--json").document["imports"][0]["calls"] == 3
    assert acme("usage", "imports", "remove", 1, "--json").document["import_id"] == 1


def test_every_rejected_line_can_be_written_down(acme: Talktime, file: Path, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"

    acme("usage", "import", file, "--rejects", rejects)

    with rejects.open(newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["part", "line", "column", "value", "reason"],
            ["", "6", "User Display Name", "'=cmd|x", "is a formula, and a file of calls holds none"],
        ]


def test_a_file_of_rejects_alone_is_refused(acme: Talktime, tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(Start_Time="01/02/2026 09:30"), row(Start_Time="02/02/2026 09:30")]))

    refused = acme("usage", "import", path)
    told = acme("usage", "import", path, "--dates", "day-first", "--json")

    assert refused.code == 2
    assert "could be read in two ways; say --dates day-first or month-first" in refused.out
    assert "No line of usage.csv holds a call" in refused.err
    assert acme("usage", "import", saved(tmp_path, text_of([row(Charge="x")])), "--json").code == 2
    assert told.document["new"] == 1
    assert told.document["known"] == {"in_file": 1}


def test_a_mapping_and_a_deck_make_costs_of_a_switchs_records(acme: Talktime, tmp_path: Path) -> None:
    mapping = saved(tmp_path, '[columns]\nstarted_at = "when"\nused_seconds = "secs"\ncalled = "to"', "m.toml")
    calls = saved(tmp_path, "when,secs,to\n2026-03-02 12:00:00,61,442079460000\n2026-03-02 12:05:00,5,81312345\n")
    saved(tmp_path, RATES, "rates.csv")
    acme("decks", "import", tmp_path / "rates.csv", "--deck", "standard", "--currency", "USD")
    how = ("--mapping", mapping, "--zone", "UTC", "--deck", "standard", "--dry-run")

    without = acme("usage", "import", calls, *how)
    mapping.write_text('kind = "user_out"\n' + mapping.read_text())
    document = acme("usage", "import", calls, *how, "--json").document
    shown = acme("usage", "import", calls, *how)

    assert without.code == 2
    assert document["sums"] == [{"currency": "USD", "calls": 1, "charged": "0.00", "rated": "0.04"}]
    assert document["not_rated"] == {"the deck has no price for the number": 1}
    assert "Rated by standard 1, USD" in shown.out
    assert "Not rated, because" in shown.out


def test_a_damaged_zip_is_an_error_and_nothing_is_imported(acme: Talktime, tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PSTN.calls.csv", text_of([row(UsageId=str(number)) for number in range(3_000)]))
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF

    damaged = acme("usage", "import", saved(tmp_path, bytes(content), "damaged.zip"), "--json")

    assert damaged.code == 2
    assert json.loads(damaged.out)["error"] == "usage_zip"
    assert acme("usage", "imports", "--json").document["imports"] == []


def test_an_import_by_hand_of_a_zip_names_the_part(acme: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "Export.callingplans.1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("PSTN.calls.csv", text_of([row(), row(UsageId="2", Charge="x")]))

    imported = acme("usage", "import", path)

    assert "PSTN.calls.csv:3" in imported.out


def test_what_is_not_there_is_named(acme: Talktime, tmp_path: Path) -> None:
    assert "there is no file" in acme("usage", "import", tmp_path / "none.csv").err
    assert "there is no mapping file" in acme("usage", "import", tmp_path / "n.csv", "--mapping", "none.toml").err
    assert "is no time zone" in acme("usage", "import", tmp_path / "n.csv", "--zone", "Mars").err
    assert "there is no rate deck" in acme("usage", "import", saved(tmp_path, "x"), "--deck", "none").err


def test_what_was_imported_can_be_written_and_imported_elsewhere(acme: Talktime, file: Path, tmp_path: Path) -> None:
    acme("usage", "import", file)

    written = acme("usage", "imports", "export", "--csv", tmp_path / "all.csv", "--json")
    streamed = acme("usage", "imports", "export")
    again = acme("usage", "import", tmp_path / "all.csv", "--json").document

    assert written.document == {"organization": "Acme", "calls": 3, "file": str(tmp_path / "all.csv")}
    assert "3 imported calls of Acme written" in acme("usage", "imports", "export", "--csv", tmp_path / "b.csv").out
    assert streamed.out.replace("\r", "") == (tmp_path / "all.csv").read_text()
    assert "+442079460000" in streamed.out
    assert again["known"] == {"imported": 3}
    assert again["notes"] == []
