"""13,031 real calls, charged by talktime on both databases and judged by a script that knows nothing of talktime."""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import openpyxl
import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.calls.calls import DenialReason
from talktime.core.calls.replaying import RecordedCall, ReplayedCall, summary_of
from talktime.core.credit.lots import Credit
from talktime.core.rates.rate_sheets import SheetOptions, read_rate_sheet
from talktime.imports.call_files import CallLine, read_call_file
from talktime.imports.spreadsheets import read_sheet
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from talktime.usecases.calls.replay_calls import PrepareReplay, prepare_replay, replay_calls
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.show_credit import show_credit
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from talktime.usecases.organizations.manage_organizations import AddOrganization, LookAt, add_organization
from talktime.usecases.rates.publish_rate_deck import PublishDeck, StageDeck, publish_deck, stage_deck
from tests.conftest import sqlite_url
from tests.proofs import nodobo_oracle
from tests.proofs.nodobo_oracle import PUBLISHED_FROM, Verdict, verdicts

ORGANIZATION, DECK = "Nodobo", "az"
# Before the first call that is charged, so that the twelve months outlast the last one.
FUNDED_AT = datetime(2010, 9, 1, tzinfo=UTC)
AFTERWARDS = datetime(2011, 2, 1, tzinfo=UTC)
SAMPLE_SEED, SAMPLE_LINES, FIRST_LINES = 13_031, 900, 60
MICROS_PER_UNIT = 1_000_000
AMPLE_MICROS = 5_000 * MICROS_PER_UNIT
PHONE_WITHOUT_A_CLOCK = 1980


@dataclass(frozen=True)
class Material:
    """A deck and a log of calls, as files."""

    deck: Path
    calls: Path

    def verdicts(self) -> dict[int, Verdict]:
        """Return what the other opinion makes of each line of the log."""
        return dict(enumerate(verdicts(self.deck, self.calls), start=2))


@dataclass(frozen=True)
class Charged:
    """What talktime made of the log."""

    lines: list[CallLine]
    replayed: list[ReplayedCall]
    credit: Credit
    audit: AuditReport

    @property
    def charged_micros(self) -> int:
        return sum(each.charged_micros for each in self.replayed)


@pytest.fixture
def everything(shared_data: Path) -> Material:
    """All that is real."""
    return Material(
        shared_data / "rate_decks/astpp_az_2015/astpp_outbound_routes.csv",
        shared_data / "calls/nodobo_calls/nodobo_calls_masked.csv",
    )


@pytest.fixture
def sample(everything: Material, tmp_path: Path) -> Material:
    """A part of it: the first lines, where the blank ones and those of 1980 are, others by lot, and their prices."""
    header, *lines = everything.calls.read_text("utf-8").splitlines()
    chosen = sorted(Random(SAMPLE_SEED).sample(range(FIRST_LINES, len(lines)), SAMPLE_LINES))
    calls = tmp_path / "calls.csv"
    calls.write_text("\n".join([header, *lines[:FIRST_LINES], *(lines[index] for index in chosen)]) + "\n", "utf-8")
    with calls.open(newline="", encoding="utf-8") as stream:
        numbers = {row["peer_prefix_masked"].removeprefix("+") for row in csv.DictReader(stream)}
    prefixes = {number[:length] for number in numbers for length in range(1, len(number) + 1)}
    header, *rows = everything.deck.read_text("utf-8").splitlines()
    kept = [row for row in rows if row.split(",")[1].removeprefix("^").removesuffix(".*") in prefixes]
    deck = tmp_path / "deck.csv"
    deck.write_text("\n".join([header, *kept]) + "\n", "utf-8")
    return Material(deck, calls)


