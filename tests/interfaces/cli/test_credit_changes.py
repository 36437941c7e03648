"""What an operator does to credit after it was bought, as he types it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.interfaces.cli.conftest import Talktime

HEADER = "organization,amount,currency,purchased_at,expires_at,source,reference"
YEARS = timedelta(days=400)


@pytest.fixture
def funded(acme: Talktime) -> Talktime:
    """Give Acme with 200, and Fabrikam without credit."""
    terms = ("--country", "FR", "--currency", "USD", "--time-zone", "Europe/Paris", "--deck", "standard")
    assert acme("organizations", "add", "Fabrikam", *terms).code == 0
    assert acme("credit", "add", "200", "--reference", "PO-1", "--organization", "Acme").code == 0
    return acme


def days_ahead(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def balance(talktime: Talktime, organization: str = "Acme", at: str = "") -> str:
    wanted = ("--at", at) if at else ()
    document = talktime("credit", "balance", "--organization", organization, *wanted, "--json").document
    return str(document["posted"])


def test_a_correction_says_what_it_did_and_does_it_once(funded: Talktime) -> None:
    told = ("--reference", "A-1", "--reason", "a bad line", "--organization", "Acme")

    first, again = funded("credit", "adjust", "-25.5", *told), funded("credit", "adjust", "-25.5", *told)

    assert "25.50 USD taken from Acme" in first.out
    assert "nothing was changed" in again.err
    assert balance(funded) == "174.50"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("adjust", "-300", "--reference", "A-1", "--reason", "x"), "adjustment_too_large"),
        (("adjust", "0", "--reference", "A-1", "--reason", "x"), "amount"),
        (("adjust", "5", "--reference", "A-1"), "usage"),
        (("adjust", "5", "--reference", "A-1", "--reason", " "), "reason"),
        (("refund", "1", "--reference", "R-1", "--reason", "x", "--amount", "201"), "refund_too_large"),
        (("refund", "9", "--reference", "R-1", "--reason", "x"), "lot_not_found"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_code(funded: Talktime, arguments: tuple[str, ...], code: str) -> None:
    ran = funded("credit", *arguments, "--organization", "Acme", "--json")

    assert ran.code == 2
    assert ran.document["error"] == code
    assert balance(funded) == "200.00"


def test_a_transfer_tells_both_balances(funded: Talktime) -> None:
    told = ("--reference", "T-1", "--reason", "split", "--amount", "60", "--json")

    moved = funded("credit", "transfer", "Acme", "Fabrikam", *told).document

    assert moved["source_balance"] == "140.00"
    assert moved["target_balance"] == "60.00"
    lots = funded("credit", "lots", "--organization", "Acme")
    assert "Refunded" in lots.out


def test_a_refund_of_credit_added_by_hand_reminds_to_pay_it_back(funded: Talktime) -> None:
    ran = funded("credit", "refund", "1", "--reference", "R-1", "--reason", "moved", "--organization", "Acme")
    listed = funded("credit", "refunds", "--organization", "Acme", "--json").document

    assert ran.code == 0
    assert "send the money yourself" in ran.err
    assert [each["state"] for each in listed["refunds"]] == ["refunded"]


def test_without_refunds_and_disputes_their_lists_say_so(funded: Talktime) -> None:
    assert "credit refund LOT" in funded("credit", "refunds", "--organization", "Acme").err
    assert "was ever disputed" in funded("credit", "disputes", "--organization", "Acme").err
    assert funded("credit", "disputes", "--organization", "Acme", "--json").document["disputes"] == []


def test_the_expiry_is_booked_once_and_says_what_was_lost(acme: Talktime) -> None:
    bought = (datetime.now(UTC) - YEARS).date().isoformat()
    acme("credit", "add", "50", "--reference", "old", "--purchased-at", bought)

    first, again = acme("credit", "expire", "--json").document, acme("credit", "expire")

    assert [each["amount"] for each in first["expired"]] == ["50.00"]
    assert "Nothing has expired" in again.err
    assert acme("audit").code == 0


def test_a_notice_tells_how_many_days_are_left(acme: Talktime) -> None:
    bought = (datetime.now(UTC) - timedelta(days=340)).date().isoformat()
    acme("credit", "add", "50", "--reference", "old", "--purchased-at", bought)

    (notice,) = acme("credit", "expire", "--json").document["notices"]

    assert notice["amount"] == "50.00"
    assert 24 <= notice["days"] <= 27


def test_an_import_is_tried_then_done_then_known(funded: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "opening.csv"
    line = f"Fabrikam,7.5,USD,,{days_ahead(90)},Old system,OB-1"
    path.write_text(f"{HEADER}\n{line}\n", "utf-8")

    tried = funded("credit", "import", path, "--dry-run")
    before = balance(funded, "Fabrikam")
    done, again = funded("credit", "import", path), funded("credit", "import", path)

    assert "would be imported" in tried.out
    assert (before, balance(funded, "Fabrikam")) == ("0.00", "7.50")
    assert "1 lot imported" in done.out
    assert "imported before" in again.err


def test_an_import_with_mistakes_names_lines_and_columns(funded: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "opening.csv"
    path.write_text(f"{HEADER}\nNobody,x,USD,,{days_ahead(90)},Old,OB-1\n", "utf-8")

    ran, shown = funded("credit", "import", path, "--json"), funded("credit", "import", path)

    assert ran.code == shown.code == 2
    assert ran.document["mistakes"] == [
        {"line": 2, "column": "amount", "problem": "'x' is no decimal amount: write it as 200 or 0.0135"}
    ]
    assert "correct these lines first" in shown.err


def test_a_file_that_is_not_there_is_refused(acme: Talktime) -> None:
    assert acme("credit", "import", "nowhere.csv", "--json").document["error"] == "file"


def test_the_balance_of_a_coming_date_is_labeled_as_such(acme: Talktime) -> None:
    acme("credit", "add", "50", "--reference", "PO-1")

    document = acme("credit", "balance", "--at", days_ahead(500), "--json").document
    shown = acme("credit", "balance", "--at", days_ahead(500))

    assert (document["basis"], document["posted"]) == ("expiries", "0.00")
    assert "known to expire" in shown.out


def test_an_account_closes_with_its_remainder_forfeited(funded: Talktime) -> None:
    ran = funded("credit", "close", "Acme", "--remainder", "forfeit", "--reason", "contract ended")

    assert "Acme is closed" in ran.out
    assert "200.00 USD" in ran.out
    assert balance(funded) == "0.00"
    assert funded("audit").code == 0
