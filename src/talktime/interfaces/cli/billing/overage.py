"""`talktime overage`: what organizations that pay after use may use beyond their plans, and its bills (S41, S42)."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.credit.billing import overage
from talktime.core.credit.billing.invoices import Invoice
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import read_amount
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
from talktime.usecases.credit.billing.bill_overage import bill_overage, overage_due_of
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.set_overage import OverageShown, SetOverage, set_overage, show_overage

app = App(name="overage")

Limit = Annotated[str, Parameter(help="At most so much a month, in the organization's currency.")]


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show whether overage is on, this month's use, and the bills."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_overage, LookAt(organization, now()))
    _tell(shown, options)


@app.command
def on(*, limit: Limit = "", organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Let calls go on, on the bill, when minutes and credit are used up; an earlier limit stays."""
    _set(SetOverage(organization, now(), is_on=True, limit_per_month_micros=_amount(limit)), options)


@app.command
def off(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Let nothing more be used on the bill: calls end with what they were promised; what was used is billed."""
    _set(SetOverage(organization, now(), is_on=False), options)


@app.command
def limit(
    amount: Annotated[
        str, Parameter(help="At most so much a month, in the organization's currency; none for no limit.")
    ],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set how much may be used on the bill in a calendar month; it holds at once, for running calls too."""
    is_unlimited = amount.strip().lower() == "none"
    micros = None if is_unlimited else read_amount(amount)
    _set(SetOverage(organization, now(), limit_per_month_micros=micros, is_unlimited=is_unlimited), options)


@app.command
def bill(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Write the invoices of the months that are over, as the worker does every hour; each month has one."""
    with open_app(options.database) as talktime:
        due = talktime.read(overage_due_of, LookAt(organization, now()))
        written = [invoice for each in due if (invoice := talktime.run(bill_overage, each)) is not None]
        shown = talktime.read(show_overage, LookAt(organization, now()))
    document = {"organization": shown.organization.name, "billed": [_invoice_document(each) for each in written]}
    if not written and not options.as_json:
        hint(
            f"{shown.organization.name} has nothing to bill: a month is billed when it is over, if calls used something"
        )
        return
    show(options, document, lambda: Group(heading(shown.organization.name), "", _invoices_view(written)))


def _set(request: SetOverage, options: Options) -> None:
    with open_app(options.database) as talktime:
        shown = talktime.run(set_overage, request)
    _tell(shown, options)


def _tell(shown: OverageShown, options: Options) -> None:
    show(options, _document(shown), lambda: _view(shown))
    if options.as_json:
        return
    if shown.organization.mode is BillingMode.PREPAID:
        hint(
            f"{shown.organization.name} pays before use, from credit, and needs no overage (S41). To pay after use:"
            " `talktime organizations billing postpaid`"
        )
    elif not shown.overage.is_on:
        hint(
            "Without overage calls end with the minutes of the plans, and toll-free numbers are not answered (S42):"
            " `talktime overage on --limit 500`"
        )


def _amount(text: str) -> int | None:
    return read_amount(text) if text else None


def _document(shown: OverageShown) -> dict[str, Any]:
    limit_micros, left = shown.overage.limit_per_month_micros, shown.left_micros
    return {
        "organization": shown.organization.name,
        "billing": shown.organization.mode,
        "is_on": shown.overage.is_on,
        "currency": shown.organization.currency,
        "limit_per_month": None if limit_micros is None else format_micros(limit_micros),
        "month": shown.month,
        "used": format_micros(shown.meter.used),
        "held": format_micros(shown.meter.held),
        "left": None if left is None else format_micros(left),
        "unbilled": format_micros(shown.unbilled_micros),
        "credit_used_first": format_micros(max(0, shown.available_micros)),
        "invoices": [_invoice_document(invoice) for invoice in shown.invoices],
    }


def _invoice_document(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "month": f"{overage.month_of_bill(invoice):%Y-%m}",
        "net": format_micros(invoice.net_micros),
        "tax": format_micros(invoice.tax_micros),
        "total": format_micros(invoice.total_micros),
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
    }


def _view(shown: OverageShown) -> Group:
    organization, limit_micros, left = shown.organization, shown.overage.limit_per_month_micros, shown.left_micros
    rows: list[tuple[str, object]] = [
        ("Billing", f"{organization.mode.value}"),
        ("Overage", "on" if shown.overage.is_on else "off"),
        ("Limit of a month", "none" if limit_micros is None else money(limit_micros, organization.currency)),
        (f"Used in {shown.month}", money(shown.meter.used, organization.currency)),
        ("Held for calls", money(shown.meter.held, organization.currency) if shown.meter.held else ""),
        ("Left", "no limit" if left is None else money(left, organization.currency)),
        ("Not billed yet", money(shown.unbilled_micros, organization.currency)),
    ]
    if shown.available_micros > 0 and organization.mode is BillingMode.POSTPAID:
        rows.append(("Credit, used up first", money(shown.available_micros, organization.currency)))
    lines: list[RenderableType] = [
        heading(f"Overage of {organization.name}"),
        "",
        facts([row for row in rows if row[1]]),
    ]
    if shown.invoices:
        lines += ["", _invoices_view(shown.invoices[::-1])]
    return Group(*lines)


def _invoices_view(invoices: tuple[Invoice, ...] | list[Invoice]) -> RenderableType:
    made = table("Month", "Invoice", "Payable before", "Paid", "Tax", "Total", numbers=("Tax", "Total"))
    for invoice in invoices:
        made.add_row(
            f"{overage.month_of_bill(invoice):%Y-%m}",
            invoice.number,
            instant(invoice.due_at, invoice.zone),
            "–" if invoice.paid_at is None else instant(invoice.paid_at, invoice.zone),
            money(invoice.tax_micros) if invoice.tax_micros else "–",
            money(invoice.total_micros, invoice.currency),
        )
    return made
