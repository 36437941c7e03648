"""What others must be told: a row in the outbox, written with the change that caused it."""

from datetime import datetime
from enum import Enum

from talktime.core.values.frozen import frozen


class EventKind(Enum):
    """What can happen to an organization's credit (D1, S47 to S49, domain.md 1.6)."""

    BALANCE_LOW = "balance_low"
    BALANCE_EXHAUSTED = "balance_exhausted"
    BALANCE_OVERDRAWN = "balance_overdrawn"
    CREDIT_PURCHASED = "credit_purchased"
    PURCHASE_FAILED = "purchase_failed"
    RECHARGE_SUCCEEDED = "recharge_succeeded"
    RECHARGE_FAILED = "recharge_failed"
    RECHARGE_PAUSED = "recharge_paused"
    RECHARGE_RESUMED = "recharge_resumed"
    RECHARGE_DELAYED = "recharge_delayed"
    RECHARGE_HELD_BACK = "recharge_held_back"
    RECHARGE_SET = "recharge_set"
    AUTHENTICATION_NEEDED = "authentication_needed"
    LOT_EXPIRING = "lot_expiring"
    CREDIT_EXPIRED = "credit_expired"
    CREDIT_REFUNDED = "credit_refunded"
    CREDIT_ADJUSTED = "credit_adjusted"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    CARD_EXPIRING = "card_expiring"
    INVOICE_OVERDUE = "invoice_overdue"
    POOL_LOW = "pool_low"
    POOL_EXHAUSTED = "pool_exhausted"
    FUNDING_ADVISED = "funding_advised"
    REPORT_READY = "report_ready"
    REPORT_FAILED = "report_failed"
    # For the operator: a gateway told of money that no purchase of ours explains.
    PAYMENT_UNEXPLAINED = "payment_unexplained"
    # Somebody who should have been told of what cannot wait could not be reached: the others are told of that.
    NOTICE_UNDELIVERED = "notice_undelivered"


@frozen
class Event:
    """One thing that happened; `event_id` follows from its cause, so that it is told once.

    `details` are name and value, as text: amounts in micros end in `_micros`, instants in `_at` (ISO 8601 UTC).
    """

    organization_id: int
    event_id: str
    kind: EventKind
    occurred_at: datetime
    balance_micros: int
    details: tuple[tuple[str, str], ...] = ()
