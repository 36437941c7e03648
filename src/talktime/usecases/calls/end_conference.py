"""Find the open legs of a conference that is over; they are ended by charging itself, like any other request."""

from datetime import datetime

from talktime.core.calls.calls import key_of
from talktime.core.calls.requests import EndLeg
from talktime.store.charging.transaction import ChargingStatements


def open_legs(statements: ChargingStatements, switch: str, conference_id: str, at: datetime) -> list[EndLeg]:
    """Return requests to end every leg that a switch has open in a conference."""
    with statements.snapshot():
        keys = [key_of(row[0]) for row in statements.open_legs(conference_id)]
    return [EndLeg(key, at) for key in keys if key.switch == switch]
