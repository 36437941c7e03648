"""Report refused calls by reason, what those lost because of the balance would have been worth, and who is blocked."""

from datetime import timedelta

from talktime.core.calls.calls import LOST_BECAUSE_OF_BALANCE, DenialReason
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.lost_calls import LostWorth, lost_worth, refused_table, whole_worth
from talktime.core.insight.reports.report_tables import ReportTable, columns
from talktime.core.insight.reports.watermarks import snapshot_id
from talktime.core.insight.tables import ColumnKind
from talktime.core.insight.usage import EARLIEST
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import is_e164
from talktime.core.values.periods import Period
from talktime.store.transaction import Transaction
from talktime.usecases.insight.reports.asking import Asked, Conditions, ask

# What calls cost is taken from those that were paid in these days, and in the report's own period.
VALUED_BY = timedelta(days=90)
_TEXT, _INSTANT = ColumnKind.TEXT, ColumnKind.INSTANT


@frozen
class RefusedReported:
    """Reasons with counts, who may not call out at all, and what money would have let through."""

    asked: Asked
    reasons: ReportTable
    blocked: ReportTable
    calls_count: int
    lost: LostWorth
    snapshot: str


def report_refused(tx: Transaction, conditions: Conditions) -> RefusedReported:
    """Return refused calls by reason; of the conditions, the period, users, departments and kinds apply."""
    asked = ask(tx, conditions)
    owner, reporting = asked.organization.organization_id, tx.insight.reporting
    counts = reporting.refused(owner, asked.shown)
    lost = reporting.refused_numbers(owner, asked.shown, LOST_BECAUSE_OF_BALANCE)
    paid = reporting.prefix_costs(owner, _valued_by(asked.shown.period)) if lost else {}
    worths = {reason: lost_worth(numbers, paid) for reason, numbers in lost.items()}
    return RefusedReported(
        asked,
        refused_table(counts, worths, asked.organization.currency),
        _blocked(tx, asked),
        sum(counts.values()),
        whole_worth(worths.values()),
        snapshot_id(owner, asked.shown, asked.watermark, [_counted(*each) for each in counts.items()]),
    )


def _counted(reason: DenialReason, count: int) -> UsageSum:
    return UsageSum(reason.value, "", count, 0, 0, 0, 0, 0)


def _valued_by(period: Period) -> Period:
    """Return the report's period, and the days before it, so that a month without any credit has prices too."""
    return Period(max(period.starts_at, EARLIEST + VALUED_BY) - VALUED_BY, period.ends_at)


def _blocked(tx: Transaction, asked: Asked) -> ReportTable:
    """List blocked users as domain.md 7.9 does; what is not blocked is not listed."""
    head = columns(
        User=_TEXT, Display_Name=_TEXT, Phone=_TEXT, Blocked_Reason=_TEXT, Blocked_Action=_TEXT, Blocked_Time=_INSTANT
    )
    found = tx.restrictions.blocked(asked.organization.organization_id)
    numbers = tx.insight.reporting.numbers(asked.organization.organization_id, [user.user_id for user, _ in found])
    rows = tuple(
        (
            user.user_principal_name,
            user.display_name,
            _written(numbers.get(user.user_id)),
            user.block_reason,
            "blocked",
            at,
        )
        for user, at in found
    )
    return ReportTable("blocked", head, rows)


def _written(number: str | None) -> str | None:
    return f"+{number}" if number is not None and is_e164(number) else number
