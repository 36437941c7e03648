"""Invoices in a database: numbered without gaps, one for each purchase, and never changed."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from talktime.bootstrap import App
from talktime.core.credit.billing.invoices import Invoice, InvoiceState, Party, Tax
from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.money import parse_micros
from talktime.exports.documents.invoices import invoice_paper
from talktime.exports.documents.typesetting import set_pdf
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice
from talktime.usecases.credit.billing.issue_statements import OfMonth, show_statement
from talktime.usecases.credit.billing.set_taxes import SetTax, set_tax
from talktime.usecases.credit.billing.show_invoices import (
    InvoiceAt,
    InvoiceShown,
    SetParty,
    list_invoices,
    set_party,
    show_invoice,
)
from talktime.usecases.organizations.manage_organizations import AddOrganization, LookAt, add_organization
from tests.exports.documents.reading_pdf import words_of
from tests.recharge_world import NAME
from tests.usecases.credit.billed import AGREEMENT, AT, Bill, Failed, bill, credit, void
from tests.usecases.credit.buyers import Buyers

THREADS, PURCHASES = 6, 8


def shown(app: App, number: str, at_days: int = 0) -> InvoiceShown:
    return app.read(show_invoice, InvoiceAt("Acme", number, AT + timedelta(days=at_days)))


def test_invoices_are_numbered_in_the_series_of_their_organization(app: App) -> None:
    app.run(add_organization, AddOrganization("Fabrikam", "DE", "EUR", "Europe/Berlin", "standard", AT))

    numbers = [
        app.run(bill, Bill(f"order-{n}", organization)).number
        for n, organization in enumerate(("Acme", "Fabrikam", "Acme", "Fabrikam"))
    ]

    assert numbers == ["TT-000001-0001", "TT-000002-0001", "TT-000001-0002", "TT-000002-0002"]


def test_a_purchase_that_is_settled_twice_is_billed_once(app: App) -> None:
    first = app.run(bill, Bill("order-1"))
    app.run(bill, Bill("order-2"))

    again = app.run(bill, Bill("order-1", at=AT + timedelta(days=1)))

    assert again == first
    assert app.run(bill, Bill("order-3")).sequence == 3


def test_settlements_at_once_leave_no_gap_and_no_double(app: App) -> None:
    """Some are repeated by another thread, some fail after their invoice was written; each number is used once."""
    app.run(add_organization, AddOrganization("Fabrikam", "DE", "EUR", "Europe/Berlin", "standard", AT))
    orders = [f"order-{n}" for n in range(PURCHASES)]

    def settle_all(seed: int) -> None:
        shuffled = random.Random(seed).sample(orders, len(orders))
        for number, order in enumerate(shuffled):
            organization = ("Acme", "Fabrikam")[(seed + number) % 2]
            with suppress(Failed):
                app.run(bill, Bill(order, organization, fails=(seed + number) % 3 == 0))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(settle_all, range(THREADS)))
    for organization in ("Acme", "Fabrikam"):
        for order in orders:
            app.run(bill, Bill(order, organization))

    for organization in ("Acme", "Fabrikam"):
        _, found = app.read(list_invoices, LookAt(organization, AT))
        assert [each.invoice.sequence for each in found] == list(range(PURCHASES, 0, -1))
        assert {each.invoice.purchase_id for each in found} == set(orders)


def test_an_invoice_that_is_rolled_back_takes_its_number_with_it(app: App) -> None:  # money.md, complaint 8
    with pytest.raises(Failed):
        app.run(bill, Bill("order-1", fails=True))

    assert app.read(list_invoices, LookAt("Acme", AT))[1] == []
    assert app.run(bill, Bill("order-2")).number == "TT-000001-0001"


@pytest.mark.parametrize("table", ["invoices", "invoice_payments", "credit_notes"])
@pytest.mark.parametrize("change", ["UPDATE {table} SET sequence = sequence + 5", "DELETE FROM {table}"])
def test_no_statement_changes_what_was_billed(app: App, migrated_database_url: str, table: str, change: str) -> None:
    app.run(bill, Bill("order-1"))
    app.run(credit, CreditInvoice("order-1", parse_micros("10"), "refund-1", "unused"))
    engine = open_engine(migrated_database_url)

    with pytest.raises(DBAPIError, match="insert-only"), engine.begin() as connection:
        connection.execute(text(change.format(table=table)))

    engine.dispose()


def test_an_invoice_keeps_what_it_said_when_names_and_taxes_change(app: App) -> None:
    app.run(set_party, SetParty(None, "Nordlicht", "Hafenstraße 12\\n20457 Hamburg", "de", "DE 812 345 678"))
    app.run(set_party, SetParty("Acme", "Acme Holdings Inc.", tax_number="12-3456789"))
    app.run(set_tax, SetTax("US", "Sales tax", 80_000, TaxedAt.PURCHASE, date(2026, 1, 1)))
    first = app.run(bill, Bill("order-1", tax="8"))

    app.run(set_party, SetParty(None, "Südlicht"))
    app.run(set_party, SetParty("Acme", "Acme Old Inc."))
    app.run(set_tax, SetTax("US", "GST", 50_000, TaxedAt.PURCHASE, date(2026, 1, 1)))

    kept = shown(app, "1").invoice
    assert kept == first
    assert kept.seller == Party("Nordlicht", "Hafenstraße 12\n20457 Hamburg", "DE", "DE 812 345 678")
    assert kept.buyer == Party("Acme Holdings Inc.", country="US", tax_number="12-3456789")
    assert kept.tax == Tax("Sales tax", 80_000)
    assert app.run(bill, Bill("order-2")).seller.name == "Südlicht"


def test_an_invoice_under_an_agreement_is_open_overdue_and_paid(app: App) -> None:
    invoice = app.run(bill, Bill("order-1", method=AGREEMENT))

    states = [shown(app, "TT-000001-0001", days).state for days in (0, 40)]
    late = app.read(_overdue, 40)
    app.run(_pay, invoice)

    assert states == [InvoiceState.OPEN, InvoiceState.OVERDUE]
    assert late == [invoice]
    assert shown(app, "1", 40).state is InvoiceState.PAID
    assert app.read(_overdue, 40) == []


def test_a_refund_is_credited_once_however_often_it_is_told(app: App) -> None:  # money.md 44
    app.run(bill, Bill("order-1", amount="100", tax="19"))
    part = CreditInvoice("order-1", parse_micros("33.33"), "refund-1", "unused")

    first = app.run(credit, part)
    again = app.run(credit, part)

    assert again == first
    assert (first.number, first.tax_micros) == ("TT-000001-C0001", parse_micros("6.33"))
    with pytest.raises(Conflict, match="refund-1"):
        app.run(credit, replace(part, net_micros=1))


def test_refunds_in_parts_give_back_an_invoice_to_the_cent_and_no_more(app: App) -> None:  # money.md 44, 45
    app.run(bill, Bill("order-1", amount="100", tax="19"))

    for number, part in enumerate(("33.333333", "33.333333", "33.333334")):
        app.run(credit, CreditInvoice("order-1", parse_micros(part), f"refund-{number}", "unused"))

    document = shown(app, "C2")
    assert sum(document.credited) == parse_micros("119")
    assert document.note == document.credit_notes[1]
    assert [note.tax_micros for note in document.credit_notes] == [
        parse_micros(tax) for tax in ("6.33", "6.34", "6.33")
    ]
    with pytest.raises(Conflict, match="is left"):
        app.run(credit, CreditInvoice("order-1", 1, "refund-9", "more"))


def test_credit_notes_have_a_series_of_their_own_without_gaps(app: App) -> None:
    for number in range(3):
        app.run(bill, Bill(f"order-{number}"))
        app.run(credit, CreditInvoice(f"order-{number}", parse_micros("5"), f"refund-{number}", "unused"))

    notes = [shown(app, f"{number}").credit_notes[0].number for number in (1, 2, 3)]

    assert notes == ["TT-000001-C0001", "TT-000001-C0002", "TT-000001-C0003"]


def test_an_unpaid_invoice_is_voided_by_a_credit_note_and_a_paid_one_is_not(app: App) -> None:  # money.md 23
    app.run(bill, Bill("order-1", method=AGREEMENT, tax="8"))
    app.run(bill, Bill("order-2"))

    note = app.run(void, "order-1")

    assert note.total_micros == parse_micros("108")
    assert shown(app, "1", 90).state is InvoiceState.VOID
    for closed in ("order-1", "order-2"):
        with pytest.raises(Conflict, match=r"is (void|paid)"):
            app.run(void, closed)


def test_what_was_never_billed_cannot_be_credited_voided_or_shown(app: App) -> None:
    with pytest.raises(NotFound):
        app.run(credit, CreditInvoice("order-1", 1, "refund-1", "unused"))
    with pytest.raises(NotFound):
        app.run(void, "order-1")
    for number in ("1", "TT-000001-0001", "C1", "TT-000002-0001"):
        with pytest.raises(NotFound):
            shown(app, number)
    with pytest.raises(Invalid):
        shown(app, "seven")


def test_a_tax_at_use_begins_with_a_month(app: App) -> None:
    middle = SetTax("PL", "VAT", 230_000, TaxedAt.USE, date(2026, 1, 15))

    with pytest.raises(Invalid, match="first day"):
        app.run(set_tax, middle)
    app.run(set_tax, replace(middle, valid_from=date(2026, 2, 1)))
    with pytest.raises(Invalid, match="first day"):
        app.run(set_tax, replace(middle, taxed_at=TaxedAt.PURCHASE))

    assert app.read(_rules, "PL") == [TaxRule("PL", "VAT", 230_000, TaxedAt.USE, date(2026, 2, 1))]


@pytest.mark.parametrize(
    "wrong", [{"country": "Atlantis"}, {"rate_ppm": -1}, {"rate_ppm": 1_000_001}, {"name": " "}, {"name": "V\tAT\x00"}]
)
def test_a_tax_that_is_none_is_refused(app: App, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        app.run(set_tax, replace(SetTax("DE", "VAT", 1, TaxedAt.PURCHASE, date(2026, 1, 1)), **wrong))  # type: ignore[arg-type]


def test_who_bills_needs_a_name_that_can_be_printed(app: App) -> None:
    with pytest.raises(Invalid, match="name"):
        app.run(set_party, SetParty(None, address="Hafenstraße 12"))
    with pytest.raises(Invalid, match="printed"):
        app.run(set_party, SetParty(None, "Nord\x07licht"))


def test_what_is_bought_under_an_agreement_is_printed_with_its_purchase_order_and_tax(
    migrated_database_url: str, tmp_path: Path
) -> None:  # domain.md 1.9, #1790
    """The whole way: an order, its settlement, its invoice, and its words on paper."""
    with App(Settings(database=migrated_database_url)) as opened:
        world = Buyers(opened, tmp_path)
        opened.run(set_tax, SetTax("US", "Sales tax", 82_500, TaxedAt.PURCHASE, date(2020, 1, 1)))
        world.agree(purchase_order="PO-2026/77")
        world.buy("K-1")
        printed = opened.read(show_invoice, InvoiceAt(NAME, "1", world.at))
        statement = opened.read(show_statement, OfMonth(NAME, world.at.date().replace(day=1), world.at)).statement
        world.close()

    said = words_of(set_pdf(invoice_paper(printed.invoice, "en")))
    for part in ("TT-", "EA-1001", "PO-2026/77", "Sales tax 8.25%", "16.50", "216.50\N{NO-BREAK SPACE}USD"):
        assert part in said
    assert printed.state is InvoiceState.OPEN
    assert printed.invoice.number in {bought.invoice_number for bought in statement.purchased}


def _pay(tx: Transaction, invoice: Invoice) -> None:
    tx.organizations.lock("Acme")
    tx.documents.mark_paid(invoice, AT + timedelta(days=20), "transfer 99")


def _overdue(tx: Transaction, days: int) -> list[Invoice]:
    return tx.documents.overdue(AT + timedelta(days=days), most=10)


def _rules(tx: Transaction, country: str) -> list[TaxRule]:
    return tx.documents.tax_rules(country)
