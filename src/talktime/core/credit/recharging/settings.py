"""What an admin may set of the recharge, what is refused, and what a change means for one that is under way."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.credit.buying.refusals import amount_refusal
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import PauseReason, RechargePolicy, RechargeProgress
from talktime.core.credit.recharging.watching import BalanceAlert
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros

# What unsets a cap, and the fallback.
NONE = 0
ALERTS_MAX = 10
# Another way to pay ends these; the same one again does not (money.md 18).
PAUSES_OF_A_METHOD = frozenset(
    {
        PauseReason.CARD_DECLINED,
        PauseReason.AUTHENTICATION_NEEDED,
        PauseReason.METHOD_UNUSABLE,
        PauseReason.CARD_DISPUTED,
    }
)
_WORDS = {
    "is_on": "auto-recharge",
    "trigger_micros": "trigger amount",
    "amount_micros": "recharge amount",
    "is_inclusive": "also when the balance hits the trigger",
    "in_multiples": "one charge of several amounts",
    "method_id": "payment method",
    "fallback_method_id": "fallback",
    "cap_per_day_micros": "cap per day",
    "cap_per_month_micros": "cap per month",
    "recharges_per_hour": "recharges per hour at most",
    "recharges_per_day": "recharges per day at most",
}


@frozen
class RechargeChange:
    """What is to change; None stays as it is, `NONE` unsets a cap or the fallback."""

    is_on: bool | None = None
    trigger_micros: int | None = None
    amount_micros: int | None = None
    is_inclusive: bool | None = None
    in_multiples: bool | None = None
    method_id: int | None = None
    fallback_method_id: int | None = None
    cap_per_day_micros: int | None = None
    cap_per_month_micros: int | None = None
    recharges_per_hour: int | None = None
    recharges_per_day: int | None = None


def changed(policy: RechargePolicy, change: RechargeChange) -> RechargePolicy:
    """Return the next version of a policy."""
    stated = {name: value for name in _WORDS if (value := getattr(change, name)) is not None}
    for name in ("cap_per_day_micros", "cap_per_month_micros", "fallback_method_id"):
        if stated.get(name) == NONE:
            stated[name] = None
    return replace(policy, **stated, version=policy.version + 1)


def check_version(policy: RechargePolicy, looked_at: int | None, currency: str) -> None:
    """Raise Conflict where somebody else changed the policy since it was looked at (money.md 70)."""
    if looked_at is None or looked_at == policy.version:
        return
    message = (
        f"the auto-recharge was changed meanwhile: you looked at version {looked_at}, it is version {policy.version}"
        f" now ({sentence(policy, currency)}); look again, then repeat what you still want"
    )
    raise Conflict(message, code="version_changed")


def check(
    policy: RechargePolicy,
    methods: Mapping[int, PaymentMethod],
    currency: str,
    today: date,
    terms: BuyingTerms = DEFAULT_TERMS,
) -> None:
    """Raise Invalid or NotFound for a policy that cannot work, with what would."""
    for name in ("trigger_micros", "amount_micros", "cap_per_day_micros", "cap_per_month_micros"):
        amount = getattr(policy, name)
        if amount is not None and not 0 <= amount <= AMOUNT_MAX_MICROS:
            most = format_micros(AMOUNT_MAX_MICROS)
            raise Invalid(f"the {_WORDS[name]} must lie between 0 and {most} {currency}", code="amount")
    if min(policy.recharges_per_hour, policy.recharges_per_day) < 1:
        raise Invalid("at least one recharge an hour and a day must be allowed; or switch it off", code="guards")
    if policy.is_on:
        _check_amounts(policy, currency, terms)
        _check_methods(policy, methods, today)


def withdrawal(
    purchase: Purchase | None,
    paid_by: PaymentMethod | None,
    after: RechargePolicy,
    pays_now: PaymentMethod | None,
    at: datetime,
) -> Purchase | None:
    """Return the open recharge given up, where it is switched off or paid otherwise now and no money can be moving.

    One that may be moving money is left alone: it settles, and what is set now counts from the next epoch (money.md 8
    and 9).
    """
    if purchase is None or purchase.state not in {PurchaseState.DUE, PurchaseState.NEEDS_ACTION}:
        return None
    is_same = paid_by is not None and pays_now is not None and paid_by.fingerprint == pays_now.fingerprint
    if after.is_on and is_same:
        return None
    why = "another way to pay was chosen" if after.is_on else "auto-recharge was switched off"
    return purchases.withdrawn(purchase, why, at)


def ready(
    progress: RechargeProgress, withdrawn: Purchase | None, method: PaymentMethod | None, zone: ZoneInfo
) -> RechargeProgress:
    """Return the progress on which new settings are judged: what was given up is closed, a new card ends its pause."""
    if withdrawn is not None and not withdrawn.is_open:
        progress = recharge.given_up(progress, withdrawn, zone)
    is_other = method is not None and method.fingerprint != progress.paused_fingerprint
    if progress.paused in PAUSES_OF_A_METHOD and is_other:
        return recharge.resumed(progress)
    return replace(progress, held_back=None)


def alerts(known: tuple[BalanceAlert, ...], thresholds: tuple[int, ...]) -> tuple[BalanceAlert, ...]:
    """Return the alerts for these thresholds, keeping what was told of those that stay; raise Invalid."""
    if len(thresholds) > ALERTS_MAX or any(not 0 < each <= AMOUNT_MAX_MICROS for each in thresholds):
        raise Invalid(f"up to {ALERTS_MAX} thresholds can be watched, each an amount above 0", code="alerts")
    by_threshold = {alert.threshold_micros: alert for alert in known}
    return tuple(by_threshold.get(each, BalanceAlert(each)) for each in sorted(set(thresholds)))


def warnings(policy: RechargePolicy, usual_day_micros: int, currency: str) -> list[str]:
    """Tell what is legal and probably not meant (money.md 5 and 6, D3)."""
    if not policy.is_on:
        return []
    said = []
    if policy.trigger_micros > policy.amount_micros and not policy.in_multiples:
        times = -(-policy.trigger_micros // policy.amount_micros)
        said.append(
            f"the trigger is above the recharge amount: from an empty balance it takes {times} charges of"
            f" {format_micros(policy.amount_micros)} {currency} to get above it, at most"
            f" {policy.recharges_per_hour} an hour"
        )
    if policy.trigger_micros == 0:
        said.append("with a trigger of 0 it recharges only once a call was refused or cut, or something is owed")
    elif policy.trigger_micros < usual_day_micros:
        said.append(
            f"the trigger is below what a usual day costs ({format_micros(usual_day_micros)} {currency}):"
            " if a card fails, a day later calls stop"
        )
    return said


def difference(before: RechargePolicy, after: RechargePolicy) -> tuple[tuple[str, str], ...]:
    """Return what changed, as details of an event: name, `before → after`."""
    names = [field.name for field in fields(RechargePolicy) if field.name != "version"]
    return tuple(
        (name, f"{getattr(before, name)} → {getattr(after, name)}")
        for name in names
        if getattr(before, name) != getattr(after, name)
    )


def sentence(policy: RechargePolicy, currency: str) -> str:
    """Say a policy as one reads it: each time the balance falls below 100.00 USD, 200.00 USD are added."""
    if not policy.is_on:
        return "auto-recharge is off"
    below = "falls to or below" if policy.is_inclusive else "falls below"
    return (
        f"each time the available balance {below} {format_micros(policy.trigger_micros)} {currency},"
        f" {format_micros(policy.amount_micros)} {currency} are added"
    )


def _check_amounts(policy: RechargePolicy, currency: str, terms: BuyingTerms) -> None:
    refusal = amount_refusal(policy.amount_micros, currency, terms)
    if refusal is not None:
        raise Invalid(f"as recharge amount, {refusal.message}", code=refusal.code)
    for name in ("cap_per_day_micros", "cap_per_month_micros"):
        cap = getattr(policy, name)
        if cap is not None and cap < policy.amount_micros:
            message = f"the {_WORDS[name]} of {format_micros(cap)} is below the recharge amount: nothing would recharge"
            raise Invalid(message, code="cap_below_amount")


def _check_methods(policy: RechargePolicy, methods: Mapping[int, PaymentMethod], today: date) -> None:
    if policy.method_id is None:
        raise Invalid("say what pays: `talktime payment-methods` lists and adds cards and agreements", code="method")
    for method_id in (policy.method_id, policy.fallback_method_id):
        if method_id is None:
            continue
        method = methods.get(method_id)
        if method is None:
            message = f"there is no payment method {method_id}: `talktime payment-methods list` shows them"
            raise NotFound(message, code="method_not_found")
        if method.card is not None and method.card.expires_on < today:
            raise Invalid(f"{method.label} expired on {method.card.expires_on}: add another card", code="card_expired")
