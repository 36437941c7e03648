"""`talktime payment-methods`: the cards and agreements that pay."""

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.credit.buying.agreements import AgreementTerms
from talktime.core.values.money import format_micros
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
from talktime.usecases.credit.buying.manage_payment_methods import (
    AddCard,
    ChangePurchaseOrder,
    MethodKept,
    MethodShown,
    MethodsShown,
    RemoveMethod,
    UseAgreement,
    add_card,
    change_purchase_order,
    list_methods,
    remove_method,
    use_agreement,
)
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

app = App(name="payment-methods")

Number = Annotated[int, Parameter(help="Which one: its number in `talktime payment-methods`.")]
Reference = Annotated[
    str,
    Parameter(
        help="What the gateway's own form gave for the card; in the sandbox a test card: '4242 4242 4242 4242 12/30'."
    ),
]


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command did, in a word, and the way to pay that it did it to."""

    what: str
    kept: MethodKept


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List what pays, and what remains under agreements."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_methods, LookAt(organization, now()))
    if not shown.methods and not options.as_json:
        hint(
            f"{shown.organization.name} has no way to pay yet. Add one:"
            " `talktime payment-methods add-card '4242 4242 4242 4242 12/30'`"
        )
        return
    show(options, _list_document(shown), lambda: _list_view(shown))


@app.command(name="add-card")
def add_card_(reference: Reference, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Add a card that the gateway has read; we never see its number."""
    _keep_card(reference, None, organization, options)


@app.command(name="replace-card")
def replace_card(
    number: Number, reference: Reference, *, organization: Whose = "", options: Options = DEFAULTS
) -> None:
    """Put a card in the place of what paid before; recharges follow, and a declined one goes on with a new card."""
    _keep_card(reference, number, organization, options)


@app.command(name="add-agreement")
def add_agreement(
    agreement: Annotated[str, Parameter(help="The agreement's number, as the operator registered it.")],
    *,
    purchase_order: Annotated[str, Parameter(help="Stands on the invoices of what it buys from now on.")] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Let an agreement pay, with a purchase order if there is one."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        kept = talktime.run(use_agreement, UseAgreement(owner.name, agreement, now(), purchase_order))
    _show(_Done("added", kept), options)


@app.command(name="purchase-order")
def purchase_order_(
    number: Number,
    order: Annotated[str, Parameter(help="The purchase order of what is bought from now on; '' for none.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Change the purchase order of future recharges and orders; what was bought keeps its own."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        kept = talktime.run(change_purchase_order, ChangePurchaseOrder(owner.name, number, order, now()))
    _show(_Done("changed", kept), options)
    if not options.as_json:
        hint(f"It is payment method {kept.method.method_id} now.")


@app.command
def remove(
    number: Number,
    *,
    instead: Annotated[int | None, Parameter(help="What pays the recharges that it paid.")] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Remove a card or an agreement; what it is paying now, it still pays."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        kept = talktime.run(remove_method, RemoveMethod(owner.name, number, now(), instead))
    _show(_Done("removed", kept), options)


@app.command(name="test-cards")
def sandbox_cards(*, options: Options = DEFAULTS) -> None:
    """List the sandbox's test cards and what each does; they move no money."""
    from talktime.gateways.payments.sandbox_cards import table_rows

    rows = list(table_rows())
    document = {"cards": [{"number": number, "what": what, "recharge": then} for number, what, then in rows]}
    show(options, document, lambda: _cards_view(rows))


def _keep_card(reference: str, replaces: int | None, organization: str, options: Options) -> None:
    from talktime.bootstrap import open_gateways

    at = now()
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        gateway = talktime.settings.payment_gateway
        card = open_gateways(talktime.settings)[gateway].add_card(reference)
        kept = talktime.run(add_card, AddCard(owner.name, gateway, card, at, replaces))
    _show(_Done("added" if replaces is None else "replaced", kept), options)
    if options.as_json:
        return
    if kept.is_resumed:
        hint("The recharge that was paused goes on with this card.")
    if gateway == "sandbox":
        hint("A test card of the sandbox: it moves no money. `talktime payment-methods test-cards` lists them all.")


def _show(done: _Done, options: Options) -> None:
    method = done.kept.method
    document = {
        "organization": done.kept.organization.name,
        "method": method.method_id,
        "label": method.label,
        "kind": method.kind,
        "gateway": method.gateway or None,
        "expires_on": None if method.card is None else method.card.expires_on.isoformat(),
        "agreement": method.agreement_number or None,
        "purchase_order": method.purchase_order or None,
        "what": done.what,
        "recharge_resumed": done.kept.is_resumed,
    }
    show(options, document, lambda: _view(done))


def _view(done: _Done) -> RenderableType:
    method = done.kept.method
    rows: list[tuple[str, object]] = [("Number", str(method.method_id))]
    if method.card is not None:
        rows += [("Gateway", method.gateway), ("Good through", method.card.expires_on.isoformat())]
    return Group(heading(method.label, f"{done.what} for {done.kept.organization.name}"), "", facts(rows))


def _list_document(shown: MethodsShown) -> dict[str, Any]:
    return {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "methods": [_method_document(each) for each in shown.methods],
    }


def _method_document(shown: MethodShown) -> dict[str, Any]:
    method, agreement = shown.method, shown.agreement
    remaining = None if agreement is None else agreement.remaining_micros
    return {
        "method": method.method_id,
        "label": method.label,
        "kind": method.kind,
        "gateway": method.gateway or None,
        "expires_on": None if method.card is None else method.card.expires_on.isoformat(),
        "agreement": method.agreement_number or None,
        "purchase_order": method.purchase_order or None,
        "terms": None if agreement is None else agreement.terms,
        "remaining": None if remaining is None else format_micros(remaining),
        "ends_at": None if agreement is None else agreement.ends_at,
        "pays_recharges": shown.pays_recharges,
        "is_fallback": shown.is_fallback,
    }


def _list_view(shown: MethodsShown) -> RenderableType:
    made = table("No", "Pays", "Good until", "Terms", "Remaining", "Recharges", numbers=("No", "Remaining"))
    for each in shown.methods:
        remaining = None if each.agreement is None else each.agreement.remaining_micros
        made.add_row(
            str(each.method.method_id),
            each.method.label,
            _until(shown, each),
            _terms(each),
            "" if remaining is None else money(remaining),
            "paid by it" if each.pays_recharges else "fallback" if each.is_fallback else "",
        )
    return Group(heading(shown.organization.name, shown.organization.currency), "", made)


def _until(shown: MethodsShown, each: MethodShown) -> str:
    if each.method.card is not None:
        today = shown.at.astimezone(shown.organization.zone).date()
        day = each.method.card.expires_on
        return f"{day} (expired)" if day < today else str(day)
    ends_at = None if each.agreement is None else each.agreement.ends_at
    return "no end" if ends_at is None else instant(ends_at, shown.organization.zone)


def _terms(each: MethodShown) -> str:
    if each.agreement is None:
        return ""
    if not each.agreement.is_active:
        return "not active"
    return "on credit" if each.agreement.terms is AgreementTerms.ON_CREDIT else "on settlement"


def _cards_view(rows: list[tuple[str, str, str]]) -> RenderableType:
    made = table("Number", "What it does", "A recharge then", numbers=("Number",))
    for row in rows:
        made.add_row(*row)
    return Group(heading("Test cards of the sandbox", "any expiry date to come; no money moves"), "", made)
