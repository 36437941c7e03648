"""What stands on invoices, credit notes and statements: read out of the PDF, as whoever searches in it would."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit.billing.invoices import NOBODY, Billing, Party
from talktime.core.credit.billing.overage import Bill, invoice_of
from talktime.core.insight.statements import UsedCredit
from talktime.core.values.errors import Invalid
from talktime.exports.documents.invoices import credit_note_paper, invoice_paper
from talktime.exports.documents.statements import DESTINATIONS_SHOWN_MAX, statement_paper
from talktime.exports.documents.typesetting import FontMissing, set_pdf, set_pictures
from tests.exports.documents import samples
from tests.exports.documents.reading_pdf import pages_count, words_of

TITLES = {"en": "Invoice", "zh-CN": "发票", "zh-TW": "發票", "ru": "Счёт"}
NOTES = {"en": "Credit note", "zh-CN": "红字发票", "zh-TW": "折讓單", "ru": "Кредит-нота"}
STATEMENTS = {"en": "Statement", "zh-CN": "对账单", "zh-TW": "對帳單", "ru": "Выписка"}
# How each language writes the same amounts.
THOUSAND = {"en": "1,190.00", "zh-CN": "1,190.00", "zh-TW": "1,190.00", "ru": "1\N{NO-BREAK SPACE}190,00"}
FRACTION = {"en": "120.3456", "zh-CN": "120.3456", "zh-TW": "120.3456", "ru": "120,3456"}


def words(pdf: bytes) -> str:
    """Return the words of a PDF without the places where its runs end: scripts change within a line."""
    return words_of(pdf).replace("\n", "")


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_an_invoice_names_agreement_purchase_order_and_amounts_in_each_language(language: str) -> None:
    buyer = samples.BUYERS[language]

    said = words(set_pdf(invoice_paper(samples.invoice(buyer=buyer), language)))

    for part in (TITLES[language], "TT-000042-0007", "EA-1001", "PO-77-2026", "order-2026-0019", "VAT 19", buyer.name):
        assert part in said
    assert said.count(f"{THOUSAND[language]}\N{NO-BREAK SPACE}EUR") == 2
    for part in (samples.SELLER.name, "20457 Hamburg", samples.SELLER.tax_number, samples.SELLER.payment):
        assert part in said


OVERAGE = {"en": "Calls in June 2026", "zh-CN": "2026年6月通话", "zh-TW": "2026年6月通話", "ru": "Звонки, июнь 2026"}


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_an_invoice_of_overage_names_its_month_and_when_it_is_payable(language: str) -> None:
    bill = Bill(42, "2026-06", 1_000_000_000, "EUR")
    billing = Billing(samples.SELLER, samples.BUYERS[language], ZoneInfo("Europe/Berlin"))
    invoice = invoice_of(bill, billing, datetime(2026, 7, 1, tzinfo=UTC), sequence=7)

    said = words(set_pdf(invoice_paper(invoice, language)))

    for part in (TITLES[language], OVERAGE[language], "TT-000042-0007", "overage:2026-06", samples.SELLER.payment):
        assert part in said


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_a_credit_note_names_the_invoice_that_it_corrects(language: str) -> None:
    said = words(set_pdf(credit_note_paper(samples.invoice(), samples.credit_note(), language)))

    for part in (NOTES[language], "TT-000042-C0003", "TT-000042-0007", "297", "Unused credit", "PO-77-2026"):
        assert part in said


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_a_statement_tells_balance_purchases_and_calls(language: str) -> None:
    buyer = samples.BUYERS[language]

    said = words(set_pdf(statement_paper(samples.statement(buyer=buyer), language)))

    for part in (STATEMENTS[language], FRACTION[language], "TT-000042-0006", "Destination 2", "1:02:05", buyer.name):
        assert part in said


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_the_same_document_has_the_same_bytes(language: str) -> None:
    papers = (
        invoice_paper(samples.invoice(), language),
        credit_note_paper(samples.invoice(), samples.credit_note(), language),
        statement_paper(samples.statement(), language),
    )

    for paper in papers:
        assert set_pdf(paper) == set_pdf(paper)


def test_an_invoice_says_the_same_before_and_after_it_was_paid() -> None:  # money.md, complaint 8
    bill = samples.invoice()

    paid = replace(bill, paid_at=bill.due_at)

    assert set_pdf(invoice_paper(paid, "en")) == set_pdf(invoice_paper(bill, "en"))


def test_an_invoice_by_card_asks_for_no_money() -> None:
    said = words(set_pdf(invoice_paper(samples.invoice(is_by_card=True), "en")))

    assert "Paid in full with Visa •••• 4242." in said
    assert "Please pay" not in said
    assert "IBAN" not in said


def test_an_invoice_without_tax_has_one_amount() -> None:
    said = words(set_pdf(invoice_paper(samples.invoice(is_taxed=False), "en")))

    assert "VAT" not in said
    assert "Subtotal" not in said


def test_an_invoice_can_be_printed_before_anybody_said_who_bills() -> None:
    said = words(set_pdf(invoice_paper(replace(samples.invoice(), seller=NOBODY), "en")))

    assert "TT-000042-0007" in said


def test_amounts_finer_than_a_cent_are_printed_to_the_last_digit() -> None:
    bill = replace(samples.invoice(), net_micros=10_000_001, tax_micros=1_900_000)

    assert "10.000001" in words(set_pdf(invoice_paper(bill, "en")))


def test_a_currency_without_cents_is_printed_without_them() -> None:  # money.md 49
    bill = replace(samples.invoice(), currency="JPY")

    assert "1,190\N{NO-BREAK SPACE}JPY" in words(set_pdf(invoice_paper(bill, "en")))


def test_text_that_typst_would_run_is_printed_as_it_stands() -> None:
    name = '#panic(1) *Acme* $x$ \\ @cite <b> // [y] {z} `w` ~ — "q"'

    said = words(set_pdf(invoice_paper(samples.invoice(buyer=Party(name)), "en")))

    assert name in said


def test_a_letter_that_no_font_has_is_named_and_no_box_is_printed() -> None:
    # A place of Greek that Unicode never filled.
    paper = invoice_paper(samples.invoice(buyer=Party("Acme \u0378")), "en")

    with pytest.raises(FontMissing, match="no font on this machine can print"):
        set_pdf(paper)


def test_a_language_that_we_do_not_write_in_is_refused() -> None:
    with pytest.raises(Invalid, match="choose one of en, zh-CN, zh-TW, ru"):
        invoice_paper(samples.invoice(), "de")


def test_a_month_that_still_runs_is_marked_on_paper() -> None:
    said = words(set_pdf(statement_paper(samples.statement(is_preliminary=True), "en")))

    assert "Preliminary: October 2026 is not over." in said
    assert "Balance now" in said


def test_late_calls_and_contained_tax_are_disclosed_on_paper() -> None:  # money.md 31, 54
    said = words(set_pdf(statement_paper(samples.statement(destinations=8), "en")))

    assert "Calls of earlier months, charged in this one" in said
    assert "The calls contain VAT 19% of 0.59\N{NO-BREAK SPACE}EUR." in said


def test_a_statement_of_many_destinations_shows_the_dearest_and_counts_the_rest() -> None:
    statement = samples.statement(destinations=1)
    used = tuple(
        UsedCredit("user_out", f"Destination {n}", is_late=False, calls=1, used_seconds=60, cost_micros=0)
        for n in range(DESTINATIONS_SHOWN_MAX + 37)
    )

    pdf = set_pdf(statement_paper(replace(statement, used=(*statement.used, *used)), "en"))

    assert "38 more, in the CSV form" in words(pdf)
    assert pages_count(pdf) > 3


def test_the_pages_can_be_looked_at() -> None:
    pages = set_pictures(invoice_paper(samples.invoice(), "zh-TW"))

    assert [page[:8] for page in pages] == [b"\x89PNG\r\n\x1a\n"]
