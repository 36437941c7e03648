"""Rows of meters outside the hot path: what was counted, what calls have cost, and what is to be billed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite

from talktime.core.calls.counting.meters import Meter, month_named
from talktime.core.organizations.capping import Begun
from talktime.core.organizations.users import AccountKind
from talktime.core.values.periods import Period
from talktime.store.instants import to_micros
from talktime.store.schema import meters

CHUNK_METERS = 1_000
_COSTS = text(
    "SELECT r.user_id, p.department, sum(r.cost_micros) FROM usage_rows r"
    " JOIN users p ON p.organization_id = r.organization_id AND p.user_id = r.user_id"
    " WHERE r.organization_id = :organization_id AND r.started_at >= :starts_at AND r.started_at < :ends_at"
    f" AND p.account = '{AccountKind.PERSON.value}' GROUP BY r.user_id, p.department HAVING sum(r.cost_micros) > 0"
)
# As the partial index says it, so that it is used.
_OVERAGE = "SELECT organization_id, meter, used FROM meters WHERE meter LIKE 'overage/%'"
_OVERAGE_OF = text(f"{_OVERAGE} AND organization_id = :organization_id")
_WITH_OVERAGE = text("SELECT DISTINCT organization_id FROM meters WHERE meter LIKE 'overage/%' ORDER BY 1")
_BEFORE = text(
    "SELECT meter, used_before FROM meters WHERE organization_id = :organization_id AND meter IN :names"
    " AND used_before > 0"
)
_NAMED = text("SELECT meter, used, held FROM meters WHERE organization_id = :organization_id AND meter IN :names")
_FORGET = text(
    "DELETE FROM meters WHERE meter LIKE 'calls/%' AND substr(meter, length(meter) - :characters + 1) < :hour"
)


class Cost(NamedTuple):
    """What calls of a person cost in a period; `department` is where he is now."""

    user_id: int
    department: str
    micros: int


class MeterRows:
    """Meters of organizations whose rows are held before one is written."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def of(self, organization_id: int, names: Sequence[str]) -> dict[str, Meter]:
        """Return the meters of these names that have counted something."""
        found: dict[str, Meter] = {}
        statement = _NAMED.bindparams(bindparam("names", expanding=True))
        for begin in range(0, len(names), CHUNK_METERS):
            wanted = {"organization_id": organization_id, "names": list(names[begin : begin + CHUNK_METERS])}
            for name, used, held in self._connection.execute(statement, wanted):
                found[name] = Meter(used, held)
        return found

    def costs(self, organization_id: int, period: Period) -> list[Cost]:
        """Return what the calls of each person cost that began in a period and have ended, whatever paid them."""
        key = {
            "organization_id": organization_id,
            "starts_at": to_micros(period.starts_at),
            "ends_at": to_micros(period.ends_at),
        }
        # PostgreSQL adds up to a numeric.
        return [Cost(row[0], row[1], int(row[2])) for row in self._connection.execute(_COSTS, key)]

    def used_before(self, organization_id: int, names: Sequence[str]) -> dict[str, int]:
        """Return what of the use of these meters was there when they began."""
        found: dict[str, int] = {}
        statement = _BEFORE.bindparams(bindparam("names", expanding=True))
        for begin in range(0, len(names), CHUNK_METERS):
            wanted = {"organization_id": organization_id, "names": list(names[begin : begin + CHUNK_METERS])}
            found.update((row[0], row[1]) for row in self._connection.execute(statement, wanted))
        return found

    def begin(self, organization_id: int, used: Mapping[str, Begun]) -> None:
        """Write what meters begin with; what they hold for open calls stays."""
        if not used:
            return
        rows = [
            {
                "organization_id": organization_id,
                "meter": name,
                "used": begun.used_micros,
                "held": 0,
                "used_before": begun.before_micros,
            }
            for name, begun in used.items()
        ]
        added = self._dialect.insert(meters)
        kept = added.on_conflict_do_update(
            index_elements=["organization_id", "meter"],
            set_={"used": added.excluded.used, "used_before": added.excluded.used_before},
        )
        self._connection.execute(kept, rows)

    def overage(self, organization_id: int) -> dict[str, int]:
        """Return what was used on the bill so far, in micros, by the month in which the calls began (2026-06)."""
        found = self._connection.execute(_OVERAGE_OF, {"organization_id": organization_id})
        return {month_named(row.meter): row.used for row in found}

    def with_overage(self) -> list[int]:
        """Return the ids of the organizations that ever used something on the bill."""
        return list(self._connection.scalars(_WITH_OVERAGE))

    def forget_hours_before(self, hour: str) -> int:
        """Delete what counted calls of the clock hours before one, as their names write it; return how many."""
        return self._connection.execute(_FORGET, {"hour": hour, "characters": len(hour)}).rowcount

    @property
    def _dialect(self) -> Any:
        return postgresql if self._connection.dialect.name == "postgresql" else sqlite
