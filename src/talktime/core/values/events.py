"""What others must be told: a row in the outbox, written with the change that caused it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class EventKind(Enum):
    """What can happen to a balance (D1)."""

    BALANCE_EXHAUSTED = "balance_exhausted"
    BALANCE_OVERDRAWN = "balance_overdrawn"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `event_id` follows from its cause, so that it is told once."""

    organization_id: int
    event_id: str
    kind: EventKind
    occurred_at: datetime
    balance_micros: int
