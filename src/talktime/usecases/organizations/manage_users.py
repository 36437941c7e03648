"""Add people and the numbers by which calls find them: all of them, or none and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from talktime.core.organizations.languages import read_language
from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.licensing import assigning, buying
from talktime.core.organizations.licensing.assigning import Change, Ruling, Shortage
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import NumberUse, Role, User
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import is_e164, is_emergency, normalize
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization
from talktime.usecases.ports import Watch, unwatched

# What a branch exchange calls its desks by; longer ones are taken for international numbers.
EXTENSION_DIGITS_MIN = 2
EXTENSION_DIGITS_MAX = 6
CHUNK_USERS = 500


@frozen
class NewUser:
    """A person as a file or a form names him; `line` says where. An empty usage location is the organization's."""

    line: int
    user_principal_name: str
    display_name: str = ""
    numbers: tuple[str, ...] = ()
    usage_location: str = ""
    department: str = ""
    licenses: License = NO_LICENSE
    # What the door could not read of this row.
    problems: tuple[str, ...] = ()


@frozen
class AddUsers:
    """People to add to an organization; a dry run only tells what would become of each.

    Licenses of which too few were bought are bought with it, or else they refuse it.
    """

    organization: str
    people: tuple[NewUser, ...]
    at: datetime
    is_dry_run: bool = False
    buys_missing: bool = False
    watch: Watch = unwatched


@frozen
class UserRow:
    """What became of one person, with the numbers as they are kept; he was refused where there are problems."""

    line: int
    user_principal_name: str
    numbers: tuple[str, ...]
    licenses: License
    problems: tuple[str, ...]
    caution: str = ""


@frozen
class UsersAdded:
    """One row per person, in the order asked; `is_saved` is True for all of them, or for none.

    Shortages are of all rows together; where they were bought with it, `is_saved` is True all the same.
    """

    organization: str
    rows: tuple[UserRow, ...]
    shortages: tuple[Shortage, ...]
    buys_missing: bool
    is_saved: bool

    @property
    def refused(self) -> tuple[UserRow, ...]:
        """Return the rows that have problems."""
        return tuple(row for row in self.rows if row.problems)

    @property
    def is_refused(self) -> bool:
        """Tell whether a rule forbids it."""
        return bool(self.refused or (self.shortages and not self.buys_missing))


@frozen
class AddServiceNumber:
    """A toll or toll-free number that an organization's callers dial in to (domain.md 4.1)."""

    organization: str
    number: str
    use: NumberUse


@frozen
class ServiceNumberAdded:
    """The number as it is kept."""

    organization: str
    number: str
    use: NumberUse


@frozen
class SetRoles:
    """What a user may do from now on, and in which language he is written to; None leaves it as it is."""

    organization: str
    user_principal_name: str
    roles: Role | None = None
    language: str | None = None


def add_users(tx: Transaction, request: AddUsers) -> UsersAdded:
    """Add every person, or nobody where a single one cannot be added; raise Invalid where what lacks is not sold."""
    organization = lock_organization(tx, request.organization)
    read = [_read(person, organization) for person in request.people]
    changes = [Change(each.user, person.licenses) for person, each in zip(request.people, read, strict=True)]
    countries = tx.countries.in_force(request.at)
    ruled = assigning.rulings(changes, organization, countries)
    missing = assigning.shortages(changes, tx.arrangements.of(organization.organization_id))
    rows = _rows(tx, request.people, read, ruled)
    added = UsersAdded(organization.name, rows, missing, request.buys_missing, is_saved=False)
    if added.is_refused or not rows:
        return added
    for shortage in missing:
        buying.check_sold(shortage.license, organization.country, countries)
    if request.is_dry_run:
        return added
    for shortage in missing:
        tx.arrangements.set_purchased(organization.organization_id, shortage.license, shortage.enough)
    _save(tx, organization, changes, rows, request.watch)
    return replace(added, is_saved=True)


def list_users(tx: Transaction, organization: str) -> tuple[Organization, list[tuple[User, tuple[str, ...]]]]:
    """Return the users of an organization in the order of their names, each with his numbers."""
    found = find_organization(tx, organization)
    people = tx.organizations.users(found.organization_id)
    return found, [
        (user, tuple(identity for identity in identities if identity != user.user_principal_name.lower()))
        for user, identities in people
    ]


