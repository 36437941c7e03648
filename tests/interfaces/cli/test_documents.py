"""`talktime invoices`, `statements` and `taxes`, as a person in the finance department uses them."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice
from tests.exports.documents.reading_pdf import words_of
from tests.interfaces.cli.conftest import Talktime
from tests.usecases.credit.billed import AGREEMENT, Bill, bill, credit

AT = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


@pytest.fixture
def billed(acme: Talktime, app: App) -> Talktime:
    """Give Acme with an invoice by card, one under an agreement, and a credit note."""
    acme("invoices", "seller", "--name", "Nordlicht GmbH", "--address", r"Hafenstraße 12\nHamburg", "--country", "de")
    app.run(bill, Bill("order-1", at=AT))
    app.run(bill, Bill("order-2", method=AGREEMENT, amount="200", tax="16", at=AT))
    app.run(credit, CreditInvoice("order-2", 50_000_000, "refund-1", "unused"))
    return acme


def test_without_purchases_there_are_no_invoices_and_it_says_why(acme: Talktime) -> None:
    ran = acme("invoices")

    assert ran.code == 0
    assert "no invoice yet" in ran.err
    assert acme("invoices", "--json").document == {"organization": "Acme", "invoices": []}


def test_invoices_are_listed_with_their_state(billed: Talktime) -> None:
    ran = billed("invoices", "list")

    listed = billed("invoices", "list", "--json").document["invoices"]
    assert [(each["number"], each["total"]) for each in listed] == [
        ("TT-000001-0002", "216.00"),
        ("TT-000001-0001", "100.00"),
    ]
    assert "partly credited" in ran.out
    assert "PO-77" in ran.out
    assert "Visa •••• 4242" in ran.out


def test_an_invoice_is_shown_with_what_followed(billed: Talktime) -> None:
    ran = billed("invoices", "show", "2")

    document = billed("invoices", "show", "TT-000001-0002", "--json").document
    assert "TT-000001-C0001" in ran.out
    assert document["agreement"] == "EA-1001"
    assert document["credited"] == "54.00"
    assert document["seller"]["address"] == "Hafenstraße 12\nHamburg"


@pytest.mark.parametrize(("number", "named"), [("1", "TT-000001-0001"), ("c1", "TT-000001-C0001")])
def test_an_invoice_or_a_credit_note_is_printed_in_a_language(
    billed: Talktime, tmp_path: Path, number: str, named: str
) -> None:
    path = tmp_path / "made" / "document.pdf"

    ran = billed("invoices", "pdf", number, "--output", path, "--language", "ru", "--json")

    assert ran.document == {"number": named, "language": "ru", "file": str(path)}
    assert named in words_of(path.read_bytes())
    assert [each.name for each in path.parent.iterdir()] == ["document.pdf"]


def test_a_document_is_named_after_its_number_where_nobody_says_otherwise(
    acme: Talktime, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.run(bill, Bill("order-1", at=AT))
    monkeypatch.chdir(tmp_path)

    ran = acme("invoices", "pdf", "1")

    assert [each.name for each in tmp_path.glob("*.pdf")] == ["TT-000001-0001.pdf"]
    assert "does not say who bills" in ran.err


def test_invoices_are_written_as_csv(billed: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"

    ran = billed("invoices", "csv", "--output", path, "--json")

    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert ran.document["rows"] == 3
    assert [row["Total"] for row in rows] == ["216.00", "-54.00", "100.00"]
    assert billed("invoices", "csv").out.startswith("Kind,Number,")
    assert billed("invoices", "csv", "--json").code == 2


@pytest.mark.parametrize("number", ["9", "TT-000007-0001", "soon"])
def test_an_invoice_that_is_not_there_is_refused_with_what_to_do(billed: Talktime, number: str) -> None:
    ran = billed("invoices", "show", number)

    assert ran.code == 2
    assert "invoice" in ran.err


def test_who_bills_is_unknown_until_somebody_says_so(acme: Talktime) -> None:
    assert "Nobody said yet" in acme("invoices", "seller").err

    said = acme("invoices", "seller", "--name", "Nordlicht", "--payment", "IBAN DE89", "--json")

    assert said.document["name"] == "Nordlicht"
    assert "IBAN DE89" in acme("invoices", "seller").out
    assert acme("invoices", "buyer", "--tax-number", "12-345", "--json").document == {
        "name": "Acme",
        "address": "",
        "country": "US",
        "tax_number": "12-345",
        "contact": "",
        "payment": "",
    }


def test_tax_rules_are_set_and_listed(acme: Talktime) -> None:
    assert "talktime taxes set" in acme("taxes").err

    acme("taxes", "set", "DE", "--name", "VAT", "--rate", "19", "--from", "2026-01-01")
    acme("taxes", "set", "PL", "--name", "VAT", "--rate", "7.7%", "--at", "use", "--from", "2026-02-01")

    assert acme("taxes", "list", "--json").document["taxes"] == [
        {"country": "DE", "name": "VAT", "percent": "19", "taxed_at": "purchase", "valid_from": "2026-01-01"},
        {"country": "PL", "name": "VAT", "percent": "7.7", "taxed_at": "use", "valid_from": "2026-02-01"},
    ]
    assert "contained in use" in acme("taxes", "list", "--country", "pl").out


@pytest.mark.parametrize("rate", ["much", "101", "-1", "0.00001"])
def test_a_rate_that_is_none_is_refused(acme: Talktime, rate: str) -> None:
    ran = acme("taxes", "set", "DE", "--name", "VAT", "--rate", rate, "--from", "2026-01-01")

    assert ran.code == 2


def test_without_books_there_are_no_statements_and_it_says_why(acme: Talktime) -> None:
    assert "no books yet" in acme("statements").err


def test_a_month_is_shown_issued_and_printed(acme: Talktime, tmp_path: Path) -> None:
    acme("credit", "add", "200", "--reference", "PO-1", "--purchased-at", "2026-01-31")
    month = ("--month", "2026-01")

    before = acme("statements", "show", *month)
    issued = acme("statements", "issue", *month, "--json")
    path = tmp_path / "january.pdf"
    acme("statements", "pdf", *month, "--output", path, "--language", "zh-TW")

    assert "statements issue --month 2026-01" in before.err
    assert issued.document["movements"]["purchased"] == "200.00"
    assert (issued.document["closing"], issued.document["is_issued"]) == ("200.00", True)
    assert "對帳單" in words_of(path.read_bytes())
    assert acme("statements", "show", *month, "--json").document == issued.document
    rows = list(csv.DictReader(acme("statements", "csv", *month).out.splitlines()))
    assert [row["Amount"] for row in rows if row["Item"] == "closing"] == ["200.00"]
    listed = acme("statements", "list", "--json").document["months"]
    assert {"month": "2026-01", "is_issued": True, "opening": "0.00", "closing": "200.00"} in listed
    assert "not issued yet" in acme("statements", "list").out


def test_the_month_that_runs_is_shown_with_a_warning(acme: Talktime) -> None:
    acme("credit", "add", "200", "--reference", "PO-1")
    newest = acme("statements", "list", "--json").document["months"][0]["month"]

    ran = acme("statements", "show", "--month", newest)

    assert "Balance now" in ran.out
    assert "is not over" in ran.err


@pytest.mark.parametrize("month", ["2026-13", "October", "9999-01"])
def test_a_month_that_is_none_is_refused(acme: Talktime, month: str) -> None:
    assert acme("statements", "show", "--month", month).code == 2
