"""What the outcome of a purchase means for the recharge and for those who must be told (S47, S48)."""

from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.credit.buying.payments import Ambiguous, FoundResult, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import ATTEMPTS_MAX, Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import PauseReason, RechargeProgress
from talktime.core.credit.recharging.watching import CreditWatch, Telling, Watched
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen

# A short outage is nobody's business: who asked twice without an answer says so.
DELAY_TOLD_AT_ASK = 2
UNKNOWN_PATIENCE = timedelta(hours=24)
# A settled payment, whoever made it, shows that these are over.
PAUSES_THAT_PAYMENT_ENDS = frozenset(
    {PauseReason.CARD_DECLINED, PauseReason.AUTHENTICATION_NEEDED, PauseReason.METHOD_UNUSABLE}
)
# Nobody can tell yet whether money moved.
_UNCERTAIN = frozenset({PurchaseState.CHARGING, PurchaseState.UNKNOWN})


@frozen
class Conclusion:
    """A purchase before and after an outcome, and the way to pay that was asked."""

    before: Purchase
    after: Purchase
    method: PaymentMethod
    at: datetime


def after_settlement(
    organization: Organization, watch: CreditWatch, it: Conclusion, credit: Credit, *details: tuple[str, str]
) -> Watched:
    """Close the recharge's epoch, end a pause that the payment disproves, and tell of the money (S47).

    `details` are told as well: the invoice, the lot's expiry.
    """
    is_recharge = it.after.cause is PurchaseCause.RECHARGE
    told = Telling(organization, watch, credit.balance_micros, it.at)
    progress = recharge.closed(watch.progress, it.after.purchase_id)
    if is_recharge and not it.before.is_open:
        # Given up, and paid all the same: what was given back to the caps is taken again.
        today = it.at.astimezone(organization.zone).date()
        progress = replace(progress, reserved=progress.reserved.on(today).taken(it.after.amount_micros, it.at))
    resumes = progress.paused in PAUSES_THAT_PAYMENT_ENDS or _was_uncertain(watch.progress, it)
    told.watch = replace(watch, progress=recharge.resumed(progress) if resumes else progress)
    kind = EventKind.RECHARGE_SUCCEEDED if is_recharge else EventKind.CREDIT_PURCHASED
    told.tell(kind, *_about(it, it.after), *details)
    if resumes:
        told.tell(EventKind.RECHARGE_RESUMED, ("reason", "payment_settled"))
    return told.watched()


def after_outcome(
    organization: Organization, watch: CreditWatch, it: Conclusion, result: FoundResult, credit: Credit
) -> Watched:
    """Pause, turn to the fallback or go on, and tell what an admin must know of an outcome without money."""
    told = Telling(organization, watch, credit.balance_micros, it.at)
    if isinstance(result, Ambiguous) and it.before.reason != result.why:
        told.tell(EventKind.PAYMENT_UNEXPLAINED, *_about(it, it.after), ("reason", result.why))
    is_news = it.before.state is not PurchaseState.NEEDS_ACTION and not it.after.is_withdrawn
    asks_owner = is_news and it.after.state is PurchaseState.NEEDS_ACTION
    if asks_owner:
        told.tell(EventKind.AUTHENTICATION_NEEDED, *_about(it, it.after), ("url", it.after.action_url))
    if it.after.cause is PurchaseCause.ORDER:
        if it.after.state is PurchaseState.FAILED:
            told.tell(EventKind.PURCHASE_FAILED, *_about(it, it.after), *_why(it.after))
        return told.watched()
    is_certain_now = _was_uncertain(watch.progress, it) and it.after.state not in _UNCERTAIN
    if is_certain_now:
        told.watch = replace(told.watch, progress=recharge.unpaused(watch.progress))
    _follow(told, it, result, asks_owner=asks_owner)
    if is_certain_now and told.watch.progress.paused is None:
        told.tell(EventKind.RECHARGE_RESUMED, ("reason", "nothing_charged"))
    return told.watched()


def _follow(told: Telling, it: Conclusion, result: FoundResult, *, asks_owner: bool) -> None:
    """Draw the consequences of a recharge's outcome without money."""
    if asks_owner:
        _pause(told, it, PauseReason.AUTHENTICATION_NEEDED)
    elif it.after.state is PurchaseState.DUE and it.before.attempt == 1:
        told.tell(EventKind.RECHARGE_FAILED, *_about(it, it.before), *_why(it.after), *_next(it.after))
    elif it.after.state is PurchaseState.FAILED:
        _failed(told, it)
    elif it.after.state is PurchaseState.CANCELED:
        _give_up(told, it)
    elif it.after.state is PurchaseState.UNKNOWN:
        _unknown(told, it, is_ambiguous=isinstance(result, Ambiguous))


