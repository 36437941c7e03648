"""Orders to charge and to give back, as short as a test wants them."""

from dataclasses import replace
from datetime import UTC, datetime

from talktime.core.credit.buying.payments import ChargeOrder, PurchaseKey, RefundOrder

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
TWO_HUNDRED = 200_000_000


def order(token: str, purchase_id: str = "r-1", *, attempt: int = 1, amount_micros: int = TWO_HUNDRED) -> ChargeOrder:
    """Charge 200 USD for purchase r-1 of organization 7."""
    return ChargeOrder(
        PurchaseKey(7, purchase_id),
        attempt,
        f"talktime-7-{purchase_id}-1795262400-{attempt}",
        amount_micros,
        "USD",
        token,
        "Communications Credits for Example Ltd",
    )


def next_attempt(before: ChargeOrder) -> ChargeOrder:
    """Try again after a decline."""
    attempt = before.attempt + 1
    key = f"{before.idempotency_key.removesuffix(f'-{before.attempt}')}-{attempt}"
    return replace(before, attempt=attempt, idempotency_key=key)


def refund_order(charge_id: str, key: str = "refund-1", *, amount_micros: int = TWO_HUNDRED) -> RefundOrder:
    """Give 200 USD back."""
    return RefundOrder(charge_id, key, amount_micros, "USD")
