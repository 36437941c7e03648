from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit.billing.invoices import (
    NO_TAX,
    Billing,
    Invoice,
    InvoiceState,
    Party,
    Tax,
    credit_note_of,
    credited,
    invoice_of,
)
from talktime.core.credit.billing.taxes import Taxed, TaxedAt, TaxRule
from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.values.errors import Conflict
from talktime.core.values.money import parse_micros

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
VAT = TaxRule("DE", "VAT", 190_000, TaxedAt.PURCHASE, date(2026, 1, 1))
BILLING = Billing(Party("Nordlicht"), Party("Acme"), BERLIN, (VAT,))
CARD = PaymentMethod(42, 1, MethodKind.CARD, "sandbox", Card("tok", "print", "Visa", "4242", date(2030, 12, 31)))
AGREEMENT = PaymentMethod(42, 2, MethodKind.AGREEMENT, "agreement", None, "EA-1001", "PO-77")
PURCHASE = Purchase(
    42,
    "order-1",
    PurchaseCause.ORDER,
    parse_micros("100"),
    "EUR",
    1,
    AT,
    PurchaseState.SETTLED,
    tax_micros=parse_micros("19"),
    charge_id="ch_1",
    lot_id=1,
)
NOTHING = Taxed(0, 0)


def invoice(method: PaymentMethod = AGREEMENT, purchase: Purchase = PURCHASE) -> Invoice:
    return invoice_of(purchase, method, BILLING, AT, sequence=7)


def test_an_invoice_of_an_agreement_names_it_and_its_purchase_order() -> None:  # domain.md 1.9, #1790
    bill = invoice()

    assert (bill.number, bill.agreement_number, bill.purchase_order) == ("TT-000042-0007", "EA-1001", "PO-77")
    assert (bill.net_micros, bill.tax_micros, bill.total_micros) == tuple(map(parse_micros, ("100", "19", "119")))
    assert bill.tax == Tax("VAT", 190_000)


def test_an_invoice_by_card_is_paid_when_it_is_written() -> None:
    bill = invoice(CARD)

    assert bill.paid_with == "Visa •••• 4242"
    assert bill.state(AT, NOTHING) is InvoiceState.PAID


def test_an_invoice_is_overdue_when_the_last_day_to_pay_has_ended_where_the_buyer_is() -> None:  # money.md 23
    bill = invoice()

    assert bill.due_at == datetime(2026, 12, 20, 23, tzinfo=UTC)
    assert bill.state(bill.due_at - timedelta(microseconds=1), NOTHING) is InvoiceState.OPEN
    assert bill.state(bill.due_at, NOTHING) is InvoiceState.OVERDUE
    assert replace(bill, paid_at=AT).state(bill.due_at, NOTHING) is InvoiceState.PAID


@pytest.mark.parametrize(
    "state", [state for state in PurchaseState if state not in {PurchaseState.SETTLED, PurchaseState.INVOICED}]
)
def test_nothing_is_billed_before_money_moved_or_is_owed(state: PurchaseState) -> None:  # money.md, complaint 8
    purchase = replace(PURCHASE, state=state, lot_id=None)

    with pytest.raises(AssertionError, match="nothing is billed"):
        invoice(CARD, purchase)


def test_nothing_is_billed_whose_tax_is_not_fixed() -> None:
    with pytest.raises(AssertionError, match="tax is fixed"):
        invoice(CARD, replace(PURCHASE, tax_micros=None))


def test_a_purchase_without_tax_has_no_tax_line() -> None:
    assert invoice(purchase=replace(PURCHASE, tax_micros=0)).tax == NO_TAX


def test_the_tax_line_names_the_rule_by_which_the_tax_was_fixed_and_not_a_later_one() -> None:
    later = replace(VAT, rate_ppm=210_000, valid_from=date(2026, 11, 20))
    billing = replace(BILLING, rules=(VAT, later))

    bill = invoice_of(PURCHASE, AGREEMENT, billing, AT, sequence=1)

    assert bill.tax == Tax("VAT", 190_000)


def test_a_tax_that_no_rule_explains_is_printed_without_a_rate() -> None:
    odd = replace(PURCHASE, tax_micros=parse_micros("12.34"))

    assert invoice(purchase=odd).tax == Tax("VAT", None)
    assert invoice_of(odd, CARD, replace(BILLING, rules=()), AT, sequence=1).tax == Tax("", None)


def test_credit_notes_give_back_an_invoice_in_parts_and_never_more_than_it() -> None:  # money.md 44
    bill = invoice(CARD)
    terms = {"sequence": 1, "reference": "refund-1", "reason": "unused", "at": AT}
    first = credit_note_of(bill, NOTHING, parse_micros("33.33"), **terms)  # type: ignore[arg-type]
    second = credit_note_of(bill, credited([first]), parse_micros("66.67"), **terms)  # type: ignore[arg-type]

    assert (first.number, first.invoice_sequence) == ("TT-000042-C0001", 7)
    assert first.tax_micros == parse_micros("6.33")
    assert credited([first, second]) == bill.taxed
    with pytest.raises(Conflict, match=r"0\.00 of it is left"):
        credit_note_of(bill, credited([first, second]), 1, **terms)  # type: ignore[arg-type]


def test_an_unpaid_invoice_that_was_taken_back_in_full_is_void() -> None:
    bill = invoice()

    assert bill.state(bill.due_at, bill.taxed) is InvoiceState.VOID
    assert bill.state(AT, Taxed(1, 0)) is InvoiceState.OPEN
