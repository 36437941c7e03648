"""`talktime users`: the people who call, and the numbers by which calls find them."""

from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.notices import name_of, read_role
from talktime.core.organizations.users import NO_ROLE, Role, User
from talktime.interfaces.cli.organizations.license_views import (
    short_names,
    shortage_documents,
    tell_shortages,
    warn_of_cautions,
    words,
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
    table,
)
from talktime.usecases.organizations.manage_users import (
    AddUsers,
    NewUser,
    SetRoles,
    UserRow,
    UsersAdded,
    add_users,
    list_users,
    set_roles,
)

app = App(name="users")
_BLOCKS = "talktime.interfaces.cli.policies.blocks"
app.command(f"{_BLOCKS}:block", name="block", help="Let a user call out no more, with a reason.")
app.command(f"{_BLOCKS}:unblock", name="unblock", help="Let a user call out again.")
app.command(
    "talktime.interfaces.cli.insight.privacy.erasing:erase",
    name="erase",
    help="Replace a person's names and numbers everywhere, for ever.",
)
app.command(f"{_BLOCKS}:blocked", name="blocked", help="List the users who may not call out, with reason and time.")

ROWS_SHOWN_MAX = 50
BuyMissing = Annotated[
    bool, Parameter(negative=(), help="Buy the licenses of which too few were bought; else they refuse it.")
]
DryRun = Annotated[bool, Parameter(negative=(), help="Tell what would become of each row, and save nothing.")]


