"""Find calls whose switch fell silent past its grant; they are closed by charging itself, like any other request."""

from datetime import datetime

from talktime.core.calls.calls import key_of
from talktime.core.calls.requests import CloseCall
from talktime.store.charging.transaction import ChargingStatements
from talktime.store.instants import to_micros

# Charging takes a phone's request with the next batch: it waits for no more than so many closings.
OVERDUE_MAX = 128


def overdue(statements: ChargingStatements, at: datetime) -> list[CloseCall]:
    """Return requests to close the calls that are overdue, the longest silent first, at most a batch."""
    with statements.snapshot():
        found = statements.open_calls_overdue(to_micros(at), OVERDUE_MAX)
    return [CloseCall(key_of(row[0]), at) for row in found]
