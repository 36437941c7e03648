"""Details of calls that other systems recorded: whose they were, and the numbers of both sides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, literal, or_, select, true, update

from talktime.core.insight.importing.imported_calls import DIRECT_ROUTING
from talktime.core.insight.privacy.erasing import number_left
from talktime.core.insight.privacy.masking import MASK
from talktime.store.instants import to_micros
from talktime.store.schema import imported_calls

_C = imported_calls.c
_NAMES = ("user_principal_name", "display_name", "user_object_id", "conference_id")
_DIRECT = sorted(kind.value for kind in DIRECT_ROUTING)


class Place(NamedTuple):
    """Where a call stands among an organization's imported calls: its start in microseconds, and its identity."""

    started_at: int
    identity: bytes


class Stretch(NamedTuple):
    """Imported calls behind one place and up to another; None is open."""

    after: Place | None
    last: Place | None


class Cutoffs(NamedTuple):
    """Since when details are kept, by the user's country, '' for all others; of direct routing there are others."""

    charged: Mapping[str, datetime]
    direct: Mapping[str, datetime]

    @property
    def newest(self) -> datetime:
        """Return since when details of any call are kept."""
        return max(*self.charged.values(), *self.direct.values())


class ImportedDetailRows:
    """Takes people out of imported calls; what they cost, and by what duplicates are known, stays."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def stretch_after(
        self, organization_id: int, after: Place | None, rows_max: int, before: datetime | None = None
    ) -> Stretch:
        """Return the stretch of the next calls, of those that began before an instant; open where no more follow."""
        statement = select(_C.started_at, _C.identity).where(within(organization_id, Stretch(after, None)))
        if before is not None:
            statement = statement.where(_C.started_at < to_micros(before))
        ordered = statement.order_by(_C.started_at, _C.identity).offset(rows_max - 1).limit(1)
        found = self._connection.execute(ordered).one_or_none()
        return Stretch(after, None if found is None else Place(found.started_at, bytes(found.identity)))

    def outdated(self, organization_id: int, own_country: str, cutoffs: Cutoffs, stretch: Stretch) -> list[bytes]:
        """Return the identities of calls in a stretch that have details and began before their cutoff."""
        country = case((_C.user_location == "", own_country), else_=func.upper(_C.user_location))
        is_direct = _C.kind.in_(_DIRECT)
        since = case((is_direct, _since(country, cutoffs.direct)), else_=_since(country, cutoffs.charged))
        statement = select(_C.identity).where(
            within(organization_id, stretch),
            _C.started_at < to_micros(cutoffs.newest),
            _C.started_at < since,
            _has_details(),
        )
        return [bytes(identity) for identity in self._connection.scalars(statement)]

    def anonymize(self, organization_id: int, identities: Sequence[bytes]) -> int:
        """Take everybody out of calls; return of how many."""
        which = and_(_C.organization_id == organization_id, _C.identity.in_(identities), _has_details())
        found = self._connection.execute(select(_C.identity, _C.caller, _C.called).where(which).with_for_update()).all()
        if found:
            keys = and_(_C.organization_id == organization_id, _C.identity == bindparam("key"))
            numbers: dict[str, object] = {"caller": bindparam("new_caller"), "called": bindparam("new_called")}
            changed = update(imported_calls).where(keys).values(dict.fromkeys(_NAMES, "") | numbers)
            self._connection.execute(
                changed,
                [
                    {"key": key, "new_caller": number_left(caller), "new_called": number_left(called)}
                    for key, caller, called in found
                ],
            )
        return len(found)


def within(organization_id: int, stretch: Stretch) -> ColumnElement[bool]:
    """Return the condition that an imported call of an organization stands in a stretch."""
    after, last = stretch
    conditions = [_C.organization_id == organization_id]
    # The start alone first: by it the index is entered.
    if after is not None:
        is_behind = or_(_C.started_at > after.started_at, _C.identity > after.identity)
        conditions += [_C.started_at >= after.started_at, is_behind]
    if last is not None:
        is_up_to = or_(_C.started_at < last.started_at, _C.identity <= last.identity)
        conditions += [_C.started_at <= last.started_at, is_up_to]
    return and_(true(), *conditions)


def _since(country: ColumnElement[str], cutoffs: Mapping[str, datetime]) -> ColumnElement[int]:
    others = literal(to_micros(cutoffs[""]))
    by_country = [(country == name, to_micros(at)) for name, at in cutoffs.items() if name]
    return case(*by_country, else_=others) if by_country else others


def _has_details() -> ColumnElement[bool]:
    return or_(
        *(_C[name] != "" for name in _NAMES),
        *(and_(_C[name] != "", ~_C[name].contains(MASK)) for name in ("caller", "called")),
    )
