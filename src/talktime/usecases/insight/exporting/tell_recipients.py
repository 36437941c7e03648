"""Tell those whom a schedule names that their report is there, or why there is none."""

from talktime.core.insight.exporting import schedules
from talktime.core.insight.exporting.exports import Export
from talktime.store.insight.report_schedules import ScheduleKey
from talktime.store.transaction import Transaction


def tell_recipients(tx: Transaction, ended: Export, *, reason: str = "") -> None:
    """Tell the recipients of a schedule's export that it has ended, and why, in the transaction in which it does."""
    schedule_id = schedules.schedule_id_of(ended.cause)
    if schedule_id is None:
        return
    schedule = tx.schedules.get(ScheduleKey(ended.organization_id, schedule_id))
    assert schedule is not None, "schedules are ended, and never removed"
    owner = tx.organizations.with_ids({ended.organization_id})[ended.organization_id]
    balance = tx.credit.credit(ended.organization_id).balance_micros
    tx.notifications.tell([schedules.told_of(ended, schedule, balance, owner.zone, reason=reason)])
