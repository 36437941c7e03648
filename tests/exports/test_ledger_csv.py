"""The general ledger as CSV: what an accountant's program reads, and what a spreadsheet must not run."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART, balances_of
from talktime.core.insight.ledger_entries import LedgerEntry, LedgerOf, LedgerPosting
from talktime.exports.ledger_csv import write_ledger_csv

NOON = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
BOUGHT = LedgerPosting(Account.CASH_CLEARING, Account.LOT, 20_000_001, 3, '=cmd|"calc"!A1')
LEDGER = LedgerOf(
    organization_id=7,
    organization="@Acme\nLtd",
    currency="EUR",
    zone=ZoneInfo("Europe/Berlin"),
    begins_on=date(2026, 4, 1),
    ends_on=date(2026, 4, 2),
    opening={CHART[Account.LOT]: -1_000_000, CHART[Account.CASH_CLEARING]: 1_000_000},
    moved={(Account.CASH_CLEARING, Account.LOT): 20_000_001},
    months=(),
    closing=balances_of({(Account.CASH_CLEARING, Account.LOT): 21_000_001}),
    entries=(LedgerEntry("=1+1", date(2026, 4, 1), NOON, (BOUGHT,), "TT-000007-0001"),),
)


def test_each_amount_is_a_debit_and_a_credit_with_running_balances() -> None:
    debit, credit = _read(LEDGER)

    assert debit == {
        "entry_id": "'=1+1",
        "line": "1",
        "date": "2026-04-01",
        "instant_utc": "2026-03-31T22:30:00Z",
        "account_number": "1100",
        "account_name": "Cash clearing",
        "debit": "20.000001",
        "credit": "",
        "balance": "21.000001",
        "currency": "EUR",
        "organization_id": "7",
        "organization": "'@Acme Ltd",
        "lot": "3",
        "document": "TT-000007-0001",
        "description": 'Credit bought, =cmd|"calc"!A1',
    }
    assert {name: credit[name] for name in ("line", "account_number", "debit", "credit", "balance")} == {
        "line": "2",
        "account_number": "2100",
        "debit": "",
        "credit": "20.000001",
        "balance": "-21.000001",
    }


def test_no_cell_begins_with_what_a_spreadsheet_runs() -> None:
    cells = [cell for row in _read(LEDGER) for name, cell in row.items() if name != "balance"]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_balances_of_one_organization_do_not_run_into_those_of_the_next() -> None:
    other = replace(LEDGER, organization_id=8, opening={})

    rows = _read(LEDGER, other)

    assert [row["balance"] for row in rows] == ["21.000001", "-21.000001", "20.000001", "-20.000001"]


def test_books_without_entries_are_a_header() -> None:
    stream = io.StringIO()

    lines = write_ledger_csv(stream, [replace(LEDGER, entries=())])

    assert lines == 0
    assert stream.getvalue().count("\r\n") == 1


def _read(*ledgers: LedgerOf) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    write_ledger_csv(stream, ledgers)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