@app.command
def add(
    user: Annotated[str, Parameter(help="The user principal name: ada@acme.example.")],
    *,
    name: Annotated[str, Parameter(help="The display name; by default what stands before @.")] = "",
    number: Annotated[
        tuple[str, ...],
        Parameter(help="A number that calls find the user by: +12065550100, or an extension; repeatable."),
    ] = (),
    location: Annotated[str, Parameter(help="ISO 3166 country of the user; by default the organization's.")] = "",
    department: Annotated[str, Parameter(help="Whom reports count the calls to.")] = "",
    licenses: Annotated[
        str, Parameter(help="Separated by commas: phone system, domestic, communications credits, or part names.")
    ] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> int:
    """Add one user."""
    from talktime.interfaces.cli.organizations.people_files import read_licenses

    assigned, problems = read_licenses(licenses)
    person = NewUser(1, user, name, number, location, department, assigned, problems)
    return 2 if _add(AddUsers(organization, (person,), now()), options).is_refused else 0


@app.command(name="import")
def import_(
    file: Annotated[
        Path,
        Parameter(
            help="CSV or workbook with a header: user principal name, display name, number(s), usage location,"
            " department, licenses."
        ),
    ],
    *,
    buy_missing: BuyMissing = False,
    organization: Whose = "",
    dry_run: DryRun = False,
    options: Options = DEFAULTS,
) -> int:
    """Add the users of a file: all of them, or, where one row has a problem, nobody."""
    from talktime.interfaces.cli.organizations.people_files import read_people

    people = read_people(file)
    request = AddUsers(
        organization,
        people,
        now(),
        dry_run,
        buy_missing,
        watch=lambda total: progress("adding", total, "users"),
    )
    added = _add(request, options)
    if added.is_refused and added.shortages and not (buy_missing or options.as_json):
        hint("Or buy them with it: the same again with `--buy-missing`")
    return 2 if added.is_refused else 0


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the users of an organization with their numbers and licenses."""
    with open_app(options.database) as talktime:
        owner, found = talktime.read(list_users, organization)
    if not found and not options.as_json:
        hint(
            f"{owner.name} has no user yet. Add one: `talktime users add ada@acme.example --number +12065550100`,"
            " or many: `talktime users import FILE`"
        )
        return
    document = {"organization": owner.name, "users": [_user_document(user, numbers) for user, numbers in found]}
    show(options, document, lambda: _list_view(found))


@app.command
def roles(
    user: Annotated[str, Parameter(help="The user principal name.")],
    *,
    role: Annotated[
        tuple[str, ...],
        Parameter(help="What he may do from now on: global_admin, billing_admin, …; repeatable; none takes all away."),
    ] = (),
    language: Annotated[
        str | None, Parameter(help="How he is written to: en, zh-CN, zh-TW or ru; empty for the organization's.")
    ] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set what a user may do, and the language of his mails; without options, show both."""
    wanted = None if not role else _read_roles(role)
    with open_app(options.database) as talktime:
        after = talktime.run(set_roles, SetRoles(organization, user, wanted, language))
    names = [name_of(each) for each in after.roles]
    document = {"user": after.user_principal_name, "roles": names, "language": after.language}
    rows = [("Roles", ", ".join(names) or "none"), ("Language", after.language or "the organization's")]
    show(options, document, lambda: Group(heading(after.user_principal_name), "", facts(rows)))


def _read_roles(names: tuple[str, ...]) -> Role:
    if names == ("none",):
        return NO_ROLE
    return reduce(or_, map(read_role, names), NO_ROLE)


def _add(request: AddUsers, options: Options) -> UsersAdded:
    dry_run = request.is_dry_run
    with open_app(options.database) as talktime:
        added = talktime.run(add_users, request)
    # A hundred thousand rows are not written for nobody.
    document = _added_document(added, dry_run=dry_run) if options.as_json else None
    show(options, document, lambda: _added_view(added, dry_run=dry_run))
    if not options.as_json:
        _say(added)
    return added


def _say(added: UsersAdded) -> None:
    if not added.is_refused:
        warn_of_cautions([row.caution for row in added.rows])
        return
    if added.refused:
        refuse(f"{len(added.refused):,} of {len(added.rows):,} rows have a problem: nobody was added")
    if not added.buys_missing:
        tell_shortages(added.shortages)


def _user_document(user: User, numbers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "user": user.user_principal_name,
        "display_name": user.display_name,
        "numbers": numbers,
        "usage_location": user.usage_location,
        "department": user.department,
        "licenses": words(user.licenses),
        "roles": [name_of(each) for each in user.roles],
        "language": user.language,
    }


def _added_document(added: UsersAdded, *, dry_run: bool) -> dict[str, Any]:
    return {
        "organization": added.organization,
        "dry_run": dry_run,
        "saved": added.is_saved,
        "added": len(added.rows) if added.is_saved else 0,
        "refused": len(added.refused),
        "shortages": shortage_documents(added.shortages),
        "bought_missing": bool(added.shortages) and added.is_saved,
        "rows": [
            {
                "line": row.line,
                "user": row.user_principal_name,
                "numbers": row.numbers,
                "licenses": words(row.licenses),
                "problems": row.problems,
                "caution": row.caution or None,
            }
            for row in added.rows
        ],
    }


def _list_view(found: list[tuple[User, tuple[str, ...]]]) -> Table:
    made = table("User", "Name", "Numbers", "Location", "Department", "Licenses", "Roles", "Language")
    for user, numbers in found:
        made.add_row(
            user.user_principal_name,
            user.display_name,
            _numbers(numbers),
            user.usage_location,
            user.department or Text("–", "dim"),
            short_names(user.licenses),
            Text("\n".join(name_of(each) for each in user.roles)) if user.roles else Text("–", "dim"),
            user.language or Text("–", "dim"),
        )
    return made


def _added_view(added: UsersAdded, *, dry_run: bool) -> Group:
    rows = added.refused or added.rows
    made = table("Line", "User", "Numbers", "Licenses", "", numbers=("Line",))
    for row in rows[:ROWS_SHOWN_MAX]:
        cells = (_numbers(row.numbers), short_names(row.licenses), _result(row))
        made.add_row(str(row.line), row.user_principal_name, *cells)
    lines: list[Any] = [made]
    if len(rows) > ROWS_SHOWN_MAX:
        lines.append(Text(f"… and {len(rows) - ROWS_SHOWN_MAX:,} more; --json has them all", "dim"))
    if not added.is_refused:
        would = "can be added; nobody was, it is a dry run" if dry_run else "added"
        noun = "user" if len(rows) == 1 else "users"
        lines += ["", heading(f"{len(rows):,} {noun} {would}", added.organization)]
    return Group(*lines)


def _result(row: UserRow) -> Text:
    return Text("\n".join(row.problems), "red") if row.problems else Text("ok", "green")


def _numbers(numbers: tuple[str, ...]) -> Text:
    return Text("\n".join(numbers)) if numbers else Text("–", "dim")
