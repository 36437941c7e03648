"""Rows of what is watched and of purchases, and the core's values: translation only, as in `rows`."""

from dataclasses import fields
from datetime import date

from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.recharging.recharge import (
    HeldBack,
    HoldBackReason,
    PauseReason,
    RechargePolicy,
    RechargeProgress,
    Reserved,
)
from talktime.core.credit.recharging.watching import BalanceAlert, CreditWatch
from talktime.store.charging.rows import Row
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none

POLICY_COLUMNS = (
    "is_on, trigger_micros, amount_micros, is_inclusive, in_multiples, method_id, fallback_method_id,"
    " cap_per_day_micros, cap_per_month_micros, recharges_per_hour, recharges_per_day, version"
)
# What charging changes while credit moves.
PROGRESS_COLUMNS = (
    "epoch, open_purchase_id, paused, paused_at, paused_fingerprint, held_back, held_back_until, reserved_day,"
    " reserved_day_micros, reserved_month, reserved_month_micros, recent, alerts, is_exhaustion_told, events_count"
)
WATCH_COLUMNS = f"organization_id, {POLICY_COLUMNS}, {PROGRESS_COLUMNS}"
# Of an organization, to tell whether the rest has to be read.
REVISION_COLUMNS = "organization_id, revision"
_POLICY_COUNT = POLICY_COLUMNS.count(",") + 1

PURCHASE_COLUMNS = (
    "organization_id, purchase_id, cause, amount_micros, currency, method_id, created_at, state, epoch, tax_micros,"
    " attempt, next_step_at, fence, first_asked_at, last_asked_at, asked_count, charge_id, decline_code, reason,"
    " action_url, closed_at, lot_id, is_withdrawn"
)
assert ", ".join(field.name for field in fields(Purchase)) == PURCHASE_COLUMNS
_INSTANTS = ("next_step_at", "first_asked_at", "last_asked_at", "closed_at")


def watch_of(row: Row) -> CreditWatch:
    """Translate a row of WATCH_COLUMNS."""
    is_on, trigger, amount, is_inclusive, in_multiples, *others = row[1 : 1 + _POLICY_COUNT]
    policy = RechargePolicy(bool(is_on), trigger, amount, bool(is_inclusive), bool(in_multiples), *others)
    epoch, open_id, paused, paused_at, fingerprint, held_back, until, *rest = row[1 + _POLICY_COUNT :]
    *reserved, alerts, is_exhaustion_told, events_count = rest
    progress = RechargeProgress(
        epoch,
        open_id,
        None if paused is None else PauseReason(paused),
        from_micros_or_none(paused_at),
        fingerprint,
        None if held_back is None else HeldBack(HoldBackReason(held_back), from_micros(until)),
        _reserved_of(*reserved),
    )
    return CreditWatch(policy, progress, _alerts_of(alerts), bool(is_exhaustion_told), events_count)


def policy_row(policy: RechargePolicy) -> Row:
    """Return the row of POLICY_COLUMNS."""
    return (
        policy.is_on,
        policy.trigger_micros,
        policy.amount_micros,
        policy.is_inclusive,
        policy.in_multiples,
        policy.method_id,
        policy.fallback_method_id,
        policy.cap_per_day_micros,
        policy.cap_per_month_micros,
        policy.recharges_per_hour,
        policy.recharges_per_day,
        policy.version,
    )


def progress_row(watch: CreditWatch) -> Row:
    """Return the row of PROGRESS_COLUMNS."""
    progress, reserved = watch.progress, watch.progress.reserved
    held_back = progress.held_back
    return (
        progress.epoch,
        progress.open_purchase_id,
        None if progress.paused is None else progress.paused.value,
        to_micros_or_none(progress.paused_at),
        progress.paused_fingerprint,
        None if held_back is None else held_back.reason.value,
        None if held_back is None else to_micros(held_back.until),
        _iso(reserved.day),
        reserved.day_micros,
        _iso(reserved.month),
        reserved.month_micros,
        " ".join(str(to_micros(each)) for each in reserved.recent),
        " ".join(map(_alert_text, watch.alerts)),
        watch.is_exhaustion_told,
        watch.events_count,
    )


def purchase_of(row: Row) -> Purchase:
    """Translate a row of PURCHASE_COLUMNS."""
    values = dict(zip(PURCHASE_COLUMNS.split(", "), row, strict=True))
    instants = {name: from_micros_or_none(values[name]) for name in _INSTANTS}
    return Purchase(
        **values
        | instants
        | {
            "cause": PurchaseCause(values["cause"]),
            "state": PurchaseState(values["state"]),
            "created_at": from_micros(values["created_at"]),
            "is_withdrawn": bool(values["is_withdrawn"]),
        }
    )


def purchase_row(purchase: Purchase) -> Row:
    """Return the row of PURCHASE_COLUMNS."""
    return (
        purchase.organization_id,
        purchase.purchase_id,
        purchase.cause.value,
        purchase.amount_micros,
        purchase.currency,
        purchase.method_id,
        to_micros(purchase.created_at),
        purchase.state.value,
        purchase.epoch,
        purchase.tax_micros,
        purchase.attempt,
        to_micros_or_none(purchase.next_step_at),
        purchase.fence,
        to_micros_or_none(purchase.first_asked_at),
        to_micros_or_none(purchase.last_asked_at),
        purchase.asked_count,
        purchase.charge_id,
        purchase.decline_code,
        purchase.reason,
        purchase.action_url,
        to_micros_or_none(purchase.closed_at),
        purchase.lot_id,
        purchase.is_withdrawn,
    )


def _reserved_of(day: str, day_micros: int, month: str, month_micros: int, recent: str) -> Reserved:
    instants = tuple(from_micros(int(each)) for each in recent.split())
    return Reserved(_date_of(day), day_micros, _date_of(month), month_micros, instants)


def _date_of(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _alerts_of(text: str) -> tuple[BalanceAlert, ...]:
    parts = (each.split(":") for each in text.split())
    return tuple(
        BalanceAlert(int(threshold), from_micros(int(told_at)) if told_at else None, is_armed == "1")
        for threshold, told_at, is_armed in parts
    )


def _alert_text(alert: BalanceAlert) -> str:
    told_at = "" if alert.told_at is None else to_micros(alert.told_at)
    return f"{alert.threshold_micros}:{told_at}:{int(alert.is_armed)}"
