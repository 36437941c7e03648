"""The audit on books whose calls are paid by minutes, credit and overage: clean, until somebody changes a row."""

from datetime import timedelta

import pytest

from talktime.bootstrap import App
from talktime.core.insight.books import Rule
from talktime.settings import Settings
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from tests.pooled_books import BEFORE_MIDNIGHT
from tests.usecases.insight.corruptions import Corruption, corrupt

AFTERWARDS = BEFORE_MIDNIGHT + timedelta(days=1, minutes=4)
UNCHECKED_METERS = ["ALTER TABLE meters DROP CONSTRAINT ck_meters_parts_not_negative"]

CORRUPTIONS = [
    Corruption(
        "a pool has given a minute that nobody used",
        Rule.METER_EQUALS_USAGE,
        ["UPDATE meters SET used = used + 1 WHERE {pool}"],
    ),
    Corruption(
        "a pool gets its minutes back",
        Rule.METER_EQUALS_USAGE,
        ["UPDATE meters SET used = 0 WHERE {pool}"],
    ),
    Corruption("a pool disappears", Rule.METER_EQUALS_USAGE, ["DELETE FROM meters WHERE {pool}"]),
    Corruption(
        "a pool of which a call holds a minute disappears",
        Rule.METER_HELD_BY_CALLS,
        ["DELETE FROM meters WHERE meter = 'pool/MCOPSTN5/GB/domestic/2026-04'"],
    ),
    Corruption(
        "a pool holds minutes of no call",
        Rule.METER_HELD_BY_CALLS,
        ["UPDATE meters SET held = held + 1 WHERE {pool}"],
    ),
    Corruption(
        "a cap forgets what was spent",
        Rule.METER_EQUALS_USAGE,
        ["UPDATE meters SET used = used - 1 WHERE meter = 'user/1/2026-03'"],
    ),
    Corruption(
        "a department's cap holds money of no call",
        Rule.METER_HELD_BY_CALLS,
        ["UPDATE meters SET held = 1 WHERE meter = 'department/Sales/2026-03'"],
    ),
    Corruption(
        "overage is forgiven",
        Rule.METER_EQUALS_USAGE,
        ["UPDATE meters SET used = used - 1000 WHERE meter = 'overage/2026-03'"],
    ),
    Corruption(
        "overage that a call holds is given free",
        Rule.METER_HELD_BY_CALLS,
        ["UPDATE meters SET held = 0 WHERE meter = 'overage/2026-04'"],
    ),
    Corruption(
        "a meter has a name that none of ours has",
        Rule.ROW_READABLE,
        ["UPDATE meters SET meter = 'pool/MCOPSTN0/GB/domestic/2026-03' WHERE {pool}"],
    ),
    Corruption(
        "a meter counts what we never count",
        Rule.ROW_READABLE,
        ["UPDATE meters SET meter = 'gifts/2026-03' WHERE {pool}"],
    ),
    Corruption(
        "a meter belongs to an organization that is not there",
        Rule.ORGANIZATION_KNOWN,
        ["UPDATE meters SET organization_id = 99 WHERE {pool}"],
    ),
    Corruption(
        "a call names a meter that we never named",
        Rule.ROW_READABLE,
        ["UPDATE calls SET meters = 'nothing' WHERE {straddling}"],
    ),
    Corruption(
        "an open call holds minutes of a pool that it does not name",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_minutes = '1 pool/MCOPSTN5/GB/domestic/2026-03' WHERE call_key = 'sbc1||open'"],
    ),
    Corruption(
        "an open call holds a minute more",
        Rule.METER_HELD_BY_CALLS,
        ["UPDATE calls SET hold_minutes = '2 pool/MCOPSTN5/GB/domestic/2026-04' WHERE call_key = 'sbc1||open'"],
    ),
    Corruption(
        "a call that is over still holds minutes",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_minutes = '1 pool/MCOPSTN5/GB/domestic/2026-03' WHERE {straddling}"],
    ),
    Corruption(
        "a call that is over still holds overage",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_overage_micros = 5 WHERE {split}"],
    ),
    Corruption(
        "a prepaid call holds overage",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_overage_micros = 5 WHERE call_key = 'sbc1||open'"],
    ),
    Corruption(
        "minutes cost something",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET cost_micros = 1 WHERE {straddling} AND line = 0"],
    ),
    Corruption(
        "a part of a minute is drawn",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET billed_seconds = 90 WHERE call_key = 'sbc1||pooled'"],
    ),
    Corruption(
        "minutes have a rate",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET prefix = '44' WHERE call_key = 'sbc1||pooled'"],
    ),
    Corruption(
        "a call that was cut draws no minute",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET billed_seconds = 0 WHERE call_key = 'sbc1||cut'"],
    ),
    Corruption(
        "credit pays a second that minutes paid",
        Rule.USAGE_EQUALS_PRICE,
        [
            "UPDATE usage_rows SET used_seconds = 59 WHERE {straddling} AND line = 0",
            "UPDATE usage_rows SET used_seconds = 91 WHERE {straddling} AND line = 1",
        ],
    ),
    Corruption(
        "another connection fee is taken when minutes end",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET connection_fee_micros = 50000 WHERE {straddling} AND line = 1"],
    ),
    Corruption(
        "credit pays for seconds that it does not afford",
        Rule.USAGE_EQUALS_PRICE,
        [
            "UPDATE usage_rows SET used_seconds = 60, billed_seconds = 60 WHERE {split} AND line = 0",
            "UPDATE usage_rows SET used_seconds = 40, billed_seconds = 60 WHERE {split} AND line = 1",
        ],
    ),
    Corruption(
        "the bill has a micro more, and everything agrees to it",
        Rule.USAGE_EQUALS_PRICE,
        [
            "UPDATE usage_rows SET cost_micros = cost_micros + 1 WHERE call_key = 'sbc1||billed'",
            "UPDATE calls SET cost_micros = cost_micros + 1 WHERE call_key = 'sbc1||billed'",
            "UPDATE postings SET amount_micros = amount_micros + 1 WHERE entry_id = 'call:sbc1||billed:0'",
            "UPDATE meters SET used = used + 1 WHERE meter = 'overage/2026-03'",
        ],
    ),
    Corruption(
        "a row of minutes names a pool that its call did not",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE usage_rows SET capability = 'MCOPSTN6' WHERE {straddling} AND line = 0"],
    ),
    Corruption(
        "a prepaid call is billed after use",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE usage_rows SET paid_by = 'overage' WHERE {straddling} AND line = 1"],
    ),
    Corruption(
        "a call that was paid becomes free",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE usage_rows SET paid_by = 'free' WHERE call_key = 'sbc1||pooled'"],
    ),
    Corruption(
        "credit pays before minutes do",
        Rule.USAGE_EQUALS_CALL,
        [
            "UPDATE usage_rows SET line = 2 WHERE {straddling} AND line = 0",
            "UPDATE usage_rows SET line = 0 WHERE {straddling} AND line = 1",
            "UPDATE usage_rows SET line = 1 WHERE {straddling} AND line = 2",
        ],
    ),
    Corruption(
        "a row of several disappears",
        Rule.USAGE_OF_CALL,
        ["DELETE FROM usage_rows WHERE {straddling} AND line = 1"],
    ),
    Corruption(
        "the rows of a call do not add up to its seconds",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE calls SET used_seconds = 90 WHERE {straddling}"],
    ),
    Corruption(
        "overage is booked as a debt",
        Rule.USAGE_EQUALS_JOURNAL,
        ["UPDATE postings SET debit = 'receivable' WHERE entry_id = 'call:sbc1||split:1'"],
    ),
    Corruption(
        "overage is not booked",
        Rule.TRIAL_BALANCE,
        ["DELETE FROM postings WHERE entry_id = 'call:sbc1||split:1'"],
    ),
    Corruption(
        "minutes are booked",
        Rule.USAGE_EQUALS_JOURNAL,
        [
            (
                "INSERT INTO postings SELECT organization_id, 'call:sbc1||pooled:0', line, debit, credit, lot_id,"
                " amount_micros, occurred_at FROM postings WHERE entry_id = 'call:sbc1||straddling:1'"
            )
        ],
    ),
    Corruption(
        "something is owed for use that no row reports",
        Rule.TRIAL_BALANCE,
        ["INSERT INTO postings VALUES (2, 'gift', 0, 'accrued', 'revenue', NULL, 1, 0)"],
    ),
]