@pytest.fixture
def both_urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give a database of ours on each engine, to compare what they say."""
    template: Path = request.getfixturevalue("sqlite_template")
    server = request.getfixturevalue("postgresql_server")
    with server.fresh_database(template=request.getfixturevalue("postgresql_template")) as postgresql_url:
        yield sqlite_url(Path(shutil.copyfile(template, tmp_path / "both.db"))), postgresql_url


def charge(database_url: str, material: Material, granted_micros: int) -> Charged:
    """Publish the deck, fund the organization, replay the log, audit the books."""
    with App(Settings(database=database_url)) as app:
        sheet = read_rate_sheet(read_sheet(material.deck), SheetOptions(currency="USD"))
        assert sheet.rejections == ()
        stage_deck(
            app.run, StageDeck(DECK, material.deck.name, sheet.terms, sheet.rates, PUBLISHED_FROM), lambda _: None
        )
        app.run(publish_deck, PublishDeck(DECK, None, PUBLISHED_FROM, PUBLISHED_FROM))
        app.run(add_organization, AddOrganization(ORGANIZATION, "GB", "USD", "Europe/London", DECK, PUBLISHED_FROM))
        app.run(add_credit, AddCredit(ORGANIZATION, granted_micros, "PO-1", FUNDED_AT))
        lines = list(read_call_file(material.calls))
        calls = [line.call for line in lines if line.call is not None]
        app.run(prepare_replay, PrepareReplay(ORGANIZATION, calls, FUNDED_AT, creates_users=True))
        with closing(open_statements(database_url)) as statements:
            replayed = list(replay_calls(statements, app.settings.charging_terms, calls))
        credit = app.read(show_credit, LookAt(ORGANIZATION, AFTERWARDS)).credit
        return Charged(lines, replayed, credit, app.read(audit_books, AuditBooks(AFTERWARDS)))


def line_of(call: RecordedCall) -> int:
    return int(call.call_id.rpartition(":")[2])


def assert_equals_oracle(charged: Charged, material: Material) -> None:
    """Compare line by line: the class, whether and why it was refused, and the cost to the micro-unit."""
    judged = material.verdicts()
    assert {line.line: line.label for line in charged.lines} == {
        line: verdict.label for line, verdict in judged.items()
    }
    assert {line.line for line in charged.lines if line.call is None} == {
        line for line, verdict in judged.items() if verdict.outcome == "rejected"
    }
    denials = {line_of(each.call): each.denial.value for each in charged.replayed if each.denial is not None}
    assert denials == {
        line: verdict.outcome
        for line, verdict in judged.items()
        if verdict.outcome not in {"rejected", "free", "charged"}
    }
    costs = {line_of(each.call): each.charged_micros for each in charged.replayed if each.charged_micros}
    assert costs == {line: verdict.cost * MICROS_PER_UNIT for line, verdict in judged.items() if verdict.cost}


def assert_books_are_right(charged: Charged) -> None:
    """Nobody owes, nothing is promised any more, what was charged was spent, and the audit finds nothing."""
    assert charged.audit.violations == ()
    assert charged.credit.receivable_micros == 0
    assert charged.credit.held_micros() == 0
    assert sum(lot.spent_micros for lot in charged.credit.lots) == charged.charged_micros


def exported(database_url: str, folder: Path) -> tuple[bytes, Path]:
    """Export the usage as a user would; return the CSV, and where the workbook is."""
    csv_path, workbook_path = folder / "usage.csv", folder / "usage.xlsx"
    arguments = ["usage", "export", "--csv", str(csv_path), "--xlsx", str(workbook_path)]
    assert main([*arguments, "--organization", ORGANIZATION, "--database", database_url]) == 0
    return csv_path.read_bytes(), workbook_path


def workbook_charges(workbook_path: Path) -> Counter[int]:
    """Return the charges of the calls in micros, as a spreadsheet reads them."""
    workbook = openpyxl.load_workbook(workbook_path, read_only=True)
    rows = list(workbook["Usage"].iter_rows(values_only=True))
    workbook.close()
    place = next(number for number, row in enumerate(rows) if "Charge" in row)
    column = rows[place].index("Charge")
    # The last row adds up the others.
    return Counter(round(row[column] * MICROS_PER_UNIT) for row in rows[place + 1 : -1])


def csv_charges(data: bytes) -> Counter[int]:
    """Return the charges of the calls in micros, exactly."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8")))
    return Counter(int(Decimal(row["Charge"]) * MICROS_PER_UNIT) for row in rows)


