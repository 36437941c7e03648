"""A person's own rows, and every text that mentions him."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)

from talktime.core.insight.privacy.erasing import Erasure, texts_left
from talktime.core.organizations.users import NumberUse
from talktime.store.insight.privacy.places import kept_tables, searched_tables, texts_of
from talktime.store.instants import to_micros
from talktime.store.schema import deliveries, identities, metadata, notification_rules, users

_ERASED = "the person was erased"
# So many rows of a table are searched by one statement.
PAGE_ROWS = 2_000

# What tells the rows of an organization apart, in the order of the table's key.
Key = tuple[object, ...]


class KeyPage(NamedTuple):
    """Keys that were found among the next rows of a table, and the last that was looked at; None at the table's end."""

    keys: list[Key]
    last: Key | None


class PersonRows:
    """Finds one person, and takes him out of what was found; to change anything, the organization's row is held."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def erasure(self, organization_id: int, user_principal_name: str) -> Erasure | None:
        """Return a person by his name, whatever its case, with the numbers that calls find him by."""
        person = self._connection.execute(
            select(users.c.user_id, users.c.user_principal_name, users.c.display_name).where(
                users.c.organization_id == organization_id,
                func.lower(users.c.user_principal_name) == user_principal_name.lower(),
            )
        ).one_or_none()
        if person is None:
            return None
        names = select(identities.c.identity).where(
            identities.c.organization_id == organization_id, identities.c.user_id == person.user_id
        )
        numbers = sorted(name for name in self._connection.scalars(names) if "@" not in name)
        return Erasure(organization_id, person.user_id, person.user_principal_name, person.display_name, tuple(numbers))

    def mentions(self, erasure: Erasure) -> dict[str, int]:
        """Return how many rows of which tables would change beside calls, and those of his own."""
        found = {table.name: self._count(table, erasure) for table in searched_tables()}
        if not erasure.is_done:
            found |= {"users": 1, "identities": len(erasure.numbers) + 1}
        return {name: count for name, count in found.items() if count}

    def kept(self, erasure: Erasure) -> dict[str, int]:
        """Return how many rows mention him that nothing may change: documents that were issued."""
        found = {table.name: self._count(table, erasure) for table in kept_tables()}
        return {name: count for name, count in found.items() if count}

    def page_after(self, table_name: str, erasure: Erasure, after: Key | None) -> KeyPage:
        """Look through the next rows of a table, and return the keys of those that mention him."""
        table = metadata.tables[table_name]
        last = self._last_after(table, erasure, after)
        changes = self._changes(table, erasure, _between(table, after, last))
        return KeyPage([_key_in(table, change) for change in changes], last)

    def erase_texts(self, table_name: str, erasure: Erasure, keys: Sequence[Key]) -> int:
        """Take him out of rows as they are now; return how many changed."""
        table = metadata.tables[table_name]
        changes = self._changes(table, erasure, _is_any(table, keys), is_held=True)
        self._write(table, changes)
        return len(changes)

    def stop_telling(self, erasure: Erasure, at: datetime) -> dict[str, int]:
        """Tell him nothing any more: rules that name him go, what waits for him is closed; count the rules."""
        gone = self._connection.execute(delete(notification_rules).where(_tells(notification_rules, erasure)))
        waiting = and_(_tells(deliveries, erasure), deliveries.c.state == "due")
        closed = {"state": "undeliverable", "next_attempt_at": None, "closed_at": to_micros(at), "answer": _ERASED}
        self._connection.execute(update(deliveries).where(waiting).values(closed))
        return {"notification_rules": gone.rowcount} if gone.rowcount else {}

    def forget_names(self, erasure: Erasure) -> dict[str, int]:
        """Let nobody find him by name or number any more; return how many rows of his own changed, by table."""
        owner = and_(identities.c.organization_id == erasure.organization_id, identities.c.user_id == erasure.user_id)
        gone = self._connection.execute(delete(identities).where(owner))
        # Every user has one name at least by which he is listed.
        left = {
            "identity": erasure.name_left,
            "organization_id": erasure.organization_id,
            "use": NumberUse.USER.value,
            "user_id": erasure.user_id,
        }
        self._connection.execute(insert(identities), left)
        person = and_(users.c.organization_id == erasure.organization_id, users.c.user_id == erasure.user_id)
        values: dict[str, object] = {
            "user_principal_name": erasure.name_left,
            "display_name": erasure.display_name_left,
            "roles": 0,
            "language": "",
        }
        self._connection.execute(update(users).where(person).values(values))
        self._connection.execute(update(users).where(person, users.c.block_reason != "").values(block_reason=_ERASED))
        return {"users": 1, "identities": gone.rowcount}

    def _count(self, table: Table, erasure: Erasure) -> int:
        count, after, is_more = 0, None, True
        while is_more:
            last = self._last_after(table, erasure, after)
            count += len(self._changes(table, erasure, _between(table, after, last)))
            after, is_more = last, last is not None
        return count

    def _last_after(self, table: Table, erasure: Erasure, after: Key | None) -> Key | None:
        """Return the key up to which the next rows are a page; None where there are no more than these."""
        keys = _keys_of(table)
        if not keys or not erasure.words:
            return None
        statement = select(*keys).where(_own(table, erasure), _between(table, after, None))
        found = self._connection.execute(statement.order_by(*keys).offset(PAGE_ROWS - 1).limit(1)).one_or_none()
        return None if found is None else tuple(found)

    def _changes(
        self, table: Table, erasure: Erasure, which: ColumnElement[bool], *, is_held: bool = False
    ) -> list[dict[str, object]]:
        texts = texts_of(table)
        mentions = [table.c[name].icontains(word, autoescape=True) for name in texts for word in erasure.words]
        if not mentions:
            return []
        keys = list(table.primary_key.columns)
        statement = select(*keys, *(table.c[name] for name in texts)).where(_own(table, erasure), which, or_(*mentions))
        changes = []
        for row in self._connection.execute(statement.with_for_update() if is_held else statement):
            before = dict(zip(texts, tuple(row)[len(keys) :], strict=True))
            after = texts_left(erasure, before)
            if after != before:
                named = {f"key_{column.name}": value for column, value in zip(keys, row, strict=False)}
                changes.append({**named, **{f"new_{name}": text for name, text in after.items()}})
        return changes

    def _write(self, table: Table, changes: Sequence[dict[str, object]]) -> None:
        if not changes:
            return
        keys = [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]
        values: dict[str, object] = {name: bindparam(f"new_{name}") for name in texts_of(table)}
        self._connection.execute(update(table).where(*keys).values(values), changes)


def _tells(table: Table, erasure: Erasure) -> ColumnElement[bool]:
    return and_(
        table.c.organization_id == erasure.organization_id,
        func.lower(table.c.recipient) == erasure.user_principal_name.lower(),
    )


def _own(table: Table, erasure: Erasure) -> ColumnElement[bool]:
    return table.c.organization_id == erasure.organization_id if "organization_id" in table.c else true()


def _keys_of(table: Table) -> list[ColumnElement[Any]]:
    """Return what tells an organization's rows apart: compared with the organization too, SQLite finds no place."""
    return [column for column in table.primary_key.columns if column.name != "organization_id"]


def _between(table: Table, after: Key | None, last: Key | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if after is not None:
        conditions.append(_as_one(table) > _as_one(table, after))
    if last is not None:
        conditions.append(_as_one(table) <= _as_one(table, last))
    return and_(*conditions)


def _as_one(table: Table, key: Key | None = None) -> ColumnElement[Any]:
    columns = _keys_of(table)
    values = (
        columns if key is None else [literal(value, column.type) for column, value in zip(columns, key, strict=True)]
    )
    return values[0] if len(values) == 1 else tuple_(*values)


def _is_any(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    columns = _keys_of(table)
    return or_(*(and_(true(), *(column == part for column, part in zip(columns, key, strict=True))) for key in keys))


def _key_in(table: Table, change: Mapping[str, object]) -> Key:
    return tuple(change[f"key_{column.name}"] for column in _keys_of(table))
