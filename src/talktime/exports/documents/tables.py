"""Invoices and statements as rows for machines: exact, in English, whatever language the paper is in."""

from collections.abc import Iterable, Iterator

from talktime.core.credit.billing.invoices import CreditNote, Invoice, InvoiceState, Tax
from talktime.core.insight.statements import Statement, UsedCredit
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.money import format_micros

# Percent with four decimals are parts per million.
PPM_TO_MICROPERCENT = 100
INVOICE_COLUMNS = (
    Column("Kind", ColumnKind.TEXT),
    Column("Number", ColumnKind.TEXT),
    Column("Corrects", ColumnKind.TEXT),
    Column("State", ColumnKind.TEXT),
    Column("Issued", ColumnKind.INSTANT),
    Column("Due", ColumnKind.INSTANT),
    Column("Paid", ColumnKind.INSTANT),
    Column("Purchase", ColumnKind.TEXT),
    Column("Paid With", ColumnKind.TEXT),
    Column("Agreement", ColumnKind.TEXT),
    Column("Purchase Order", ColumnKind.TEXT),
    Column("Seller", ColumnKind.TEXT),
    Column("Buyer", ColumnKind.TEXT),
    Column("Currency", ColumnKind.TEXT),
    Column("Net", ColumnKind.MONEY),
    Column("Tax Name", ColumnKind.TEXT),
    Column("Tax Percent", ColumnKind.TEXT),
    Column("Tax", ColumnKind.MONEY),
    Column("Total", ColumnKind.MONEY),
    Column("Reason", ColumnKind.TEXT),
)
STATEMENT_COLUMNS = (
    Column("Month", ColumnKind.TEXT),
    Column("Section", ColumnKind.TEXT),
    Column("Item", ColumnKind.TEXT),
    Column("Kind", ColumnKind.TEXT),
    Column("Invoice", ColumnKind.TEXT),
    Column("At", ColumnKind.INSTANT),
    Column("Expires", ColumnKind.INSTANT),
    Column("Calls", ColumnKind.WHOLE),
    Column("Seconds", ColumnKind.WHOLE),
    Column("Currency", ColumnKind.TEXT),
    Column("Amount", ColumnKind.MONEY),
)


def invoice_rows(invoice: Invoice, state: InvoiceState, notes: Iterable[CreditNote]) -> Iterator[tuple[object, ...]]:
    """Yield an invoice and then its credit notes, whose amounts are below zero: all together add up."""
    yield (
        "invoice",
        invoice.number,
        None,
        state.value,
        invoice.issued_at,
        invoice.due_at,
        invoice.paid_at,
        *_about(invoice),
        *_amounts(invoice.net_micros, invoice.tax_micros, invoice.tax),
        None,
    )
    for note in notes:
        yield (
            "credit_note",
            note.number,
            invoice.number,
            None,
            note.issued_at,
            None,
            None,
            *_about(invoice),
            *_amounts(-note.net_micros, -note.tax_micros, invoice.tax),
            note.reason,
        )


def statement_rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    """Yield a statement: the balance, which adds up by itself, then purchases, calls, what is billed after use, tax."""
    month, currency = f"{statement.month:%Y-%m}", statement.currency

    def row(section: str, item: str, amount_micros: int, **cells: object) -> tuple[object, ...]:
        named = {"Month": month, "Section": section, "Item": item, "Currency": currency, "Amount": amount_micros}
        known = {**named, **cells}
        return tuple(known.get(column.name) for column in STATEMENT_COLUMNS)

    yield row("balance", "opening", statement.opening_micros, At=statement.starts_at)
    for movement in statement.movements:
        yield row("balance", movement.kind.value, movement.amount_micros)
    yield row("balance", "closing", statement.closing_micros, At=min(statement.ends_at, statement.computed_at))
    for bought in statement.purchased:
        cells = {"Invoice": bought.invoice_number, "At": bought.purchased_at, "Expires": bought.expires_at}
        yield row("purchase", bought.reference, bought.amount_micros, **cells)
    for used in statement.used:
        yield row("late usage" if used.is_late else "usage", used.destination, used.cost_micros, **_usage_cells(used))
    for used in statement.accrued:
        yield row("billed after use", used.destination, used.cost_micros, **_usage_cells(used))
    if statement.included_tax_micros:
        kind = f"{statement.tax.name} {percent(statement.tax)}"
        yield row("tax", "included in usage", statement.included_tax_micros, Kind=kind)
    yield row("complete until", "", 0, At=statement.is_complete_until)


def percent(tax: Tax) -> str:
    """Write a tax's rate as a decimal number of percent: `19`, `7.7`."""
    return "" if tax.rate_ppm is None else format_micros(tax.rate_ppm * PPM_TO_MICROPERCENT, decimals_min=0)


def _about(invoice: Invoice) -> tuple[object, ...]:
    return (
        invoice.purchase_id,
        invoice.paid_with,
        invoice.agreement_number,
        invoice.purchase_order,
        invoice.seller.name,
        invoice.buyer.name,
        invoice.currency,
    )


def _amounts(net_micros: int, tax_micros: int, tax: Tax) -> tuple[object, ...]:
    return net_micros, tax.name, percent(tax), tax_micros, net_micros + tax_micros


def _usage_cells(used: UsedCredit) -> dict[str, object]:
    return {"Kind": used.kind, "Calls": used.calls, "Seconds": used.used_seconds}
