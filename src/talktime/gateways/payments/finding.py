"""What became of a purchase, judged from all the attempts that a gateway holds of it; the same for every gateway."""

from collections.abc import Sequence
from dataclasses import dataclass

from talktime.core.credit.buying.payments import (
    Ambiguous,
    Charged,
    ChargeOrder,
    ChargeResult,
    Declined,
    FoundResult,
    NeedsAction,
    NothingFound,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class HeldAttempt:
    """One attempt as the gateway holds it; `result` is None where it was withdrawn and can move nothing any more."""

    attempt: int
    currency: str
    result: ChargeResult | None


def became(order: ChargeOrder, held: Sequence[HeldAttempt]) -> FoundResult:
    """Return what became of the purchase: money that moved, in whichever attempt, comes first.

    An earlier attempt that was declined says nothing about this one: where only such are held, nothing was found.
    """
    charged = [attempt for attempt in held if isinstance(attempt.result, Charged)]
    if charged:
        return _fitting(order, charged)
    results = [attempt.result for attempt in held]
    for waits_for in (Unknown, NeedsAction):
        for result in results:
            if isinstance(result, waits_for):
                return result
    declined = [attempt.result for attempt in held if attempt.attempt == order.attempt]
    for result in declined:
        if isinstance(result, Declined):
            return result
    return NothingFound()


def stem(idempotency_key: str, attempt: int | str) -> str:
    """Return what the keys of all attempts of a purchase begin with, and no other installation's do."""
    return idempotency_key.removesuffix(f"-{attempt}")


def _fitting(order: ChargeOrder, charged: Sequence[HeldAttempt]) -> FoundResult:
    results = [attempt.result for attempt in charged if isinstance(attempt.result, Charged)]
    if len(results) > 1:
        named = ", ".join(result.charge_id for result in results)
        return Ambiguous(f"the gateway holds {len(results)} charges for this purchase: {named}")
    (result,) = results
    if result.amount_micros != order.amount_micros or charged[0].currency != order.currency:
        return Ambiguous(f"the gateway holds charge {result.charge_id} for this purchase, with another amount")
    return result
