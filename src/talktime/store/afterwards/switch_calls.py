"""Our calls as a switch names them, for comparison with its own records."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text

from talktime.core.calls.calls import KEY_SEPARATOR, Call, CallKey, CallKind, key_of, text_of
from talktime.store.afterwards.known_calls import KnownCall, user_of
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
_ANY = text("SELECT 1 FROM call_keys WHERE call_key IN :keys LIMIT 1").bindparams(bindparam("keys", expanding=True))
_ORGANIZATIONS = text("SELECT organization_id FROM organizations ORDER BY organization_id")
_KNOWN = "c.call_key, c.switch_ref, c.caller, c.called, c.organization_id, c.user_id, c.kind, c.started_at"
# By the index of usage rows: what ended of a period, whatever the age of the books. Each call that ended has a first.
_ENDED = text(
    f"SELECT {_KNOWN}, c.ended_at, c.used_seconds > 0 FROM usage_rows u"
    " JOIN calls c ON c.organization_id = u.organization_id AND c.call_key = u.call_key"
    " WHERE u.organization_id = :organization_id AND u.line = 0 AND u.started_at >= :first AND u.started_at <= :last"
)
# By an index of open calls alone; they end when nothing is heard of them, if not before.
_OPEN = text(
    f"SELECT {_KNOWN}, c.valid_until, TRUE FROM calls c WHERE c.state = 'open' AND c.started_at >= :first"
    " AND c.started_at <= :last"
)
# The whole of an index, which is why it is asked only when a period has no call of a switch.
_SWITCHES = {
    "sqlite": text(f"SELECT DISTINCT substr(call_key, 1, instr(call_key, '{KEY_SEPARATOR}') - 1) FROM call_keys"),
    "postgresql": text(f"SELECT DISTINCT split_part(call_key, '{KEY_SEPARATOR}', 1) FROM call_keys"),
}


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

    def between(self, first: datetime, last: datetime, most: int) -> Iterator[list[KnownCall]]:
        """Yield, so many at a time, the calls of any switch that began in [first, last] and were not refused."""
        span = {"first": to_micros(first), "last": to_micros(last)}
        for organization_id in list(self._connection.scalars(_ORGANIZATIONS)):
            yield from self._known(_ENDED, span | {"organization_id": organization_id}, most)
        yield from self._known(_OPEN, span, most)

    def has_any(self, keys: Sequence[CallKey]) -> bool:
        """Tell whether one of some keys is a call's."""
        return bool(keys) and self._connection.scalar(_ANY, {"keys": [text_of(key) for key in keys]}) is not None

    def switches(self) -> list[str]:
        """Return the names of the switches whose calls are known, at the price of a look at every call's key."""
        return sorted(self._connection.scalars(_SWITCHES[self._connection.dialect.name]))

    def _known(self, statement: TextClause, asked: dict[str, int], most: int) -> Iterator[list[KnownCall]]:
        streamed = self._connection.execute(statement, asked, execution_options={"stream_results": True})
        for page in streamed.partitions(most):
            yield [_known_of(*row) for row in page]


def _known_of(call_key: str, switch_ref: str, caller: str, called: str, *others: Any) -> KnownCall:
    organization_id, user_id, kind, started_at, ended_at, is_talked = others
    user = user_of(organization_id, user_id, CallKind(kind))
    return KnownCall(key_of(call_key), switch_ref, caller, called, user, started_at, ended_at, bool(is_talked))
