"""`talktime usage export`, as a person or a program calls it."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.real_books import Books


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('books') / 'talktime.db'}"
    with App(Settings(database=url)) as app:
        Books.charged(app)
    return url


def test_csv_and_workbook_tell_the_same(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, workbook_path = tmp_path / "new" / "usage.csv", tmp_path / "usage.xlsx"

    code = main(_export(database, "Acme", "--csv", str(path), "--xlsx", str(workbook_path), "--json"))

    told = json.loads(capsys.readouterr().out)
    rows = _read(path)
    sheet = openpyxl.load_workbook(workbook_path)["Usage"]
    # Note, blank line, header, rows, total.
    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)]
    assert code == 0
    assert told["rows"] == len(rows) == len(cells) - 2
    assert cells[0] == list(rows[0])
    assert [row["UsageId"] for row in rows] == [row[0] for row in cells[1:-1]]
    charged = sum(Decimal(row["Charge"]) for row in rows)
    assert charged == sum(Decimal(total["cost"]) for total in told["totals"])
    assert charged == Decimal(str(cells[-1][cells[0].index("Charge")]))


def test_the_workbook_has_a_sheet_of_totals(database: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.xlsx"

    main(_export(database, "Fabrikam", "--xlsx", str(path)))

    totals = openpyxl.load_workbook(path)["Totals"]
    header, row = ([cell.value for cell in line] for line in totals.iter_rows(min_row=3, max_row=4))
    assert dict(zip(header, row, strict=True)) == {
        "Currency": "GBP",
        "Call Type": "user_out",
        "Calls": 2,
        "Usage Rows": 2,
        "Seconds": 611,
        "Included Seconds": 0,
        "Included Minutes": 0,
        "Paid Seconds": 611,
        "Charge": 0.1358,
        "Uncovered": 0.1078,
    }


def test_with_two_decimals_amounts_are_those_of_the_original(database: str, tmp_path: Path) -> None:
    exact, rounded = tmp_path / "exact.csv", tmp_path / "rounded.csv"

    main(_export(database, "Fabrikam", "--csv", str(exact)))
    main(_export(database, "Fabrikam", "--csv", str(rounded), "--two-decimals"))

    assert [row["Charge"] for row in _read(exact)] == ["0.0269", "0.1089"]
    assert [row["Charge"] for row in _read(rounded)] == ["0.03", "0.11"]


def test_our_own_layout_names_deck_version_and_what_was_not_covered(database: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"

    main(_export(database, "Fabrikam", "--csv", str(path), "--layout", "talktime"))

    row = _read(path)[-1]
    assert (row["call_id"], row["deck"], row["deck_version"], row["uncovered"]) == ("overrun", "az", "1", "0.1078")


def test_standard_output_takes_nothing_but_the_csv(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(_export(database, "Fabrikam", "--csv", "-"))

    written = capsys.readouterr()
    assert code == 0
    assert [row["Call ID"] for row in csv.DictReader(written.out.splitlines())] == ["cut", "overrun"]
    assert "Usage of Fabrikam" in written.err


def test_an_empty_period_says_so_and_which_would_not_be_empty(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usage.csv"

    code = main(_export(database, "Acme", "--csv", str(path), "--from", "2027-01-01", "--to", "2027-01-31"))

    written = capsys.readouterr()
    assert code == 0
    assert "2027-01-01 to 2027-01-31 (Europe/London)" in written.out
    assert "Its usage goes from 2026-03-02 to" in written.err
    assert len(path.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "nowhere"),
        (["--csv", "-"], "output_taken"),
        (["--csv", "--two-decimals"], "nowhere"),
        (["--csv", "x.csv", "--from", "2026-02-01", "--to", "2026-01-01"], "period"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_reason(
    arguments: list[str],
    code: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    exit_code = main([*_export(database, "Acme", *arguments), "--json"])

    assert exit_code == 2
    assert json.loads(capsys.readouterr().out)["error"] == code
    assert list(tmp_path.iterdir()) == []


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _export(database: str, organization: str, *arguments: str) -> list[str]:
    return ["usage", "export", "--organization", organization, "--database", database, *arguments]
