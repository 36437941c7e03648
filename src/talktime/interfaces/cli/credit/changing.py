"""`talktime credit adjust`, `transfer`, `close`: what an operator does by hand, with a reason that the books keep."""

import getpass
from enum import Enum
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group

from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import Kind, Reason, Reference, read_amount
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
    warn,
)
from talktime.usecases.credit.adjust_credit import AdjustCredit, CreditAdjusted, adjust_credit
from talktime.usecases.credit.close_account import AccountClosed, CloseAccount, Remainder, close_account
from talktime.usecases.credit.transfer_credit import CreditTransferred, TransferCredit, transfer_credit
from talktime.usecases.organizations.manage_organizations import find_organization


class Rest(Enum):
    """What becomes of what is left."""

    REFUND = Remainder.REFUND
    FORFEIT = Remainder.FORFEIT


def adjust(
    amount: Annotated[
        str, Parameter(help="How much to add, or, below 0, to take away: 25, or -25.", allow_leading_hyphen=True)
    ],
    *,
    reference: Reference,
    reason: Reason,
    kind: Annotated[Kind, Parameter(help="What is added: a gift, or credit that was bought.")] = Kind.PROMOTIONAL,
    evaluate: Annotated[
        bool, Parameter(help="Let the correction start a recharge and send alerts, as use does.", negative=())
    ] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Correct a balance; nothing is recharged by it unless you say so."""
    amount_micros = read_amount(amount)
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        asked = AdjustCredit(
            owner.name, amount_micros, reason, reference, now(), getpass.getuser(), kind.value, evaluate
        )
        adjusted = talktime.run(adjust_credit, asked)
    show(options, _adjusted_document(adjusted), lambda: _adjusted_view(adjusted))
    if adjusted.is_repeated:
        hint(f"{reference} was done before: this is its answer again, and nothing was changed.")


def transfer(
    source: Annotated[str, Parameter(help="The organization that gives.")],
    target: Annotated[str, Parameter(help="The organization that receives, of the same currency.")],
    *,
    reference: Reference,
    reason: Reason,
    amount: Annotated[str, Parameter(help="How much. Default: all that is available.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Move credit to another organization; it expires there when it would have expired here."""
    amount_micros = read_amount(amount) if amount else None
    with open_app(options.database) as talktime:
        asked = TransferCredit(source, target, reason, reference, now(), amount_micros, getpass.getuser())
        moved = talktime.run(transfer_credit, asked)
    show(options, _transferred_document(moved), lambda: _transferred_view(moved))
    if moved.is_repeated:
        hint(f"{reference} was done before: this is its answer again, and nothing was moved.")


def close(
    organization: Annotated[str, Parameter(help="Which organization; it must be named in full.")],
    *,
    remainder: Annotated[Rest, Parameter(help="What becomes of the credit that is left, as its contract says.")],
    reason: Reason,
    options: Options = DEFAULTS,
) -> None:
    """Close an organization's account for good, once its calls have ended; its books stay."""
    with open_app(options.database) as talktime:
        asked = CloseAccount(organization, remainder.value, reason, now(), getpass.getuser())
        closed = talktime.run(close_account, asked)
    show(options, _closed_document(closed), lambda: _closed_view(closed))
    if options.as_json:
        return
    if closed.receivable_micros:
        warn(f"{money(closed.receivable_micros, closed.organization.currency)} are still owed: bill them another way.")
    for purchase_id in closed.still_open:
        warn(f"{purchase_id} is being withdrawn: should its money have moved, its credit can be refunded.")
    if any(refund.is_open for refund in closed.refunds):
        hint("Refunds are due: the worker asks the gateway; `talktime credit refunds` shows them.")


def _adjusted_document(adjusted: CreditAdjusted) -> dict[str, Any]:
    return {
        "organization": adjusted.organization,
        "reference": adjusted.reference,
        "amount": format_micros(adjusted.amount_micros),
        "currency": adjusted.currency,
        "lot": adjusted.lot_id,
        "balance": format_micros(adjusted.balance_micros),
    }


def _adjusted_view(adjusted: CreditAdjusted) -> Group:
    what = "added to" if adjusted.amount_micros > 0 else "taken from"
    title = f"{money(abs(adjusted.amount_micros), adjusted.currency)} {what} {adjusted.organization}"
    rows: list[tuple[str, object]] = [("Lot", adjusted.lot_id)] if adjusted.lot_id is not None else []
    rows.append(("Balance", money(adjusted.balance_micros, adjusted.currency)))
    return Group(heading(title, adjusted.reference), "", facts(rows))


def _transferred_document(moved: CreditTransferred) -> dict[str, Any]:
    return {
        "source": moved.source,
        "target": moved.target,
        "amount": format_micros(moved.amount_micros),
        "currency": moved.currency,
        "lots": list(moved.lot_ids),
        "source_balance": format_micros(moved.source_balance_micros),
        "target_balance": format_micros(moved.target_balance_micros),
    }


def _transferred_view(moved: CreditTransferred) -> Group:
    title = f"{money(moved.amount_micros, moved.currency)} from {moved.source} to {moved.target}"
    rows = [
        ("New lots there", ", ".join(map(str, moved.lot_ids))),
        (f"Balance of {moved.source}", money(moved.source_balance_micros, moved.currency)),
        (f"Balance of {moved.target}", money(moved.target_balance_micros, moved.currency)),
    ]
    return Group(heading(title), "", facts(rows))


def _closed_document(closed: AccountClosed) -> dict[str, Any]:
    return {
        "organization": closed.organization.name,
        "currency": closed.organization.currency,
        "refunded": format_micros(sum(refund.net_micros for refund in closed.refunds)),
        "refunds": [refund.refund_id for refund in closed.refunds],
        "forfeited": format_micros(closed.forfeited_micros),
        "receivable": format_micros(closed.receivable_micros),
        "still_open": list(closed.still_open),
    }


def _closed_view(closed: AccountClosed) -> Group:
    currency = closed.organization.currency
    rows = [
        ("Given back", money(sum(refund.net_micros for refund in closed.refunds), currency)),
        ("Forfeited", money(closed.forfeited_micros, currency)),
    ]
    return Group(heading(f"{closed.organization.name} is closed", "its books stay"), "", facts(rows))
