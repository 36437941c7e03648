"""The usage report on real books: it agrees with the journal to the micro-unit."""

from collections.abc import Iterator
from datetime import date

import pytest

from talktime.bootstrap import App
from talktime.core.insight.usage import TALKTIME
from talktime.core.values.errors import Invalid, NotFound
from talktime.store.transaction import Transaction
from talktime.usecases.insight.report_usage import OpenReport, ReportUsage, report_usage
from tests.real_books import ACME


def test_the_totals_are_the_sum_of_all_rows_and_of_the_journal(charged_app: App) -> None:
    rows: list[dict[str, object]] = []

    reported = charged_app.read(
        report_usage, ReportUsage("Acme", layout=TALKTIME, writers=[lambda report: rows.extend(_named(report))])
    )

    cost_micros = sum(total.cost_micros for total in reported.totals)
    assert cost_micros == sum(int(str(row["cost"])) for row in rows) == charged_app.read(_spent_micros, ACME)
    assert reported.rows_count == len(rows) == sum(total.rows for total in reported.totals)
    assert [row["started_at"] for row in rows] == sorted(row["started_at"] for row in rows)  # type: ignore[type-var]


def test_a_call_that_was_refused_or_is_open_is_not_in_the_report(charged_app: App) -> None:
    rows: list[dict[str, object]] = []

    charged_app.read(
        report_usage, ReportUsage("Acme", layout=TALKTIME, writers=[lambda report: rows.extend(_named(report))])
    )

    told = {row["call_id"] for row in rows}
    assert {"ordinary-00", "emergency", "lapsed"} <= told
    assert told.isdisjoint({"denied-blocked", "denied-license", "open", "never-started"})


def test_each_writer_gets_the_whole_report(charged_app: App) -> None:
    counts: list[int] = []

    def write(report: OpenReport) -> None:
        counts.append(sum(1 for _ in report.rows()))

    reported = charged_app.read(report_usage, ReportUsage("Acme", writers=[write, write]))

    assert counts == [reported.rows_count] * 2
    assert sum(total.rows for total in reported.totals) == reported.rows_count


def test_a_period_ends_with_its_last_day(charged_app: App) -> None:
    first_day, later, all_days = (
        charged_app.read(report_usage, ReportUsage("Acme", starts_on, ends_on)).rows_count
        for starts_on, ends_on in (
            (date(2026, 3, 2), date(2026, 3, 2)),
            (date(2026, 3, 3), None),
            (None, None),
        )
    )

    assert first_day > 0
    assert later > 0
    assert first_day + later == all_days


def test_an_empty_period_says_when_there_is_usage(charged_app: App) -> None:
    reported = charged_app.read(report_usage, ReportUsage("Acme", date(2030, 1, 1)))

    assert (reported.rows_count, reported.totals) == (0, ())
    assert reported.span is not None
    assert reported.span.starts_at.date() == date(2026, 3, 2)


def test_a_period_that_ends_before_it_begins_is_refused(charged_app: App) -> None:
    with pytest.raises(Invalid, match="ends on 2026-01-01, before it begins on 2026-02-01"):
        charged_app.read(report_usage, ReportUsage("Acme", date(2026, 2, 1), date(2026, 1, 1)))


def test_an_unknown_organization_is_refused(charged_app: App) -> None:
    with pytest.raises(NotFound, match="Contosso"):
        charged_app.read(report_usage, ReportUsage("Contosso"))


def _named(report: OpenReport) -> Iterator[dict[str, object]]:
    names = [column.name for column in report.layout.columns]
    for row in report.rows():
        yield dict(zip(names, row, strict=True))


def _spent_micros(tx: Transaction, organization_id: int) -> int:
    return sum(lot.spent_micros for lot in tx.credit.credit(organization_id).lots)
