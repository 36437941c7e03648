"""`talktime accounts`: the auto attendants and call queues that callers reach."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import AccountKind, User
from talktime.interfaces.cli.numbering.views import NOTHING
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, heading, hint, open_app, show, table
from talktime.usecases.organizations.numbering.manage_accounts import (
    Accounts,
    AddAccount,
    RemoveAccount,
    add_account,
    list_accounts,
    remove_account,
)

app = App(name="accounts")

_KINDS = {"auto-attendant": AccountKind.AUTO_ATTENDANT, "call-queue": AccountKind.CALL_QUEUE}
_WORDS = {kind: word.replace("-", " ") for word, kind in _KINDS.items()}
Name = Annotated[str, Parameter(help="The user principal name: reception@acme.example.")]


@app.command
def add(
    name: Name,
    *,
    kind: Annotated[Literal["auto-attendant", "call-queue"], Parameter(help="What answers its callers.")],
    display_name: Annotated[str, Parameter(help="As reports call it; by default what stands before @.")] = "",
    location: Annotated[str, Parameter(help="ISO 3166 country; by default the organization's.")] = "",
    license_: Annotated[
        bool, Parameter(name="--license", help="Give it one of the free licenses, without which it has no number.")
    ] = True,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Add an auto attendant or a call queue."""
    request = AddAccount(organization, name, _KINDS[kind], display_name, location, license_)
    with open_app(options.database) as talktime:
        added = talktime.run(add_account, request)
    view = f"{added.user_principal_name} is now {_article(added.account)} {_WORDS[added.account]}."
    show(options, _document(added, ()), lambda: view)
    if options.as_json:
        return
    if License.RESOURCE_ACCOUNT in added.licenses:
        hint(f"Give it a number: `talktime numbers assign NUMBER --to {added.user_principal_name}`")
    else:
        hint(
            "It needs a license before it gets a number:"
            f" `talktime licenses assign {added.user_principal_name} --on resource-account`"
        )


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the auto attendants and call queues of an organization."""
    with open_app(options.database) as talktime:
        found = talktime.read(list_accounts, organization)
    if not found.accounts and not options.as_json:
        hint(
            f"{found.organization.name} has no resource account yet. Add one: `talktime accounts add"
            " reception@acme.example --kind auto-attendant`"
        )
        return
    document = {
        "organization": found.organization.name,
        "allotted": found.allotted,
        "licensed": found.licensed_count,
        "accounts": [_document(account, numbers) for account, numbers in found.accounts],
    }
    show(options, document, lambda: _view(found))


@app.command
def remove(name: Name, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Remove an auto attendant or a call queue that has no number and never was called."""
    with open_app(options.database) as talktime:
        removed = talktime.run(remove_account, RemoveAccount(organization, name))
    show(options, _document(removed, ()), lambda: f"{removed.user_principal_name} is removed.")


def _document(account: User, numbers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "account": account.user_principal_name,
        "display_name": account.display_name,
        "kind": account.account,
        "usage_location": account.usage_location,
        "is_licensed": License.RESOURCE_ACCOUNT in account.licenses,
        "numbers": numbers,
    }


def _view(found: Accounts) -> Group:
    made = table("Account", "Name", "Kind", "Location", "Numbers", "License")
    for account, numbers in found.accounts:
        made.add_row(
            account.user_principal_name,
            account.display_name,
            _WORDS[account.account],
            account.usage_location,
            Text("\n".join(f"+{number}" for number in numbers)) if numbers else NOTHING,
            Text("✓", "green") if License.RESOURCE_ACCOUNT in account.licenses else Text("missing", "red"),
        )
    used = f"{found.licensed_count:,} of {found.allotted:,} free licenses in use"
    return Group(heading(found.organization.name, used), "", made)


def _article(kind: AccountKind) -> str:
    return "an" if kind is AccountKind.AUTO_ATTENDANT else "a"
