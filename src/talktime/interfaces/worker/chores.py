"""The chores themselves: each looks for what is due, has the use cases do it, and tells what was done.

Each may be done twice, by two workers at once, or be cut off anywhere: the use cases see to that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from talktime.bootstrap import App
from talktime.core.credit.payments import PurchaseKey
from talktime.core.credit.purchases import Purchase
from talktime.core.organizations.deliveries import Refused, Sent
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.store.work import DuePurchase
from talktime.usecases.credit.charge_purchases import DUE_MAX, charge_purchase
from talktime.usecases.credit.issue_statements import issue_statement, statements_due
from talktime.usecases.credit.reconcile_payments import reconcile_payments
from talktime.usecases.credit.review_recharges import ReviewRecharge, held_back_recharges, review_recharge
from talktime.usecases.organizations.deliver_events import Attempt, Channels, deliver
from talktime.usecases.ports import PaymentGateway

# How long one can look up what became of a workflow.
WORKFLOWS_KEPT_FOR = timedelta(days=7)
# A webhook that did not come within these days is not waited for.
RECONCILED_BACK_TO = timedelta(days=3)


class Done(NamedTuple):
    """One thing that was done: a name for programs, and its facts."""

    what: str
    facts: Mapping[str, object]


class Purchases(Protocol):
    """Has purchases charged: here and now, or as durable workflows."""

    def charge(self, due: Sequence[DuePurchase], at: datetime) -> list[Done]:
        """Charge what is due, or see to it that it is charged; starting one twice is harmless."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget what is remembered of work that ended before; return of how much."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """What chores need; `is_stopping` tells that nothing new shall begin."""

    app: App
    gateways: Mapping[str, PaymentGateway]
    channels: Channels
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class PurchasesInPlace:
    """Charges one purchase after the other, in the thread that asks."""

    work: Work

    def charge(self, due: Sequence[DuePurchase], at: datetime) -> list[Done]:
        """Charge what is due at `at`, each as of the clock then."""
        assert at.tzinfo is not None
        return [charge_one(self.work, each.key) for each in due if not self.work.is_stopping()]

    def forget(self, before: datetime) -> int:
        """Nothing is remembered but the rows."""
        assert before.tzinfo is not None
        return 0


def charge_one(work: Work, key: PurchaseKey) -> Done:
    """Do what is due about a purchase, and tell how it stands then."""
    charge_purchase(work.app.run, work.gateways, key, work.clock)
    purchase = work.app.read(_purchase, key)
    assert purchase is not None, "no purchase is ever deleted"
    return _told(purchase)


def charge_purchases(work: Work, purchases: Purchases) -> list[Done]:
    """Charge, ask again, search: whatever is due about purchases."""
    at = work.clock()
    due = work.app.read(_due_purchases, at)
    return purchases.charge(due, at) if due else []


def review_recharges(work: Work, _: Purchases) -> list[Done]:
    """Look again at recharges that were held back until now."""
    done = []
    for name in work.app.read(held_back_recharges, work.clock()):
        if work.is_stopping():
            break
        reviewed = work.app.run(review_recharge, ReviewRecharge(name, work.clock()))
        until = {} if reviewed.until is None else {"until": reviewed.until}
        done.append(Done("recharge_reviewed", {"organization": name, "verdict": reviewed.verdict.value, **until}))
    return done


def deliver_events(work: Work, _: Purchases) -> list[Done]:
    """Plan who is told what, and send what is due."""
    at = work.clock()
    if not work.app.read(_notices_wait, at):
        return []
    return [_delivered(attempt) for attempt in deliver(work.app.run, work.channels, at).attempts]


def issue_statements(work: Work, _: Purchases) -> list[Done]:
    """Issue the statement of every month that is over where the organization is."""
    done = []
    for due in work.app.read(statements_due, work.clock()):
        if work.is_stopping():
            break
        statement = work.app.run(issue_statement, due)
        facts = {"organization": due.organization, "month": f"{due.month:%Y-%m}"}
        done.append(Done("statement_issued", {**facts, "closing": format_micros(statement.closing_micros)}))
    return done


def reconcile_with_gateways(work: Work, _: Purchases) -> list[Done]:
    """Compare what gateways charged of late with our purchases: a webhook may never have come (money.md 15)."""
    done = []
    for name, gateway in work.gateways.items():
        at = work.clock()
        found = reconcile_payments(work.app.run, gateway, at - RECONCILED_BACK_TO, at)
        if found.settled_count or found.unexplained:
            facts = {"gateway": name, "settled": found.settled_count, "unexplained": len(found.unexplained)}
            done.append(Done("gateway_reconciled", facts))
    return done


def forget_workflows(work: Work, purchases: Purchases) -> list[Done]:
    """Forget workflows that ended long ago: the rows they worked on tell everything."""
    forgotten = purchases.forget(work.clock() - WORKFLOWS_KEPT_FOR)
    return [Done("workflows_forgotten", {"workflows": forgotten})] if forgotten else []


def _due_purchases(tx: Transaction, at: datetime) -> list[DuePurchase]:
    return tx.work.due_purchases(at, most=DUE_MAX)


def _notices_wait(tx: Transaction, at: datetime) -> bool:
    return tx.work.notices_wait(at)


def _purchase(tx: Transaction, key: PurchaseKey) -> Purchase | None:
    return tx.purchases.purchase(key)


def _told(purchase: Purchase) -> Done:
    facts: dict[str, object] = {
        "organization": purchase.organization_id,
        "purchase": purchase.purchase_id,
        "amount": format_micros(purchase.charged_micros),
        "currency": purchase.currency,
        "attempt": purchase.attempt,
    }
    if purchase.reason:
        facts["reason"] = purchase.reason
    if purchase.next_step_at is not None:
        facts["next_step_at"] = purchase.next_step_at
    return Done(f"purchase_{purchase.state.value}", facts)


def _delivered(attempt: Attempt) -> Done:
    delivery = attempt.taken.notice.delivery
    facts: dict[str, object] = {
        "organization": delivery.organization_id,
        "event": delivery.event_id,
        "channel": delivery.channel.value,
        "recipient": delivery.recipient,
    }
    match attempt.result:
        case Sent():
            return Done("notice_sent", facts)
        case Refused(why=why):
            return Done("notice_refused", {**facts, "reason": why})
        case not_sent:
            return Done("notice_not_sent", {**facts, "reason": not_sent.why})
