"""One person in calls that other systems recorded: found by whole names and numbers, never by parts of texts."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from talktime.core.insight.privacy.erasing import Erasure, imported_left
from talktime.core.values.frozen import frozen
from talktime.store.insight.privacy.imported_details import Stretch, within
from talktime.store.insight.privacy.places import texts_of
from talktime.store.schema import imported_calls

_C = imported_calls.c
_TEXTS = texts_of(imported_calls)


@frozen
class Sought:
    """A person, the object ids that are his, and whether calls under his name are meant, or all others with him in it.

    Calls under his name tell which object ids are his: they are rewritten last, so that what was cut off can be done
    again.
    """

    erasure: Erasure
    object_ids: AbstractSet[str]
    is_named: bool


class ImportedPersonRows:
    """Finds and takes out one person; the organization's row is held before anything is changed."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def object_ids(self, erasure: Erasure, stretch: Stretch) -> set[str]:
        """Return the object ids that stand beside his name in a stretch of calls."""
        which = and_(within(erasure.organization_id, stretch), _is_named(erasure), _C.user_object_id != "")
        return set(self._connection.scalars(select(_C.user_object_id).where(which).distinct()))

    def mentions(self, sought: Sought, stretch: Stretch) -> list[bytes]:
        """Return the identities of calls in a stretch that would change."""
        found = self._changes(sought, within(sought.erasure.organization_id, stretch), is_held=False)
        return [identity for identity, _ in found]

    def erase(self, sought: Sought, identities: Sequence[bytes]) -> int:
        """Take him out of calls as they are now; return how many changed."""
        own = _C.organization_id == sought.erasure.organization_id
        changes = self._changes(sought, and_(own, _C.identity.in_(identities)), is_held=True)
        if changes:
            values: dict[str, object] = {name: bindparam(f"new_{name}") for name in _TEXTS}
            changed = update(imported_calls).where(own, _C.identity == bindparam("key")).values(values)
            self._connection.execute(changed, [{"key": key} | after for key, after in changes])
        return len(changes)

    def _changes(
        self, sought: Sought, which: ColumnElement[bool], *, is_held: bool
    ) -> list[tuple[bytes, dict[str, object]]]:
        statement = select(_C.identity, *(_C[name] for name in _TEXTS)).where(which, _is_meant(sought))
        changes = []
        for row in self._connection.execute(statement.with_for_update() if is_held else statement):
            before: dict[str, str] = {name: getattr(row, name) for name in _TEXTS}
            after = imported_left(sought.erasure, before, sought.object_ids)
            if after != before:
                new: dict[str, object] = {f"new_{name}": text for name, text in after.items()}
                changes.append((bytes(row.identity), new))
        return changes


def _is_meant(sought: Sought) -> ColumnElement[bool]:
    is_named = _is_named(sought.erasure)
    if sought.is_named:
        return is_named
    erasure = sought.erasure
    words = {*erasure.words, *erasure.numbers}
    is_mentioned = or_(*(_is_one_of(_C[name], words) for name in ("display_name", "caller", "called")))
    return and_(~is_named, or_(_C.user_object_id.in_(sorted(sought.object_ids)), is_mentioned))


def _is_named(erasure: Erasure) -> ColumnElement[bool]:
    return _is_one_of(_C.user_principal_name, {erasure.user_principal_name, *erasure.numbers})


def _is_one_of(column: ColumnElement[str], words: AbstractSet[str]) -> ColumnElement[bool]:
    """Compare as the database lowers both: SQLite lowers Latin letters without accents only."""
    return func.lower(column).in_([func.lower(word) for word in sorted(words)])
