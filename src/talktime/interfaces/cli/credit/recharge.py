"""`talktime credit recharge`: see, set, pause, resume and simulate the auto-recharge."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.credit.recharging.settings import RechargeChange, sentence
from talktime.core.credit.recharging.states import RechargeState
from talktime.core.values.errors import Conflict
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
    out,
    show,
    table,
    warn,
)
from talktime.usecases.credit.recharging.set_recharge import (
    ConfirmationNeeded,
    PauseRecharge,
    RechargeSet,
    ResumeRecharge,
    SetRecharge,
    pause_recharge,
    resume_recharge,
    set_recharge,
)
from talktime.usecases.credit.recharging.show_recharge import (
    RechargeShown,
    RechargeSimulated,
    SimulateRecharge,
    show_recharge,
    simulate_recharge,
)
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

app = App(name="recharge")

Confirm = Annotated[
    str, Parameter(help="Agree to a charge at once of exactly this much, as the refusal without it says.")
]
_CAP_HELP = "The most that recharges may buy in it, before tax; 0 for no cap."


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Setting:
    """What is set; what is not named stays as it is."""

    below: Annotated[str, Parameter(help="The trigger: recharge when the available balance falls below this.")] = ""
    amount: Annotated[str, Parameter(name="--with", help="The recharge amount: what one recharge buys.")] = ""
    inclusive: Annotated[
        bool | None, Parameter(negative="--exclusive", help="Also when the balance hits the trigger.")
    ] = None
    multiples: Annotated[
        bool | None, Parameter(negative="--single", help="One charge of as many amounts as it takes to be above.")
    ] = None
    cap_per_day: Annotated[str, Parameter(help=_CAP_HELP)] = ""
    cap_per_month: Annotated[str, Parameter(help=_CAP_HELP)] = ""
    per_hour: Annotated[int | None, Parameter(help="Recharges an hour at most; the next one waits.")] = None
    per_day: Annotated[int | None, Parameter(help="Recharges a day at most; then it stops until resumed.")] = None

    def change(self) -> RechargeChange:
        """Return what is to change."""
        return RechargeChange(
            trigger_micros=_amount(self.below),
            amount_micros=_amount(self.amount),
            is_inclusive=self.inclusive,
            in_multiples=self.multiples,
            cap_per_day_micros=_amount(self.cap_per_day),
            cap_per_month_micros=_amount(self.cap_per_month),
            recharges_per_hour=self.per_hour,
            recharges_per_day=self.per_day,
        )


UNCHANGED = Setting()

_STYLES = {
    RechargeState.ARMED: "green",
    RechargeState.RECHARGING: "green",
    RechargeState.OFF: "dim",
}


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show what the auto-recharge is set to, what it is doing, and what it did."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_recharge, LookAt(organization, now()))
    show(options, _document(shown), lambda: _view(shown))
    if options.as_json:
        return
    for warning in shown.warnings:
        warn(warning)
    if shown.status.what_to_do:
        hint(shown.status.what_to_do)
    elif shown.status.state is RechargeState.OFF:
        hint("Recommended: `talktime credit recharge set --on --below 100 --with 200 --method 1`")


@app.command(name="set")
def set_(
    setting: Setting = UNCHANGED,
    *,
    organization: Whose = "",
    on: Annotated[bool | None, Parameter(negative="--off", help="Switch it on or off.")] = None,
    method: Annotated[int | None, Parameter(help="What pays: its number in `talktime payment-methods`.")] = None,
    fallback: Annotated[int | None, Parameter(help="What pays once that fails; 0 for nothing.")] = None,
    version: Annotated[int | None, Parameter(help="Refuse if it is not this version any more.")] = None,
    confirm: Confirm = "",
    options: Options = DEFAULTS,
) -> None:
    """Change the auto-recharge; what is not named stays. A change that would charge at once says so first."""
    change = replace(setting.change(), is_on=on, method_id=method, fallback_method_id=fallback)
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        request = SetRecharge(
            owner.name,
            getpass.getuser(),
            now(),
            change,
            version=version,
            confirmed_micros=_amount(confirm),
            terms=talktime.settings.buying_terms,
        )
        done = _confirmed(
            lambda confirmed: talktime.run(set_recharge, replace(request, confirmed_micros=confirmed)), request, options
        )
        shown = talktime.read(show_recharge, LookAt(owner.name, now()))
    _done(done, shown, options)


@app.command
def alerts(
    *thresholds: str,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Tell when the available balance falls below these amounts; without any, tell at none."""
    watched = tuple(read_amount(each) for each in thresholds)
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        at = now()
        talktime.run(set_recharge, SetRecharge(owner.name, getpass.getuser(), at, RechargeChange(), watched))
        shown = talktime.read(show_recharge, LookAt(owner.name, at))
    show(options, _document(shown), lambda: _view(shown))


