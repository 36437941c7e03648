"""What the recharge is doing, truthfully: one word and one sentence for pages, mails and the terminal."""

from datetime import datetime
from enum import Enum

from talktime.core.credit.buying.purchases import ATTEMPTS_MAX, Purchase, PurchaseState
from talktime.core.credit.recharging.recharge import HoldBackReason, PauseReason, RechargePolicy, RechargeProgress
from talktime.core.values.frozen import frozen


class RechargeState(Enum):
    """What the recharge is doing; a page never says "on" while it is paused (money.md, complaint 18)."""

    OFF = "off"
    ARMED = "armed"
    RECHARGING = "recharging"
    RETRYING = "retrying"
    UNCERTAIN = "uncertain"
    NEEDS_AUTHENTICATION = "needs_authentication"
    AWAITS_PAYMENT = "awaits_payment"
    HELD_BACK = "held_back"
    PAUSED = "paused"


@frozen
class RechargeStatus:
    """A state, why, what would change it, and when something happens next."""

    state: RechargeState
    why: str
    what_to_do: str = ""
    next_at: datetime | None = None


_PAUSES: dict[PauseReason, tuple[str, str]] = {
    PauseReason.CARD_DECLINED: ("the card was declined", "use another card, or try again once the bank agrees"),
    PauseReason.AUTHENTICATION_NEEDED: ("the bank wants the card's owner to authenticate", "follow the mailed link"),
    PauseReason.METHOD_UNUSABLE: ("nothing is there to pay with", "add a card or an agreement"),
    PauseReason.CHARGE_AMBIGUOUS: (
        "it is not certain whether the last charge moved money",
        "the operator compares it with the payment provider; until then nothing is charged",
    ),
    PauseReason.TOO_MANY: (
        "more recharges in a day than are usual: this may be fraud",
        "look at the calls, then resume",
    ),
    PauseReason.CARD_DISPUTED: ("the card's owner disputes a charge", "use another card"),
    PauseReason.BY_ADMIN: ("an admin paused it", "resume it"),
    PauseReason.RESTORED: (
        "the books were restored from a backup",
        "the operator reconciles with the payment provider, then resumes",
    ),
    PauseReason.ORGANIZATION_CLOSED: ("the organization is closed", ""),
}
_HELD_BACK: dict[HoldBackReason, tuple[str, str]] = {
    HoldBackReason.DAY_CAP: ("the cap of this day is reached", "raise the cap, or add credit by hand"),
    HoldBackReason.MONTH_CAP: ("the cap of this month is reached", "raise the cap, or add credit by hand"),
    HoldBackReason.BURST: ("it recharged too often within an hour", "raise the recharge amount, or wait"),
}


def status_of(policy: RechargePolicy, progress: RechargeProgress, purchase: Purchase | None) -> RechargeStatus:
    """Tell what the recharge is doing; `purchase` is the open one, if any."""
    if progress.paused is not None and (policy.is_on or purchase is not None):
        why, what_to_do = _PAUSES[progress.paused]
        needs_owner = progress.paused is PauseReason.AUTHENTICATION_NEEDED
        state = RechargeState.NEEDS_AUTHENTICATION if needs_owner else RechargeState.PAUSED
        return RechargeStatus(state, why, what_to_do)
    if purchase is not None:
        return _under_way(purchase)
    if not policy.is_on:
        return RechargeStatus(RechargeState.OFF, "auto-recharge is off", "calls stop when the credit is gone")
    if progress.held_back is not None:
        why, what_to_do = _HELD_BACK[progress.held_back.reason]
        return RechargeStatus(RechargeState.HELD_BACK, why, what_to_do, progress.held_back.until)
    return RechargeStatus(RechargeState.ARMED, "it recharges when the available balance falls below the trigger")


def _under_way(purchase: Purchase) -> RechargeStatus:
    match purchase.state:
        case PurchaseState.NEEDS_ACTION:
            why, what_to_do = _PAUSES[PauseReason.AUTHENTICATION_NEEDED]
            return RechargeStatus(RechargeState.NEEDS_AUTHENTICATION, why, what_to_do)
        case PurchaseState.INVOICED:
            return RechargeStatus(RechargeState.AWAITS_PAYMENT, "the invoice is written; credit comes with its payment")
        case PurchaseState.UNKNOWN:
            why = purchase.reason or "the payment provider has not answered"
            return RechargeStatus(
                RechargeState.UNCERTAIN, why, "we keep asking; nothing is charged twice", purchase.next_step_at
            )
        case PurchaseState.DUE if purchase.attempt > 1:
            why = f"attempt {purchase.attempt - 1} of {ATTEMPTS_MAX} failed: {purchase.reason}"
            return RechargeStatus(
                RechargeState.RETRYING, why, "use another card to recharge now", purchase.next_step_at
            )
        case _:
            return RechargeStatus(RechargeState.RECHARGING, "a recharge is under way")
