"""`settle`, of `talktime invoices` and of `talktime agreements`: an invoice was paid outside of Talktime."""

from typing import Annotated

from cyclopts import Parameter
from rich.console import Group

from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    money,
    now,
    open_app,
    show,
)
from talktime.usecases.credit.buying.settle_invoices import SettleInvoice, settle_invoice
from talktime.usecases.organizations.manage_organizations import find_organization


def settle(
    invoice: Annotated[str, Parameter(help="The invoice's number, such as TT-000042-0007.")],
    *,
    reference: Annotated[str, Parameter(help="What the payment is called at the bank.")],
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Record the payment of an invoice; under an agreement on settlement terms its credit comes now."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        settled = talktime.run(settle_invoice, SettleInvoice(owner.name, invoice, reference, now()))
    paid = money(settled.paid_micros, settled.invoice.currency)
    document = {
        "organization": owner.name,
        "invoice": settled.invoice.number,
        "paid": format_micros(settled.paid_micros),
        "currency": settled.invoice.currency,
        "paid_at": settled.invoice.paid_at,
        "lot": settled.lot_id,
        "is_repeated": settled.is_repeated,
    }
    rows = [("Paid", paid), *([] if settled.lot_id is None else [("Lot", str(settled.lot_id))])]
    show(options, document, lambda: Group(heading(settled.invoice.number, "paid"), "", facts(rows)))
    if settled.is_repeated:
        hint("Its payment was recorded before: nothing was added.")
