"""Receipts, pools, refusals, usage, books and statements of calls that minutes, credit and overage paid."""

from datetime import date, datetime
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.calls.calls import DenialReason, PaysFrom
from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART
from talktime.core.insight.receipts import Charge, Receipt
from talktime.core.insight.statements import MovementKind
from talktime.core.values.errors import Invalid
from talktime.exports.beancount import write_beancount
from talktime.exports.documents.statements import statement_paper
from talktime.exports.documents.tables import statement_rows
from talktime.usecases.credit.billing.export_ledger import ExportLedger, LedgerShown, OpenLedger, Scope, export_ledger
from talktime.usecases.credit.billing.issue_statements import OfMonth, issue_statement
from talktime.usecases.insight.report_usage import OpenReport, ReportUsage, report_usage
from talktime.usecases.insight.show_pools import PoolsShown, ShowPools, show_pools
from talktime.usecases.insight.show_receipt import ShowReceipt, show_receipt
from talktime.usecases.insight.show_refused import RefusedShown, ShowRefused, show_refused
from tests.exports.bean_check import bean_check

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
# In London it is the second of April already.
IN_APRIL = datetime.fromisoformat("2026-04-01T23:30:00+00:00")
IN_MAY = datetime.fromisoformat("2026-05-02T09:00:00+00:00")


def receipt_of(app: App, call_id: str) -> Receipt:
    shown = app.read(show_receipt, ShowReceipt(call_id))
    assert isinstance(shown, Receipt)
    return shown


def drawn(charge: Charge) -> tuple[PaysFrom, int, str]:
    return charge.usage.paid_by, charge.minutes, "" if charge.pool is None else charge.pool.plan_name


# ── receipts ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_shows_minutes_then_the_increments_that_credit_paid_and_their_sums(pooled_app: App) -> None:
    shown = receipt_of(pooled_app, "straddling")

    minutes, credit = shown.charges
    assert drawn(minutes) == (PaysFrom.MINUTES, 1, "Domestic Calling Plan 120")
    assert (minutes.blocks, minutes.payments, minutes.usage.cost_micros) == ((), (), 0)
    assert [(block.from_second, block.to_second) for block in credit.blocks] == [(60, 150)]
    assert (credit.connection_fee_nanos, credit.exact_cost) == (0, "0.0199999995")
    assert [(paid.lot.reference, paid.amount_micros) for paid in credit.payments if paid.lot] == [("order-1", 20_000)]
    assert (shown.sums.minutes, shown.sums.credit_micros, shown.sums.overage_micros) == (1, 20_000, 0)
    assert (shown.sums.cost_micros, shown.sums.exact_cost) == (20_000, "0.0199999995")
    assert shown.sums.is_shared


def test_a_receipt_shows_credit_to_its_end_and_then_what_is_billed_after_use(pooled_app: App) -> None:
    shown = receipt_of(pooled_app, "split")

    credit, overage = shown.charges
    assert [(block.from_second, block.to_second) for block in credit.blocks] == [(0, 30)]
    assert [(block.from_second, block.increments) for block in overage.blocks] == [(30, 3)]
    assert (credit.connection_fee_nanos, overage.connection_fee_nanos) == (50_000_000, 0)
    assert (credit.exact_cost, overage.exact_cost, shown.sums.exact_cost) == ("0.0655", "0.0465", "0.112")
    assert (shown.sums.credit_micros, shown.sums.overage_micros, shown.sums.owed_micros) == (80_000, 32_000, 0)
    assert shown.sums.cost_micros == sum(charge.usage.cost_micros for charge in shown.charges)


def test_a_call_wholly_paid_by_minutes_shows_the_pool_and_what_is_left_of_it(pooled_app: App) -> None:
    shown = receipt_of(pooled_app, "abroad")

    (charge,) = shown.charges
    assert drawn(charge) == (PaysFrom.MINUTES, 4, "Domestic and International Calling Plan")
    assert charge.pool is not None
    assert (charge.pool.used_minutes, charge.pool.available_minutes, charge.pool.total_minutes) == (4, 596, 600)
    assert not shown.sums.is_shared
    assert shown.sums.cost_micros == 0


