"""Details of calls that other systems recorded: whose they were, and the numbers of both sides."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select, update

from talktime.core.insight.privacy.erasing import number_left
from talktime.core.insight.privacy.masking import MASK
from talktime.store.instants import to_micros
from talktime.store.schema import imported_calls

_C = imported_calls.c
_NAMES = ("user_principal_name", "display_name", "user_object_id", "conference_id")


class ImportedDetailRows:
    """Takes people out of imported calls; what they cost, and by what duplicates are known, stays."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def anonymize(self, organization_id: int, own_country: str, cutoffs: Mapping[str, datetime], rows_max: int) -> int:
        """Take everybody out of calls that began before the cutoff of their user's country; return of how many."""
        country = case((_C.user_location == "", own_country), else_=func.upper(_C.user_location))
        by_country = [(country == name, to_micros(at)) for name, at in cutoffs.items() if name]
        others = to_micros(cutoffs[""])
        has_details = or_(
            *(_C[name] != "" for name in _NAMES),
            *(and_(_C[name] != "", ~_C[name].contains(MASK)) for name in ("caller", "called")),
        )
        found = self._connection.execute(
            select(_C.identity, _C.caller, _C.called)
            .where(
                _C.organization_id == organization_id,
                _C.started_at < (case(*by_country, else_=others) if by_country else others),
                has_details,
            )
            .limit(rows_max)
        ).all()
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