def set_roles(tx: Transaction, request: SetRoles) -> User:
    """Set a user's roles and language, and return him; raise NotFound or Invalid."""
    language = None if request.language is None else read_language(request.language)
    organization = lock_organization(tx, request.organization)
    wanted = request.user_principal_name.strip().lower()
    for user, _ in tx.organizations.users(organization.organization_id):
        if user.user_principal_name.lower() == wanted:
            after = replace(
                user,
                roles=user.roles if request.roles is None else request.roles,
                language=user.language if language is None else language,
            )
            tx.organizations.set_roles(user.organization_id, user.user_id, after.roles, after.language)
            return after
    message = f"{organization.name} has no user {request.user_principal_name!r}; `talktime users` lists them"
    raise NotFound(message, code="user_not_found")


def add_service_number(tx: Transaction, request: AddServiceNumber) -> ServiceNumberAdded:
    """Give an organization a number that others dial; raise Invalid, or Conflict where it is taken."""
    organization = find_organization(tx, request.organization)
    number = normalize(request.number)
    if not is_e164(number):
        message = f"{request.number!r} is no international number: write + and the country code first"
        raise Invalid(message, code="number")
    tx.organizations.add_service_number(organization.organization_id, number, request.use)
    return ServiceNumberAdded(organization.name, number, request.use)


@frozen
class _Read:
    """A person as he would be kept, his licenses aside."""

    user: User
    numbers: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def identities(self) -> tuple[str, ...]:
        """Return what calls would find him by."""
        return (self.user.user_principal_name.lower(), *self.numbers)


def _rows(
    tx: Transaction, people: Sequence[NewUser], read: Sequence[_Read], ruled: Sequence[Ruling]
) -> tuple[UserRow, ...]:
    wanted = [identity for each in read for identity in each.identities]
    times = Counter(wanted)
    owners = tx.organizations.owners_of(wanted)
    return tuple(
        UserRow(
            person.line,
            each.user.user_principal_name,
            each.numbers,
            person.licenses,
            (*each.problems, *ruling.problems, *_taken(each.identities, times, owners)),
            ruling.caution,
        )
        for person, each, ruling in zip(people, read, ruled, strict=True)
    )


def _read(person: NewUser, organization: Organization) -> _Read:
    problems = list(person.problems)
    name = person.user_principal_name.strip()
    if not is_principal_name(name):
        problems.append(f"{name!r} is no user principal name, such as ada@acme.example" if name else "no name")
    numbers = tuple(dict.fromkeys(normalize(number) for number in person.numbers if number.strip()))
    problems += [problem for number in numbers if (problem := _number_problem(number))]
    location = person.usage_location.strip() or organization.country
    try:
        location = read_country(location)
    except Invalid as refusal:
        problems.append(refusal.message)
    user = User(
        organization.organization_id,
        0,
        name,
        person.display_name.strip() or name.partition("@")[0],
        location,
        department=" ".join(person.department.split()),
    )
    return _Read(user, numbers, tuple(problems))


def is_principal_name(name: str) -> bool:
    """Tell whether it reads like ada@acme.example."""
    alias, at, domain = name.partition("@")
    return bool(alias and at and domain) and name.isprintable() and " " not in name and "@" not in domain


def _number_problem(number: str) -> str:
    if is_emergency(number):
        return f"{number} is an emergency number"
    is_extension = number.isdigit() and EXTENSION_DIGITS_MIN <= len(number) <= EXTENSION_DIGITS_MAX
    if is_e164(number) or is_extension:
        return ""
    return f"{number!r} is no international number (E.164), nor an extension of 2 to 6 digits"


def _taken(identities: Sequence[str], times: Counter[str], owners: dict[str, str]) -> list[str]:
    twice = [f"{identity} stands here twice" for identity in identities if identity and times[identity] > 1]
    return twice + [
        f"{identity} belongs to {owners[identity]} already" for identity in identities if identity in owners
    ]


def _save(
    tx: Transaction, organization: Organization, changes: Sequence[Change], rows: Sequence[UserRow], watch: Watch
) -> None:
    first_id = tx.organizations.next_user_id(organization.organization_id)
    with watch(len(changes)) as advance:
        for begin in range(0, len(changes), CHUNK_USERS):
            chunk = changes[begin : begin + CHUNK_USERS]
            people = [
                replace(change.user, user_id=first_id + begin + offset, licenses=change.after)
                for offset, change in enumerate(chunk)
            ]
            tx.organizations.add_users(people, [row.numbers for row in rows[begin : begin + CHUNK_USERS]])
            advance(len(chunk))
    tx.arrangements.recount(organization.organization_id)
