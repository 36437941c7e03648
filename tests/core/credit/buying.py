"""Purchases, cards and what is watched, as short as a test wants them; `recharge-1` buys 200 USD with card 1."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import RechargePolicy, RechargeProgress
from talktime.core.credit.recharging.watching import CreditWatch, Watched
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import MICROS_PER_UNIT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")
EXAMPLE = Organization(7, "Example", "US", "USD", NEW_YORK, "standard")
POLICY = RechargePolicy(
    is_on=True, trigger_micros=100 * MICROS_PER_UNIT, amount_micros=200 * MICROS_PER_UNIT, method_id=1
)


def units(amount: int) -> int:
    """Return whole units in micros."""
    return amount * MICROS_PER_UNIT


def credit(remaining: int, *, owed: int = 0) -> Credit:
    """Return credit of so many units."""
    lot = CreditLot(1, LotKind.PURCHASED, units(1_000), NOON, NOON + 300 * DAY, spent_micros=units(1_000 - remaining))
    return Credit((lot,), units(owed))


def recharged(**changes: object) -> Purchase:
    """Return the first recharge as it is when it becomes due."""
    purchase = Purchase(7, "recharge-1", PurchaseCause.RECHARGE, units(200), "USD", 1, NOON, epoch=1, next_step_at=NOON)
    return replace(purchase, **changes)  # type: ignore[arg-type]


def ordered(**changes: object) -> Purchase:
    """Return an order as it is when it becomes due."""
    return recharged(purchase_id="order-1", cause=PurchaseCause.ORDER, epoch=None, **changes)


def method(method_id: int = 1, kind: MethodKind = MethodKind.CARD) -> PaymentMethod:
    """Return a way to pay."""
    card = Card(f"token-{method_id}", f"fingerprint-{method_id}", "Visa", "4242", date(2030, 1, 31))
    return PaymentMethod(7, method_id, kind, "sandbox", card if kind is MethodKind.CARD else None)


def watch(policy: RechargePolicy = POLICY, **progress: object) -> CreditWatch:
    """Return what is watched."""
    return CreditWatch(policy, replace(RechargeProgress(), **progress))  # type: ignore[arg-type]


def conclusion(before: Purchase, after: Purchase, at: datetime = NOON) -> Conclusion:
    """Return a purchase before and after an outcome."""
    return Conclusion(before, after, method(before.method_id), at)


def told(watched: Watched) -> list[str]:
    """Return the kinds of what was told."""
    return [event.kind.value for event in watched.events]
