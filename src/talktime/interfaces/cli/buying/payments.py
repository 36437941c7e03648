"""`talktime payments`: what an operator does where gateways and our books may differ."""

import getpass
from datetime import timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter

from talktime.core.credit.buying.payments import GatewayEvent
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
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
    warn,
)
from talktime.store.credit.purchases import ParkedEvent
from talktime.usecases.credit.paying.resolve_purchases import ResolvePurchase, resolve_purchase
from talktime.usecases.credit.recharging.set_recharge import PauseRecharge, pause_everyone
from talktime.usecases.credit.reconcile_payments import Reconciled, reconcile_payments
from talktime.usecases.organizations.manage_organizations import find_organization

PARKED_MAX = 1_000
DAYS = 3

app = App(name="payments")


@app.command
def reconcile(
    *,
    since: Annotated[
        str, Parameter(help=f"Compare from this instant on: ISO 8601 with Z. Default: {DAYS} days ago.")
    ] = "",
    options: Options = DEFAULTS,
) -> None:
    """Compare what gateways charged with our purchases; settle what no webhook told, show what nothing explains."""
    from talktime.bootstrap import open_gateways

    at = now()
    starts_at = parse_instant(since) if since else at - timedelta(days=DAYS)
    with open_app(options.database) as talktime:
        gateways = open_gateways(talktime.settings)
        found = {name: reconcile_payments(talktime.run, gateway, starts_at, at) for name, gateway in gateways.items()}
    document = {name: _reconciled_document(each) for name, each in found.items()}
    show(options, document, lambda: facts([(name, _reconciled_text(each)) for name, each in found.items()]))
    if any(each.unexplained for each in found.values()) and not options.as_json:
        warn("Money moved that no purchase of ours explains: `talktime payments parked` lists it.")


@app.command
def parked(*, options: Options = DEFAULTS) -> None:
    """List what gateways reported and no purchase of ours explains."""
    with open_app(options.database) as talktime:
        events = talktime.read(lambda tx, most: tx.purchases.parked_events(most=most), PARKED_MAX)
    if not events and not options.as_json:
        hint("Nothing is parked: every report of a gateway fits a purchase.")
        return
    show(options, [_parked_document(each) for each in events], lambda: _parked_view(events))


@app.command
def resolve(
    purchase: Annotated[str, Parameter(help="The purchase whose outcome is not certain, such as recharge-7.")],
    *,
    organization: Annotated[str, Parameter(help="Whose; may be left out where there is only one.")] = "",
    charge: Annotated[str, Parameter(help="The gateway's charge that moved the money: credit is granted.")] = "",
    not_charged: Annotated[str, Parameter(help="Why it is certain that no money moved: the purchase is closed.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Decide a purchase of which nobody else can tell whether it moved money."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        resolved = talktime.run(resolve_purchase, ResolvePurchase(owner.name, purchase, now(), charge, not_charged))
    document = {"purchase": resolved.purchase_id, "state": resolved.state, "lot": resolved.lot_id}
    show(
        options,
        document,
        lambda: heading(
            resolved.purchase_id, resolved.state.value, f"lot {resolved.lot_id}" if resolved.lot_id else ""
        ),
    )
    if not options.as_json:
        hint("Whether auto-recharge goes on: `talktime credit recharge show`")


@app.command
def freeze(
    *,
    restored: Annotated[bool, Parameter(negative=(), help="Because a backup was restored.")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Pause the auto-recharge of every organization, calls go on; each is resumed by `credit recharge resume`."""
    reason = PauseReason.RESTORED if restored else PauseReason.BY_ADMIN
    with open_app(options.database) as talktime:
        names = talktime.run(pause_everyone, PauseRecharge("", getpass.getuser(), now(), reason))
    show(options, {"paused": names}, lambda: heading(f"{len(names)} paused", ", ".join(names)))
    if restored and not options.as_json:
        hint("Then `talktime payments reconcile --since` the backup's instant, and look at `talktime payments parked`.")


@app.command
def authenticate(
    charge: Annotated[str, Parameter(help="The sandbox's charge that waits for the card's owner.")],
    *,
    refuse: Annotated[bool, Parameter(negative=(), help="As an owner who does not agree.")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Do in the sandbox what the card's owner does at his bank; the worker finds it at its next look."""
    from talktime.gateways.payments.sandbox import SandboxGateway

    with open_app(options.database) as talktime:
        gateway = SandboxGateway(talktime.settings.data_folder / "sandbox")
    became = type(gateway.authenticate(charge, succeeds=not refuse)).__name__.lower()
    show(options, {"charge": charge, "became": became}, lambda: heading(charge, became))


def _reconciled_document(found: Reconciled) -> dict[str, Any]:
    return {
        "charges": found.charges_count,
        "settled": found.settled_count,
        "unexplained": [_event_document(event) for event in found.unexplained],
    }


def _event_document(event: GatewayEvent) -> dict[str, Any]:
    return {
        "charge": event.charge_id,
        "amount": format_micros(event.amount_micros),
        "currency": event.currency,
        "at": event.occurred_at,
    }


def _reconciled_text(found: Reconciled) -> str:
    return (
        f"{found.charges_count:,} charges, {found.settled_count:,} settled now,"
        f" {len(found.unexplained):,} that nothing explains"
    )


def _parked_document(event: ParkedEvent) -> dict[str, Any]:
    return event._asdict() | {"amount_micros": format_micros(event.amount_micros)}


def _parked_view(events: list[ParkedEvent]) -> Any:
    made = table("Received", "Gateway", "What", "Charge", "Amount", "Why it is here", numbers=("Amount",))
    for event in events:
        made.add_row(
            instant(event.received_at),
            event.gateway,
            event.kind.replace("_", " "),
            event.charge_id,
            money(event.amount_micros, event.currency),
            event.reason,
        )
    return made
