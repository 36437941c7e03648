"""Rows of what people may not do: their own dial-out policies, blocks, toll-free dial-in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, text, update

from talktime.core.organizations.users import AccountKind, User
from talktime.store.charging import rows
from talktime.store.instants import from_micros_or_none, to_micros
from talktime.store.schema import users

# Databases bound the number of parameters of a statement.
CHUNK_USERS = 1_000
_PEOPLE = (
    f"SELECT '', u.organization_id, 'user', {rows.IDENTITY_COLUMNS.partition('i.use, ')[2]}, u.blocked_at"
    " FROM users u WHERE u.organization_id = :organization_id AND {which} ORDER BY u.user_principal_name"
)
_OWN_POLICY = text(_PEOPLE.format(which="u.dialout_policy <> ''"))
_BLOCKED = text(_PEOPLE.format(which="u.block_reason <> ''"))
_WITHOUT_TOLL_FREE = text(_PEOPLE.format(which="NOT u.is_toll_free_dial_in_allowed"))


class RestrictionRows:
    """What single users may not do; the organization's row is held before anything is changed."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def with_own_policy(self, organization_id: int) -> list[User]:
        """Return who has a dial-out policy of his own, in the order of their names."""
        found = self._connection.execute(_OWN_POLICY, {"organization_id": organization_id})
        return [_user_of(tuple(row)) for row in found]

    def without_toll_free(self, organization_id: int) -> list[User]:
        """Return whose conferences cannot be joined by toll-free numbers."""
        found = self._connection.execute(_WITHOUT_TOLL_FREE, {"organization_id": organization_id})
        return [_user_of(tuple(row)) for row in found]

    def blocked(self, organization_id: int) -> list[tuple[User, datetime | None]]:
        """Return who may not call out, each with the instant of the block where it is known."""
        found = self._connection.execute(_BLOCKED, {"organization_id": organization_id})
        return [(_user_of(tuple(row)), from_micros_or_none(row.blocked_at)) for row in found]

    def set_policy(self, organization_id: int, user_ids: Sequence[int], policy: str) -> None:
        """Write users' own policy by its name; empty for none."""
        self._set(organization_id, user_ids, dialout_policy=policy)

    def set_toll_free(self, organization_id: int, user_ids: Sequence[int], *, is_allowed: bool) -> None:
        """Write whether users' conferences can be joined by toll-free numbers."""
        self._set(organization_id, user_ids, is_toll_free_dial_in_allowed=is_allowed)

    def block(self, organization_id: int, user_id: int, reason: str, at: datetime) -> None:
        """Write why and since when a user may not call out."""
        self._set(organization_id, (user_id,), block_reason=reason, blocked_at=to_micros(at))

    def unblock(self, organization_id: int, user_id: int) -> None:
        """Let a user call out again."""
        self._set(organization_id, (user_id,), block_reason="", blocked_at=None)

    def departments(self, organization_id: int) -> dict[str, int]:
        """Return how many people each department has, less those of none."""
        statement = (
            select(users.c.department, func.count())
            .where(
                users.c.organization_id == organization_id,
                users.c.department != "",
                users.c.account == AccountKind.PERSON.value,
            )
            .group_by(users.c.department)
            .order_by(users.c.department)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def _set(self, organization_id: int, user_ids: Sequence[int], **values: object) -> None:
        for begin in range(0, len(user_ids), CHUNK_USERS):
            chunk = user_ids[begin : begin + CHUNK_USERS]
            statement = update(users).where(users.c.organization_id == organization_id, users.c.user_id.in_(chunk))
            self._connection.execute(statement.values(**values))


def _user_of(row: rows.Row) -> User:
    user = rows.identity_of(row[:-1]).user
    assert user is not None, "who is restricted is a user"
    return user
