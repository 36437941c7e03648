"""`talktime agreements`: what may pay besides cards, what remains of it, and what becomes of its invoices."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.credit.buying.agreements import Agreement, AgreementTerms, PurchaseOrder
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.billing.settling import settle
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
    parse_instant,
    show,
    table,
)
from talktime.usecases.credit.buying.manage_agreements import (
    AddAgreement,
    AgreementShown,
    AgreementsShown,
    ChangeAgreement,
    LimitPurchaseOrder,
    add_agreement,
    change_agreement,
    limit_purchase_order,
    list_agreements,
)
from talktime.usecases.credit.buying.settle_invoices import VoidUnpaid, void_unpaid
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

app = App(name="agreements")

Number = Annotated[str, Parameter(help="The agreement's number.")]
Invoice = Annotated[str, Parameter(help="The invoice's number, such as TT-000042-0007.")]
Limit = Annotated[str, Parameter(help="What may be bought under it in all, tax included. Default: no limit.")]
Ends = Annotated[
    str,
    Parameter(
        help="When it ends: ISO 8601 with Z or an offset; a date alone is the first instant of that day in the"
        " organization's time zone. Default: no end."
    ),
]
Terms = Annotated[
    AgreementTerms,
    Parameter(help="on-credit: the credit comes at once; on-settlement: once the invoice is paid."),
]


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the agreements of an organization, and what remains under each."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_agreements, LookAt(organization, now()))
    if not shown.agreements and not options.as_json:
        hint(
            f"{shown.organization.name} has no agreement. Register one: `talktime agreements add EA-1001 --country US`"
        )
        return
    document = {
        "organization": shown.organization.name,
        "agreements": [_document(each) for each in shown.agreements],
    }
    show(options, document, lambda: _list_view(shown))


@app.command
def add(
    number: Number,
    *,
    country: Annotated[str, Parameter(help="Where it is billed: ISO 3166, such as US.")],
    terms: Terms = AgreementTerms.ON_CREDIT,
    currency: Annotated[str, Parameter(help="ISO 4217. Default: the organization's.")] = "",
    limit: Limit = "",
    ends: Ends = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Register an agreement; an admin then lets it pay by `talktime payment-methods add-agreement`."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        ends_at = parse_instant(ends, owner.zone) if ends else None
        request = AddAgreement(owner.name, number, country, terms, currency, _amount(limit), ends_at)
        added = talktime.run(add_agreement, request)
    show(options, _document(added), lambda: _view(added, owner.zone))
    if not options.as_json:
        hint(f'It may pay once it is chosen: `talktime payment-methods add-agreement "{added.agreement.number}"`')


@app.command
def change(
    number: Number,
    *,
    terms: Annotated[AgreementTerms | None, Parameter(help="For what is bought from now on.")] = None,
    limit: Limit = "",
    ends: Ends = "",
    active: Annotated[bool | None, Parameter(negative="--inactive", help="Whether it may pay.")] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Change an agreement; what is not named stays."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        ends_at = parse_instant(ends, owner.zone) if ends else None
        request = ChangeAgreement(owner.name, number, terms, _amount(limit), ends_at, active)
        changed = talktime.run(change_agreement, request)
    show(options, _document(changed), lambda: _view(changed, owner.zone))


@app.command(name="purchase-order")
def purchase_order(
    number: Number,
    order: Annotated[str, Parameter(help="The purchase order's number.")],
    *,
    limit: Limit = "",
    ends: Ends = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Say what one purchase order of an agreement lets be bought, and until when."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        ends_at = parse_instant(ends, owner.zone) if ends else None
        request = LimitPurchaseOrder(owner.name, number, order, _amount(limit), ends_at)
        limited = talktime.run(limit_purchase_order, request)
    show(options, _document(limited), lambda: _view(limited, owner.zone))


app.command(settle)


@app.command
def void(
    invoice: Invoice,
    *,
    reason: Annotated[str, Parameter(help="Why it will not be paid; stands on the credit note.")],
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Take back the unused credit of an invoice that will not be paid; what was used stays owed."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        voided = talktime.run(void_unpaid, VoidUnpaid(owner.name, invoice, reason, now()))
    currency = voided.invoice.currency
    document = {
        "organization": owner.name,
        "invoice": voided.invoice.number,
        "credit_note": voided.note.number,
        "taken_back": format_micros(voided.note.net_micros),
        "tax": format_micros(voided.note.tax_micros),
        "still_owed": format_micros(voided.still_owed_micros),
        "currency": currency,
    }
    rows = [
        ("Credit note", voided.note.number),
        ("Credit taken back", money(voided.note.net_micros, currency)),
        ("Still owed", money(voided.still_owed_micros, currency)),
    ]
    show(options, document, lambda: Group(heading(voided.invoice.number, "voided"), "", facts(rows)))


def _amount(text: str) -> int | None:
    return read_amount(text) if text else None


def _document(shown: AgreementShown) -> dict[str, Any]:
    agreement = shown.agreement
    return {
        "agreement": agreement.number,
        "country": agreement.billing_country,
        "currency": agreement.currency,
        "terms": agreement.terms,
        "is_active": agreement.is_active,
        **_used_document(agreement),
        "purchase_orders": [
            {"purchase_order": order.number} | _used_document(order) for order in shown.purchase_orders
        ],
    }


def _used_document(it: Agreement | PurchaseOrder) -> dict[str, Any]:
    return {
        "limit": None if it.limit_micros is None else format_micros(it.limit_micros),
        "used": format_micros(it.used_micros),
        "remaining": None if it.remaining_micros is None else format_micros(it.remaining_micros),
        "ends_at": it.ends_at,
    }


def _list_view(shown: AgreementsShown) -> RenderableType:
    amounts = ("Limit", "Used", "Remaining")
    made = table("Agreement", "Billed in", "Terms", *amounts, "", "Ends", numbers=amounts)
    for each in shown.agreements:
        agreement = each.agreement
        terms = agreement.terms.value.replace("_", " ") if agreement.is_active else "not active"
        made.add_row(agreement.number, agreement.billing_country, terms, *_cells(shown, agreement, agreement.currency))
        for order in each.purchase_orders:
            made.add_row(f"  PO {order.number}", "", "", *_cells(shown, order, agreement.currency))
    return Group(heading(shown.organization.name), "", made)


def _cells(shown: AgreementsShown, it: Agreement | PurchaseOrder, currency: str) -> tuple[str, ...]:
    limit, remaining = it.limit_micros, it.remaining_micros
    return (
        "none" if limit is None else money(limit),
        money(it.used_micros),
        "" if remaining is None else money(remaining),
        currency,
        "no end" if it.ends_at is None else instant(it.ends_at, shown.organization.zone),
    )


def _view(shown: AgreementShown, zone: ZoneInfo) -> RenderableType:
    agreement = shown.agreement
    remaining = agreement.remaining_micros
    rows: list[tuple[str, object]] = [
        ("Billed in", agreement.billing_country),
        ("Terms", agreement.terms.value.replace("_", " ")),
        ("Remaining", "no limit" if remaining is None else money(remaining, agreement.currency)),
        ("Ends", "no end" if agreement.ends_at is None else instant(agreement.ends_at, zone)),
        ("State", "active" if agreement.is_active else "not active: nothing can be bought under it"),
    ]
    for order in shown.purchase_orders:
        left = order.remaining_micros
        what = "no limit" if left is None else f"{money(left, agreement.currency)} remaining"
        rows.append((f"PO {order.number}", what))
    return Group(heading(f"Agreement {agreement.number}"), "", facts(rows))
