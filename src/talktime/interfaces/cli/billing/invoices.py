"""`talktime invoices`: list them, look at one, print it; and say who bills whom."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.credit.billing.invoices import CreditNote, Invoice, InvoiceCause, InvoiceState, Party
from talktime.core.values.money import format_micros
from talktime.exports.csv import write_csv
from talktime.exports.documents.tables import INVOICE_COLUMNS, invoice_rows, percent
from talktime.interfaces.cli.billing.documents import CsvPath, InLanguage, Language, PdfPath
from talktime.interfaces.cli.billing.settling import settle
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream, write_whole
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.credit.billing.show_invoices import (
    InvoiceAt,
    InvoiceShown,
    SetParty,
    list_invoices,
    set_party,
    show_invoice,
    show_party,
)
from talktime.usecases.organizations.manage_organizations import LookAt

app = App(name="invoices")

Number = Annotated[str, Parameter(help="TT-000042-0007, or only 7; a credit note's TT-000042-C0003, or C3.")]
_STYLES = {InvoiceState.PAID: "green", InvoiceState.OVERDUE: "bold red", InvoiceState.VOID: "dim"}


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the invoices of an organization, the newest first."""
    with open_app(options.database) as talktime:
        owner, shown = talktime.read(list_invoices, LookAt(organization, now()))
    document = {"organization": owner.name, "invoices": [_document(each) for each in shown]}
    if not shown and not options.as_json:
        hint(f"{owner.name} has no invoice yet: one is written for each purchase when it is paid, or owed.")
        return
    show(options, document, lambda: Group(heading(f"Invoices of {owner.name}"), "", _list_view(shown)))


