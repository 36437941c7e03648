"""`talktime organizations`: those who own a balance."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table

from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import DEFAULTS, Options, facts, heading, hint, money, now, open_app, show, table
from talktime.usecases.organizations.manage_organizations import (
    AddOrganization,
    LookAt,
    OrganizationOverview,
    add_organization,
    list_organizations,
    show_organization,
)
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode

app = App(name="organizations")


@app.default
@app.command(name="list")
def list_(*, options: Options = DEFAULTS) -> None:
    """List all organizations with their balances."""
    at = now()
    with open_app(options.database) as talktime:
        found = talktime.read(list_organizations, at)
    if not found and not options.as_json:
        hint(
            "There is no organization yet. Add one: `talktime organizations add Acme --country US --currency USD`"
            " `--time-zone America/New_York --deck standard`"
        )
        return
    show(options, {"organizations": [_document(overview) for overview in found]}, lambda: _list_view(found))


@app.command
def add(
    name: Annotated[str, Parameter(help="What the organization is called; unique.")],
    *,
    country: Annotated[str, Parameter(help="ISO 3166, such as US.")],
    currency: Annotated[str, Parameter(help="ISO 4217, such as USD: what it pays in.")],
    time_zone: Annotated[str, Parameter(help="IANA, such as America/New_York: when its days and months begin.")],
    deck: Annotated[str, Parameter(help="The rate deck that prices its calls; may be imported later.")],
    options: Options = DEFAULTS,
) -> None:
    """Add an organization."""
    at = now()
    with open_app(options.database) as talktime:
        talktime.run(add_organization, AddOrganization(name, country, currency, time_zone, deck, at))
        overview = talktime.read(show_organization, LookAt(" ".join(name.split()), at))
    show(options, _document(overview), lambda: _view(overview))
    if not options.as_json:
        _next_steps(overview)


@app.command(name="show")
def show_(
    name: Annotated[str, Parameter(help="Which one; may be left out where there is only one.")] = "",
    *,
    options: Options = DEFAULTS,
) -> None:
    """Show one organization."""
    with open_app(options.database) as talktime:
        overview = talktime.read(show_organization, LookAt(name, now()))
    show(options, _document(overview), lambda: _view(overview))
    if not options.as_json:
        _next_steps(overview)


@app.command
def billing(
    mode: Annotated[BillingMode, Parameter(help="prepaid buys credit; postpaid pays after use and cannot.")],
    *,
    organization: Annotated[str, Parameter(help="Which one; may be left out where there is only one.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Set whether an organization pays before use, from credit, or after it."""
    with open_app(options.database) as talktime:
        owner = talktime.run(set_billing_mode, SetBillingMode(organization, mode))
    document = {"organization": owner.name, "billing": mode}
    show(options, document, lambda: Group(heading(owner.name), "", facts([("Billing", mode.value)])))
    if mode is BillingMode.POSTPAID and not options.as_json:
        hint("Credit that is left is used up first (S41); what may be used on the bill then: `talktime overage`")


def _next_steps(overview: OrganizationOverview) -> None:
    """Say what is still missing before this organization's calls can be charged."""
    organization = overview.organization
    named = f'--organization "{organization.name}"'
    if not overview.deck_is_known:
        hint(f'Its rate deck is not there yet: `talktime decks import FILE --deck "{organization.deck}"`')
    if overview.users_count == 0:
        hint(f"Nobody can call yet: `talktime users import FILE {named}`")
    if organization.mode is BillingMode.PREPAID and not organization.has_credit_set_up:
        hint(f"Nothing pays for calls yet: `talktime credit add 200 --reference PO-1 {named}`")


def _document(overview: OrganizationOverview) -> dict[str, Any]:
    organization = overview.organization
    return {
        "organization": organization.name,
        "organization_id": organization.organization_id,
        "country": organization.country,
        "currency": organization.currency,
        "time_zone": organization.zone.key,
        "deck": organization.deck,
        "is_active": organization.is_active,
        "has_credit_set_up": organization.has_credit_set_up,
        "billing": organization.mode,
        "users": overview.users_count,
        "balance": format_micros(overview.balance_micros),
        "available": format_micros(overview.available_micros),
        "held": format_micros(overview.held_micros),
        "receivable": format_micros(overview.receivable_micros),
    }


def _list_view(found: list[OrganizationOverview]) -> Table:
    made = table("Organization", "Country", "Time zone", "Deck", "Users", "Balance", "Available", "")
    for column in made.columns[4:7]:
        column.justify = "right"
    for overview in found:
        organization = overview.organization
        made.add_row(
            organization.name,
            organization.country,
            organization.zone.key,
            organization.deck,
            f"{overview.users_count:,}",
            money(overview.balance_micros),
            money(overview.available_micros),
            organization.currency,
        )
    return made


def _view(overview: OrganizationOverview) -> Group:
    organization = overview.organization
    rows: list[tuple[str, object]] = [
        ("Country", organization.country),
        ("Time zone", organization.zone.key),
        ("Billing", organization.mode.value),
        ("Rate deck", organization.deck + ("" if overview.deck_is_known else "  (not imported yet)")),
        ("Users", f"{overview.users_count:,}"),
        ("Balance", money(overview.balance_micros, organization.currency)),
        ("Available", money(overview.available_micros, organization.currency)),
    ]
    if overview.held_micros:
        rows.append(("Held for calls", money(overview.held_micros, organization.currency)))
    if overview.receivable_micros:
        rows.append(("Owed", money(overview.receivable_micros, organization.currency)))
    if not organization.is_active:
        rows.append(("State", "suspended: its calls are refused"))
    return Group(heading(organization.name), "", facts(rows))
