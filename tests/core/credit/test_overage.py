"""The bill for what was used and not paid before: which months are due, how much, with which tax."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit.billing.invoices import (
    NO_TAX,
    NOBODY,
    Billing,
    Invoice,
    InvoiceCause,
    InvoiceState,
    Party,
    Tax,
)
from talktime.core.credit.billing.overage import (
    Bill,
    bill_of,
    entries_of,
    invoice_of,
    last_day,
    month_of_bill,
    months_due,
    unbilled_micros,
)
from talktime.core.credit.billing.taxes import Taxed, TaxedAt, TaxRule
from talktime.core.credit.ledger import Account, Posting

AT = datetime(2026, 7, 1, 0, 12, tzinfo=UTC)
GERMANY = TaxRule("DE", "USt", 190_000, TaxedAt.PURCHASE, date(2007, 1, 1))
POLAND = TaxRule("PL", "VAT", 230_000, TaxedAt.USE, date(2011, 1, 1))
BILLING = Billing(Party("Seller"), Party("Acme"), ZoneInfo("Europe/Berlin"))
BILL = Bill(7, "2026-06", 123_000_000, "EUR")


def bill(month: str, amount_micros: int) -> Invoice:
    return invoice_of(Bill(7, month, amount_micros, "EUR"), BILLING, AT, sequence=1)


def due(used: dict[str, int], *invoices: Invoice, this_month: str = "2026-07") -> tuple[str, ...]:
    return months_due(used, invoices, this_month=this_month, currency="EUR")


def amount(used: dict[str, int], month: str, *invoices: Invoice, currency: str = "EUR") -> int | None:
    found = bill_of(7, month, used, invoices, currency=currency)
    return None if found is None else found.amount_micros


def test_a_month_is_due_when_it_is_over_and_something_was_used() -> None:
    used = {"2026-05": 2_000_000, "2026-06": 3_000_000, "2026-07": 4_000_000}

    assert due(used) == ("2026-05", "2026-06")
    assert due(used, bill("2026-05", 2_000_000)) == ("2026-06",)
    assert due(used, bill("2026-05", 2_000_000), bill("2026-06", 3_000_000)) == ()
    assert due({}) == ()


def test_months_that_nobody_billed_in_time_are_billed_one_by_one() -> None:
    used = {"2026-05": 2_000_000, "2026-06": 3_000_000}

    may = amount(used, "2026-05")

    assert may == 2_000_000
    assert amount(used, "2026-06", bill("2026-05", 2_000_000)) == 3_000_000


def test_what_is_charged_after_its_month_was_billed_is_on_the_next_bill() -> None:
    used = {"2026-05": 2_500_000}
    may = bill("2026-05", 2_000_000)

    assert due(used, may, this_month="2026-06") == ()
    assert due(used, may, this_month="2026-07") == ("2026-06",)
    assert amount(used, "2026-06", may) == 500_000
    assert unbilled_micros(used, [may]) == 500_000


def test_calls_of_a_month_before_the_first_bill_wait_for_the_next() -> None:
    used = {"2026-03": 1_000_000, "2026-05": 2_000_000}
    may = bill("2026-05", 2_000_000)

    assert due(used, may, this_month="2026-06") == ()
    assert due(used, may) == ("2026-06",)
    assert amount(used, "2026-03", may) is None


@pytest.mark.parametrize(("currency", "billed"), [("EUR", 12_340_000), ("JPY", 12_000_000), ("KWD", 12_345_000)])
def test_whole_coins_are_billed_and_the_rest_waits(currency: str, billed: int) -> None:
    assert amount({"2026-06": 12_345_678}, "2026-06", currency=currency) == billed


def test_less_than_a_coin_is_no_bill() -> None:
    assert due({"2026-06": 9_999}) == ()
    assert amount({"2026-06": 9_999}, "2026-06") is None


def test_tax_comes_on_top_where_purchases_are_taxed() -> None:
    invoice = invoice_of(BILL, replace(BILLING, rules=(GERMANY,)), AT, sequence=3)

    assert (invoice.taxed, invoice.tax) == (Taxed(123_000_000, 23_370_000), Tax("USt", 190_000))
    (entry,) = entries_of(invoice)
    assert entry.entry_id == "overage:2026-06"
    assert entry.postings == (
        Posting(Account.INVOICED, Account.ACCRUED, 123_000_000),
        Posting(Account.INVOICED, Account.TAX, 23_370_000),
    )


def test_tax_is_contained_where_use_is_taxed() -> None:
    invoice = invoice_of(BILL, replace(BILLING, rules=(POLAND,)), AT, sequence=3)

    assert (invoice.taxed, invoice.tax) == (Taxed(100_000_000, 23_000_000), Tax("VAT", 230_000))
    billed, taxed = entries_of(invoice)
    assert billed.postings == (Posting(Account.INVOICED, Account.ACCRUED, 123_000_000),)
    assert (taxed.entry_id, taxed.postings) == (
        "tax:overage:2026-06",
        (Posting(Account.REVENUE, Account.TAX, 23_000_000),),
    )
    assert unbilled_micros({"2026-06": 123_000_000}, [invoice]) == 0


def test_without_a_rule_or_with_one_of_nothing_there_is_no_tax_line() -> None:
    exempt = replace(POLAND, rate_ppm=0)

    untaxed = invoice_of(BILL, BILLING, AT, sequence=3)
    of_nothing = invoice_of(BILL, replace(BILLING, rules=(exempt,)), AT, sequence=3)

    assert untaxed.tax == of_nothing.tax == NO_TAX
    assert len(entries_of(untaxed)) == len(entries_of(of_nothing)) == 1


def test_the_rule_of_the_months_last_day_counts() -> None:
    later = replace(GERMANY, rate_ppm=160_000, valid_from=date(2026, 7, 1))

    invoice = invoice_of(BILL, replace(BILLING, rules=(GERMANY, later)), AT, sequence=3)

    assert last_day("2026-06") == date(2026, 6, 30)
    assert invoice.tax.rate_ppm == 190_000


def test_a_bill_names_its_month_and_is_payable_within_the_term() -> None:
    invoice = invoice_of(BILL, BILLING, AT, sequence=3)

    assert (invoice.cause, month_of_bill(invoice)) == (InvoiceCause.OVERAGE, date(2026, 6, 1))
    # 1 July in Berlin and 30 days, the last one included.
    assert invoice.due_at == datetime(2026, 7, 31, 22, tzinfo=UTC)
    assert invoice.state(AT, Taxed(0, 0)) is InvoiceState.OPEN
    assert invoice.seller != NOBODY
