"""Forget the meters that counted calls of an hour long gone: no stop asks for them again."""

from datetime import datetime, timedelta

from talktime.core.calls.counting.meters import hour_of
from talktime.store.transaction import Transaction

# A switch that stood still may still send the starts of some hours ago.
KEPT_FOR = timedelta(days=2)


def forget_meters(tx: Transaction, at: datetime) -> int:
    """Delete them, of every organization; return how many there were. Meters of months stay, reports read them."""
    return tx.meters.forget_hours_before(hour_of(at - KEPT_FOR))