def prove_ample_credit(database_url: str, material: Material, folder: Path) -> Charged:
    """Charge, compare with the other opinion, report."""
    charged = charge(database_url, material, AMPLE_MICROS)

    assert_equals_oracle(charged, material)
    assert_books_are_right(charged)
    assert not any(each.was_cut for each in charged.replayed)
    data, workbook_path = exported(database_url, folder)
    assert sum(micros * rows for micros, rows in csv_charges(data).items()) == charged.charged_micros
    assert workbook_charges(workbook_path) == csv_charges(data)
    return charged


def prove_scarce_credit(both_urls: tuple[str, str], material: Material, folder: Path) -> list[Charged]:
    """Charge on both databases with a tenth of what is needed, and compare them call by call and byte by byte."""
    needed = sum(verdict.cost for verdict in material.verdicts().values()) * MICROS_PER_UNIT
    granted_micros = int(needed / 10)

    charged = [charge(database_url, material, granted_micros) for database_url in both_urls]

    assert charged[0].replayed == charged[1].replayed
    assert charged[0].credit == charged[1].credit
    for each in charged:
        assert_books_are_right(each)
        assert each.charged_micros <= granted_micros
        summary = summary_of(each.replayed)
        assert summary.cut_count > 0
        assert summary.denials[DenialReason.CREDIT_EXHAUSTED] > 0
    reports = [exported(database_url, folder)[0] for database_url in both_urls]
    assert reports[0] == reports[1]
    return charged


def test_a_sample_of_the_real_calls_costs_what_the_oracle_says(
    migrated_database_url: str, sample: Material, tmp_path: Path
) -> None:
    charged = prove_ample_credit(migrated_database_url, sample, tmp_path)

    assert charged.charged_micros > 0
    assert {line.label for line in charged.lines} == {"outgoing", "incoming", "missed", "blank"}


def test_a_sample_of_the_real_calls_with_too_little_credit_is_cut_alike_on_both_databases(
    both_urls: tuple[str, str], sample: Material, tmp_path: Path
) -> None:
    prove_scarce_credit(both_urls, sample, tmp_path)


@pytest.mark.proof
def test_all_real_calls_cost_what_the_oracle_says(
    migrated_database_url: str, everything: Material, tmp_path: Path
) -> None:
    charged = prove_ample_credit(migrated_database_url, everything, tmp_path)

    labels = Counter(line.label for line in charged.lines)
    dated_1980 = [each for each in charged.replayed if each.call.started_at.year == PHONE_WITHOUT_A_CLOCK]
    assert labels == {"outgoing": 8_039, "incoming": 3_166, "missed": 1_824, "blank": 2}
    assert [(line.line, line.reason) for line in charged.lines if line.call is None] == [
        (2, "duration_seconds is missing"),
        (9, "the direction is missing"),
        (19, "the direction is missing"),
    ]
    # None of them is charged: there were no prices in 1980, and 16 calls are free at any time.
    assert Counter(each.denial for each in dated_1980) == {DenialReason.NO_RATE_DECK_IN_FORCE: 15, None: 16}
    assert sum(each.charged_micros for each in dated_1980) == 0
    assert charged.charged_micros == 1_641_979_300


@pytest.mark.proof
def test_all_real_calls_with_too_little_credit_are_cut_alike_on_both_databases(
    both_urls: tuple[str, str], everything: Material, tmp_path: Path
) -> None:
    prove_scarce_credit(both_urls, everything, tmp_path)


def test_the_oracle_runs_alone_without_anything_installed(sample: Material) -> None:
    # -I and -S: no site-packages, no current folder, so that nothing of talktime can be imported.
    command = [sys.executable, "-I", "-S", nodobo_oracle.__file__, str(sample.deck), str(sample.calls)]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    report = json.loads(done.stdout)
    judged = sample.verdicts().values()
    assert report["total_micros"] == sum(verdict.cost for verdict in judged) * MICROS_PER_UNIT
    assert report["outcomes"] == Counter(verdict.outcome for verdict in judged)


@pytest.mark.parametrize(("seconds", "cost"), [(0, "0"), (1, "0.0134"), (6, "0.0134"), (7, "0.0267"), (60, "0.1335")])
def test_the_oracle_rounds_half_up_once_for_each_call(seconds: int, cost: str) -> None:
    price = nodobo_oracle.Price(Fraction("0.1335"), Fraction(0), 6)

    assert nodobo_oracle.cost_of(price, seconds) == Fraction(cost)
