"""What must follow when credit moves: a recharge, and what people must be told, each once (D1, money.md 1 and 58)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import (
    FIRST_EPOCH,
    NO_RECHARGE,
    Due,
    HeldBack,
    PauseReason,
    RechargePolicy,
    RechargeProgress,
)
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen

# A balance that dances around a threshold is told of once: first it must have risen by a tenth above it,
# and the same threshold is not told of twice a day.
REARM_DIVISOR = 10
ALERT_INTERVAL = timedelta(hours=24)


@frozen
class BalanceAlert:
    """A threshold that the admin set: told when the available balance falls below it."""

    threshold_micros: int
    told_at: datetime | None = None
    is_armed: bool = True


@frozen
class CreditWatch:
    """What is watched while an organization's credit moves; kept with the credit, under the same lock."""

    policy: RechargePolicy = NO_RECHARGE
    progress: RechargeProgress = FIRST_EPOCH
    alerts: tuple[BalanceAlert, ...] = ()
    # Told since the last funding that the balance is gone; a fraction of a cent buys no minute.
    is_exhaustion_told: bool = False
    # Numbers the events, so that each has an id of its own.
    events_count: int = 0


class Watched(NamedTuple):
    """The watch after a movement, what is to be told, and the recharge that became due."""

    watch: CreditWatch
    events: tuple[Event, ...] = ()
    purchase: Purchase | None = None


def after_movement(
    organization: Organization,
    watch: CreditWatch,
    before: Credit,
    after: Credit,
    at: datetime,
    *,
    wants_credit: bool = False,
) -> Watched:
    """Tell what follows from a movement of credit, or from a call's refusal or cut for want of it."""
    available = after.spendable_micros(at)
    # Quick, because every call comes by here, and next to none has consequences.
    if available > 0 and not wants_credit and _is_quiet(watch, available):
        return Watched(watch)
    was_micros, is_now_micros = before.balance_micros, after.balance_micros
    told = Telling(organization, watch, is_now_micros, at)
    told.balance(was_micros, wants_credit=wants_credit)
    told.alerts(available)
    verdict = recharge.evaluate(
        watch.policy, watch.progress, available, at, organization.zone, wants_credit=wants_credit
    )
    purchase = told.verdict(verdict, available)
    return told.watched(purchase)


def funded(watch: CreditWatch, credit: Credit) -> CreditWatch:
    """Return the watch after a funding: what was told of an empty balance may be told again."""
    if not watch.is_exhaustion_told or credit.balance_micros <= 0:
        return watch
    return replace(watch, is_exhaustion_told=False)


def _is_quiet(watch: CreditWatch, available_micros: int) -> bool:
    """Tell whether nothing can follow from this much: no trigger near, no alert to tell of or to arm again."""
    if watch.policy.is_on and available_micros <= watch.policy.trigger_micros:
        return False
    return all(alert.is_armed != (available_micros < alert.threshold_micros) for alert in watch.alerts)


