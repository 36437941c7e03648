"""Resource accounts: the auto attendants and call queues by which callers reach services (domain.md 4.5)."""

from dataclasses import replace

from talktime.core.organizations.licenses import License
from talktime.core.organizations.licensing import assigning
from talktime.core.organizations.licensing.assigning import Change
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization
from talktime.usecases.organizations.manage_users import is_principal_name
from talktime.usecases.organizations.numbering.assign_numbers import find_user


@frozen
class AddAccount:
    """A resource account to be; it gets one of the free licenses, without which it cannot have a number (D21)."""

    organization: str
    user_principal_name: str
    kind: AccountKind
    display_name: str = ""
    usage_location: str = ""
    is_licensed: bool = True


@frozen
class RemoveAccount:
    """A resource account that is no longer needed."""

    organization: str
    user_principal_name: str


@frozen
class Accounts:
    """The resource accounts with their numbers, and how many of the free licenses are allotted and used."""

    organization: Organization
    accounts: tuple[tuple[User, tuple[str, ...]], ...]
    allotted: int
    licensed_count: int


def add_account(tx: Transaction, request: AddAccount) -> User:
    """Add a resource account; raise Invalid, or Conflict where its name is taken or the free licenses are used up."""
    organization = lock_organization(tx, request.organization)
    account = _read(tx, request, organization)
    if request.is_licensed:
        account = _licensed(tx, account)
    tx.organizations.add_users([account], [()])
    tx.arrangements.recount(organization.organization_id)
    return account


def list_accounts(tx: Transaction, organization: str) -> Accounts:
    """Return the resource accounts of an organization in the order of their names."""
    found = find_organization(tx, organization)
    accounts = tx.numbering.accounts(found.organization_id)
    arrangements = tx.arrangements.of(found.organization_id)
    allotted = assigning.available(License.RESOURCE_ACCOUNT, arrangements.purchased)
    assert allotted is not None
    licensed_count = assigning.assigned_counts(arrangements)[License.RESOURCE_ACCOUNT]
    return Accounts(found, tuple(accounts), allotted, licensed_count)


def remove_account(tx: Transaction, request: RemoveAccount) -> User:
    """Remove an account; raise NotFound, Invalid for a person, or Conflict where a number or the books name it."""
    owner = lock_organization(tx, request.organization)
    account = find_user(tx, owner, request.user_principal_name)
    name = account.user_principal_name
    if account.account is AccountKind.PERSON:
        raise Invalid(f"{name} is a person and no resource account", code="account_is_person")
    numbers = [
        f"+{held.phone.listing.number}"
        for held in tx.numbering.held(owner.organization_id)
        if held.user is not None and held.user.user_id == account.user_id
    ]
    if numbers:
        message = f"{name} answers {', '.join(numbers)}: `talktime numbers unassign {numbers[0]}` takes it back first"
        raise Conflict(message, code="account_has_numbers")
    if tx.numbering.has_called(owner.organization_id, account.user_id):
        message = (
            f"{name} stays, because calls in the books name it: without a number and a license it answers nobody,"
            " and costs nothing"
        )
        raise Conflict(message, code="account_in_books")
    tx.numbering.remove_account(account)
    tx.arrangements.recount(owner.organization_id)
    return account


def _read(tx: Transaction, request: AddAccount, organization: Organization) -> User:
    name = request.user_principal_name.strip()
    if not is_principal_name(name):
        message = f"{name!r} is no user principal name: write it like reception@acme.example"
        raise Invalid(message, code="user_principal_name")
    if request.kind is AccountKind.PERSON:
        message = "people are added with `talktime users add`; a resource account is an attendant or a queue"
        raise Invalid(message, code="account_kind")
    return User(
        organization.organization_id,
        tx.organizations.next_user_id(organization.organization_id),
        name,
        " ".join(request.display_name.split()) or name.partition("@")[0],
        read_country(request.usage_location or organization.country),
        account=request.kind,
    )


def _licensed(tx: Transaction, account: User) -> User:
    arrangements = tx.arrangements.of(account.organization_id)
    for shortage in assigning.shortages([Change(account, License.RESOURCE_ACCOUNT)], arrangements):
        message = f"{shortage.message}; or add the account with `--no-license`, and license it later"
        raise Conflict(message, code="license_shortage")
    return replace(account, licenses=License.RESOURCE_ACCOUNT)
