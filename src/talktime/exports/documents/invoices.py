"""Invoices and credit notes on paper: what they say does not depend on what happened since (money.md, complaint 8)."""

from talktime.core.credit.billing import overage
from talktime.core.credit.billing.invoices import CreditNote, Invoice, InvoiceCause, Tax
from talktime.core.credit.billing.taxes import Taxed
from talktime.exports.documents.papers import frame, tax_label
from talktime.exports.documents.typesetting import Paper
from talktime.exports.documents.wording import Wording

TEMPLATE = "invoice.typ"


def invoice_paper(invoice: Invoice, language: str) -> Paper:
    """Return an invoice in a language; raise Invalid for one that we do not write in."""
    wording = Wording(language, invoice.zone, invoice.currency)
    is_by_card = bool(invoice.paid_with)
    due = wording.last_day(invoice.due_at)
    total = wording.money(invoice.total_micros, _decimals(wording, invoice.taxed))
    facts = [
        (wording.say("Invoice date"), wording.day(invoice.issued_at)),
        *([] if is_by_card else [(wording.say("Payable by"), due)]),
        *_references(invoice, wording),
    ]
    payment = (
        wording.say("Paid in full with %(method)s.", method=invoice.paid_with)
        if is_by_card
        else wording.say(
            "Please pay %(total)s by %(day)s, and quote %(number)s.", total=total, day=due, number=invoice.number
        )
    )
    notes = [] if is_by_card else [invoice.seller.payment]
    content = frame(
        wording, title=wording.say("Invoice"), number=invoice.number, seller=invoice.seller, buyer=invoice.buyer
    )
    content |= _sums(wording, invoice.taxed, invoice.tax, label=wording.say("Total"))
    content |= {
        "buyer_label": wording.say("Billed to"),
        "facts": facts,
        "line": {**_line(invoice, wording), "amount": _net(wording, invoice.taxed)},
        "payment": {"title": payment, "notes": [note for note in notes if note]},
    }
    return Paper(TEMPLATE, content, invoice.issued_at)


def credit_note_paper(invoice: Invoice, note: CreditNote, language: str) -> Paper:
    """Return a credit note, and what it corrects, in a language; raise Invalid for one that we do not write in."""
    wording = Wording(language, invoice.zone, invoice.currency)
    taxed = Taxed(note.net_micros, note.tax_micros)
    facts = [
        (wording.say("Date"), wording.day(note.issued_at)),
        (wording.say("Corrects invoice"), invoice.number),
        (wording.say("Invoice date"), wording.day(invoice.issued_at)),
        *_references(invoice, wording),
    ]
    taken_back = wording.say(
        "%(total)s of invoice %(number)s are taken back.",
        total=wording.money(note.total_micros, _decimals(wording, taxed)),
        number=invoice.number,
    )
    content = frame(
        wording, title=wording.say("Credit note"), number=note.number, seller=invoice.seller, buyer=invoice.buyer
    )
    content |= _sums(wording, taxed, invoice.tax, label=wording.say("Total credited"))
    content |= {
        "buyer_label": wording.say("Credited to"),
        "facts": facts,
        "line": {
            "title": wording.say("Communications Credits"),
            "notes": [wording.say("Prepaid credit for calls, taken back unused")],
            "amount": _net(wording, taxed),
        },
        "payment": {"title": taken_back, "notes": [note.reason] if note.reason else []},
    }
    return Paper(TEMPLATE, content, note.issued_at)


def _references(invoice: Invoice, wording: Wording) -> list[tuple[str, str]]:
    named = (
        (wording.say("Agreement"), invoice.agreement_number),
        (wording.say("Purchase order"), invoice.purchase_order),
        (wording.say("Our reference"), invoice.purchase_id),
    )
    return [(label, value) for label, value in named if value]


def _line(invoice: Invoice, wording: Wording) -> dict[str, object]:
    if invoice.cause is InvoiceCause.OVERAGE:
        month = wording.month(overage.month_of_bill(invoice))
        return {
            "title": wording.say("Calls in %(month)s", month=month),
            "notes": [wording.say("Calls beyond what the plans include, paid after use")],
        }
    notes = [
        wording.say("Prepaid credit for calls, bought by automatic recharge")
        if invoice.cause is InvoiceCause.RECHARGE
        else wording.say("Prepaid credit for calls")
    ]
    if invoice.credit_expires_at is not None:
        notes.append(wording.say("Valid through %(day)s", day=wording.last_day(invoice.credit_expires_at)))
    return {"title": wording.say("Communications Credits"), "notes": notes}


def _sums(wording: Wording, taxed: Taxed, tax: Tax, *, label: str) -> dict[str, object]:
    decimals = _decimals(wording, taxed)
    sums: list[tuple[str, str]] = []
    if taxed.tax_micros:
        sums = [
            (wording.say("Subtotal"), _net(wording, taxed)),
            (tax_label(tax, wording), wording.amount(taxed.tax_micros, decimals)),
        ]
    return {
        "line_label": wording.say("Description"),
        "amount_label": wording.say("Amount in %(currency)s", currency=wording.currency),
        "sums": sums,
        "total": (label, wording.money(sum(taxed), decimals)),
    }


def _net(wording: Wording, taxed: Taxed) -> str:
    return wording.amount(taxed.net_micros, _decimals(wording, taxed))


def _decimals(wording: Wording, taxed: Taxed) -> int:
    return wording.decimals(*taxed)
