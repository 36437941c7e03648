import contextlib
import csv
import io
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from talktime.interfaces.cli.main import main

FEW_CALLS = 300


def demo(folder: Path, *arguments: str, calls: int = FEW_CALLS) -> str:
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        assert main(["demo", "--folder", str(folder), "--calls", str(calls), *arguments]) == 0
    return written.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the demo runs, with a file that is not the demo's."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "mine.txt").write_text("keep me")
    return folder


@pytest.fixture(scope="module")
def summary(folder: Path) -> dict[str, Any]:
    """Run the demo for a program."""
    read: dict[str, Any] = json.loads(demo(folder, "--json"))
    return read


@pytest.fixture(scope="module")
def told(folder: Path, summary: dict[str, Any]) -> str:
    """Run it again, in the same folder, for a person."""
    return demo(folder)


def test_a_month_is_charged_and_every_part_of_the_books_agrees(summary: dict[str, Any], folder: Path) -> None:
    with (folder / "usage.csv").open(newline="", encoding="utf-8") as stream:
        charges = [Decimal(row["Charge"]) for row in csv.DictReader(stream)]

    assert summary["calls"] == FEW_CALLS
    assert summary["audit_clean"] is True
    assert sum(charges) == Decimal(summary["charged"]) > 0
    spent = Decimal(summary["charged"]) + Decimal(summary["expired"])
    assert spent + Decimal(summary["left"]) == Decimal(summary["granted"])


def test_the_credit_is_recharged_a_card_fails_and_is_replaced_a_lot_expires_and_all_of_it_is_mailed(
    tmp_path: Path,
) -> None:
    read = json.loads(demo(tmp_path, "--json", calls=3_000))

    happened = [each["what"] for each in read["happened"]]
    failed = happened.index("recharge_failed")
    assert "recharge_succeeded" in happened[:failed]
    assert "credit_expired" in happened
    assert "recharge_succeeded" in happened[failed:]
    mailed = [(mail["at"], mail["language"]) for mail in read["mails"]]
    assert {language for _, language in mailed} == {"en", "ru", "zh-CN"}
    assert len(mailed) == 3 * len(happened)
    assert all(Path(mail["file"]).is_file() for mail in read["mails"])


def test_bean_check_accepts_the_ledger_and_its_closing_balance_is_ours(summary: dict[str, Any], folder: Path) -> None:
    ledger = folder / "ledger.beancount"

    checked = subprocess.run(
        [Path(sys.executable).with_name("bean-check"), ledger], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    deferred = re.findall(r"balance Liabilities:Deferred-Revenue\S+ +(-?[0-9.]+)", ledger.read_text("utf-8"))
    assert -Decimal(deferred[-1]) == Decimal(summary["left"])


def test_the_month_s_statement_and_an_invoice_are_written(summary: dict[str, Any], folder: Path) -> None:
    documents = [folder / "statement-2026-10.pdf", *folder.glob("invoice-*.pdf")]

    assert summary["audit_clean"] is True
    assert len(documents) == 2
    assert all(path.read_bytes().startswith(b"%PDF-") for path in documents)


def test_the_workbook_holds_the_calls_and_their_totals(summary: dict[str, Any], folder: Path) -> None:
    workbook = openpyxl.load_workbook(folder / "usage.xlsx", read_only=True)

    assert set(workbook.sheetnames) == {"Usage", "Totals"}
    workbook.close()


def test_it_starts_afresh_each_time_and_says_the_same(summary: dict[str, Any], told: str, folder: Path) -> None:
    assert f"{Decimal(summary['charged']):,} USD" in told
    assert f"{FEW_CALLS} calls charged" in told


def test_what_is_not_its_own_stays(told: str, folder: Path) -> None:
    assert (folder / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize("words", ["Sample data", "Charged", "Cut", "Denied", "Why calls were denied", "holds on"])
def test_a_person_is_told_what_happened(told: str, words: str) -> None:
    assert words in told


@pytest.mark.parametrize(
    "command",
    [
        "talktime credit lots",
        "talktime credit recharge",
        "talktime quote +442079460000 --seconds 90",
    ],
)
def test_the_commands_that_it_names_work_on_its_books(
    told: str, folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert command in told
    assert f"TALKTIME_DATABASE=sqlite:///{folder}/talktime.db" in told

    code = main([*command.split()[1:], "--database", f"sqlite:///{folder}/talktime.db", "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)
