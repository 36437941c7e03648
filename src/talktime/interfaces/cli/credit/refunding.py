"""`talktime credit refund`, `refunds` and `disputes`: money that goes back, by our will or by a bank's."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Group

from talktime.core.credit.disputes import Dispute, DisputeState
from talktime.core.credit.refunds import Refund, RefundState
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import Reason, Reference, read_amount
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
    warn,
)
from talktime.usecases.credit.returning.dispute_credit import list_disputes
from talktime.usecases.credit.returning.pay_refunds import list_refunds, pay_refund
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

if TYPE_CHECKING:
    from talktime.bootstrap import App

EXIT_NOT_REFUNDED = 1
_HEADLINES = {
    RefundState.DUE: "is due: the worker asks the gateway",
    RefundState.ASKING: "is being asked for",
    RefundState.UNKNOWN: "is not certain yet: the worker asks again, with the same key",
    RefundState.REFUNDED: "given back",
    RefundState.FAILED: "was not given back: its credit is on the lot again",
}


def refund(
    lot: Annotated[int, Parameter(help="Which lot: `talktime credit lots` lists them.")],
    *,
    reference: Reference,
    reason: Reason,
    amount: Annotated[
        str, Parameter(help="How much, before tax. Default: all of it that is unused, not promised and not expired.")
    ] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> int:
    """Give bought credit back: to the card that paid for it, to the agreement's invoice, or by your own hand."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        amount_micros = read_amount(amount) if amount else None
        asked = talktime.run(refund_credit, RefundCredit(owner.name, lot, reference, reason, now(), amount_micros))
        done = _paid(talktime, asked)
    show(options, _refund_document(owner, done), lambda: _refund_view(owner, done))
    if not options.as_json and done.state is RefundState.REFUNDED and not done.purchase_id:
        warn("No gateway was paid for this credit: send the money yourself; the books say that you did.")
    return 0 if done.state is RefundState.REFUNDED else EXIT_NOT_REFUNDED


def refunds(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List what was given back, or is on its way, the oldest first."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_refunds, LookAt(organization, now()))
    owner = shown.organization
    if not shown.refunds and not options.as_json:
        hint(f"Nothing was ever given back to {owner.name}: `talktime credit refund LOT` does that")
        return
    document = {"organization": owner.name, "refunds": [_refund_document(owner, each) for each in shown.refunds]}
    show(options, document, lambda: _refunds_view(owner, shown.refunds))


def disputes(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the payments that their bank took back, and how that ended."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_disputes, LookAt(organization, now()))
    owner = shown.organization
    if not shown.disputes and not options.as_json:
        hint(f"No payment of {owner.name} was ever disputed.")
        return
    document = {"organization": owner.name, "disputes": [_dispute_document(each) for each in shown.disputes]}
    show(options, document, lambda: _disputes_view(owner, shown.disputes))


def _paid(talktime: "App", asked: Refund) -> Refund:
    """Ask the gateway at once where one is to be asked; should it not answer, the worker asks again."""
    if not asked.is_open:
        return asked
    from talktime.bootstrap import open_gateways

    gateways = open_gateways(talktime.settings)
    paid = pay_refund(talktime.run, gateways, asked.organization_id, asked.refund_id, now)
    return asked if paid is None else paid


def _refund_document(owner: Organization, each: Refund) -> dict[str, Any]:
    return {
        "organization": owner.name,
        "refund": each.refund_id,
        "state": each.state.value,
        "lot": each.lot_id,
        "purchase": each.purchase_id,
        "amount": format_micros(each.net_micros),
        "tax": format_micros(each.tax_micros),
        "currency": each.currency,
        "reason": each.reason,
        "code": each.code,
        "asked_at": each.created_at,
        "closed_at": each.closed_at,
    }


def _refund_view(owner: Organization, each: Refund) -> Group:
    rows: list[tuple[str, object]] = [("Refund", each.refund_id), ("Lot", each.lot_id)]
    if each.tax_micros:
        rows.append(("Tax on top", money(each.tax_micros, each.currency)))
    if each.purchase_id:
        rows.append(("Purchase", each.purchase_id))
    rows.append(("Reason", each.reason))
    if each.code:
        rows.append(("Why not", each.code))
    title = f"{money(each.net_micros, each.currency)} {_HEADLINES[each.state]}"
    return Group(heading(title, owner.name), "", facts(rows))


def _refunds_view(owner: Organization, given: list[Refund]) -> Group:
    made = table("Refund", "Asked", "Lot", "Amount", "Tax", "State", "Reason", numbers=("Lot", "Amount", "Tax"))
    for each in given:
        lot = str(each.lot_id)
        asked_at, state = instant(each.created_at, owner.zone), each.state.value
        made.add_row(each.refund_id, asked_at, lot, money(each.net_micros), money(each.tax_micros), state, each.reason)
    return Group(heading(owner.name, owner.currency, "given back"), "", made)


def _dispute_document(each: Dispute) -> dict[str, Any]:
    return {
        "purchase": each.purchase_id,
        "charge": each.charge_id,
        "lot": each.lot_id,
        "state": each.state.value,
        "amount": format_micros(each.amount_micros),
        "taken_back": format_micros(each.taken_back_micros),
        "shortfall": format_micros(each.shortfall_micros),
        "fee": format_micros(each.fee_micros),
        "currency": each.currency,
        "reason": each.reason,
        "opened_at": each.opened_at,
        "closed_at": each.closed_at,
    }


def _disputes_view(owner: Organization, found: list[Dispute]) -> Group:
    numbers = ("Lot", "Amount", "Taken back", "Had been used")
    made = table("Purchase", "Opened", *numbers, "State", "Reason", numbers=numbers)
    for each in found:
        made.add_row(
            each.purchase_id,
            instant(each.opened_at, owner.zone),
            str(each.lot_id),
            money(each.amount_micros),
            money(each.taken_back_micros),
            money(each.shortfall_micros),
            each.state.value,
            each.reason,
            style="" if each.state is DisputeState.OPEN else "dim",
        )
    return Group(heading(owner.name, owner.currency, "payments that their bank took back"), "", made)
