"""The audit on real books: none of its rules is broken, until somebody changes a row behind our back."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall
from talktime.core.insight.books import Rule
from talktime.settings import Settings
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from tests.real_books import BEGINS_AT
from tests.usecases.insight.corruptions import Corruption, corrupt

AFTERWARDS = BEGINS_AT + timedelta(days=40, minutes=1)


CORRUPTIONS = [
    Corruption(
        "a lot is spent without a posting",
        Rule.LOT_EQUALS_JOURNAL,
        ["UPDATE credit_lots SET spent_micros = spent_micros + 1 WHERE organization_id = 1 AND lot_id = 2"],
    ),
    Corruption(
        "a lot grows by a micro",
        Rule.LOT_EQUALS_JOURNAL,
        ["UPDATE credit_lots SET granted_micros = granted_micros + 1 WHERE organization_id = 1 AND lot_id = 2"],
    ),
    Corruption(
        "what lapsed is given back",
        Rule.LOT_EQUALS_JOURNAL,
        ["UPDATE credit_lots SET expired_micros = 0 WHERE organization_id = 1 AND lot_id = 1"],
    ),
    Corruption(
        "a lot holds more than its calls",
        Rule.LOT_HELD_BY_CALLS,
        ["UPDATE credit_lots SET held_micros = held_micros + 1 WHERE organization_id = 1 AND lot_id = 2"],
    ),
    Corruption(
        "a call holds less than it was promised",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_slices = '2:1' WHERE call_key = 'sbc1||open'"],
    ),
    Corruption(
        "a call holds credit of a lot that is not there",
        Rule.LOT_KNOWN,
        ["UPDATE calls SET hold_slices = '77:81000' WHERE call_key = 'sbc1||open'"],
    ),
    Corruption(
        "a call that is over still holds credit",
        Rule.HOLD_ADDS_UP,
        ["UPDATE calls SET hold_micros = 5, hold_slices = '2:5' WHERE {call}"],
        ["ALTER TABLE calls DROP CONSTRAINT ck_calls_only_open_calls_hold"],
    ),
    Corruption(
        "more is spent than was granted",
        Rule.LOT_FITS,
        ["UPDATE credit_lots SET spent_micros = granted_micros + 1 WHERE organization_id = 2"],
        ["ALTER TABLE credit_lots DROP CONSTRAINT ck_credit_lots_never_more_than_granted"],
    ),
    Corruption(
        "a lot disappears",
        Rule.LOT_KNOWN,
        ["DELETE FROM credit_lots WHERE organization_id = 2"],
    ),
    Corruption(
        "a license is counted that nobody has",
        Rule.LICENSES_COUNTED,
        ["INSERT INTO license_counts (organization_id, license, country, users_count) VALUES (1, 512, 'AT', 7)"],
    ),
    Corruption(
        "a user gets a license behind the count",
        Rule.LICENSES_COUNTED,
        ["UPDATE users SET licenses = licenses + 512 WHERE organization_id = 1"],
    ),
    Corruption(
        "a debt is forgiven without a posting",
        Rule.RECEIVABLE_EQUALS_JOURNAL,
        ["UPDATE organizations SET receivable_micros = 0 WHERE organization_id = 2"],
    ),
    Corruption(
        "a usage row becomes dearer",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET cost_micros = cost_micros + 1 WHERE {call}"],
    ),
    Corruption(
        "a connection fee is reported that was not charged",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET connection_fee_micros = connection_fee_micros + 1 WHERE {call}"],
    ),
    Corruption(
        "fewer seconds are reported, in the call too",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET used_seconds = 1 WHERE {call}", "UPDATE calls SET used_seconds = 1 WHERE {call}"],
    ),
    Corruption(
        "a micro more is taken, and everything agrees to it",
        Rule.USAGE_EQUALS_PRICE,
        [
            "UPDATE usage_rows SET cost_micros = cost_micros + 1 WHERE call_key = 'sbc1||ordinary-23'",
            "UPDATE calls SET cost_micros = cost_micros + 1 WHERE call_key = 'sbc1||ordinary-23'",
            "UPDATE postings SET amount_micros = amount_micros + 1 WHERE entry_id = 'call:sbc1||ordinary-23:0'",
            "UPDATE credit_lots SET spent_micros = spent_micros + 1 WHERE organization_id = 1 AND lot_id = 2",
        ],
    ),
    Corruption(
        "what nothing covered is hidden",
        Rule.USAGE_EQUALS_JOURNAL,
        ["UPDATE usage_rows SET uncovered_micros = 0 WHERE call_key = 'sbc1||overrun'"],
    ),
    Corruption("a usage row disappears", Rule.USAGE_OF_CALL, ["DELETE FROM usage_rows WHERE {call}"]),
    Corruption(
        "a usage row is moved to another line",
        Rule.USAGE_OF_CALL,
        ["UPDATE usage_rows SET line = 1 WHERE {call}"],
    ),
    Corruption(
        "a usage row names another number",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE usage_rows SET called = '442079460001' WHERE {call}"],
    ),
    Corruption(
        "a call costs other than its usage rows",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE calls SET cost_micros = cost_micros - 1 WHERE {call}"],
    ),
    Corruption("a call disappears", Rule.USAGE_OF_CALL, ["DELETE FROM calls WHERE {call}"]),
    Corruption("a call is reopened", Rule.CALL_COMPLETE, ["UPDATE calls SET state = 'open' WHERE {call}"]),
    Corruption(
        "a denied call loses its reason",
        Rule.CALL_COMPLETE,
        ["UPDATE calls SET denial = NULL WHERE call_key = 'sbc1||exhausted'"],
    ),
    Corruption(
        "a call holds a word that is none of ours", Rule.ROW_READABLE, ["UPDATE calls SET state = '?' WHERE {call}"]
    ),
    Corruption("a call cannot be found by its key", Rule.CALL_KEY_MAPPED, ["DELETE FROM call_keys WHERE {call}"]),
    Corruption(
        "a call's key leads to another organization",
        Rule.CALL_KEY_MAPPED,
        ["UPDATE call_keys SET organization_id = 2 WHERE {call}"],
    ),
    Corruption(
        "a call is erased with all that belongs to it",
        Rule.LOT_EQUALS_JOURNAL,
        [
            "DELETE FROM call_keys WHERE {call}",
            "DELETE FROM calls WHERE {call}",
            "DELETE FROM usage_rows WHERE {call}",
            "DELETE FROM postings WHERE {entry}",
        ],
    ),
    Corruption(
        "usage is booked on an organization that is not there",
        Rule.ORGANIZATION_KNOWN,
        ["UPDATE usage_rows SET organization_id = 99 WHERE {call}"],
    ),
    Corruption(
        "money moves for an organization that is not there",
        Rule.ORGANIZATION_KNOWN,
        ["INSERT INTO postings VALUES (99, 'gift', 0, 'cash_clearing', 'revenue', NULL, 1, 0)"],
    ),
    Corruption(
        "a posting is changed",
        Rule.USAGE_EQUALS_JOURNAL,
        ["UPDATE postings SET amount_micros = amount_micros + 1 WHERE {entry}"],
    ),
    Corruption("a posting disappears", Rule.USAGE_EQUALS_JOURNAL, ["DELETE FROM postings WHERE {entry}"]),
    Corruption(
        "a posting is dated back",
        Rule.USAGE_EQUALS_JOURNAL,
        ["UPDATE postings SET occurred_at = occurred_at - 1 WHERE {entry}"],
    ),
    Corruption(
        "a call is charged twice",
        Rule.USAGE_EQUALS_JOURNAL,
        [
            (
                "INSERT INTO postings SELECT organization_id, 'call:sbc1||ordinary-02:1', line, debit, credit, lot_id,"
                " amount_micros, occurred_at FROM postings WHERE {entry}"
            ),
        ],
    ),
    Corruption(
        "an account is invented",
        Rule.TRIAL_BALANCE,
        ["UPDATE postings SET credit = 'pocket' WHERE {entry}"],
    ),
    Corruption(
        "revenue is booked out of nothing",
        Rule.TRIAL_BALANCE,
        ["INSERT INTO postings VALUES (1, 'gift', 0, 'cash_clearing', 'revenue', NULL, 1, 0)"],
    ),
    Corruption(
        "the journal moves a lot that is not there",
        Rule.LOT_KNOWN,
        ["INSERT INTO postings VALUES (1, 'grant:77', 0, 'cash_clearing', 'lot', 77, 1, 0)"],
    ),
    Corruption(
        "credit is spent before it was bought",
        Rule.CREDIT_IN_TIME,
        ["UPDATE credit_lots SET purchased_at = purchased_at + 2592000000000 WHERE organization_id = 1"],
    ),
    Corruption(
        "credit is spent after its end",
        Rule.CREDIT_IN_TIME,
        ["UPDATE credit_lots SET expires_at = purchased_at + 1 WHERE organization_id = 1 AND lot_id = 2"],
    ),
    Corruption(
        "credit lapses before its end",
        Rule.CREDIT_IN_TIME,
        ["UPDATE credit_lots SET expires_at = expires_at + 7776000000000 WHERE lot_id = 1"],
    ),
    Corruption(
        "a published price is changed",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE rates SET prices = replace(prices, '31000000', '31100000') WHERE prefix = '33'"],
    ),
    Corruption("a published rate disappears", Rule.DECK_COMPLETE, ["DELETE FROM rates WHERE prefix = '353'"]),
    Corruption(
        "a published price cannot be read",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE rates SET prices = 'cheap' WHERE prefix = '33'"],
    ),
    Corruption(
        "a version is published unfinished", Rule.DECK_COMPLETE, ["UPDATE deck_versions SET is_complete = false"]
    ),
    Corruption(
        "a lot ends at no instant that there is",
        Rule.ROW_READABLE,
        ["UPDATE credit_lots SET expires_at = 9000000000000000000 WHERE organization_id = 2"],
    ),
    Corruption(
        "a posting happened at no instant that there is",
        Rule.ROW_READABLE,
        ["UPDATE postings SET occurred_at = 9000000000000000000 WHERE organization_id = 2"],
    ),
    Corruption(
        "a usage row names another deck version than its call",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET prefix = '34' WHERE {call}"],
    ),
    Corruption(
        "a call that was paid from credit forgets its rate",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE calls SET version_id = NULL WHERE {call}"],
    ),
    Corruption(
        "a call has ended without a usage row",
        Rule.CALL_COMPLETE,
        ["UPDATE calls SET usage_rows_count = 0 WHERE {call}", "DELETE FROM usage_rows WHERE {call}"],
    ),
    Corruption("the journal is open to changes", Rule.JOURNAL_INSERT_ONLY, []),
]


def test_books_that_charging_wrote_are_clean(charged_app: App) -> None:
    report = _audit(charged_app)

    assert report.violations == ()
    assert report.is_clean
    assert report.notes == ()
    assert report.counts["calls"] == 42
    assert report.parked_count == 1


def test_an_end_that_confirms_a_lapsed_call_leaves_the_books_clean(charged_database_url: str) -> None:
    with App(Settings(database=charged_database_url)) as app:
        charging = app.open_charging()
        charging.charge([EndCall(CallKey("sbc1", "lapsed"), AFTERWARDS, 0)])
        charging.close()

        report = _audit(app)

    assert report.violations == ()


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_the_audit_finds_that(corruption: Corruption, charged_database_url: str) -> None:
    corrupt(charged_database_url, corruption)

    with App(Settings(database=charged_database_url)) as app:
        report = _audit(app)

    # The triggers had to go first, which is a finding of its own.
    assert {corruption.rule, Rule.JOURNAL_INSERT_ONLY} <= {finding.rule for finding in report.violations}


def test_a_finding_names_the_row_and_says_what_was_expected(charged_database_url: str) -> None:
    statement = "UPDATE usage_rows SET cost_micros = 999999 WHERE {call}"
    corrupt(charged_database_url, Corruption("", Rule.USAGE_EQUALS_PRICE, [statement]))

    with App(Settings(database=charged_database_url)) as app:
        report = _audit(app)

    finding = next(each for each in report.violations if each.rule is Rule.USAGE_EQUALS_PRICE)
    assert finding.organization_id == 1
    assert finding.row == "usage_rows sbc1||ordinary-02 line 0"
    assert finding.expected == "billed 120 s, connection fee 0.05, cost 0.112"
    assert finding.found == "billed 120 s, connection fee 0.05, cost 0.999999"


def test_sqlite_lets_a_number_be_a_word_and_the_audit_does_not(charged_sqlite: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copyfile(charged_sqlite, tmp_path / 'talktime.db')}"
    statements = ["UPDATE usage_rows SET cost_micros = 'much' WHERE {call}"]
    corrupt(url, Corruption("", Rule.ROW_READABLE, statements))

    with App(Settings(database=url)) as app:
        report = _audit(app)

    (finding,) = (each for each in report.violations if each.rule is Rule.ROW_READABLE)
    assert finding.found == "TypeError: 'much' is no whole number"


def test_a_call_that_nobody_closes_is_a_note_and_no_violation(charged_app: App) -> None:
    report = charged_app.read(audit_books, AuditBooks(AFTERWARDS + timedelta(hours=2)))

    assert report.is_clean
    assert [(note.rule, note.row) for note in report.notes] == [(Rule.SILENT_CALL_CLOSED, "calls sbc1||open")]


def test_credit_that_expired_and_was_not_swept_is_a_note(charged_app: App) -> None:
    report = charged_app.read(audit_books, AuditBooks(AFTERWARDS + timedelta(days=400)))

    assert report.is_clean
    assert Rule.EXPIRED_CREDIT_SWEPT in {note.rule for note in report.notes}


def _audit(app: App) -> AuditReport:
    return app.read(audit_books, AuditBooks(AFTERWARDS))