class Telling:
    """Collects the events of one movement, numbering them on the watch."""

    def __init__(self, organization: Organization, watch: CreditWatch, balance_micros: int, at: datetime) -> None:
        """Begin with the watch as it stands, and the posted balance that the events shall tell."""
        self.organization = organization
        self._balance_micros = balance_micros
        self._at = at
        self.watch = watch
        self.events: list[Event] = []

    def watched(self, purchase: Purchase | None = None) -> Watched:
        """Return all that was collected."""
        return Watched(self.watch, tuple(self.events), purchase)

    def balance(self, was_micros: int, *, wants_credit: bool) -> None:
        """Tell when the balance is gone, once until it is funded, and when it falls below zero (D1)."""
        is_now = self._balance_micros
        if not self.watch.is_exhaustion_told and (was_micros > 0 >= is_now or wants_credit):
            self.watch = replace(self.watch, is_exhaustion_told=True)
            self.tell(EventKind.BALANCE_EXHAUSTED)
        if was_micros >= 0 > is_now:
            self.tell(EventKind.BALANCE_OVERDRAWN)

    def alerts(self, available_micros: int) -> None:
        """Tell of the deepest threshold that was crossed; the others are noted (money.md 58)."""
        if not self.watch.alerts:
            return
        alerts = tuple(_rearmed(alert, available_micros) for alert in self.watch.alerts)
        crossed = [each for each in alerts if each.is_armed and available_micros < each.threshold_micros]
        if not crossed and alerts == self.watch.alerts:
            return
        fresh = [each for each in crossed if each.told_at is None or self._at - each.told_at >= ALERT_INTERVAL]
        # What is not told because it was told a short while ago keeps that instant: else it might never be told again.
        told = [replace(each, is_armed=False, told_at=self._at if each in fresh else each.told_at) for each in crossed]
        by_threshold = {each.threshold_micros: each for each in (*alerts, *told)}
        self.watch = replace(self.watch, alerts=tuple(by_threshold.values()))
        if fresh:
            deepest = min(each.threshold_micros for each in fresh)
            self.tell(
                EventKind.BALANCE_LOW,
                ("threshold_micros", str(deepest)),
                ("available_micros", str(available_micros)),
            )

    def verdict(self, verdict: recharge.Verdict, available_micros: int) -> Purchase | None:
        """Act on what the recharge policy says."""
        match verdict:
            case None:
                return None
            case PauseReason():
                self.pause(verdict, "")
                return None
            case HeldBack():
                self._hold_back(verdict, available_micros)
                return None
            case Due():  # pragma: no branch -- there is no other verdict
                return self._begin(verdict)

    def pause(self, reason: PauseReason, fingerprint: str) -> None:
        """Stop the recharge until somebody does something, and say why."""
        self.watch = replace(self.watch, progress=recharge.paused(self.watch.progress, reason, fingerprint, self._at))
        self.tell(EventKind.RECHARGE_PAUSED, ("reason", reason.value))

    def _hold_back(self, held_back: HeldBack, available_micros: int) -> None:
        known = self.watch.progress.held_back
        if held_back == known:
            return
        self.watch = replace(self.watch, progress=replace(self.watch.progress, held_back=held_back))
        self.tell(
            EventKind.RECHARGE_HELD_BACK,
            ("reason", held_back.reason.value),
            ("until_at", held_back.until.isoformat()),
            ("available_micros", str(available_micros)),
            *self._what_is_wanted(),
        )

    def _begin(self, due: Due) -> Purchase:
        progress = self.watch.progress
        purchase_id = recharge.purchase_id_of(progress.epoch)
        self.watch = replace(
            self.watch, progress=recharge.begun(progress, due, purchase_id, self._at, self.organization.zone)
        )
        return Purchase(
            self.organization.organization_id,
            purchase_id,
            PurchaseCause.RECHARGE,
            due.amount_micros,
            self.organization.currency,
            due.method_id,
            self._at,
            epoch=progress.epoch,
            next_step_at=self._at,
        )

    def _what_is_wanted(self) -> Iterator[tuple[str, str]]:
        policy = self.watch.policy
        yield "amount_micros", str(policy.amount_micros)
        yield "trigger_micros", str(policy.trigger_micros)

    def tell(self, kind: EventKind, *details: tuple[str, str]) -> None:
        """Add an event, with an id of its own."""
        number = self.watch.events_count + 1
        self.watch = replace(self.watch, events_count=number)
        event_id = f"{kind.value}:{number}"
        details = (("currency", self.organization.currency), *details)
        self.events.append(
            Event(self.organization.organization_id, event_id, kind, self._at, self._balance_micros, details)
        )


def _rearmed(alert: BalanceAlert, available_micros: int) -> BalanceAlert:
    rearm_at_micros = alert.threshold_micros + alert.threshold_micros // REARM_DIVISOR
    if alert.is_armed or available_micros < rearm_at_micros:
        return alert
    return replace(alert, is_armed=True)
