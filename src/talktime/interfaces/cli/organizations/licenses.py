"""`talktime licenses`: what people may use, how many there are, and what there is to buy."""

import re
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.licensing.products import known_as, product_of, read_license
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.organizations.license_advice import advise
from talktime.interfaces.cli.organizations.license_views import (
    assigned_document,
    assigned_view,
    overview_document,
    overview_table,
    plans_document,
    plans_view,
    tell_shortages,
    warn_of_cautions,
)
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    now,
    open_app,
    progress,
    refuse,
    show,
)
from talktime.usecases.organizations.licensing.assign_licenses import AssignLicenses, LicensesAssigned, assign_licenses
from talktime.usecases.organizations.licensing.buy_licenses import BuyLicenses, buy_licenses
from talktime.usecases.organizations.licensing.show_licenses import ShowPlans, show_licenses, show_plans

app = App(name="licenses")
app.command(advise)

SwitchedOn = Annotated[
    tuple[str, ...],
    Parameter(
        negative=(),
        help="A license to switch on, by name or part name: domestic, MCOPSTNC; repeatable, or with commas.",
    ),
]
SwitchedOff = Annotated[
    tuple[str, ...],
    Parameter(negative=(), help="A license to switch off in the same moment, as in a swap; repeatable."),
]


@app.command
def assign(
    *names: Annotated[str, Parameter(help="User principal names, such as ada@acme.example.")],
    on: SwitchedOn = (),
    off: SwitchedOff = (),
    file: Annotated[
        Path | None,
        Parameter(help="Names from a file instead: one a line (.txt), or a CSV or workbook with a user column."),
    ] = None,
    everyone: Annotated[bool, Parameter(negative=(), help="All people of the organization.")] = False,
    organization: Whose = "",
    dry_run: Annotated[bool, Parameter(negative=(), help="Tell what would change, and change nothing.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Switch licenses on or off: for everyone who is named, or, where a rule forbids it for one, for nobody."""
    chosen = _names(names, file, everyone=everyone)
    with open_app(options.database) as talktime:
        request = AssignLicenses(
            organization,
            chosen,
            _those(on),
            _those(off),
            now(),
            dry_run,
            watch=lambda total: progress("licensing", total, "users"),
        )
        assigned = (talktime.read if dry_run else talktime.run)(assign_licenses, request)
    show(options, assigned_document(assigned, dry_run=dry_run), lambda: assigned_view(assigned, dry_run=dry_run))
    if not options.as_json:
        _say(assigned)
    return 2 if assigned.is_refused else 0


@app.command
def buy(
    license_: Annotated[str, Parameter(name="LICENSE", help="Which license, by name or part name.")],
    quantity: Annotated[int, Parameter(help="How many there are to be from now on, in all.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set how many of a license the organization has; not fewer than are assigned."""
    request = BuyLicenses(organization, read_license(license_), quantity, now())
    with open_app(options.database) as talktime:
        bought = talktime.run(buy_licenses, request)
    product = product_of(bought.license)
    free = bought.quantity - bought.assigned
    document = {
        "organization": bought.organization,
        "license": product.key,
        "before": bought.before,
        "bought": bought.quantity,
        "assigned": bought.assigned,
        "free": free,
    }
    rows = [("Before", f"{bought.before:,}"), ("Assigned", f"{bought.assigned:,}"), ("Free", f"{free:,}")]
    title = heading(f"{bought.quantity:,} {product.name}", bought.organization)
    show(options, document, lambda: Group(title, "", facts(rows)))
    if free > 0 and not options.as_json:
        hint(f"Assign them: `talktime licenses assign NAMES --on {product.key}`")


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show every license there is: how many were bought, are assigned and free, and where."""
    with open_app(options.database) as talktime:
        owner, overviews = talktime.read(show_licenses, organization)
    show(options, overview_document(owner, overviews), lambda: overview_table(owner, overviews))
    if not options.as_json and not any(
        overview.available for overview in overviews if not overview.product.is_allotted
    ):
        hint("Nothing was bought yet: `talktime licenses buy phone-system 40`; `talktime licenses plans` has prices.")


@app.command
def plans(
    country: Annotated[str, Parameter(help="With the minutes there, and what there is not: DE.")] = "",
    *,
    options: Options = DEFAULTS,
) -> None:
    """Show calling plans, conferencing and phone system with their prices and minutes."""
    with open_app(options.database) as talktime:
        offers = talktime.read(show_plans, ShowPlans(country, now()))
    show(options, plans_document(country, offers), lambda: plans_view(country, offers))


def _say(assigned: LicensesAssigned) -> None:
    if assigned.refused:
        refuse(f"refused for {len(assigned.refused):,} of {len(assigned.rows):,} users: nothing was changed")
        if any(not row.is_known for row in assigned.refused):
            hint(f'`talktime users list --organization "{assigned.organization}"` shows who is there.')
    tell_shortages(assigned.shortages)
    if not assigned.is_refused:
        warn_of_cautions([row.caution for row in assigned.rows])


def _names(names: tuple[str, ...], file: Path | None, *, everyone: bool) -> tuple[str, ...]:
    if bool(names) + (file is not None) + everyone != 1:
        raise Invalid("say whose licenses: names, or --file FILE, or --everyone", code="users_not_named")
    if file is None:
        return names
    from talktime.interfaces.cli.organizations.people_files import read_names

    return read_names(file)


def _those(texts: tuple[str, ...]) -> License:
    words = [word for text in texts for word in ([text] if known_as(text) else re.split("[,;]", text)) if word.strip()]
    return reduce(or_, map(read_license, words), NO_LICENSE)
