"""`talktime numbers`: from the inventory to who answers each number."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.organizations.numbering.ordering import USE_WORDS
from talktime.core.organizations.numbering.phone_numbers import HeldNumber, NumberState
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.numbering.views import answered_by, held_document, held_table
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    now,
    open_app,
    show,
    table,
    warn,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.manage_users import AddServiceNumber, add_service_number
from talktime.usecases.organizations.numbering.assign_numbers import (
    AssignNumber,
    TakeNumber,
    assign_number,
    release_number,
    unassign_number,
)
from talktime.usecases.organizations.numbering.show_numbers import (
    WATCHED_MINUTES,
    NumbersWatched,
    Quotas,
    list_numbers,
    show_quotas,
    watch_numbers,
)

app = App(name="numbers")
# What has a table or a file of its own; a module is imported when its command is called.
_HERE = "talktime.interfaces.cli.numbering"
for _name, _function, _help in (
    ("search", "orders:search", "Show which numbers can be had, and where; nothing is held."),
    ("reserve", "orders:reserve", "Hold numbers for ten minutes under a new order."),
    ("order", "orders:order", "Order what is reserved."),
    ("activate", "orders:activate", "Make the numbers of an order usable."),
    ("orders", "orders:orders", "List the orders of an organization."),
    ("inventory", "inventory:app", "The numbers that can be ordered: import, list."),
):
    app.command(f"{_HERE}.{_function}", name=_name, help=_help)

Number = Annotated[str, Parameter(help="The number with its country code: +12065550100.")]
SECONDS_PER_MINUTE = 60


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the numbers of an organization and who answers them."""
    with open_app(options.database) as talktime:
        owner, found = talktime.read(list_numbers, LookAt(organization, now()))
    document = {"organization": owner.name, "numbers": [held_document(held) for held in found]}
    if not found and not options.as_json:
        hint(
            f"{owner.name} has no number yet. See what there is: `talktime numbers search --use user`, or add one of"
            " its own: `talktime numbers add +18005550100 --toll-free`"
        )
        return
    show(options, document, lambda: held_table(found))


@app.command
def add(
    number: Number,
    *,
    toll_free: Annotated[
        bool,
        Parameter(
            name="--toll-free",
            negative="--toll",
            help="Toll-free: the organization pays for every call to it. Toll: its callers pay their own carriers.",
        ),
    ],
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Add a service number that the organization brings; its conference bridge answers it. It counts in no quota.

    Numbers of people are brought with `talktime users`.
    """
    use = NumberUse.TOLL_FREE if toll_free else NumberUse.TOLL
    with open_app(options.database) as talktime:
        added = talktime.run(add_service_number, AddServiceNumber(organization, number, use))
    document = {"organization": added.organization, "number": added.number, "use": added.use}
    show(options, document, lambda: f"+{added.number} is now a {USE_WORDS[added.use]} number of {added.organization}.")


@app.command
def assign(
    number: Number,
    *,
    to: Annotated[str, Parameter(help="Who answers it: a user, an auto attendant or a call queue, by name.")] = "",
    bridge: Annotated[bool, Parameter(negative=(), help="The organization's conference bridge answers it.")] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Let somebody answer a number: user numbers a person, toll and toll-free ones the bridge or a resource account."""
    if bool(to) == bridge:
        raise Invalid("say who answers it: --to NAME, or --bridge", code="number_target")
    with open_app(options.database) as talktime:
        held = talktime.run(assign_number, AssignNumber(organization, number, to))
    show(options, held_document(held), lambda: f"+{held.phone.listing.number} is answered by {answered_by(held)}.")


@app.command
def unassign(number: Number, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Take a number back from who answers it; it stays the organization's."""
    with open_app(options.database) as talktime:
        held = talktime.run(unassign_number, TakeNumber(organization, number, now()))
    show(options, held_document(held), lambda: f"+{held.phone.listing.number} is answered by nobody.")


@app.command
def release(number: Number, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Give a number back to the inventory, or away where the organization brought it."""
    with open_app(options.database) as talktime:
        held = talktime.run(release_number, TakeNumber(organization, number, now()))
    show(options, held_document(held), lambda: _released(held))


@app.command
def quota(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show how many numbers an organization may have by its licenses, and has."""
    with open_app(options.database) as talktime:
        found = talktime.read(show_quotas, LookAt(organization, now()))
    document = {
        "organization": found.organization.name,
        "quotas": [
            {
                "use": each.use,
                "allowed": each.allowed,
                "held": each.held_count,
                "left": each.left,
                "ported": each.ported_count,
            }
            for each in found.quotas
        ],
        "plan_licenses": found.plan_licenses,
        "pay_as_you_go_licenses": found.pay_as_you_go_licenses,
        "service_licenses": found.service_licenses,
    }
    show(options, document, lambda: _quota_view(found))
    if not (found.service_licenses or options.as_json):
        hint(
            "Service numbers come with Phone System and Audio Conferencing licenses:"
            " `talktime licenses buy phone-system 25`"
        )


@app.command
def watch(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show which toll-free numbers were called less than 100 minutes last month: carriers may reclaim them."""
    with open_app(options.database) as talktime:
        found = talktime.read(watch_numbers, LookAt(organization, now()))
    document = {
        "organization": found.organization.name,
        "month": f"{found.month.starts_at.astimezone(found.organization.zone):%Y-%m}",
        "numbers": [
            {
                "number": each.held.phone.listing.number,
                "assigned_to": answered_by(each.held) or None,
                "used_seconds": each.used_seconds,
                "is_at_risk": each.is_at_risk,
            }
            for each in found.numbers
        ],
    }
    if not found.numbers and not options.as_json:
        hint(f"{found.organization.name} had no toll-free number all through last month: there is nothing to watch.")
        return
    show(options, document, lambda: _watch_view(found))
    at_risk = sum(each.is_at_risk for each in found.numbers)
    if at_risk and not options.as_json:
        warn(
            f"{at_risk} of {len(found.numbers)} may be reclaimed: fewer than {WATCHED_MINUTES} minutes (domain.md 4.4)"
        )


def _released(held: HeldNumber) -> str:
    where = "is given away" if held.phone.is_ported else "is back in the inventory"
    assert held.phone.state is NumberState.AVAILABLE
    return f"+{held.phone.listing.number} {where}."


def _quota_view(found: Quotas) -> Group:
    made = table("Use", "Allowed", "Has", "Left", "Brought", numbers=("Allowed", "Has", "Left", "Brought"))
    for each in found.quotas:
        cells = (each.allowed, each.held_count, each.left, each.ported_count)
        made.add_row(USE_WORDS[each.use], *(f"{cell:,}" for cell in cells))
    return Group(
        heading(
            found.organization.name,
            f"{found.plan_licenses:,} plans with minutes, {found.pay_as_you_go_licenses:,} pay-as-you-go,"
            f" {found.service_licenses:,} Phone System and Audio Conferencing",
        ),
        "",
        made,
    )


def _watch_view(found: NumbersWatched) -> Group:
    made = table("Number", "Country", "Answered by", "Minutes", "", numbers=("Minutes",))
    for each in found.numbers:
        listing = each.held.phone.listing
        minutes = f"{each.used_seconds // SECONDS_PER_MINUTE:,}"
        made.add_row(
            f"+{listing.number}",
            listing.country,
            answered_by(each.held) or "–",
            minutes,
            "may be reclaimed" if each.is_at_risk else "",
        )
    month = f"{found.month.starts_at.astimezone(found.organization.zone):%Y-%m}"
    return Group(heading(found.organization.name, f"toll-free calls in {month}"), "", made)
