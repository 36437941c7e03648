"""`talktime users erase`: a person is forgotten, money is not."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.interfaces.cli.organizations.license_views import words
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    now,
    open_app,
    show,
    table,
    warn,
)
from talktime.usecases.insight.privacy.erase_user import EraseUser, ErasurePlan, erase_user, plan_erasure

_PLACES = {
    "calls": "calls: his numbers, and the other party's in his own",
    "usage_rows": "usage rows: the same",
    "users": "the user: principal name, display name, roles, language",
    "identities": "the names and numbers by which calls find him",
    "notification_rules": "rules that tell him something: removed",
}


def erase(
    user: Annotated[str, Parameter(help="The user principal name: ada@acme.example.")],
    *,
    confirm: Annotated[bool, Parameter(negative=(), help="Yes, for ever. Without it, nothing is changed.")] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="List what would change, even beside --confirm.")] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Replace a person's names and numbers everywhere, for ever; what calls cost stays as it is.

    Calls of his keep kind, instants, seconds, prefix, destination and money, under a name of nobody. Do it once nobody
    calls by his numbers any more: calls of a number that is nobody's are refused.
    """
    request = EraseUser(organization, user)
    is_done = confirm and not dry_run
    with open_app(options.database) as talktime:
        if is_done:
            erased = erase_user(talktime.run, talktime.read, request, now())
            plan, counts = erased.plan, erased.counts
        else:
            plan = talktime.read(plan_erasure, request)
            counts = plan.counts
    show(options, _document(plan, counts, is_done=is_done), lambda: _view(plan, counts, is_done=is_done))
    if options.as_json:
        return
    if not is_done:
        hint(f"Nothing was changed. It cannot be undone: `talktime users erase {user} --confirm`")
    if plan.kept:
        places = ", ".join(f"{count:,} of {name.replace('_', ' ')}" for name, count in plan.kept.items())
        warn(f"Documents that were issued are kept as they are and mention him: {places}")
    if is_done:
        _hint_of_the_rest(plan)


def _hint_of_the_rest(plan: ErasurePlan) -> None:
    if plan.licenses:
        name = plan.erasure.name_left
        held = words(plan.licenses)
        off = " ".join(f"--off {word.replace('_', '-')}" for word in held)
        hint(f"It still holds {len(held)} licenses: `talktime licenses assign {name} {off}` frees them.")
    hint("Files that were written before still hold the names: exports, mails, backups, and what switches keep.")


def _document(plan: ErasurePlan, counts: dict[str, int], *, is_done: bool) -> dict[str, Any]:
    return {
        "organization": plan.organization.name,
        "user": plan.erasure.user_principal_name,
        "left": plan.erasure.name_left,
        "is_erased": is_done,
        "rows": counts,
        "kept": plan.kept,
    }


def _view(plan: ErasurePlan, counts: dict[str, int], *, is_done: bool) -> RenderableType:
    title = heading("Erased" if is_done else "Would be erased", plan.erasure.user_principal_name)
    left = facts(
        [
            ("Name left", plan.erasure.name_left),
            ("Numbers", ", ".join(plan.erasure.numbers) or "none"),
        ]
    )
    if not counts:
        return Group(title, left, "", Text("Nothing is left of this person to erase.", "green"))
    drawn = table("Rows", "Where", numbers=("Rows",))
    for name, count in sorted(counts.items()):
        drawn.add_row(f"{count:,}", _PLACES.get(name, f"texts in {name.replace('_', ' ')}"))
    return Group(title, left, "", drawn)
