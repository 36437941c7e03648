"""The schedule: what is done, and when. A new chore is one line.

Ticks are UTC; what an organization's own day or month decides is looked at every hour, or whenever a row says so.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from talktime.interfaces.worker import chores, exporting
from talktime.interfaces.worker.chores import Done, Purchases, Work
from talktime.interfaces.worker.ticks import Ticks

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


class Looks(NamedTuple):
    """Every worker looks again and again: rows say themselves when they are due, and are leased one by one."""

    every: timedelta


class Chore(NamedTuple):
    """An entry of the schedule; `about` tells people what it does."""

    name: str
    when: Looks | Ticks
    does: Callable[[Work, Purchases], list[Done]]
    about: str


SCHEDULE = (
    Chore("charge_purchases", Looks(2 * SECOND), chores.charge_purchases, "charge cards, ask again, search"),
    Chore("deliver_events", Looks(2 * SECOND), chores.deliver_events, "send mails and webhooks"),
    Chore("pay_refunds", Looks(5 * SECOND), chores.pay_refunds, "give money back"),
    Chore("begin_reports", Looks(MINUTE), exporting.begin_reports, "reports that are sent by a schedule"),
    Chore("make_exports", Looks(2 * SECOND), exporting.make_exports, "files of usage that were asked for"),
    Chore("expire_credit", Looks(MINUTE), chores.expire_credit, "book what has expired, and recharge if need be"),
    Chore("review_recharges", Looks(MINUTE), chores.review_recharges, "recharges held back by a cap or a burst"),
    Chore("announce_expiry", Ticks(HOUR, 5 * MINUTE), chores.announce_expiry, "credit that will expire"),
    Chore("issue_statements", Ticks(HOUR, 10 * MINUTE), chores.issue_statements, "months that are over"),
    Chore("bill_overage", Ticks(HOUR, 12 * MINUTE), chores.bill_overage, "use that nobody paid before"),
    Chore("warn_of_cards", Ticks(HOUR, 15 * MINUTE), chores.warn_of_expiring_cards, "cards that will expire"),
    Chore("reconcile_gateways", Ticks(HOUR, 20 * MINUTE), chores.reconcile_with_gateways, "charges nobody told of"),
    Chore("warn_of_invoices", Ticks(DAY, 6 * HOUR), chores.warn_of_overdue_invoices, "invoices not paid in time"),
    Chore("forget_exports", Ticks(HOUR, 25 * MINUTE), exporting.forget_exports, "files that are kept no longer"),
    Chore("review_advice", Ticks(DAY, 5 * HOUR), chores.review_advice, "how much to fund, where that has changed"),
    Chore("forget_meters", Ticks(DAY, 4 * HOUR), chores.forget_meters, "what counted calls of hours gone"),
    Chore("forget_call_details", Ticks(DAY, 2 * HOUR), chores.forget_call_details, "names and numbers of old calls"),
    Chore("forget_workflows", Ticks(DAY, 3 * HOUR), chores.forget_workflows, "workflows that ended a week ago"),
)
