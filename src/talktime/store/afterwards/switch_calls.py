"""Our calls as a switch names them, for comparison with its own records."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, text

from talktime.core.calls.calls import KEY_SEPARATOR, Call, CallKey, key_of, text_of
from talktime.store.charging import rows
from talktime.store.instants import to_micros

_CALL_COLUMNS = ", ".join(
    f"c.{name.strip()}" for name in f"{rows.CALL_SETUP_COLUMNS}, {rows.CALL_PROGRESS_COLUMNS}".split(",")
)
_CALLS = text(
    f"SELECT {_CALL_COLUMNS}, o.currency FROM call_keys k"
    " JOIN calls c ON c.organization_id = k.organization_id AND c.call_key = k.call_key"
    " JOIN organizations o ON o.organization_id = k.organization_id WHERE k.call_key IN :keys"
).bindparams(bindparam("keys", expanding=True))
_ORGANIZATIONS = text("SELECT organization_id FROM organizations ORDER BY organization_id")
# By the index of usage rows: what ended of a period, whatever the age of the books.
_ENDED = text(
    "SELECT call_key FROM usage_rows WHERE organization_id = :organization_id AND line = 0"
    " AND started_at >= :first AND started_at <= :last AND ended_at <= :ended AND call_key LIKE :switch ESCAPE '\\'"
)


class SwitchCallRows:
    """Reads calls by what their switch calls them."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def of(self, keys: Sequence[CallKey]) -> dict[CallKey, tuple[Call, str]]:
        """Return the calls of some keys, each with the currency of who pays it."""
        if not keys:
            return {}
        found = self._connection.execute(_CALLS, {"keys": [text_of(key) for key in keys]})
        calls = ((rows.call_of(tuple(row[:-1])), row[-1]) for row in found)
        return {call.setup.key: (call, currency) for call, currency in calls}

    def ended(
        self, switch: str, first: datetime, last: datetime, ended: datetime, most: int
    ) -> Iterator[list[CallKey]]:
        """Yield, so many at a time, the keys of calls that began in [first, last] and ended by an instant."""
        escaped = switch.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        asked = {
            "first": to_micros(first),
            "last": to_micros(last),
            "ended": to_micros(ended),
            "switch": f"{escaped}{KEY_SEPARATOR}%",
        }
        for organization_id in list(self._connection.scalars(_ORGANIZATIONS)):
            streamed = self._connection.execute(
                _ENDED, asked | {"organization_id": organization_id}, execution_options={"stream_results": True}
            )
            for page in streamed.scalars().partitions(most):
                yield [key_of(call_key) for call_key in page]