def after_withdrawal(organization: Organization, watch: CreditWatch, it: Conclusion, credit: Credit) -> Watched:
    """Arm the recharge for its next epoch where a purchase was withdrawn before money could move."""
    told = Telling(organization, watch, credit.balance_micros, it.at)
    if it.after.state is PurchaseState.CANCELED:
        _give_up(told, it)
    return told.watched()


def _failed(told: Telling, it: Conclusion) -> None:
    """Turn to the fallback where there is one; else pause, and say so in one mail."""
    _give_up(told, it)
    policy = told.watch.policy
    if policy.fallback_method_id is not None and policy.method_id == it.after.method_id:
        # The card that failed is not asked again: the fallback pays from now on, until an admin sets another.
        swapped = replace(
            policy, method_id=policy.fallback_method_id, fallback_method_id=None, version=policy.version + 1
        )
        progress = told.watch.progress
        is_its_pause = progress.paused in PAUSES_THAT_PAYMENT_ENDS
        progress = recharge.unpaused(progress) if is_its_pause else progress
        told.watch = replace(told.watch, policy=swapped, progress=progress)
        told.tell(EventKind.RECHARGE_FAILED, *_about(it, it.before), *_why(it.after), ("consequence", "fallback"))
        return
    if not policy.is_on or policy.method_id != it.after.method_id:
        # Switched off, or paid otherwise from now on: this failure stops nothing.
        told.tell(EventKind.RECHARGE_FAILED, *_about(it, it.before), *_why(it.after), ("consequence", "given_up"))
        return
    is_agreement = it.method.kind is MethodKind.AGREEMENT
    _pause(told, it, PauseReason.METHOD_UNUSABLE if is_agreement else PauseReason.CARD_DECLINED)
    is_first = it.before.attempt == 1
    kind = EventKind.RECHARGE_FAILED if is_first else EventKind.RECHARGE_PAUSED
    told.tell(kind, *_about(it, it.before), *_why(it.after), ("consequence", "paused"))


def _unknown(told: Telling, it: Conclusion, *, is_ambiguous: bool) -> None:
    since = it.after.first_asked_at
    is_old = since is not None and it.at - since >= UNKNOWN_PATIENCE
    if is_ambiguous or is_old:
        if told.watch.progress.paused is None:
            _pause(told, it, PauseReason.CHARGE_AMBIGUOUS)
            told.tell(EventKind.RECHARGE_PAUSED, *_about(it, it.after), *_why(it.after))
    elif it.before.state is PurchaseState.CHARGING and it.after.asked_count == DELAY_TOLD_AT_ASK:
        told.tell(EventKind.RECHARGE_DELAYED, *_about(it, it.after), *_why(it.after))


def _give_up(told: Telling, it: Conclusion) -> None:
    progress = recharge.given_up(told.watch.progress, it.after, told.organization.zone)
    told.watch = replace(told.watch, progress=progress)


def _was_uncertain(progress: RechargeProgress, it: Conclusion) -> bool:
    """Tell whether the recharge waits for certainty about this purchase, which there is now (money.md 11)."""
    return progress.paused is PauseReason.CHARGE_AMBIGUOUS and progress.open_purchase_id == it.after.purchase_id


def _pause(told: Telling, it: Conclusion, reason: PauseReason) -> None:
    progress = recharge.paused(told.watch.progress, reason, it.method.fingerprint, it.at)
    told.watch = replace(told.watch, progress=progress)


def _about(it: Conclusion, purchase: Purchase) -> tuple[tuple[str, str], ...]:
    return (
        ("purchase", purchase.purchase_id),
        ("amount_micros", str(purchase.amount_micros)),
        ("tax_micros", str(purchase.tax_micros or 0)),
        ("method", it.method.label),
        ("attempt", str(purchase.attempt)),
        ("attempts_max", str(ATTEMPTS_MAX)),
    )


def _why(purchase: Purchase) -> tuple[tuple[str, str], ...]:
    return ("code", purchase.decline_code), ("reason", purchase.reason)


def _next(purchase: Purchase) -> tuple[tuple[str, str], ...]:
    if purchase.next_step_at is None:
        return ()
    return (("next_attempt_at", purchase.next_step_at.isoformat()),)
