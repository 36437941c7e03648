"""`talktime caps`: how much money calls may cost in a month, for a user, a department, or each user."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.capping import CapKind
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import read_amount
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
    table,
    warn,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.policies.set_caps import CapRow, CapSet, CapsShown, SetCap, set_cap, show_caps

app = App(name="caps")

ROWS_SHOWN_MAX = 50
_EACH = "each user without an own cap"


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show the caps, and what this month's calls have used of each, hold, and may still cost."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_caps, LookAt(organization, now()))
    if not (shown.own or shown.caps.each_user_micros is not None or options.as_json):
        name = shown.organization.name
        hint(f"Nothing caps what calls of {name} cost. Set a cap: `talktime caps set 50 --department Sales`")
        return
    show(options, _document(shown), lambda: _view(shown))


@app.command(name="set")
def set_(
    amount: Annotated[
        str, Parameter(help="In the organization's currency, such as 50; 0 forbids what costs money.")
    ] = "",
    *,
    user: Annotated[str, Parameter(help="For one user, by his user principal name.")] = "",
    department: Annotated[str, Parameter(help="For all users of a department together.")] = "",
    each_user: Annotated[bool, Parameter(negative=(), help="For each user who has no cap of his own.")] = False,
    remove: Annotated[bool, Parameter(negative=(), help="Take the cap away instead.")] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set a cap on what calls may cost in a calendar month, or remove one; running calls obey it at once.

    A new cap counts what the month's calls have cost so far. Calls in progress count only on caps that were there when
    they started.
    """
    if bool(user) + bool(department) + each_user != 1:
        raise Invalid("say for whom: --user NAME, or --department NAME, or --each-user", code="cap_target")
    if bool(amount) == remove:
        raise Invalid("say how much, such as `talktime caps set 50 --each-user`, or --remove", code="amount")
    micros = read_amount(amount) if amount else None
    request = SetCap(organization, micros, now(), user, department)
    with open_app(options.database) as talktime:
        changed = talktime.run(set_cap, request)
    show(options, _set_document(changed), lambda: _set_view(changed))
    if department and changed.row and not changed.people_count and not options.as_json:
        known = ", ".join(changed.departments[:10]) or "none that has a name"
        warn(f"nobody is in the department {changed.name!r} today; there are: {known}")


def _document(shown: CapsShown) -> dict[str, Any]:
    common = shown.caps.each_user_micros
    return {
        "organization": shown.organization.name,
        "month": shown.month,
        "currency": shown.organization.currency,
        "each_user": None if common is None else format_micros(common),
        "caps": [_row_document(row) for row in shown.own],
        "users_of_the_common_cap": [_row_document(row) for row in shown.common],
    }


def _row_document(row: CapRow) -> dict[str, Any]:
    return {
        "of": row.target.kind.value,
        "name": row.name or None,
        "cap": format_micros(row.micros),
        "used": format_micros(row.meter.used),
        "held": format_micros(row.meter.held),
        "left": format_micros(row.left_micros),
    }


def _set_document(changed: CapSet) -> dict[str, Any]:
    return {
        "organization": changed.organization.name,
        "month": changed.month,
        "currency": changed.organization.currency,
        "name": changed.name or None,
        "people": changed.people_count,
        "cap": None if changed.row is None else _row_document(changed.row),
    }


def _view(shown: CapsShown) -> Group:
    currency = shown.organization.currency
    lines: list[RenderableType] = [heading(f"Caps of {shown.organization.name}", f"{shown.month}, in {currency}"), ""]
    if shown.own:
        lines.append(_table(shown.own))
    if shown.caps.each_user_micros is not None:
        common = facts(
            [("Each other user" if shown.own else "Each user", money(shown.caps.each_user_micros, currency))]
        )
        lines += [*([""] if shown.own else []), common]
    if shown.common:
        lines += ["", _table(shown.common[:ROWS_SHOWN_MAX])]
        more = len(shown.common) - ROWS_SHOWN_MAX
        if more > 0:
            lines.append(Text(f"… and {more:,} more; --json has them all", "dim"))
    return Group(*lines)


def _table(rows: tuple[CapRow, ...]) -> Table:
    amounts = ("Cap", "Used", "Held", "Left")
    made = table("Whose", "", *amounts, numbers=amounts)
    for row in rows:
        kind = "department" if row.target.kind is CapKind.DEPARTMENT else "user"
        left = Text(money(row.left_micros), "" if row.left_micros else "bold red")
        made.add_row(row.name, kind, money(row.micros), money(row.meter.used), money(row.meter.held), left)
    return made


def _set_view(changed: CapSet) -> Group:
    name = changed.name or _EACH
    if changed.row is None:
        return Group(heading(f"No cap for {name}", changed.organization.name))
    currency = changed.organization.currency
    rows = [("Cap", money(changed.row.micros, currency))]
    if changed.row.target.kind is not CapKind.EACH_USER:
        rows += [
            (f"Used in {changed.month}", money(changed.row.meter.used, currency)),
            ("Left", money(changed.row.left_micros, currency)),
        ]
    if changed.row.target.kind is not CapKind.USER:
        rows.append(("Users", f"{changed.people_count:,}"))
    return Group(heading(f"Cap for {name}", changed.organization.name), "", facts(rows))