def test_books_of_minutes_credit_and_overage_are_clean(pooled_app: App) -> None:
    report = _audit(pooled_app)

    assert report.violations == ()
    assert report.notes == ()
    assert (report.counts["calls"], report.counts["usage_rows"], report.counts["meters"]) == (19, 18, 10)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_the_audit_finds_that(corruption: Corruption, pooled_database_url: str) -> None:
    corrupt(pooled_database_url, corruption)

    with App(Settings(database=pooled_database_url)) as app:
        report = _audit(app)

    assert {corruption.rule, Rule.JOURNAL_INSERT_ONLY} <= {finding.rule for finding in report.violations}


def test_a_meter_below_zero_is_found(pooled_database_url: str) -> None:
    statement = "UPDATE meters SET held = -1 WHERE {pool}"
    corrupt(pooled_database_url, Corruption("", Rule.METER_HELD_BY_CALLS, [statement], UNCHECKED_METERS))

    with App(Settings(database=pooled_database_url)) as app:
        report = _audit(app)

    finding = next(each for each in report.violations if each.rule is Rule.METER_HELD_BY_CALLS)
    assert finding.row == "meters pool/MCOPSTN5/GB/domestic/2026-03"
    assert (finding.expected, finding.found) == ("held 0 minutes (open calls)", "-1 minutes")


def test_a_split_that_differs_names_both_rows_and_what_was_expected_of_them(pooled_database_url: str) -> None:
    statement = "UPDATE usage_rows SET cost_micros = cost_micros + 1 WHERE {split} AND line = 1"
    corrupt(pooled_database_url, Corruption("", Rule.USAGE_EQUALS_PRICE, [statement]))

    with App(Settings(database=pooled_database_url)) as app:
        report = _audit(app)

    finding = next(each for each in report.violations if each.rule is Rule.USAGE_EQUALS_PRICE)
    assert finding.row == "usage_rows sbc1||split lines 0, 1"
    assert finding.expected == "billed 120 s, connection fee 0.05, cost 0.112"
    assert finding.found == "billed 120 s, connection fee 0.05, cost 0.112001"


def test_a_cap_that_began_in_mid_month_counts_the_calls_that_name_it(pooled_database_url: str) -> None:
    named = "pool/MCOPSTN5/GB/domestic/2026-03\ndepartment/Sales/2026-03"
    statements = [
        f"UPDATE calls SET meters = '{named}' WHERE call_key = 'sbc1||after-pool'",  # noqa: S608 -- our own words
        "UPDATE meters SET used = used - 13300 WHERE meter = 'user/1/2026-03'",
    ]
    corrupt(pooled_database_url, Corruption("", Rule.METER_EQUALS_USAGE, statements))

    with App(Settings(database=pooled_database_url)) as app:
        report = _audit(app)

    # Only the triggers that had to go for this are missed.
    assert {finding.rule for finding in report.violations} == {Rule.JOURNAL_INSERT_ONLY}


def _audit(app: App) -> AuditReport:
    return app.read(audit_books, AuditBooks(AFTERWARDS))
