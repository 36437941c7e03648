"""When credit is bought by itself: below the trigger, once for each epoch, within the caps (S25 to S28, D2).

Every evaluation has an answer: nothing to do, a recharge, or held back with the reason (money.md, complaint 4).
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.credit.buying.purchases import Purchase
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, month_of, start_of_day

HOUR = timedelta(hours=1)
# Recharges of this long ago count in no guard any more.
REMEMBERED = timedelta(hours=24)


class PauseReason(Enum):
    """Why nothing is recharged until somebody does something."""

    CARD_DECLINED = "card_declined"
    AUTHENTICATION_NEEDED = "authentication_needed"
    METHOD_UNUSABLE = "method_unusable"
    CHARGE_AMBIGUOUS = "charge_ambiguous"
    TOO_MANY = "too_many"
    CARD_DISPUTED = "card_disputed"
    BY_ADMIN = "by_admin"
    RESTORED = "restored"
    ORGANIZATION_CLOSED = "organization_closed"


class HoldBackReason(Enum):
    """Why a recharge that is due waits; it comes by itself."""

    DAY_CAP = "day_cap"
    MONTH_CAP = "month_cap"
    BURST = "burst"


@frozen
class RechargePolicy:
    """What an admin chose; `version` grows with every change. Caps count the credit that recharges buy, before tax."""

    is_on: bool = False
    trigger_micros: int = 0
    amount_micros: int = 0
    # D2: strictly below is the rule, at or below by choice.
    is_inclusive: bool = False
    # One charge of as many amounts as it takes to be above the trigger, instead of one amount after another.
    in_multiples: bool = False
    method_id: int | None = None
    fallback_method_id: int | None = None
    cap_per_day_micros: int | None = None
    cap_per_month_micros: int | None = None
    recharges_per_hour: int = 3
    # More than that is fraud or a slip: the recharge stops until an admin confirms (money.md 28).
    recharges_per_day: int = 6
    version: int = 0


NO_RECHARGE = RechargePolicy()


class HeldBack(NamedTuple):
    """A recharge that waits, and until when at most."""

    reason: HoldBackReason
    until: datetime


@frozen
class Reserved:
    """What recharges have taken of the caps, in the organization's local day and month, and when."""

    day: date | None = None
    day_micros: int = 0
    month: date | None = None
    month_micros: int = 0
    recent: tuple[datetime, ...] = ()

    def on(self, day: date) -> "Reserved":
        """Return what counts on a day: a new day, a new month begin at zero; a clock that is behind begins none."""
        if self.day is not None and day < self.day:
            return self
        month = day.replace(day=1)
        if (day, month) == (self.day, self.month):
            return self
        return Reserved(
            day,
            self.day_micros if day == self.day else 0,
            month,
            self.month_micros if month == self.month else 0,
            self.recent,
        )

    def taken(self, amount_micros: int, at: datetime) -> "Reserved":
        """Return what counts after a recharge was decided."""
        recent = (*(each for each in self.recent if at - each < REMEMBERED), at)
        return replace(
            self,
            day_micros=self.day_micros + amount_micros,
            month_micros=self.month_micros + amount_micros,
            recent=recent,
        )

    def given_back(self, amount_micros: int, decided_on: date) -> "Reserved":
        """Return what counts after a recharge came to nothing; how often it was tried still counts."""
        return replace(
            self,
            day_micros=max(0, self.day_micros - amount_micros) if decided_on == self.day else self.day_micros,
            month_micros=max(0, self.month_micros - amount_micros)
            if decided_on.replace(day=1) == self.month
            else self.month_micros,
        )


NOTHING_RESERVED = Reserved()


@frozen
class RechargeProgress:
    """Where an organization's recharge stands; `epoch` grows when a recharge closes: one trigger, one charge."""

    epoch: int = 1
    open_purchase_id: str | None = None
    paused: PauseReason | None = None
    paused_at: datetime | None = None
    # The way to pay that did not do: another one resumes, the same one again does not (money.md 18).
    paused_fingerprint: str = ""
    held_back: HeldBack | None = None
    reserved: Reserved = NOTHING_RESERVED


FIRST_EPOCH = RechargeProgress()


class Due(NamedTuple):
    """A recharge is to be made now."""

    amount_micros: int
    method_id: int


Verdict = Due | HeldBack | PauseReason | None


def is_below(policy: RechargePolicy, available_micros: int, *, wants_credit: bool) -> bool:
    """Compare with the trigger: the one place where that is done (D2, money.md 2).

    `available_micros` is posted less held, below zero where the organization owes. A trigger of 0 fires when a call
    is refused or cut for want of credit as well, because what is available never falls below zero by a hold (6).
    """
    if available_micros < policy.trigger_micros:
        return True
    if policy.is_inclusive and available_micros == policy.trigger_micros:
        return True
    return wants_credit and policy.trigger_micros == 0