@app.command
def pause(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Stop the auto-recharge until it is resumed; what is under way settles."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        done = talktime.run(pause_recharge, PauseRecharge(owner.name, getpass.getuser(), now()))
        shown = talktime.read(show_recharge, LookAt(owner.name, now()))
    _done(done, shown, options)


@app.command
def resume(*, organization: Whose = "", confirm: Confirm = "", options: Options = DEFAULTS) -> None:
    """Let the auto-recharge go on, once whatever stopped it is looked at."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        request = ResumeRecharge(owner.name, getpass.getuser(), now(), _amount(confirm))
        done = _confirmed(
            lambda confirmed: talktime.run(resume_recharge, replace(request, confirmed_micros=confirmed)),
            request,
            options,
        )
        shown = talktime.read(show_recharge, LookAt(owner.name, now()))
    _done(done, shown, options)


@app.command
def simulate(setting: Setting = UNCHANGED, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Tell what a setting would have charged with last month's usage; nothing is changed."""
    # Any way to pay will do: nothing is charged.
    change = replace(setting.change(), is_on=True, method_id=1)
    with open_app(options.database) as talktime:
        simulated = talktime.read(simulate_recharge, SimulateRecharge(organization, now(), change))
    show(options, _simulation_document(simulated), lambda: _simulation_view(simulated))
    if not options.as_json:
        for warning in simulated.warnings:
            warn(warning)


def _amount(text: str) -> int | None:
    return read_amount(text) if text else None


def _confirmed(
    run: Callable[[int | None], RechargeSet | ConfirmationNeeded],
    request: SetRecharge | ResumeRecharge,
    options: Options,
) -> RechargeSet:
    """Do what is asked; where that would charge at once, ask in a terminal, and elsewhere refuse with the amount."""
    answer = run(request.confirmed_micros)
    if isinstance(answer, ConfirmationNeeded) and sys.stdin.isatty() and not options.as_json:
        from rich.prompt import Confirm as Ask

        if Ask.ask(f"{_what_happens(answer)} Charge it?", console=out(), default=False):
            answer = run(answer.charge_micros)
    if isinstance(answer, ConfirmationNeeded):
        exact = format_micros(answer.charge_micros)
        message = f"{_what_happens(answer)} Nothing was changed: say `--confirm {exact}` to agree"
        raise Conflict(message, code="confirmation_needed")
    return answer


def _what_happens(asked: ConfirmationNeeded) -> str:
    tax = f", {money(asked.tax_micros, asked.currency)} of it tax" if asked.tax_micros else ""
    return (
        f"{asked.organization} has {money(asked.available_micros, asked.currency)} available, below the trigger of"
        f" {money(asked.trigger_micros, asked.currency)}: this charges {money(asked.charge_micros, asked.currency)}"
        f"{tax} to {asked.method.label} at once."
    )


def _done(done: RechargeSet, shown: RechargeShown, options: Options) -> None:
    charged = None if done.charged_micros is None else format_micros(done.charged_micros)
    show(options, _document(shown) | {"charges_now": charged}, lambda: _view(shown))
    if options.as_json:
        return
    if done.charged_micros is not None:
        hint("The charge is under way: the worker makes it, and mails what became of it.")
    for warning in shown.warnings:
        warn(warning)


def _document(shown: RechargeShown) -> dict[str, Any]:
    policy, progress = shown.watch.policy, shown.watch.progress
    return {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "version": policy.version,
        "is_on": policy.is_on,
        "state": shown.status.state,
        "why": shown.status.why,
        "what_to_do": shown.status.what_to_do,
        "next_at": shown.status.next_at,
        "available": format_micros(shown.available_micros),
        "trigger": format_micros(policy.trigger_micros),
        "amount": format_micros(policy.amount_micros),
        "inclusive": policy.is_inclusive,
        "in_multiples": policy.in_multiples,
        "method": policy.method_id,
        "fallback": policy.fallback_method_id,
        "cap_per_day": _or_none(policy.cap_per_day_micros),
        "cap_per_month": _or_none(policy.cap_per_month_micros),
        "used_of_cap_per_day": format_micros(shown.reserved.day_micros),
        "used_of_cap_per_month": format_micros(shown.reserved.month_micros),
        "recharges_per_hour": policy.recharges_per_hour,
        "recharges_per_day": policy.recharges_per_day,
        "alerts": [format_micros(alert.threshold_micros) for alert in shown.watch.alerts],
        "epoch": progress.epoch,
        "recharges": [_purchase_document(each) for each in shown.history],
        "warnings": shown.warnings,
    }


def _purchase_document(purchase: Purchase) -> dict[str, Any]:
    return {
        "purchase": purchase.purchase_id,
        "state": purchase.state,
        "amount": format_micros(purchase.amount_micros),
        "tax": _or_none(purchase.tax_micros),
        "attempt": purchase.attempt,
        "created_at": purchase.created_at,
        "closed_at": purchase.closed_at,
        "next_step_at": purchase.next_step_at,
        "reason": purchase.reason,
        "lot": purchase.lot_id,
    }


def _or_none(amount_micros: int | None) -> str | None:
    return None if amount_micros is None else format_micros(amount_micros)


def _view(shown: RechargeShown) -> RenderableType:
    policy, organization = shown.watch.policy, shown.organization
    status = shown.status
    state = Text(status.state.value.replace("_", " "), _STYLES.get(status.state, "bold yellow"))
    state.append(f"  {status.why}", "")
    if status.next_at is not None:
        state.append(f"; next {instant(status.next_at, organization.zone)}", "dim")
    rows: list[tuple[str, object]] = [("State", state)]
    if policy.is_on:
        rows += [
            ("Setting", _capitalized(sentence(policy, organization.currency))),
            ("Paid by", _label(shown.methods, policy.method_id)),
        ]
        if policy.fallback_method_id is not None:
            rows.append(("Else by", _label(shown.methods, policy.fallback_method_id)))
    rows.append(("Available", money(shown.available_micros, organization.currency)))
    rows += _caps(shown)
    if shown.watch.alerts:
        thresholds = ", ".join(money(alert.threshold_micros) for alert in shown.watch.alerts)
        rows.append(("Alerts", f"told when the available balance falls below {thresholds}"))
    title = heading(organization.name, organization.currency, f"version {policy.version}")
    return Group(title, "", facts(rows), *_history(shown))


def _caps(shown: RechargeShown) -> list[tuple[str, object]]:
    policy, reserved = shown.watch.policy, shown.reserved
    caps = (
        ("Cap per day", policy.cap_per_day_micros, reserved.day_micros),
        ("Cap per month", policy.cap_per_month_micros, reserved.month_micros),
    )
    return [(name, f"{money(used)} of {money(cap)}") for name, cap, used in caps if cap is not None]


def _history(shown: RechargeShown) -> list[RenderableType]:
    if not shown.history:
        return []
    made = table("Recharge", "When", "Amount", "State", "Attempt", "", numbers=("Amount", "Attempt"))
    for purchase in shown.history:
        is_good = purchase.state is PurchaseState.SETTLED
        made.add_row(
            purchase.purchase_id,
            instant(purchase.created_at, shown.organization.zone),
            money(purchase.amount_micros),
            Text(purchase.state.value.replace("_", " "), "green" if is_good else "yellow"),
            str(purchase.attempt),
            f"lot {purchase.lot_id}" if purchase.lot_id is not None else purchase.reason,
        )
    return ["", made]


def _label(methods: dict[int, PaymentMethod], method_id: int | None) -> str:
    method = None if method_id is None else methods.get(method_id)
    return "nothing" if method is None else f"{method.label} (method {method.method_id})"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _simulation_document(simulated: RechargeSimulated) -> dict[str, Any]:
    simulation = simulated.simulation
    return {
        "organization": simulated.organization.name,
        "currency": simulated.organization.currency,
        "month": _month(simulated.month.starts_at, simulated),
        "setting": simulated.sentence,
        "available": format_micros(simulated.available_micros),
        "spent": format_micros(simulation.spent_micros),
        "recharges": [{"at": each.at, "amount": format_micros(each.amount_micros)} for each in simulation.recharges],
        "charged": format_micros(simulation.charged_micros),
        "lowest": format_micros(simulation.lowest_micros),
        "ends_with": format_micros(simulation.ends_with_micros),
        "held_back": simulation.held_back_count,
        "stopped_at": simulation.stopped_at,
        "warnings": simulated.warnings,
    }


def _simulation_view(simulated: RechargeSimulated) -> RenderableType:
    simulation, currency = simulated.simulation, simulated.organization.currency
    zone = simulated.organization.zone
    month = _month(simulated.month.starts_at, simulated)
    count = len(simulation.recharges)
    charged = f"{count} × {money(simulated.amount_micros, currency)}" if count else "nothing"
    rows: list[tuple[str, object]] = [
        ("Setting", _capitalized(simulated.sentence)),
        ("Starts with", f"{money(simulated.available_micros, currency)}, today's available balance"),
        ("Usage", f"{money(simulation.spent_micros, currency)} in {month}"),
        ("Would charge", Text(charged, "bold")),
        ("Lowest", money(simulation.lowest_micros, currency)),
        ("Ends with", money(simulation.ends_with_micros, currency)),
    ]
    if simulation.held_back_count:
        rows.append(("Held back", f"by its caps at {simulation.held_back_count} movements"))
    if simulation.stopped_at is not None:
        rows.append(("Stops", f"{instant(simulation.stopped_at, zone)}: too many recharges in a day"))
    if not simulation.spent_micros:
        rows.append(("", f"Nothing was charged to credit in {month}: import or replay calls to learn more"))
    when = ", ".join(f"{each.at.astimezone(zone):%-d %b}" for each in simulation.recharges[:12])
    if when:
        rows.append(("On", when + (", …" if count > 12 else "")))  # noqa: PLR2004 -- a line's worth of days
    return Group(heading(simulated.organization.name, f"with the usage of {month}"), "", facts(rows))


def _month(starts_at: datetime, simulated: RechargeSimulated) -> str:
    return f"{starts_at.astimezone(simulated.organization.zone):%Y-%m}"