def test_a_call_that_was_cut_when_its_minutes_ended_says_so(pooled_app: App) -> None:
    shown = receipt_of(pooled_app, "cut")

    assert shown.reasons == (
        "The switch cut the call at the end of its grant: the included minutes were used up, and no money may pay.",
    )


def test_a_report_that_finds_no_minute_left_draws_none(pooled_app: App) -> None:
    shown = receipt_of(pooled_app, "late")

    assert [(charge.usage.used_seconds, charge.minutes) for charge in shown.charges] == [(0, 0), (75, 0)]


def test_an_open_call_shows_the_minutes_and_the_overage_that_it_holds(pooled_app: App) -> None:
    pooled, billed = receipt_of(pooled_app, "open"), receipt_of(pooled_app, "open-billed-again")

    assert [(held.minutes, held.pool.pool.month) for held in pooled.held_minutes] == [(1, "2026-04")]
    assert billed.held_minutes == ()
    assert billed.facts.call.hold.overage_micros == 13_300


# ── pools ───────────────────────────────────────────────────────────────────────────────────────────────────


def pools(app: App, organization: str, month: date | None = None, at: datetime = IN_APRIL) -> PoolsShown:
    return app.read(show_pools, ShowPools(organization, at, month))


def test_the_pools_of_a_month_are_what_its_usage_rows_drew(pooled_app: App) -> None:
    shown = pools(pooled_app, "Contoso", MARCH)

    counted = [
        (line.pool.capability, line.pool.counter, line.total_minutes, line.used_minutes) for line in shown.report.lines
    ]
    assert counted == [
        ("MCOPSTN2", "domestic", 3_000, 3),
        ("MCOPSTN2", "international", 600, 4),
        ("MCOPSTN5", "domestic", 120, 120),
        ("MCOMEETADD", "", 60, 3),
    ]
    own = shown.report.own
    assert own is not None
    assert (own.users_count, own.used_minutes, own.exhausted_count) == (1, 120, 1)
    assert shown.user_names == {2: "bob@contoso.example"}
    assert (shown.is_current, shown.renews_on) == (False, APRIL)


def test_a_call_across_midnight_draws_from_the_month_in_which_it_began(pooled_app: App) -> None:  # money.md 69
    march, april = pools(pooled_app, "Contoso", MARCH), pools(pooled_app, "Contoso", APRIL)

    assert march.report.lines[0].used_minutes == 3
    assert april.report.lines[0].used_minutes == 0


def test_the_current_month_is_the_one_of_the_organizations_clock_and_begins_anew(pooled_app: App) -> None:
    shown = pools(pooled_app, "Contoso", at=datetime.fromisoformat("2026-03-31T23:30:00+00:00"))

    small = next(line for line in shown.report.lines if line.pool.capability == "MCOPSTN5")
    assert (shown.report.month, shown.is_current) == ("2026-04", True)
    assert (small.used_minutes, small.held_minutes, small.available_minutes) == (1, 1, 118)


def test_an_organization_without_plans_has_no_pools(pooled_app: App) -> None:
    shown = pools(pooled_app, "Tailspin")

    assert (shown.report.lines, shown.report.own) == ((), None)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────


def refused(app: App, organization: str, starts_on: date | None = None, ends_on: date | None = None) -> RefusedShown:
    return app.read(show_refused, ShowRefused(organization, starts_on, ends_on))


def test_calls_that_a_limit_of_money_refused_are_counted_as_lost(pooled_app: App) -> None:  # money.md 62
    contoso, tailspin = refused(pooled_app, "Contoso"), refused(pooled_app, "Tailspin")

    assert dict(contoso.counts) == {DenialReason.CREDITS_LICENSE_MISSING: 1}
    assert dict(tailspin.counts) == {DenialReason.OVERAGE_LIMIT_REACHED: 1}
    assert (contoso.calls_count, contoso.lost_count) == (1, 0)
    assert (tailspin.calls_count, tailspin.lost_count) == (1, 1)


def test_an_exhausted_balance_loses_calls_and_the_most_frequent_reason_stands_first(charged_app: App) -> None:
    acme, fabrikam = refused(charged_app, "Acme"), refused(charged_app, "Fabrikam")

    assert fabrikam.counts == {DenialReason.CREDIT_EXHAUSTED: 1}
    assert fabrikam.lost_count == 1
    assert acme.lost_count == 0
    assert list(acme.counts.values()) == sorted(acme.counts.values(), reverse=True)