def evaluate(
    policy: RechargePolicy,
    progress: RechargeProgress,
    available_micros: int,
    at: datetime,
    zone: ZoneInfo,
    *,
    wants_credit: bool = False,
) -> Verdict:
    """Decide whether a recharge is due; None where none is, or one is open or paused already."""
    if not policy.is_on or progress.open_purchase_id is not None or progress.paused is not None:
        return None
    if not is_below(policy, available_micros, wants_credit=wants_credit):
        return None
    if policy.method_id is None:
        return PauseReason.METHOD_UNUSABLE
    amount_micros = _amount_micros(policy, available_micros)
    return _guarded(policy, progress, amount_micros, at, zone) or Due(amount_micros, policy.method_id)


def begun(progress: RechargeProgress, due: Due, purchase_id: str, at: datetime, zone: ZoneInfo) -> RechargeProgress:
    """Return the progress with an open recharge, its amount reserved in the caps."""
    reserved = progress.reserved.on(at.astimezone(zone).date()).taken(due.amount_micros, at)
    return replace(progress, open_purchase_id=purchase_id, held_back=None, reserved=reserved)


def closed(progress: RechargeProgress, purchase_id: str) -> RechargeProgress:
    """Return the progress armed for the next epoch, where it was this purchase that was open."""
    if progress.open_purchase_id != purchase_id:
        return progress
    return replace(progress, open_purchase_id=None, epoch=progress.epoch + 1)


def given_up(progress: RechargeProgress, purchase: Purchase, zone: ZoneInfo) -> RechargeProgress:
    """Return the progress after a recharge came to nothing: closed, and its amount given back to the caps."""
    if progress.open_purchase_id != purchase.purchase_id:
        return progress
    decided_on = purchase.created_at.astimezone(zone).date()
    reserved = progress.reserved.given_back(purchase.amount_micros, decided_on)
    return replace(closed(progress, purchase.purchase_id), reserved=reserved)


def paused(progress: RechargeProgress, reason: PauseReason, fingerprint: str, at: datetime) -> RechargeProgress:
    """Return the progress stopped, with the way to pay that did not do; what stopped it first stays."""
    if progress.paused is not None:
        return progress
    return replace(progress, paused=reason, paused_at=at, paused_fingerprint=fingerprint, held_back=None)


def resumed(progress: RechargeProgress) -> RechargeProgress:
    """Return the progress going on; how often it was tried is forgotten, because somebody has looked."""
    reserved = replace(progress.reserved, recent=())
    return replace(unpaused(progress), held_back=None, reserved=reserved)


def unpaused(progress: RechargeProgress) -> RechargeProgress:
    """End a pause that nobody had to look at: what guards against too many recharges stays."""
    return replace(progress, paused=None, paused_at=None, paused_fingerprint="")


def purchase_id_of(epoch: int) -> str:
    """Return the id of an epoch's purchase: the same decision made twice is a conflict of keys."""
    return f"recharge-{epoch}"


def _amount_micros(policy: RechargePolicy, available_micros: int) -> int:
    if not policy.in_multiples:
        return policy.amount_micros
    missing = policy.trigger_micros - available_micros
    # What lands on the trigger itself is above it only where the comparison is strict.
    times = missing // policy.amount_micros + 1 if policy.is_inclusive else -(-missing // policy.amount_micros)
    return max(1, times) * policy.amount_micros


def _guarded(
    policy: RechargePolicy, progress: RechargeProgress, amount_micros: int, at: datetime, zone: ZoneInfo
) -> HeldBack | PauseReason | None:
    today = at.astimezone(zone).date()
    reserved = progress.reserved.on(today)
    if _count_since(reserved, at - DAY) >= policy.recharges_per_day:
        return PauseReason.TOO_MANY
    if _count_since(reserved, at - HOUR) >= policy.recharges_per_hour:
        in_hour = [each for each in reserved.recent if each > at - HOUR]
        return HeldBack(HoldBackReason.BURST, in_hour[-policy.recharges_per_hour] + HOUR)
    month_cap = policy.cap_per_month_micros
    if month_cap is not None and reserved.month_micros + amount_micros > month_cap:
        return HeldBack(HoldBackReason.MONTH_CAP, month_of(at, zone).ends_at)
    day_cap = policy.cap_per_day_micros
    if day_cap is not None and reserved.day_micros + amount_micros > day_cap:
        return HeldBack(HoldBackReason.DAY_CAP, start_of_day(today + DAY, zone))
    return None


def _count_since(reserved: Reserved, since: datetime) -> int:
    return sum(1 for each in reserved.recent if each > since)
