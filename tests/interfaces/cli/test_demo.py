import contextlib
import csv
import email
import email.policy
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from talktime.interfaces.cli.main import main

FEW_CALLS = 300
# So many that licenses for a month do not last for one.
ALL_CALLS = 8_000
README = Path(__file__).parents[3] / "README.md"


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
    assert summary["included_minutes"] == sum(each["used_minutes"] for each in summary["pools"]) > 0


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


def test_every_license_that_somebody_has_was_bought(summary: dict[str, Any], folder: Path) -> None:
    licenses = asked(folder, "licenses", "show")["licenses"]

    counts = {each["license"]: (each["available"], each["assigned"]) for each in licenses if each["assigned"]}
    assert summary["audit_clean"] is True
    assert counts.pop("communications-credits") == (None, 39)
    assert all(bought == assigned for bought, assigned in counts.values())
    assert counts["domestic-120"] == (11, 11)


# ── the month as `make demo` tells it ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demo as everybody sees it; return its folder and what it says."""
    folder = tmp_path_factory.mktemp("month")
    return folder, demo(folder, calls=ALL_CALLS)


def asked(folder: Path, *command: str) -> dict[str, Any]:
    """Return what a command answers on a demo's books."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        assert main([*command, "--database", f"sqlite:///{folder}/talktime.db", "--json"]) == 0
    read: dict[str, Any] = json.loads(written.getvalue())
    return read


def named_in(text: str, beginning: str) -> list[str]:
    """Return the first command in a text that begins so, as words."""
    line = next(line for line in text.splitlines() if beginning in line)
    return shlex.split(line[line.index(beginning) :].strip(" │"))


def test_included_minutes_are_used_up_and_credit_takes_over(month: tuple[Path, str]) -> None:
    folder, told = month

    pools = {each["plan"]: each for each in asked(folder, "pools", "--month", "2026-10")["pools"]}
    shared, conferences = pools["Domestic Calling Plan 120"], pools["Audio Conferencing"]
    with (folder / "usage.csv").open(newline="", encoding="utf-8") as stream:
        drawn = [row for row in csv.DictReader(stream) if row["Capability"] == "MCOPSTN5"]
    assert shared["used_minutes"] == shared["total_minutes"] == 1_320
    assert conferences["used_minutes"] == conferences["total_minutes"] == 360
    assert re.search(r"Domestic 120 +11 × 120 at home .* 1,320 of 1,320  \w+ 1\d ", told)
    assert re.search(r"Audio Conferencing +6 × 60 dial-out .* 360 of   360  \w+ 1\d ", told)
    # Nothing was drawn after the middle of the month, and the same people went on calling.
    assert max(row["Start Time"] for row in drawn)[:10] == "2026-10-16"
    assert re.search(r"credit    1 ·+[▁▂▃▄▅▆▇█·]+ 31 +1,\d{3} min", told)


def test_one_call_is_begun_by_minutes_and_finished_by_credit_without_a_fee_to_connect(month: tuple[Path, str]) -> None:
    folder, told = month

    receipt = asked(folder, *named_in(told, "talktime calls receipt")[1:])

    minutes, credit = receipt["charges"]
    assert (minutes["paid_by"], minutes["cost"]) == ("minutes", "0.00")
    assert minutes["used_seconds"] == minutes["billed_seconds"] == 60 * minutes["minutes"]
    assert (credit["paid_by"], credit["connection_fee"]) == ("credit", "0.00")
    assert credit["paid"]
    fee = receipt["rate"]["prices"][0]["connection_fee"]
    assert Decimal(fee) > 0
    assert f"{minutes['minutes']} included minutes of the 360 of Audio Conferencing" in told
    assert f"{credit['cost']} USD" in told
    assert f"The {fee} USD to connect were not asked" in told


def test_a_refused_call_is_explained_and_what_the_explanation_names_makes_it_allowed(
    month: tuple[Path, str], tmp_path: Path
) -> None:
    folder, told = month
    shutil.copy(folder / "talktime.db", tmp_path)
    question, remedy = named_in(told, "talktime explain --user"), named_in(told, "talktime licenses assign")

    refused = asked(tmp_path, *question[1:])
    asked(tmp_path, *remedy[1:])
    allowed = asked(tmp_path, *question[1:])

    assert "✗ Denied credits_license_missing" in told
    assert "left: 0 of 120 min" in told
    assert refused["reason"] == "credits_license_missing"
    assert refused["steps"][-1]["parts"][0]["facts"]["left"] == "0 of 120 min"
    assert [each["pays_from"] for each in allowed["pays"]] == ["credit"]


def test_the_credit_is_recharged_a_card_fails_and_is_replaced_and_a_lot_expires(month: tuple[Path, str]) -> None:
    _, told = month

    happened = [
        *("recharged, Visa", "another card is to pay", "recharge failed, Visa", "nothing left that pays for a call"),
        *("another card is to pay", "recharged, Mastercard"),
    ]
    at = 0
    for what in happened:
        at = told.index(what, at) + len(what)
    assert re.search(r"Tue 06 00:00 +[0-9.]+ USD expired", told)


def test_everything_that_happened_is_mailed_to_three_people_in_their_languages(month: tuple[Path, str]) -> None:
    folder, told = month

    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in folder.glob("mails/*.eml")
    ]

    languages = Counter(str(mail["Content-Language"]) for mail in mails)
    subjects = Counter(str(mail["Subject"]).partition(":")[0].strip() for mail in mails)
    assert languages.keys() == {"en", "ru", "zh-CN"}
    assert len(set(languages.values())) == 1
    assert f"All of it was mailed: {len(mails)} mails" in told
    # Of the shared minutes, of the conferences' and of one user's own.
    assert subjects["80% of the included minutes are used"] == 3
    assert subjects["The included minutes are used up"] == 3


def test_the_readme_quotes_it(month: tuple[Path, str]) -> None:
    _, told = month

    quoted = re.search(r"```text\n(.+?)```", README.read_text("utf-8"), re.DOTALL)

    assert quoted is not None
    lines = [line for line in quoted[1].splitlines() if line.strip()]
    assert len(lines) > 10
    assert [line for line in lines if line not in told] == []


def test_every_command_that_it_names_works_on_its_books(month: tuple[Path, str]) -> None:
    folder, told = month
    asking = told[told.index("Look around") :]

    commands = [shlex.split(line) for line in re.findall(r"  talktime (.+)", asking)]

    assert f"TALKTIME_DATABASE=sqlite:///{folder}/talktime.db" in told
    assert [command[0] for command in commands] == [
        *("pools", "calls", "calls", "explain", "credit", "credit", "quote", "serve")
    ]
    for command in commands[:-1]:
        assert asked(folder, *command)
