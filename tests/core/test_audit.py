"""The audit's rules on values alone, where real books do not reach; tests/usecases/insight has the rest."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talktime.core.audit import Audit, deck_findings, guard_findings, license_findings
from talktime.core.insight.books import (
    DeckBooks,
    Finding,
    LicenseBooks,
    LotBooks,
    LotColumns,
    MeterBooks,
    PostedRow,
    Rule,
)
from talktime.core.organizations.licenses import License

AT = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
GRANTED = {("cash_clearing", "lot"): 100}


def test_a_lot_that_equals_the_journal_is_fine() -> None:
    movements = {
        **GRANTED,
        ("lot", "revenue"): 30,
        ("lot", "receivable"): 5,
        ("lot", "breakage"): 10,
        ("lot", "refund"): 1,
    }
    columns = LotColumns(100, 35, 0, 10, 1, 0, AT + DAY)

    assert _lot_rules(LotBooks(1, 1, columns, movements)) == []


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        (LotColumns(101, 0, 0, 0, 0, 0, AT + DAY), Rule.LOT_EQUALS_JOURNAL),
        (LotColumns(100, 1, 0, 0, 0, 0, AT + DAY), Rule.LOT_EQUALS_JOURNAL),
        (LotColumns(100, 0, 0, 1, 0, 0, AT + DAY), Rule.LOT_EQUALS_JOURNAL),
        (LotColumns(100, 0, 0, 0, 1, 0, AT + DAY), Rule.LOT_EQUALS_JOURNAL),
        (LotColumns(100, 0, 0, 0, 0, 1, AT + DAY), Rule.LOT_EQUALS_JOURNAL),
        (LotColumns(100, 0, 1, 0, 0, 0, AT + DAY), Rule.LOT_HELD_BY_CALLS),
        (LotColumns(100, 0, -1, 0, 0, 0, AT + DAY), Rule.LOT_FITS),
        (LotColumns(100, 0, 101, 0, 0, 0, AT + DAY), Rule.LOT_FITS),
        (LotColumns(100, 0, 0, 0, 0, 0, AT), Rule.EXPIRED_CREDIT_SWEPT),
        (None, Rule.LOT_KNOWN),
    ],
)
def test_a_lot_that_differs_in_any_part_is_found(columns: LotColumns | None, rule: Rule) -> None:
    assert rule in _lot_rules(LotBooks(1, 1, columns, GRANTED))


def test_the_books_of_an_unknown_organization_are_found() -> None:
    assert Rule.ORGANIZATION_KNOWN in _lot_rules(LotBooks(2, 1, LotColumns(100, 0, 0, 0, 0, 0, AT + DAY), GRANTED))


def test_an_organization_owes_what_the_journal_says() -> None:
    audit = _audit()
    list(audit.lot(LotBooks(1, None, None, {("receivable", "revenue"): 7})))

    rules = _rules(audit.organization(1, 6))

    # Nor is there a usage row that earned the 7.
    assert rules == [Rule.RECEIVABLE_EQUALS_JOURNAL, Rule.TRIAL_BALANCE]


@pytest.mark.parametrize(
    ("credit", "occurred_at", "rules"),
    [
        ("receivable", AT, []),
        ("receivable", AT - 2 * DAY, [Rule.CREDIT_IN_TIME]),
        ("receivable", AT + DAY, [Rule.CREDIT_IN_TIME]),
        ("breakage", AT + DAY, []),
        ("breakage", AT, [Rule.CREDIT_IN_TIME]),
    ],
)
def test_credit_moves_between_purchase_and_end_and_lapses_at_its_end(
    credit: str, occurred_at: datetime, rules: list[Rule]
) -> None:
    posting = PostedRow("grant:2", "lot", credit, 1, occurred_at, 1, AT - DAY, AT + DAY)

    assert _rules(_audit().other_posting(1, posting)) == rules


def test_a_version_is_complete_before_it_is_published() -> None:
    staged = DeckBooks(1, "az", 1, is_complete=False, is_published=False, rates_stated=0, rates_count=5)
    published = DeckBooks(1, "az", 1, is_complete=False, is_published=True, rates_stated=0, rates_count=5)

    assert _rules(deck_findings(staged)) == []
    assert _rules(deck_findings(published)) == [Rule.DECK_COMPLETE]


def test_every_guard_of_the_journal_is_at_work() -> None:
    assert _rules(guard_findings({"a": True, "b": False})) == [Rule.JOURNAL_INSERT_ONLY]


def test_licenses_are_counted_as_the_users_have_them() -> None:
    domestic = License.DOMESTIC.value
    books = [LicenseBooks(1, domestic, "US", 3, 3), LicenseBooks(1, domestic, "AT", 2, 3)]

    [finding] = license_findings(books)

    assert (finding.rule, finding.row) == (Rule.LICENSES_COUNTED, "license_counts DOMESTIC AT")
    assert (finding.expected, finding.found) == ("3 users, as they are licensed", "2")


def test_calls_of_an_hour_are_counted_and_never_held() -> None:
    audit = _audit()

    assert _rules(audit.meter(MeterBooks(1, "calls/1/2026-06-01T09", used=7))) == []
    (finding,) = audit.meter(MeterBooks(1, "calls/1/2026-06-01T10", used=7, held=1))
    assert (finding.rule, finding.expected, finding.found) == (
        Rule.METER_HELD_BY_CALLS,
        "held 0 calls (open calls)",
        "1 calls",
    )


def test_a_meter_that_no_call_names_has_counted_nothing() -> None:
    (finding,) = _audit().meter(MeterBooks(1, "user/1/2026-06", used=2_500_000))

    assert (finding.rule, finding.expected, finding.found) == (
        Rule.METER_EQUALS_USAGE,
        "used 0.00 (calls that name it)",
        "2.50",
    )


def test_every_rule_is_explained(repository: Path) -> None:
    page = (repository / "docs/rules/audit.md").read_text("utf-8")

    assert [rule.value for rule in Rule if f"`{rule.value}`" not in page] == []


def _audit() -> Audit:
    return Audit({1}, lambda _reference: None, AT)


def _lot_rules(books: LotBooks) -> list[Rule]:
    return _rules(_audit().lot(books))


def _rules(findings: Iterable[Finding]) -> list[Rule]:
    return [finding.rule for finding in findings]
