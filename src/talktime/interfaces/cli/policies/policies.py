"""`talktime policies`: where people may call from the phone, and where conferences may dial out."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.policies import (
    ANYWHERE,
    POLICIES,
    ConferenceReach,
    DialOutPolicy,
    PhoneReach,
    read_policy,
)
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    open_app,
    refuse,
    show,
    table,
)
from talktime.usecases.organizations.policies.set_policies import (
    Granted,
    GrantPolicy,
    PoliciesShown,
    PolicySet,
    SetPolicy,
    SetTollFree,
    grant_policy,
    set_policy,
    set_toll_free,
    show_policies,
)

app = App(name="policies")

ROWS_SHOWN_MAX = 50
CONFERENCE_WORDS = {
    ConferenceReach.ANYWHERE: "anywhere",
    ConferenceReach.ZONE_A: "countries of Zone A only",
    ConferenceReach.OWN_COUNTRY: "the organizer's own country only",
    ConferenceReach.NOWHERE: "nowhere",
}
PHONE_WORDS = {
    PhoneReach.ANYWHERE: "anywhere",
    PhoneReach.OWN_COUNTRY: "the own country only",
    PhoneReach.NOWHERE: "emergency numbers only",
}
_NONE = "none"
Names = Annotated[tuple[str, ...], Parameter(help="A user principal name; repeatable.")]
File = Annotated[
    Path | None,
    Parameter(help="Names from a file instead: one a line (.txt), or a CSV or workbook with a user column."),
]
DryRun = Annotated[bool, Parameter(negative=(), help="Tell what would change, and change nothing.")]


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show the twelve policies in words, which holds for everybody, and who has one of his own."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_policies, organization)
    show(options, _document(shown), lambda: _view(shown))
    if not options.as_json:
        hint("Change them: `talktime policies grant POLICY --user NAME`, or for all `--organization-wide`")


@app.command
def grant(
    policy: Annotated[
        str, Parameter(help="One of the twelve, with or without its `tag:`; none takes an own one away.")
    ],
    *,
    user: Names = (),
    file: File = None,
    everyone: Annotated[bool, Parameter(negative=(), help="An own policy for every user there is today.")] = False,
    organization_wide: Annotated[
        bool, Parameter(negative=(), help="The policy of everybody who has none of his own, those to come included.")
    ] = False,
    organization: Whose = "",
    dry_run: DryRun = False,
    options: Options = DEFAULTS,
) -> int:
    """Give users a policy of their own, or the organization its policy: for all who are named, or for nobody."""
    wanted = None if policy.strip().lower() == _NONE else read_policy(policy)
    if bool(user) + (file is not None) + everyone + organization_wide != 1:
        message = "say for whom: --user NAME, or --file FILE, or --everyone, or --organization-wide"
        raise Invalid(message, code="users_not_named")
    if organization_wide:
        return _set(organization, wanted, options, dry_run=dry_run)
    request = GrantPolicy(organization, wanted, _names(user, file), dry_run)
    with open_app(options.database) as talktime:
        granted = (talktime.read if dry_run else talktime.run)(grant_policy, request)
    return _tell(granted, options, dry_run=dry_run)


@app.command(name="toll-free")
def toll_free(
    *names: Annotated[str, Parameter(help="Organizers, by their user principal names.")],
    off: Annotated[bool, Parameter(negative="--on", help="Callers reach their conferences by toll numbers only.")],
    organization: Whose = "",
    dry_run: DryRun = False,
    options: Options = DEFAULTS,
) -> int:
    """Say whether callers may join an organizer's conferences by toll-free numbers, which cost the organization."""
    request = SetTollFree(organization, names, not off, dry_run)
    with open_app(options.database) as talktime:
        granted = (talktime.read if dry_run else talktime.run)(set_toll_free, request)
    return _tell(granted, options, dry_run=dry_run)


def _set(organization: str, policy: DialOutPolicy | None, options: Options, *, dry_run: bool) -> int:
    if policy is None:
        message = f"an organization always has a policy: grant another one, such as {ANYWHERE.name}, the first of all"
        raise Invalid(message, code="dialout_policy")
    with open_app(options.database) as talktime:
        changed = (talktime.read if dry_run else talktime.run)(set_policy, SetPolicy(organization, policy, dry_run))
    document = {
        "organization": changed.organization.name,
        "dry_run": dry_run,
        "saved": changed.is_saved,
        "before": changed.before.name,
        "after": _policy_document(changed.after),
    }
    show(options, document, lambda: _set_view(changed))
    return 0


