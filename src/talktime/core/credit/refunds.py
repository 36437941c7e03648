"""A refund: the unused part of a lot, given back once, by the gateway that was paid or by hand (money.md 43 to 45).

due → asking → refunded
        ├────→ unknown: the same key again
        └────→ failed: the lot is opened again
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from talktime.core.credit.billing.taxes import Taxed
from talktime.core.credit.buying.payments import Refunded, RefundFailed, RefundResult, Unknown
from talktime.core.credit.buying.purchases import ASK_AGAIN_AFTER, KEY_KNOWN_FOR, LEASE
from talktime.core.values.frozen import frozen
from talktime.core.values.money import Rounding, divide

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# The refund was made at the gateway itself, not by us.
MADE_OUTSIDE = "made at the payment provider"


class RefundState(Enum):
    """How far a refund has come; what is not open any more stays so, but for a gateway that fails later."""

    DUE = "due"
    ASKING = "asking"
    UNKNOWN = "unknown"
    REFUNDED = "refunded"
    FAILED = "failed"


OPEN_REFUNDS = frozenset({RefundState.DUE, RefundState.ASKING, RefundState.UNKNOWN})


@frozen
class Refund:
    """Money being given back; `net_micros` leave the lot, the tax goes with them.

    `purchase_id` is empty for credit that no purchase of ours paid for: it is paid back by hand.
    """

    organization_id: int
    refund_id: str
    purchase_id: str
    lot_id: int
    net_micros: int
    tax_micros: int
    currency: str
    reason: str
    created_at: datetime
    state: RefundState = RefundState.DUE
    next_step_at: datetime | None = None
    first_asked_at: datetime | None = None
    asked_count: int = 0
    # The gateway's own id, or how it was paid back.
    gateway_refund_id: str = ""
    code: str = ""
    closed_at: datetime | None = None
    # What of it came from the lot: all, unless it was made at the gateway after some had been spent.
    from_lot_micros: int = 0

    @property
    def gross_micros(self) -> int:
        """Return what the gateway gives back: the amount and its tax."""
        return self.net_micros + self.tax_micros

    @property
    def is_open(self) -> bool:
        """Tell whether the gateway has not given its answer yet."""
        return self.state in OPEN_REFUNDS

    @property
    def idempotency_key(self) -> str:
        """Return what makes the gateway give the money back once, told apart from another installation's."""
        stamp = (self.created_at - _EPOCH) // _SECOND
        return f"talktime-{self.organization_id}-{self.refund_id}-{stamp}"


def is_due(refund: Refund, at: datetime) -> bool:
    """Tell whether the gateway is to be asked now, for the first time or again."""
    return refund.is_open and refund.next_step_at is not None and refund.next_step_at <= at


def leased(refund: Refund, at: datetime) -> Refund:
    """Return the refund in the hands of one worker, who tells the outcome before the lease ends."""
    return replace(
        refund,
        state=RefundState.ASKING,
        next_step_at=at + LEASE,
        first_asked_at=refund.first_asked_at or at,
        asked_count=refund.asked_count + 1,
    )


def concluded(refund: Refund, result: RefundResult, at: datetime) -> Refund:
    """Return the refund after the gateway's answer; one that was decided before stays as it is."""
    if not refund.is_open:
        return refund
    match result:
        case Refunded():
            return replace(
                refund,
                state=RefundState.REFUNDED,
                gateway_refund_id=result.refund_id,
                next_step_at=None,
                closed_at=at,
            )
        case RefundFailed():
            return failed(refund, result.code, at)
        case Unknown():  # pragma: no branch -- there is no other answer
            return _unknown(refund, at)


def failed(refund: Refund, code: str, at: datetime) -> Refund:
    """Return a refund that the gateway did not make, or took back later."""
    return replace(refund, state=RefundState.FAILED, code=code, next_step_at=None, closed_at=at)


def given_back(refunds: Iterable[Refund]) -> Taxed:
    """Return what refunds gave back together, or are about to."""
    counted = [refund for refund in refunds if refund.state is not RefundState.FAILED]
    return Taxed(sum(each.net_micros for each in counted), sum(each.tax_micros for each in counted))


def paid_micros(refunds: Iterable[Refund]) -> int:
    """Return how much gateways gave back, tax included."""
    return sum(refund.gross_micros for refund in refunds if refund.state is RefundState.REFUNDED)


def split(charged: Taxed, before: Taxed, gross_micros: int) -> Taxed | None:
    """Tell amount from tax in what was given back without us, as they stood in the charge; None if it is too much."""
    left = Taxed(charged.net_micros - before.net_micros, charged.tax_micros - before.tax_micros)
    if gross_micros > left.net_micros + left.tax_micros:
        return None
    if gross_micros == left.net_micros + left.tax_micros:
        return left
    share = divide(gross_micros * charged.net_micros, charged.net_micros + charged.tax_micros, Rounding.HALF_UP)
    # Neither part is more than what is left of it.
    net_micros = max(gross_micros - left.tax_micros, min(share, left.net_micros))
    return Taxed(net_micros, gross_micros - net_micros)


def _unknown(refund: Refund, at: datetime) -> Refund:
    """Ask again with the same key as long as the gateway knows it; then only its own word counts."""
    waits = ASK_AGAIN_AFTER[min(refund.asked_count, len(ASK_AGAIN_AFTER)) - 1]
    is_known = refund.first_asked_at is None or at + waits - refund.first_asked_at < KEY_KNOWN_FOR
    return replace(refund, state=RefundState.UNKNOWN, next_step_at=at + waits if is_known else None)
