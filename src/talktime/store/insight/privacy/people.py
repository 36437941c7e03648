"""A person's own rows, and every text that mentions him."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, insert, or_, select, update

from talktime.core.insight.privacy.erasing import Erasure, texts_left
from talktime.core.organizations.users import NumberUse
from talktime.store.insight.privacy.places import kept_tables, searched_tables, texts_of
from talktime.store.instants import to_micros
from talktime.store.schema import deliveries, identities, notification_rules, users

_ERASED = "the person was erased"


class PersonRows:
    """Finds and takes out one person; the organization's row is held before anything is changed."""

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
        found = {table.name: len(self._changes(table, erasure)) for table in searched_tables()}
        if not erasure.is_done:
            found |= {"users": 1, "identities": len(erasure.numbers) + 1}
            found["notification_rules"] = found.get("notification_rules", 0) + self._rules_count(erasure)
        return {name: count for name, count in found.items() if count}

    def kept(self, erasure: Erasure) -> dict[str, int]:
        """Return how many rows mention him that nothing may change: documents that were issued."""
        found = {table.name: len(self._changes(table, erasure)) for table in kept_tables()}
        return {name: count for name, count in found.items() if count}

    def erase(self, erasure: Erasure, at: datetime) -> dict[str, int]:
        """Take him out of everything but calls; return how many rows changed, by table."""
        if erasure.is_done:
            return {}
        counts = self.mentions(erasure)
        self._stop_telling(erasure, at)
        for table in searched_tables():
            self._write(table, self._changes(table, erasure))
        self._forget_names(erasure)
        return counts

    def _stop_telling(self, erasure: Erasure, at: datetime) -> None:
        """Whoever is erased is told nothing any more: the rules that name him go, and what waits for him is closed."""
        self._connection.execute(delete(notification_rules).where(_tells(notification_rules, erasure)))
        waiting = and_(_tells(deliveries, erasure), deliveries.c.state == "due")
        closed = {"state": "undeliverable", "next_attempt_at": None, "closed_at": to_micros(at), "answer": _ERASED}
        self._connection.execute(update(deliveries).where(waiting).values(closed))

    def _forget_names(self, erasure: Erasure) -> None:
        owner = and_(identities.c.organization_id == erasure.organization_id, identities.c.user_id == erasure.user_id)
        self._connection.execute(delete(identities).where(owner))
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

    def _rules_count(self, erasure: Erasure) -> int:
        statement = select(func.count()).select_from(notification_rules)
        return self._connection.scalar(statement.where(_tells(notification_rules, erasure))) or 0

    def _changes(self, table: Table, erasure: Erasure) -> list[dict[str, object]]:
        texts = texts_of(table)
        mentions = [table.c[name].icontains(word, autoescape=True) for name in texts for word in erasure.words]
        if not mentions:
            return []
        keys = list(table.primary_key.columns)
        statement = select(*keys, *(table.c[name] for name in texts)).where(or_(*mentions))
        if "organization_id" in table.c:
            statement = statement.where(table.c.organization_id == erasure.organization_id)
        changes = []
        for row in self._connection.execute(statement):
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
