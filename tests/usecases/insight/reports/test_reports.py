"""Reports on real books: they agree with the journal, say how far they are complete, and repeat themselves exactly."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.calls.requests import EndCall
from talktime.core.insight.reports.budgets import BudgetState
from talktime.core.insight.reports.paging import SortKey, UsageOrder
from talktime.core.insight.usage import BY_MONEY
from talktime.core.values.errors import Invalid, NotFound
from talktime.store import schema
from talktime.store.transaction import Transaction
from talktime.usecases.insight.reports.asking import DAYS_SHOWN, Conditions
from talktime.usecases.insight.reports.budget_departments import (
    ReportDepartments,
    SetBudget,
    report_departments,
    set_budget,
)
from talktime.usecases.insight.reports.list_usage import ListUsage, list_usage
from talktime.usecases.insight.reports.report_refused import report_refused
from talktime.usecases.insight.reports.sum_usage import (
    ReportDialOut,
    report_destinations,
    report_dial_out,
    report_users,
)
from tests.real_books import ACME, BEGINS_AT, key

LATER = BEGINS_AT + timedelta(days=41)
MARCH = (date(2026, 3, 1), date(2026, 3, 31))
# The book's last call is open since then; the report of a call that never started waits, too.
OPEN_SINCE = BEGINS_AT + timedelta(days=40)


def march(organization: str = "Acme", at: datetime = LATER, **conditions: Any) -> Conditions:
    return Conditions(organization, at, *MARCH, **conditions)


@pytest.fixture
def settled_app(charged_app: App) -> App:
    """Books of which no report waits for anybody."""
    charged_app.run(_settle_parked, LATER)
    return charged_app


def test_pages_follow_each_other_by_cursor_and_the_sums_are_of_all(settled_app: App) -> None:
    order = UsageOrder(SortKey.COST, is_descending=True)
    whole = settled_app.read(list_usage, ListUsage(march(), order, rows_max=1_000))

    paged, cursor = [], ""
    while True:
        page = settled_app.read(list_usage, ListUsage(march(), order, cursor, rows_max=5))
        paged += page.rows
        cursor = page.next_cursor
        if not cursor:
            break

    assert tuple(paged) == whole.rows
    assert whole.sums[0].rows == len(whole.rows) > 10
    assert whole.sums[0].cost_micros == sum(one.row.cost_micros for one in whole.rows)
    assert page.snapshot == whole.snapshot


def test_all_rows_can_be_written_without_holding_them(settled_app: App) -> None:
    written: list[tuple[object, ...]] = []

    listed = settled_app.read(list_usage, ListUsage(march(), rows_max=2, write_all=written.extend))

    assert len(written) == listed.sums[0].rows > 2


@pytest.mark.parametrize("rows_max", [0, 1_001])
def test_a_page_has_a_bound(settled_app: App, rows_max: int) -> None:
    with pytest.raises(Invalid, match=r"a page has 1 to 1,000 rows"):
        settled_app.read(list_usage, ListUsage(march(), rows_max=rows_max))


def test_without_days_a_report_shows_the_last_28(settled_app: App) -> None:
    listed = settled_app.read(list_usage, ListUsage(Conditions("Acme", LATER)))

    starts_at, ends_at = listed.asked.shown.period
    assert ends_at.astimezone(listed.asked.organization.zone).date() == LATER.date() + timedelta(days=1)
    assert (ends_at - starts_at) >= timedelta(days=DAYS_SHOWN) - timedelta(hours=1)


def test_a_month_is_complete_when_nothing_of_it_is_open_or_parked(settled_app: App) -> None:
    listed = settled_app.read(list_usage, ListUsage(march()))

    assert listed.asked.watermark.is_whole
    assert listed.asked.watermark.pending.open_calls_count == 1


def test_an_open_call_keeps_its_period_incomplete_until_it_ends(settled_app: App) -> None:
    april = Conditions("Acme", LATER, date(2026, 4, 1), date(2026, 4, 30))
    before = settled_app.read(list_usage, ListUsage(april))

    charging = settled_app.open_charging()
    charging.charge([EndCall(key("open"), OPEN_SINCE + timedelta(minutes=1), 30)])
    charging.close()
    after = settled_app.read(list_usage, ListUsage(april))

    assert before.asked.watermark.complete_until == OPEN_SINCE
    assert before.rows == ()
    assert after.asked.watermark.complete_until == LATER - timedelta(minutes=2)
    assert len(after.rows) == 1
    assert after.snapshot != before.snapshot


def test_a_report_of_a_call_that_nobody_knows_keeps_everybody_incomplete(charged_app: App) -> None:
    parked_at = charged_app.read(_oldest_parked_at, None)

    marks = [charged_app.read(list_usage, ListUsage(march(name))).asked.watermark for name in ("Acme", "Fabrikam")]

    assert {mark.pending.parked_count for mark in marks} == {1}
    # It was 33 seconds long.
    assert {mark.complete_until for mark in marks} == {parked_at - timedelta(seconds=33)}


def test_the_same_report_again_is_the_same_to_the_byte(settled_app: App) -> None:
    first = settled_app.read(list_usage, ListUsage(march(), rows_max=1_000))

    much_later = march(at=LATER + timedelta(days=100))
    again = settled_app.read(list_usage, ListUsage(much_later, rows_max=1_000))

    assert (again.rows, again.sums, again.snapshot) == (first.rows, first.sums, first.snapshot)
    assert again.asked.watermark.complete_until == first.asked.watermark.complete_until


def test_destinations_and_users_come_to_what_money_paid(settled_app: App) -> None:
    listed = settled_app.read(list_usage, ListUsage(march(paid_by=BY_MONEY)))

    tables = [settled_app.read(use_case, march()).tables[0] for use_case in (report_destinations, report_users)]

    for table in tables:
        costs = [column.name for column in table.columns].index("Cost")
        assert table.totals is not None
        assert table.totals[costs] == listed.sums[0].cost_micros > 0


def test_dial_out_is_of_conferences_alone_and_is_drilled_by_organizer(settled_app: App) -> None:
    listed = settled_app.read(list_usage, ListUsage(march(kinds=frozenset({CallKind.CONFERENCE_OUT}))))

    all_ = settled_app.read(report_dial_out, ReportDialOut(march()))
    drilled = settled_app.read(report_dial_out, ReportDialOut(march(users=("ADA@acme.example",)), "GB"))
    nobody = settled_app.read(report_dial_out, ReportDialOut(march(), "JP"))

    (row,) = all_.tables[0].rows
    assert row[:4] == ("Ada Byron", "ada@acme.example", "GB", 1)
    assert row[7] == listed.sums[0].cost_micros
    assert [table.name for table in drilled.tables] == ["dialout", "destinations"]
    assert [line[0] for line in drilled.tables[1].rows] == ["Germany"]
    assert nobody.tables[0].rows == ()


def test_who_is_not_there_is_refused_with_what_to_do(settled_app: App) -> None:
    with pytest.raises(NotFound, match="no user named eve@fabrikam"):
        settled_app.read(report_users, march(users=("eve@fabrikam.example",)))
    with pytest.raises(NotFound, match="did you mean 'Analysis'"):
        settled_app.read(report_users, march(departments=("Analisis",)))
    with pytest.raises(Invalid, match="ends on 2026-01-01, before"):
        settled_app.read(report_users, Conditions("Acme", LATER, date(2026, 2, 1), date(2026, 1, 1)))
    with pytest.raises(Invalid, match="highest cost is below"):
        settled_app.read(report_users, march(cost_min_micros=2, cost_max_micros=1))


def test_refused_calls_that_money_would_have_let_through_are_valued_by_what_was_paid(settled_app: App) -> None:
    refused = settled_app.read(report_refused, march("Fabrikam"))

    reasons = {row[0]: row[1:4] for row in refused.reasons.rows}
    count, lost, worth = reasons["credit_exhausted"]
    assert count == lost == refused.lost.calls_count == refused.lost.known_count == 1
    assert worth == refused.lost.worth_micros > 0
    assert refused.calls_count == sum(row[1] for row in refused.reasons.rows)


def test_blocked_users_are_listed_with_number_reason_and_time(settled_app: App) -> None:
    settled_app.run(_block, BEGINS_AT)

    blocked = settled_app.read(report_refused, march()).blocked

    assert blocked.rows == (("ada@acme.example", "Ada Byron", "+442071234567", "fraud", "blocked", BEGINS_AT),)


def test_uncovered_rows_are_those_that_no_credit_covered(settled_app: App) -> None:
    acme, fabrikam = (
        settled_app.read(list_usage, ListUsage(march(name), is_uncovered=True)) for name in ("Acme", "Fabrikam")
    )

    assert acme.rows == ()
    assert {one.row.key.call_id for one in fabrikam.rows} == {"overrun"}
    assert all(one.row.uncovered_micros > 0 for one in fabrikam.rows)


def test_a_budget_warns_and_is_taken_away_again(settled_app: App) -> None:
    month = ReportDepartments(march(), date(2026, 3, 1))
    (before, *_) = settled_app.read(report_departments, month).costs

    first = settled_app.run(set_budget, SetBudget("Acme", "Analysis", before.cost_micros, LATER))
    second = settled_app.run(set_budget, SetBudget("Acme", "Analysis", before.cost_micros * 2, LATER))
    states = [settled_app.read(report_departments, month).costs[0].state]
    settled_app.run(set_budget, SetBudget("Acme", "Analysis", None, LATER))
    states.append(settled_app.read(report_departments, month).costs[0].state)

    assert before.department == "Analysis"
    assert (first.before_micros, first.after_micros) == (None, before.cost_micros)
    assert second.before_micros == before.cost_micros
    assert states == [BudgetState.WITHIN, BudgetState.NO_BUDGET]


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (SetBudget("Acme", "Sales", 5, LATER), NotFound, "there are: Analysis"),
        (SetBudget("Acme", "Analysis", 0, LATER), Invalid, "talktime caps set"),
        (SetBudget("Acme", "Analysis", None, LATER), NotFound, "has no budget"),
        (SetBudget("Fabrikam", "Sales", 5, LATER), NotFound, "there are: none"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(
    settled_app: App, request_: SetBudget, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        settled_app.run(set_budget, request_)


def test_departments_show_the_month_that_is_asked_for_and_what_money_paid(settled_app: App) -> None:
    listed = settled_app.read(list_usage, ListUsage(march(paid_by=frozenset({PaysFrom.CREDIT, PaysFrom.OVERAGE}))))

    reported = settled_app.read(report_departments, ReportDepartments(Conditions("Acme", LATER), date(2026, 3, 1)))
    now = settled_app.read(report_departments, ReportDepartments(Conditions("Acme", LATER)))

    assert sum(cost.cost_micros for cost in reported.costs) == listed.sums[0].cost_micros
    assert reported.snapshot
    assert (now.first_day, now.costs) == (date(2026, 4, 1), ())


def _settle_parked(tx: Transaction, at: datetime) -> None:
    settled = update(schema.parked_reports).values(resolved_at=int(at.timestamp()) * 1_000_000)
    tx.insight._connection.execute(settled)


def _oldest_parked_at(tx: Transaction, _: object) -> datetime:
    micros = tx.insight._connection.scalar(select(schema.parked_reports.c.received_at))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros or 0)


def _block(tx: Transaction, at: datetime) -> None:
    tx.restrictions.block(ACME, 1, "fraud", at)
