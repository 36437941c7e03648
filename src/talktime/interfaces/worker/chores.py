"""The chores themselves: each looks for what is due, has the use cases do it, and tells what was done.

Each may be done twice, by two workers at once, or be cut off anywhere: the use cases see to that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.insight.advice.funding_advice import FundingTerms
from talktime.core.organizations.deliveries import Refused, Sent
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.store.work import DuePurchase
from talktime.usecases.calls.forget_meters import forget_meters as forget_hours
from talktime.usecases.credit.billing.bill_overage import bill_overage as bill
from talktime.usecases.credit.billing.bill_overage import overage_due
from talktime.usecases.credit.billing.issue_statements import issue_statement, statements_due
from talktime.usecases.credit.buying.settle_invoices import warn_of_overdue_invoices as warn_of_invoices
from talktime.usecases.credit.buying.warn_of_expiring_cards import CARDS_MAX
from talktime.usecases.credit.buying.warn_of_expiring_cards import warn_of_expiring_cards as warn_of_cards
from talktime.usecases.credit.expire_credit import DueNotices, ExpireCredit, due_expiries, due_notices
from talktime.usecases.credit.expire_credit import announce_expiry as announce
from talktime.usecases.credit.expire_credit import expire_credit as sweep
from talktime.usecases.credit.paying.charge_purchases import charge_purchase, due_purchases
from talktime.usecases.credit.recharging.review_recharges import ReviewRecharge, held_back_recharges, review_recharge
from talktime.usecases.credit.reconcile_payments import reconcile_payments
from talktime.usecases.credit.returning.pay_refunds import due_refunds, pay_refund
from talktime.usecases.insight.advise_funding import AdviceReviewed, DueReviews, ReviewAdvice, due_reviews
from talktime.usecases.insight.advise_funding import review_advice as review_funding
from talktime.usecases.insight.privacy.keep_details import anonymize_outdated
from talktime.usecases.organizations.deliver_events import Attempt, Channels, deliver
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.ports import PaymentGateway

# How long one can look up what became of a workflow.
WORKFLOWS_KEPT_FOR = timedelta(days=7)
# Pages of a hundred in one turn; what is left is looked at in the next.
ROUNDS_MAX = 1_000
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
        told = (charge_one(self.work, each.key) for each in due if not self.work.is_stopping())
        return [done for done in told if done is not None]

    def forget(self, before: datetime) -> int:
        """Nothing is remembered but the rows."""
        assert before.tzinfo is not None
        return 0


def charge_one(work: Work, key: PurchaseKey) -> Done | None:
    """Do what is due about a purchase, and tell how it stands then; None where nothing was to be done."""
    before = work.app.read(_purchase, key)
    charge_purchase(work.app.run, work.gateways, key, work.clock)
    after = work.app.read(_purchase, key)
    return None if after is None or after == before else _told(after)


def charge_purchases(work: Work, purchases: Purchases) -> list[Done]:
    """Charge, ask again, search: whatever is due about purchases."""
    at = work.clock()
    due = work.app.read(due_purchases, at)
    return purchases.charge(due, at) if due else []


def review_recharges(work: Work, _: Purchases) -> list[Done]:
    """Look again at recharges that were held back until now."""
    done = []
    for name in work.app.read(held_back_recharges, work.clock()):
        if work.is_stopping():
            break
        reviewed = work.app.run(review_recharge, ReviewRecharge(name, work.clock()))
        until = {} if reviewed.until is None else {"until": reviewed.until.isoformat()}
        done.append(Done("recharge_reviewed", {"organization": name, "verdict": reviewed.verdict.value, **until}))
    return done


def pay_refunds(work: Work, _: Purchases) -> list[Done]:
    """Ask gateways for the refunds that are due."""
    done = []
    for organization_id, refund_id in work.app.read(due_refunds, work.clock()):
        if work.is_stopping():
            break
        refund = pay_refund(work.app.run, work.gateways, organization_id, refund_id, work.clock)
        if refund is not None:
            facts = {"organization": organization_id, "refund": refund_id, "currency": refund.currency}
            done.append(Done(f"refund_{refund.state.value}", {**facts, "amount": format_micros(refund.gross_micros)}))
    return done


def expire_credit(work: Work, _: Purchases) -> list[Done]:
    """Book what has expired, and tell it; what expired is not spendable whether it was booked or not."""
    done: list[Done] = []
    for organization_id in _each_once(work, lambda: work.app.read(due_expiries, work.clock())):
        swept = work.app.run(sweep, ExpireCredit(organization_id, work.clock()))
        facts = {"organization": swept.organization.name, "currency": swept.organization.currency}
        done += [
            Done("credit_expired", {**facts, "lot": loss.lot_id, "amount": format_micros(loss.amount_micros)})
            for loss in swept.expired
        ]
    return done


def announce_expiry(work: Work, _: Purchases) -> list[Done]:
    """Tell what will be lost if nobody spends it: 60, 30, 7 and 1 days before."""
    done: list[Done] = []
    beyond = 0
    for _round in range(ROUNDS_MAX):
        organization_ids = work.app.read(due_notices, DueNotices(work.clock(), beyond))
        for organization_id in organization_ids:
            if work.is_stopping():
                return done
            announced = work.app.run(announce, ExpireCredit(organization_id, work.clock()))
            facts = {"organization": announced.organization.name, "currency": announced.organization.currency}
            done += [
                Done("expiry_announced", {**facts, "days": each.days, "amount": format_micros(each.loss.amount_micros)})
                for each in announced.notices
            ]
        if not organization_ids:
            break
        beyond = organization_ids[-1]
    return done


def warn_of_expiring_cards(work: Work, _: Purchases) -> list[Done]:
    """Tell of cards that expire within a month, and within a week."""
    count = 0
    for _round in range(ROUNDS_MAX):
        told = work.app.run(warn_of_cards, work.clock())
        count += told
        if told < CARDS_MAX or work.is_stopping():
            break
    return [Done("cards_told_of", {"cards": count})] if count else []


def warn_of_overdue_invoices(work: Work, _: Purchases) -> list[Done]:
    """Tell of invoices that should have been paid by now; each is told once."""
    count = work.app.run(warn_of_invoices, work.clock())
    return [Done("invoices_overdue", {"invoices": count})] if count else []


def review_advice(work: Work, _: Purchases) -> list[Done]:
    """Advise every organization anew that was not for a month, or whose spend has left what was forecast."""
    done, beyond = list[Done](), 0
    terms = FundingTerms(buying=work.app.settings.buying_terms)
    while due := work.app.read(due_reviews, DueReviews(beyond)):
        for organization_id in due:
            if work.is_stopping():
                return done
            reviewed = review_funding(work.app.read, work.app.run, ReviewAdvice(organization_id, work.clock(), terms))
            if reviewed is not None:
                done.append(_reviewed(reviewed))
        beyond = due[-1]
    return done


def deliver_events(work: Work, _: Purchases) -> list[Done]:
    """Plan who is told what, and send what is due."""
    at = work.clock()
    if not work.app.read(_notices_wait, at):
        return []
    return [_delivered(attempt) for attempt in deliver(work.app.run, work.channels, work.clock).attempts]


def issue_statements(work: Work, _: Purchases) -> list[Done]:
    """Issue the statement of every month that is over where the organization is."""
    done = []
    for due in work.app.read(statements_due, work.clock()):
        if work.is_stopping():
            break
        statement = issue_statement(work.app.read, work.app.run, due)
        facts = {"organization": due.organization, "month": f"{due.month:%Y-%m}"}
        done.append(Done("statement_issued", {**facts, "closing": format_micros(statement.closing_micros)}))
    return done


def bill_overage(work: Work, _: Purchases) -> list[Done]:
    """Bill what was used in every month that is over, and was not paid before."""
    done = []
    for due in work.app.read(overage_due, work.clock()):
        if work.is_stopping():
            break
        invoice = work.app.run(bill, due)
        if invoice is not None:
            facts = {"organization": due.organization, "month": due.month, "invoice": invoice.number}
            facts |= {"amount": format_micros(invoice.total_micros), "currency": invoice.currency}
            done.append(Done("overage_billed", facts))
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


def forget_meters(work: Work, _: Purchases) -> list[Done]:
    """Forget what counted calls of hours long gone."""
    forgotten = work.app.run(forget_hours, work.clock())
    return [Done("meters_forgotten", {"meters": forgotten})] if forgotten else []


def forget_call_details(work: Work, _: Purchases) -> list[Done]:
    """Take names and numbers out of calls that are older than their users' countries want them kept.

    Where one organization's cannot be, those of the others are all the same; then it is raised.
    """
    done: list[Done] = []
    failures: dict[str, Exception] = {}
    for organization in work.app.read(_organizations, work.clock()):
        if work.is_stopping():
            break
        try:
            forgotten = anonymize_outdated(work.app.run, work.app.read, LookAt(organization.name, work.clock()))
        except Exception as failure:  # noqa: BLE001 -- raised below, once the others had their turn
            failures[organization.name] = failure
            continue
        if forgotten:
            done.append(Done("call_details_forgotten", {"organization": organization.name, "rows": forgotten}))
    if failures:
        message = f"old call details stand still at {', '.join(failures)}; forgotten at {len(done)} others"
        raise ExceptionGroup(message, list(failures.values()))
    return done


def _each_once(work: Work, due: Callable[[], Sequence[int]]) -> Iterator[int]:
    """Yield what is due, page by page, and what stays due although it was done only once."""
    seen: set[int] = set()
    for _ in range(ROUNDS_MAX):
        fresh = [each for each in due() if each not in seen]
        for each in fresh:
            if work.is_stopping():
                return
            yield each
        seen.update(fresh)
        if not fresh:
            return


def _organizations(tx: Transaction, _: datetime) -> list[Organization]:
    return tx.organizations.all()


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
        facts["next_step_at"] = purchase.next_step_at.isoformat()
    return Done(f"purchase_{purchase.state.value}", facts)


def _reviewed(reviewed: AdviceReviewed) -> Done:
    funding = reviewed.funding
    amounts = {"trigger": format_micros(funding.trigger_micros), "amount": format_micros(funding.amount_micros)}
    return Done("funding_advised", {"organization": reviewed.organization.name, **amounts, "reason": reviewed.reason})


def _delivered(attempt: Attempt) -> Done:
    delivery = attempt.taken.notice.delivery
    facts: dict[str, object] = {
        "organization": delivery.organization_id,
        "told": delivery.event_id,
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