@app.command(name="show")
def show_(number: Number, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show an invoice, how it stands, and its credit notes."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_invoice, InvoiceAt(organization, number, now()))
    show(options, _document(shown), lambda: _view(shown))


@app.command
def pdf(
    number: Number,
    *,
    output: PdfPath = None,
    language: InLanguage = Language.EN,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Print an invoice or a credit note as PDF; the same number gives the same bytes, always."""
    # Typst is asked for only by who prints.
    from talktime.exports.documents.invoices import credit_note_paper, invoice_paper
    from talktime.exports.documents.typesetting import set_pdf

    with open_app(options.database) as talktime:
        shown = talktime.read(show_invoice, InvoiceAt(organization, number, now()))
    named = shown.invoice.number if shown.note is None else shown.note.number
    path = output or Path(f"{named}.pdf")
    paper = (
        invoice_paper(shown.invoice, language.value)
        if shown.note is None
        else credit_note_paper(shown.invoice, shown.note, language.value)
    )
    write_whole(path, set_pdf(paper))
    show(options, {"number": named, "language": language.value, "file": str(path)}, lambda: facts([("Written", path)]))
    if not shown.invoice.seller.name and not options.as_json:
        hint('It does not say who bills: `talktime invoices seller --name "…"` is printed on later ones.')


app.command(settle)


@app.command
def csv(*, output: CsvPath = STANDARD_OUTPUT, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Write the invoices of an organization and their credit notes as CSV, the newest first."""
    with open_app(options.database) as talktime:
        owner, shown = talktime.read(list_invoices, LookAt(organization, now()))
    rows = (row for each in shown for row in invoice_rows(each.invoice, each.state, each.credit_notes))
    with text_stream(output, as_json=options.as_json) as stream:
        count = write_csv(stream, INVOICE_COLUMNS, rows)
    if output != STANDARD_OUTPUT:
        document = {"organization": owner.name, "file": output, "rows": count}
        show(options, document, lambda: facts([("Written", output), ("Rows", count)]))


@app.command
def seller(
    *,
    name: Annotated[str | None, Parameter(help="The company that bills.")] = None,
    address: Annotated[str | None, Parameter(help=r"Its address; \n begins a new line.")] = None,
    country: Annotated[str | None, Parameter(help="Its country, as two ISO 3166 letters.")] = None,
    tax_number: Annotated[str | None, Parameter(help="Its tax number.")] = None,
    contact: Annotated[str | None, Parameter(help="How it is reached about an invoice.")] = None,
    payment: Annotated[
        str | None, Parameter(help=r"How it is paid: a bank account, say; \n begins a new line.")
    ] = None,
    options: Options = DEFAULTS,
) -> None:
    """Say who bills, or see it; invoices that were written keep what they say."""
    stated = SetParty(None, name, address, country, tax_number, contact, payment)
    _party(stated, "Who bills", options)


@app.command
def buyer(
    *,
    name: Annotated[str | None, Parameter(help="How invoices name the organization.")] = None,
    address: Annotated[str | None, Parameter(help=r"Its address; \n begins a new line.")] = None,
    tax_number: Annotated[str | None, Parameter(help="Its tax number.")] = None,
    contact: Annotated[str | None, Parameter(help="Who receives its invoices.")] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Say how invoices name an organization, or see it; invoices that were written keep what they say."""
    stated = SetParty(organization, name, address, None, tax_number, contact)
    _party(stated, "Who is billed", options)


def _party(stated: SetParty, title: str, options: Options) -> None:
    is_change = any(
        value is not None
        for value in (stated.name, stated.address, stated.country, stated.tax_number, stated.contact, stated.payment)
    )
    with open_app(options.database) as talktime:
        party = talktime.run(set_party, stated) if is_change else talktime.read(show_party, stated.organization)
    if not party.name and not options.as_json:
        hint('Nobody said yet who bills: `talktime invoices seller --name "…" --address "…" --country DE`.')
        return
    show(options, _party_document(party), lambda: Group(heading(title), "", _party_view(party)))


def _list_view(shown: list[InvoiceShown]) -> RenderableType:
    drawn = table("Number", "Issued", "State", "Paid with", "Purchase order", "Tax", "Total", numbers=("Tax", "Total"))
    for each in shown:
        invoice = each.invoice
        drawn.add_row(
            invoice.number,
            instant(invoice.issued_at, invoice.zone),
            Text(_state(each), _STYLES.get(each.state, "")),
            _paid_with(invoice),
            invoice.purchase_order or "–",
            money(invoice.tax_micros) if invoice.tax_micros else "–",
            money(invoice.total_micros, invoice.currency),
        )
    return drawn


def _paid_with(invoice: Invoice) -> str:
    if invoice.cause is InvoiceCause.OVERAGE:
        return "after use"
    return invoice.paid_with or f"Agreement {invoice.agreement_number}"


def _state(shown: InvoiceShown) -> str:
    is_partly_credited = shown.credited.net_micros > 0 and shown.state is not InvoiceState.VOID
    return f"{shown.state.value}, partly credited" if is_partly_credited else shown.state.value


def _view(shown: InvoiceShown) -> RenderableType:
    invoice = shown.invoice
    rows: list[tuple[str, object]] = [
        ("State", Text(_state(shown), _STYLES.get(shown.state, ""))),
        ("Issued", instant(invoice.issued_at, invoice.zone)),
        ("Payable before", instant(invoice.due_at, invoice.zone)) if not invoice.paid_with else ("", ""),
        ("Paid", instant(invoice.paid_at, invoice.zone) if invoice.paid_at else ""),
        ("Paid with", invoice.paid_with),
        ("Agreement", invoice.agreement_number),
        ("Purchase order", invoice.purchase_order),
        ("Bill" if invoice.cause is InvoiceCause.OVERAGE else "Purchase", invoice.purchase_id),
        ("Seller", invoice.seller.name or "nobody said so yet"),
        ("Buyer", invoice.buyer.name),
        ("Net", money(invoice.net_micros, invoice.currency)),
        (_tax_label(invoice), money(invoice.tax_micros, invoice.currency) if invoice.tax_micros else ""),
        ("Total", money(invoice.total_micros, invoice.currency)),
    ]
    lines: list[RenderableType] = [heading(f"Invoice {invoice.number}"), "", facts([row for row in rows if row[1]])]
    if shown.credit_notes:
        drawn = table("Credit note", "Issued", "Reason", "Net", "Tax", "Total", numbers=("Net", "Tax", "Total"))
        for note in shown.credit_notes:
            amounts = (note.net_micros, note.tax_micros, note.total_micros)
            issued = instant(note.issued_at, invoice.zone)
            drawn.add_row(note.number, issued, note.reason, *(money(amount) for amount in amounts))
        lines += ["", drawn]
    return Group(*lines)


def _tax_label(invoice: Invoice) -> str:
    rate = percent(invoice.tax)
    return f"{invoice.tax.name or 'Tax'} {rate} %" if rate else invoice.tax.name or "Tax"


def _document(shown: InvoiceShown) -> dict[str, Any]:
    invoice = shown.invoice
    return {
        "number": invoice.number,
        "state": shown.state.value,
        "purchase": invoice.purchase_id,
        "cause": invoice.cause.value,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
        "paid_with": invoice.paid_with,
        "agreement": invoice.agreement_number,
        "purchase_order": invoice.purchase_order,
        "currency": invoice.currency,
        "net": format_micros(invoice.net_micros),
        "tax_name": invoice.tax.name,
        "tax_percent": percent(invoice.tax),
        "tax": format_micros(invoice.tax_micros),
        "total": format_micros(invoice.total_micros),
        "credited": format_micros(sum(shown.credited)),
        "seller": _party_document(invoice.seller),
        "buyer": _party_document(invoice.buyer),
        "credit_notes": [_note_document(note) for note in shown.credit_notes],
    }


def _note_document(note: CreditNote) -> dict[str, Any]:
    return {
        "number": note.number,
        "issued_at": note.issued_at,
        "reference": note.reference,
        "reason": note.reason,
        "net": format_micros(note.net_micros),
        "tax": format_micros(note.tax_micros),
        "total": format_micros(note.total_micros),
    }


def _party_document(party: Party) -> dict[str, str]:
    return {
        "name": party.name,
        "address": party.address,
        "country": party.country,
        "tax_number": party.tax_number,
        "contact": party.contact,
        "payment": party.payment,
    }


def _party_view(party: Party) -> RenderableType:
    labels = ("Name", "Address", "Country", "Tax number", "Contact", "Payment")
    values = _party_document(party).values()
    return facts([(label, value.replace("\n", ", ")) for label, value in zip(labels, values, strict=True) if value])
