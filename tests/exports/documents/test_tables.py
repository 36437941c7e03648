"""The CSV twins: exact, complete, and harmless in a spreadsheet."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

from talktime.core.credit.billing.invoices import InvoiceState, Party, Tax
from talktime.core.insight.statements import UsedCredit
from talktime.core.insight.tables import Column
from talktime.exports.csv import write_csv
from talktime.exports.documents.tables import (
    INVOICE_COLUMNS,
    STATEMENT_COLUMNS,
    invoice_rows,
    percent,
    statement_rows,
)
from tests.exports.documents import samples


def read_back(columns: tuple[Column, ...], rows: object) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    write_csv(stream, columns, rows)  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_an_invoice_and_its_credit_notes_are_rows_that_add_up() -> None:
    rows = read_back(INVOICE_COLUMNS, invoice_rows(samples.invoice(), InvoiceState.OPEN, [samples.credit_note()]))

    assert [(row["Kind"], row["Number"], row["Corrects"]) for row in rows] == [
        ("invoice", "TT-000042-0007", ""),
        ("credit_note", "TT-000042-C0003", "TT-000042-0007"),
    ]
    assert [row["Total"] for row in rows] == ["1190.00", "-297.50"]
    assert {(row["Agreement"], row["Purchase Order"], row["Tax Percent"]) for row in rows} == {
        ("EA-1001", "PO-77-2026", "19")
    }
    assert rows[0]["Issued"] == "2026-11-20T14:30:00Z"


def test_a_name_that_a_spreadsheet_would_run_is_neutralized() -> None:
    evil = replace(samples.invoice(), buyer=Party("=HYPERLINK(1)"), purchase_order="@SUM(A1)")

    (row,) = read_back(INVOICE_COLUMNS, invoice_rows(evil, InvoiceState.OPEN, []))

    assert (row["Buyer"], row["Purchase Order"]) == ("'=HYPERLINK(1)", "'@SUM(A1)")


def test_the_balance_of_a_statement_adds_up_in_its_rows_to_the_micro() -> None:
    rows = read_back(STATEMENT_COLUMNS, statement_rows(samples.statement(destinations=8)))

    balance = [Decimal(row["Amount"]) for row in rows if row["Section"] == "balance"]
    assert sum(balance[:-1]) == balance[-1]
    used = sum(Decimal(row["Amount"]) for row in rows if row["Section"] in {"usage", "late usage"})
    assert -used == next(Decimal(row["Amount"]) for row in rows if row["Item"] == "used")
    assert [row["Item"] for row in rows if row["Section"] == "late usage"] == ["Destination 6"]


def test_all_destinations_of_a_statement_are_rows_however_many() -> None:
    many = tuple(UsedCredit("user_out", f"={n}", False, 1, 60, 0) for n in range(5_000))  # noqa: FBT003
    statement = replace(samples.statement(destinations=1), used=(*samples.statement(destinations=1).used, *many))

    rows = read_back(STATEMENT_COLUMNS, statement_rows(statement))

    assert sum(row["Section"] == "usage" for row in rows) == 5_001
    assert all(row["Item"].startswith(("'=", "Destination")) for row in rows if row["Section"] == "usage")


def test_a_rate_is_written_in_percent() -> None:
    assert [percent(Tax("VAT", ppm)) for ppm in (190_000, 77_000, 0, None)] == ["19", "7.7", "0", ""]