def _set_view(changed: PolicySet) -> Group:
    rows = [
        ("Before", changed.before.name),
        ("Conferences dial out to", CONFERENCE_WORDS[changed.after.conferences]),
        ("Phones call", PHONE_WORDS[changed.after.phones]),
    ]
    said = changed.organization.name if changed.is_saved else "nothing was changed, it is a dry run"
    return Group(heading(changed.after.name, said), "", facts(rows))


def _names(user: tuple[str, ...], file: Path | None) -> tuple[str, ...]:
    if file is None:
        return user
    from talktime.interfaces.cli.organizations.people_files import read_names

    return read_names(file)


def _tell(granted: Granted, options: Options, *, dry_run: bool) -> int:
    document = {
        "organization": granted.organization.name,
        "dry_run": dry_run,
        "saved": granted.is_saved,
        "changed": len(granted.changed) if granted.is_saved else 0,
        "refused": len(granted.refused),
        "rows": [
            {
                "user": row.user_principal_name,
                "before": row.before or None,
                "after": row.after or None,
                "problem": row.problem or None,
            }
            for row in granted.rows
        ],
    }
    show(options, document, lambda: _granted_view(granted, dry_run=dry_run))
    if not granted.refused:
        return 0
    if not options.as_json:
        refuse(f"refused for {len(granted.refused):,} of {len(granted.rows):,} users: nothing was changed")
        hint(f'`talktime users list --organization "{granted.organization.name}"` shows who is there.')
    return 2


def _granted_view(granted: Granted, *, dry_run: bool) -> RenderableType:
    rows = granted.refused or granted.rows
    made = table("User", "") if granted.refused else table("User", "Before", "After")
    for row in rows[:ROWS_SHOWN_MAX]:
        cells = (Text(row.problem, "red"),) if granted.refused else (_or_common(row.before), _or_common(row.after))
        made.add_row(row.user_principal_name, *cells)
    lines: list[RenderableType] = [made]
    if len(rows) > ROWS_SHOWN_MAX:
        lines.append(Text(f"… and {len(rows) - ROWS_SHOWN_MAX:,} more; --json has them all", "dim"))
    if not granted.refused:
        would = "would change; nothing was, it is a dry run" if dry_run else "changed"
        count = len(granted.changed)
        noun = "user" if count == 1 else "users"
        lines += ["", heading(f"{count:,} {noun} {would}", granted.organization.name)]
    return Group(*lines)


def _or_common(policy: str) -> Text:
    return Text(policy) if policy else Text("the organization's", "dim")


def _document(shown: PoliciesShown) -> dict[str, Any]:
    return {
        "organization": shown.organization.name,
        "policy": shown.everyone.name,
        "policies": [_policy_document(policy) for policy in POLICIES.values()],
        "users": [{"user": user.user_principal_name, "policy": user.dialout_policy} for user in shown.own],
        "toll_free_off": [user.user_principal_name for user in shown.without_toll_free],
    }


def _policy_document(policy: DialOutPolicy) -> dict[str, str]:
    return {"name": policy.name, "conferences": policy.conferences.value, "phones": policy.phones.value}


def _view(shown: PoliciesShown) -> Group:
    lines: list[RenderableType] = [heading(f"Dial-out policies of {shown.organization.name}"), "", _table(shown)]
    if shown.own:
        lines += ["", heading("Own policies"), "", _own_view(shown)]
    if shown.without_toll_free:
        names = ", ".join(user.user_principal_name for user in shown.without_toll_free[:ROWS_SHOWN_MAX])
        more = len(shown.without_toll_free) - ROWS_SHOWN_MAX
        named = f"{names} … and {more:,} more" if more > 0 else names
        lines += ["", facts([("No toll-free dial-in", named)])]
    return Group(*lines)


def _table(shown: PoliciesShown) -> Table:
    own = [user.dialout_policy for user in shown.own]
    made = table("Policy", "Conferences dial out to", "Phones call", "Holds for", numbers=())
    for policy in POLICIES.values():
        count = own.count(policy.name)
        holds = ["everybody else" if own else "everybody"] if policy == shown.everyone else []
        holds += [f"{count:,} with their own" if count > 1 else "1 with his own"] if count else []
        words = CONFERENCE_WORDS[policy.conferences], PHONE_WORDS[policy.phones]
        made.add_row(policy.name, *words, Text(" and ".join(holds), "green"))
    return made


def _own_view(shown: PoliciesShown) -> Group:
    made = table("User", "Policy")
    for user in shown.own[:ROWS_SHOWN_MAX]:
        made.add_row(user.user_principal_name, user.dialout_policy)
    more = len(shown.own) - ROWS_SHOWN_MAX
    return Group(made, *([Text(f"… and {more:,} more; --json has them all", "dim")] if more > 0 else []))
