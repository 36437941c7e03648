"""The bill for use that was not paid before: one invoice for each month in which an organization used something (S41).

A month's invoice bills what calls have cost on the bill that began in it or earlier, less what was billed before: calls
that are charged after their month was billed are on the next invoice. Whole coins are billed; what is left of one stays
accrued until there is a whole one.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from talktime.core.credit.billing.invoices import NO_TAX, Billing, Invoice, InvoiceCause, Tax, payable_until
from talktime.core.credit.billing.taxes import TaxedAt, TaxRule, included_tax_micros, rule_on, tax_micros
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS
from talktime.core.values.periods import add_months
from talktime.core.values.places import currency_decimals

# What an invoice of overage is called in the place of a purchase, and its entry in the books: `overage:2026-06`.
BILLS = "overage:"
# Entries of this name take from revenue what it contains of tax; the audit knows them by it.
_TAX = "tax:"
# What was used, by the month in which the calls began (2026-06).
Used = Mapping[str, int]


@frozen
class Bill:
    """What is to be billed of a month: `amount_micros` is what the calls cost, in whole coins."""

    organization_id: int
    month: str
    amount_micros: int
    currency: str


def bill_id(month: str) -> str:
    """Return what the invoice of a month is called: there is one for each."""
    return f"{BILLS}{month}"


def month_of_bill(invoice: Invoice) -> date:
    """Return the first day of the month that an invoice of overage bills."""
    return _first_day(invoice.purchase_id.removeprefix(BILLS))


def last_day(month: str) -> date:
    """Return the last day of a month: the tax rule of that day is the month's."""
    return add_months(_first_day(month), 1) - timedelta(days=1)


def unbilled_micros(used: Used, invoices: Iterable[Invoice]) -> int:
    """Return what was used and is on no invoice yet."""
    return sum(used.values()) - _billed_micros(invoices)


def months_due(used: Used, invoices: Iterable[Invoice], *, this_month: str, currency: str) -> tuple[str, ...]:
    """Return the months that are over and have something to bill, the oldest first; `this_month` still runs.

    The month before this one is among them where only calls of older months were charged since: that is their next.
    """
    known = tuple(invoices)
    billed_micros, due = _billed_micros(known), []
    over = {month for month in used if month < this_month} | {f"{add_months(_first_day(this_month), -1):%Y-%m}"}
    for month in sorted(over - {f"{month_of_bill(invoice):%Y-%m}" for invoice in known}):
        amount_micros = _whole_coins(_used_until(used, month) - billed_micros, currency)
        if amount_micros:
            due.append(month)
            billed_micros += amount_micros
    return tuple(due)


def bill_of(organization_id: int, month: str, used: Used, invoices: Iterable[Invoice], *, currency: str) -> Bill | None:
    """Return what is to be billed of a month that is over and was not billed yet; None where nothing is."""
    amount_micros = _whole_coins(_used_until(used, month) - _billed_micros(invoices), currency)
    return Bill(organization_id, month, amount_micros, currency) if amount_micros else None


def invoice_of(bill: Bill, billing: Billing, at: datetime, *, sequence: int) -> Invoice:
    """Return the invoice of a bill, payable within the term.

    Tax comes on top where purchases are taxed, and is contained in what the calls cost where use is.
    """
    rule = rule_on(billing.rules, last_day(bill.month))
    on_top = tax_micros(bill.amount_micros, rule, bill.currency)
    contained = included_tax_micros(bill.amount_micros, rule, bill.currency)
    return Invoice(
        organization_id=bill.organization_id,
        sequence=sequence,
        purchase_id=bill_id(bill.month),
        cause=InvoiceCause.OVERAGE,
        issued_at=at,
        due_at=payable_until(at, billing.zone),
        zone=billing.zone,
        currency=bill.currency,
        net_micros=bill.amount_micros - contained,
        tax_micros=on_top + contained,
        tax=_tax_of(rule, on_top + contained),
        seller=billing.seller,
        buyer=billing.buyer,
        paid_with="",
        is_tax_included=_is_included(rule),
    )


def entries_of(invoice: Invoice) -> tuple[JournalEntry, ...]:
    """Return what books an invoice of overage: what was accrued is invoiced, its tax is owed to the state."""
    postings = [Posting(Account.INVOICED, Account.ACCRUED, _billed_micros((invoice,)))]
    if invoice.tax_micros and not invoice.is_tax_included:
        postings.append(Posting(Account.INVOICED, Account.TAX, invoice.tax_micros))
    entry = JournalEntry(invoice.organization_id, invoice.purchase_id, invoice.issued_at, tuple(postings))
    if not invoice.tax_micros or not invoice.is_tax_included:
        return (entry,)
    contained = Posting(Account.REVENUE, Account.TAX, invoice.tax_micros)
    entry_id = f"{_TAX}{invoice.purchase_id}"
    return entry, JournalEntry(invoice.organization_id, entry_id, invoice.issued_at, (contained,))


def _billed_micros(invoices: Iterable[Invoice]) -> int:
    """Return what invoices took of what was accrued: all but a tax that came on top."""
    return sum(
        invoice.total_micros if invoice.is_tax_included else invoice.net_micros
        for invoice in invoices
        if invoice.cause is InvoiceCause.OVERAGE
    )


def _used_until(used: Used, month: str) -> int:
    return sum(micros for each, micros in used.items() if each <= month)


def _whole_coins(amount_micros: int, currency: str) -> int:
    """Round down to what can be paid: a cent, a yen; 0 where more was billed than used."""
    coin: int = 10 ** (MICRO_DECIMALS - currency_decimals(currency))
    return max(0, amount_micros) // coin * coin


def _tax_of(rule: TaxRule | None, amount_micros: int) -> Tax:
    return Tax(rule.name, rule.rate_ppm) if rule is not None and amount_micros else NO_TAX


def _is_included(rule: TaxRule | None) -> bool:
    return rule is not None and rule.taxed_at is TaxedAt.USE


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