def test_only_calls_of_the_period_are_counted(pooled_app: App) -> None:
    assert refused(pooled_app, "Tailspin", MARCH, MARCH).calls_count == 0
    assert refused(pooled_app, "Tailspin", date(2026, 3, 2), date(2026, 3, 2)).calls_count == 1
    with pytest.raises(Invalid, match="before it begins"):
        refused(pooled_app, "Tailspin", APRIL, MARCH)


# ── usage ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_report_has_a_row_for_each_source_with_the_license_by_which_it_paid(pooled_app: App) -> None:
    rows: list[dict[str, object]] = []

    def keep(report: OpenReport) -> None:
        names = [column.name for column in report.layout.columns]
        rows.extend(dict(zip(names, row, strict=True)) for row in report.rows())

    reported = pooled_app.read(report_usage, ReportUsage("Contoso", writers=[keep]))

    straddling = [row for row in rows if row["Call ID"] == "straddling"]
    assert [(row["Capability"], row["Duration Seconds"], row["Charge"]) for row in straddling] == [
        ("MCOPSTN5", 60, 0),
        ("MCOPSTNPP", 90, 20_000),
    ]
    (conference,) = (row for row in rows if row["Call ID"] == "conference")
    assert (conference["Call Type"], conference["Capability"], conference["User Location"]) == (
        "conf_out",
        "MCOMEETADD",
        "GB",
    )
    conferences, users = reported.totals
    # 120 of the shared pool and 1 in April, 120 of Bob's own, 4 abroad, 3 across midnight.
    assert (users.included_minutes, users.paid_seconds, users.cost_micros) == (248, 150, 33_300)
    assert (conferences.included_minutes, conferences.paid_seconds) == (3, 0)


# ── books ───────────────────────────────────────────────────────────────────────────────────────────────────


def exported(app: App, path: Path) -> LedgerShown:
    def write(ledger: OpenLedger) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_beancount(stream, ledger.ledgers(), ledger.currencies)

    return app.read(export_ledger, ExportLedger(Scope(), write))


def test_what_is_billed_after_use_has_an_account_and_bean_check_agrees(pooled_app: App, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"

    shown = exported(pooled_app, path)

    assert shown.differences == ()
    assert bean_check(path) == ""
    written = path.read_text("utf-8")
    assert "Assets:Accrued-Overage:000002-Tailspin" in written
    assert "Call that is billed after use" in written
    (trial,) = shown.trial_balances
    accrued = next(line for line in trial.lines if line.account == CHART[Account.ACCRUED])
    assert accrued.closing_micros == 78_700


def test_a_statement_of_whoever_pays_after_use_tells_it_beside_the_balance(pooled_app: App) -> None:  # S41
    statement = issue_statement(pooled_app.read, pooled_app.run, OfMonth("Tailspin", MARCH, IN_APRIL))

    assert (statement.opening_micros, statement.closing_micros) == (0, 0)
    assert statement.amount_micros(MovementKind.PURCHASED) == 80_000
    assert statement.amount_micros(MovementKind.USED) == -80_000
    assert {(used.destination, used.calls, used.cost_micros) for used in statement.accrued} == {
        ("France", 1, 32_000),
        ("United Kingdom", 1, 40_000),
        ("United Kingdom London", 1, 6_700),
    }
    assert statement.accrued_micros == 78_700
    told = [row for row in statement_rows(statement) if "billed after use" in row]
    assert sum(amount for *_, amount in told if isinstance(amount, int)) == 78_700
    assert any("0.0787" in note for note in statement_paper(statement, "en").content["notes"])


def test_a_statement_is_read_again_as_it_was_issued_and_the_next_month_begins_where_it_ended(pooled_app: App) -> None:
    march = issue_statement(pooled_app.read, pooled_app.run, OfMonth("Tailspin", MARCH, IN_APRIL))
    again = issue_statement(pooled_app.read, pooled_app.run, OfMonth("Tailspin", MARCH, IN_MAY))
    april = issue_statement(pooled_app.read, pooled_app.run, OfMonth("Tailspin", APRIL, IN_MAY))

    assert again == march
    assert (april.opening_micros, april.accrued) == (0, ())
