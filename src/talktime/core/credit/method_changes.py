"""What follows when a way to pay is replaced: the recharge pays with the new one, and may go on (money.md 8 and 18)."""

from dataclasses import replace
from datetime import date, datetime

from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.recharging import settings as recharge_settings
from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.values.frozen import frozen

# So many days before a card expires it is told, the sooner notice first.
NOTICE_DAYS = (30, 7)


@frozen
class Replacement:
    """One way to pay in the place of another."""

    old: PaymentMethod
    new: PaymentMethod


def is_named(policy: RechargePolicy, method_id: int) -> bool:
    """Tell whether a recharge would pay with it, or fall back on it."""
    return policy.is_on and method_id in (policy.method_id, policy.fallback_method_id)


def follows(policy: RechargePolicy, it: Replacement) -> RechargePolicy:
    """Return the policy paying with the new where it paid with the old; a new version where that changes it."""
    swap = {it.old.method_id: it.new.method_id}
    method_id = None if policy.method_id is None else swap.get(policy.method_id, policy.method_id)
    fallback_id = policy.fallback_method_id
    fallback_id = None if fallback_id is None else swap.get(fallback_id, fallback_id)
    if (method_id, fallback_id) == (policy.method_id, policy.fallback_method_id):
        return policy
    return replace(policy, method_id=method_id, fallback_method_id=fallback_id, version=policy.version + 1)


def forgets(policy: RechargePolicy, method_id: int) -> RechargePolicy:
    """Return a policy that is off without a way to pay that was removed."""
    if method_id not in (policy.method_id, policy.fallback_method_id):
        return policy
    return replace(
        policy,
        method_id=None if policy.method_id == method_id else policy.method_id,
        fallback_method_id=None if policy.fallback_method_id == method_id else policy.fallback_method_id,
        version=policy.version + 1,
    )


def gives_up(purchase: Purchase | None, policy: RechargePolicy, it: Replacement, at: datetime) -> Purchase | None:
    """Return the open recharge withdrawn where it waits for a way to pay that another one replaces.

    The same card attached again, or the same agreement with another purchase order, leaves it as it is.
    """
    if purchase is None or purchase.method_id != it.old.method_id or it.new.fingerprint == it.old.fingerprint:
        return None
    return recharge_settings.withdrawal(purchase, it.old, follows(policy, it), it.new, at)


def notice_due(expires_on: date, today: date, told_days: int | None) -> int | None:
    """Return which notice of a card's expiry is to be told today, in days before it; None: none, or told already."""
    days_left = (expires_on - today).days
    due = min((days for days in NOTICE_DAYS if days_left <= days), default=None)
    is_told = told_days is not None and due is not None and told_days <= due
    return None if days_left < 0 or is_told else due
