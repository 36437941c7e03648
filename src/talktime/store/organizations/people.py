"""Rows of organizations, their users, licenses and identities."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from talktime.core.organizations.licenses import License
from talktime.core.organizations.numbering.phone_numbers import NumberState
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import NumberUse, Role, User
from talktime.core.values.errors import Conflict, NotFound
from talktime.store.charging import rows
from talktime.store.engine import one_at_a_time
from talktime.store.instants import to_micros
from talktime.store.schema import identities, organizations, phone_numbers, users

# Databases bound the number of parameters of a statement.
LOOKUP_ROWS = 1_000
_COLUMNS = [organizations.c[name.strip()] for name in rows.ORGANIZATION_COLUMNS.split(",")]
_OF_USERS = (
    f"SELECT {rows.IDENTITY_COLUMNS} FROM identities i"
    " JOIN users u ON u.organization_id = i.organization_id AND u.user_id = i.user_id"
    " WHERE i.organization_id = :organization_id"
)
# Not of one organization: SQLite would walk through all of its names, though these few are a key.
_NAMED = text(
    f"SELECT {rows.IDENTITY_COLUMNS} FROM identities i"
    " JOIN users u ON u.organization_id = i.organization_id AND u.user_id = i.user_id WHERE i.identity IN :names"
).bindparams(bindparam("names", expanding=True))
_PEOPLE = text(
    f"SELECT '', u.organization_id, 'user', {rows.IDENTITY_COLUMNS.partition('i.use, ')[2]} FROM users u"
    " WHERE u.organization_id = :organization_id ORDER BY u.user_principal_name"
)
_IDENTITIES = text(f"{_OF_USERS} ORDER BY u.user_principal_name, i.identity")
_WITH_ROLES = text(f"{_OF_USERS} AND u.roles <> 0 ORDER BY u.user_principal_name")


class OrganizationRows:
    """Organizations and the people in them."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def add(self, organization: Organization, at: datetime) -> None:
        """Insert an organization; raise Conflict where the name is taken."""
        row = {
            "organization_id": organization.organization_id,
            "name": organization.name,
            "country": organization.country,
            "currency": organization.currency,
            "time_zone": organization.zone.key,
            "deck": organization.deck,
            "is_active": organization.is_active,
            "has_credit_set_up": organization.has_credit_set_up,
            "receivable_micros": 0,
            "created_at": to_micros(at),
            "billing_mode": organization.mode.value,
        }
        try:
            self._connection.execute(insert(organizations), row)
        except IntegrityError as failure:
            message = f"an organization named {organization.name!r} exists already"
            raise Conflict(message, code="organization_exists") from failure

    def next_id(self) -> int:
        """Return an id that no organization has."""
        one_at_a_time(self._connection, "organizations")
        highest = self._connection.scalar(select(func.max(organizations.c.organization_id)))
        return (highest or 0) + 1

    def all(self) -> list[Organization]:
        """Return every organization in the order of their names."""
        found = self._connection.execute(select(*_COLUMNS).order_by(organizations.c.name))
        return [rows.organization_of(tuple(row)) for row in found]

    def named(self, name: str) -> Organization:
        """Return the organization of that name; raise NotFound."""
        return self._one(select(*_COLUMNS).where(organizations.c.name == name), name)

    def lock(self, name: str) -> Organization:
        """Return the organization and hold its row until the transaction ends (lock order: organizations first)."""
        statement = select(*_COLUMNS).where(organizations.c.name == name).with_for_update(key_share=True)
        return self._one(statement, name)

    def lock_id(self, organization_id: int) -> Organization:
        """Return the organization of an id, its row held, as `lock` does."""
        statement = select(*_COLUMNS).where(organizations.c.organization_id == organization_id)
        return self._one(statement.with_for_update(key_share=True), str(organization_id))

    def with_ids(self, organization_ids: Iterable[int]) -> dict[int, Organization]:
        """Return the organizations of the ids that exist."""
        statement = select(*_COLUMNS).where(organizations.c.organization_id.in_(list(organization_ids)))
        found = map(rows.organization_of, map(tuple, self._connection.execute(statement)))
        return {organization.organization_id: organization for organization in found}

    def set_up_credit(self, organization_id: int) -> None:
        """Note that Communications Credits were set up (S5)."""
        statement = update(organizations).where(organizations.c.organization_id == organization_id)
        self._connection.execute(statement.values(has_credit_set_up=True))

    def set_billing_mode(self, organization_id: int, mode: BillingMode) -> None:
        """Write whether an organization pays before use or after it."""
        statement = update(organizations).where(organizations.c.organization_id == organization_id)
        self._connection.execute(statement.values(billing_mode=mode.value))

    def licenses_in_use(self, organization_id: int) -> License:
        """Return the licenses that any user has."""
        statement = select(users.c.licenses).where(users.c.organization_id == organization_id).distinct()
        return License(reduce(or_, self._connection.scalars(statement), 0))

    def next_user_id(self, organization_id: int) -> int:
        """Return an id that no user of the organization has."""
        highest = select(func.max(users.c.user_id)).where(users.c.organization_id == organization_id)
        return (self._connection.scalar(highest) or 0) + 1

    def add_users(self, people: Sequence[User], numbers: Sequence[tuple[str, ...]]) -> None:
        """Insert users with the numbers by which calls find each; raise Conflict where a name or number is taken."""
        known = [
            (identity, user)
            for user, own in zip(people, numbers, strict=True)
            for identity in (user.user_principal_name.lower(), *own)
        ]
        self._refuse_taken([identity for identity, _ in known])
        if people:
            self._connection.execute(insert(users), [_user_row(user) for user in people])
            self._connection.execute(
                insert(identities),
                [
                    _identity_row(identity, NumberUse.USER, user.organization_id, user.user_id)
                    for identity, user in known
                ],
            )

    def add_service_number(self, organization_id: int, number: str, use: NumberUse) -> None:
        """Insert a toll or toll-free number of the organization; raise Conflict where it is taken."""
        self._refuse_taken([number])
        self._connection.execute(insert(identities), _identity_row(number, use, organization_id, None))

    def users(self, organization_id: int) -> list[tuple[User, tuple[str, ...]]]:
        """Return the users in the order of their names, each with the identities that calls find him by."""
        found: dict[int, tuple[User, tuple[str, ...]]] = {}
        for row in self._connection.execute(_IDENTITIES, {"organization_id": organization_id}):
            identity = rows.identity_of(tuple(row))
            assert identity.user is not None
            _, own = found.get(identity.user.user_id, (None, ()))
            found[identity.user.user_id] = (identity.user, (*own, row[0]))
        return list(found.values())

    def people(self, organization_id: int) -> list[User]:
        """Return all users in the order of their names, without what calls find them by."""
        found = self._connection.execute(_PEOPLE, {"organization_id": organization_id})
        return [user for row in found if (user := rows.identity_of(tuple(row)).user) is not None]

    def people_named(self, organization_id: int, names: Sequence[str]) -> list[User]:
        """Return the users whose names, in lower case, are among these."""
        found = []
        for begin in range(0, len(names), LOOKUP_ROWS):
            for row in self._connection.execute(_NAMED, {"names": names[begin : begin + LOOKUP_ROWS]}):
                user = rows.identity_of(tuple(row)).user
                assert user is not None
                # A number is no name.
                if user.organization_id == organization_id and user.user_principal_name.lower() == row[0]:
                    found.append(user)
        return found

    def set_licenses(self, organization_id: int, user_ids: Iterable[int], licenses: License) -> None:
        """Replace the licenses of users."""
        statement = (
            update(users)
            .where(users.c.organization_id == organization_id, users.c.user_id.in_(list(user_ids)))
            .values(licenses=licenses.value)
        )
        self._connection.execute(statement)

    def people_with_roles(self, organization_id: int) -> list[User]:
        """Return the users who have a role, in the order of their names."""
        found = self._connection.execute(_WITH_ROLES, {"organization_id": organization_id})
        users_ = [rows.identity_of(tuple(row)).user for row in found]
        return list({user.user_id: user for user in users_ if user is not None}.values())

    def set_roles(self, organization_id: int, user_id: int, roles: Role, language: str) -> None:
        """Replace what a user may do, and the language in which he is written to."""
        statement = update(users).where(users.c.organization_id == organization_id, users.c.user_id == user_id)
        self._connection.execute(statement.values(roles=roles.value, language=language))

    def users_count(self, organization_id: int) -> int:
        """Return how many users there are."""
        statement = select(func.count()).select_from(users).where(users.c.organization_id == organization_id)
        return self._connection.scalar(statement) or 0

    def owners_of(self, wanted: Sequence[str]) -> dict[str, str]:
        """Return whose the names and numbers are that are taken: the organization's name."""
        taken: dict[str, str] = {}
        for begin in range(0, len(wanted), LOOKUP_ROWS):
            statement = (
                select(identities.c.identity, organizations.c.name)
                .join(organizations, organizations.c.organization_id == identities.c.organization_id)
                .where(identities.c.identity.in_(wanted[begin : begin + LOOKUP_ROWS]))
            )
            taken.update((row[0], row[1]) for row in self._connection.execute(statement))
            taken.update(self._ordered(wanted[begin : begin + LOOKUP_ROWS]))
        return taken

    def _ordered(self, wanted: Sequence[str]) -> dict[str, str]:
        """Return who has ordered which of the numbers, whether somebody answers them or not."""
        statement = (
            select(phone_numbers.c.number, organizations.c.name)
            .join(organizations, organizations.c.organization_id == phone_numbers.c.organization_id)
            .where(phone_numbers.c.number.in_(wanted), phone_numbers.c.state != NumberState.RESERVED.value)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def _one(self, statement: Select[Any], name: str) -> Organization:
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            message = f"there is no organization named {name!r}; `talktime organizations` lists them"
            raise NotFound(message, code="organization_not_found")
        return rows.organization_of(tuple(row))

    def _refuse_taken(self, wanted: list[str]) -> None:
        one_at_a_time(self._connection, "identities")
        taken = self.owners_of(wanted)
        repeated = {identity for identity, times in Counter(wanted).items() if times > 1}
        if taken or repeated:
            names = ", ".join(sorted(repeated.union(taken)))
            message = f"already assigned: {names}; a name or number belongs to one user"
            raise Conflict(message, code="identity_taken")


def _user_row(user: User) -> dict[str, object]:
    return {
        "organization_id": user.organization_id,
        "user_id": user.user_id,
        "user_principal_name": user.user_principal_name,
        "display_name": user.display_name,
        "usage_location": user.usage_location,
        "department": user.department,
        "roles": user.roles.value,
        "language": user.language,
        "licenses": user.licenses.value,
        "account": user.account.value,
        "dialout_policy": user.dialout_policy,
        "block_reason": user.block_reason,
        "is_toll_free_dial_in_allowed": user.is_toll_free_dial_in_allowed,
    }


def _identity_row(identity: str, use: NumberUse, organization_id: int, user_id: int | None) -> dict[str, object]:
    return {"identity": identity, "use": use.value, "organization_id": organization_id, "user_id": user_id}
