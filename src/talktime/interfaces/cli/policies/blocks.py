"""`talktime users block`, `unblock` and `blocked`: accounts that may not call out until somebody lets them again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType

from talktime.interfaces.cli.calls.cut import cut_chosen, cut_documents, cut_view
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.calls.cut_calls import ChooseCalls, CutShown
from talktime.usecases.organizations.policies.block_users import (
    Blocked,
    BlockUser,
    UnblockUser,
    block_user,
    list_blocked,
    unblock_user,
)

Name = Annotated[str, Parameter(help="The user principal name.")]


def block(
    name: Name,
    *,
    reason: Annotated[str, Parameter(help="Why, for whoever asks later; callers are not told it.")],
    cut: Annotated[
        bool, Parameter(negative=(), help="End the user's calls in progress, too; without it they go on.")
    ] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Let a user call out no more, emergency numbers excepted."""
    told: tuple[CutShown, ...] = ()
    with open_app(options.database) as talktime:
        blocked = talktime.run(block_user, BlockUser(organization, name, reason, now()))
        if cut:
            told = cut_chosen(talktime, ChooseCalls(organization=organization, user=name))
    at = now()
    document = _document(blocked) | ({"cut": cut_documents(told, at)} if cut else {})
    show(options, document, lambda: Group(_view(blocked, "may not call out"), *_cut_view(told, at)))
    if not cut and not options.as_json:
        hint(f"Calls in progress go on; end them: `talktime calls cut --user {blocked.user.user_principal_name}`")


def unblock(name: Name, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Let a user call out again."""
    with open_app(options.database) as talktime:
        unblocked = talktime.run(unblock_user, UnblockUser(organization, name))
    document = {"user": unblocked.user.user_principal_name, "was_blocked_for": unblocked.user.block_reason}
    show(options, document, lambda: _view(unblocked, "may call out again"))


def blocked(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the users who may not call out, with reason and time."""
    with open_app(options.database) as talktime:
        owner, found = talktime.read(list_blocked, organization)
    if not found and not options.as_json:
        hint(f'Nobody of {owner.name} is blocked. Block somebody: `talktime users block NAME --reason "…"`')
        return
    made = table("User", "Name", "Blocked", "Reason")
    for each in found:
        made.add_row(each.user.user_principal_name, each.user.display_name, _since(each), each.user.block_reason)
    document = {"organization": owner.name, "blocked": [_document(each) for each in found]}
    show(options, document, lambda: Group(heading(f"Blocked users of {owner.name}"), "", made))


def _document(blocked: Blocked) -> dict[str, Any]:
    user = blocked.user
    return {"user": user.user_principal_name, "reason": user.block_reason, "blocked_at": blocked.at}


def _view(blocked: Blocked, what: str) -> Group:
    rows = [("Reason", blocked.user.block_reason), ("Blocked", _since(blocked))]
    shown = [row for row in rows if row[1]]
    return Group(heading(blocked.user.user_principal_name, what), "", facts(shown))


def _cut_view(told: Sequence[CutShown], at: datetime) -> list[RenderableType]:
    return ["", cut_view(told, at)] if told else []


def _since(blocked: Blocked) -> str:
    return "" if blocked.at is None else instant(blocked.at, blocked.organization.zone)
