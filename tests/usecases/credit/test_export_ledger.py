"""The books as finance gets them, from real tables on both databases, judged by Beancount and added up by hand."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from talktime.bootstrap import App
from talktime.core.credit.ledger import Account
from talktime.core.insight.ledger_entries import Detail
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.money import format_micros
from talktime.core.values.places import currencies
from talktime.exports.beancount import write_beancount
from talktime.exports.ledger_csv import write_ledger_csv
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.export_ledger import (
    Clock,
    ExportLedger,
    LedgerShown,
    OpenLedger,
    Scope,
    export_ledger,
    show_balances,
)
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from tests.exports.bean_check import asserted, bean_check
from tests.random_books import MOVEMENTS, RandomBooks
from tests.real_books import Books
from tests.usecases.credit.buyers import NAME, Buyers

EVERYTHING = Scope()
ADDED_POSTING = (
    "INSERT INTO postings (organization_id, entry_id, line, debit, credit, lot_id, amount_micros, occurred_at)"
    " SELECT organization_id, 'x', line, debit, credit, lot_id, 1, occurred_at FROM postings WHERE entry_id = 'grant:2'"
)
ZONES = ("UTC", "Europe/London", "Asia/Kolkata", "America/Havana", "Pacific/Kiritimati")
NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30)
# Each example starts bean-check, which takes half a second.
FEW = settings(
    max_examples=max(5, settings.default.max_examples // 2) if settings.default else 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


@pytest.fixture
def charged(app: App) -> App:
    Books.charged(app)
    return app


# ── any journal ─────────────────────────────────────────────────────────────────────────────────────────────


def test_any_journal_is_accepted_by_bean_check_and_closes_as_our_credit_does(app: App, tmp_path: Path) -> None:
    numbers = count(1)

    @FEW
    @given(MOVEMENTS, st.sampled_from(ZONES), st.sampled_from(sorted(currencies())), NAMES)
    def holds(operations: list[tuple[object, ...]], zone: str, currency: str, name: str) -> None:
        number = next(numbers)
        books = RandomBooks(Organization(number, f"{name} {number}", "GB", currency, ZoneInfo(zone), "az"))
        books.do(operations)
        app.run(books.save, None)

        shown = beancount(app, tmp_path / "books.beancount", Scope(books.organization.name))

        written = (tmp_path / "books.beancount").read_text("utf-8")
        assert bean_check(tmp_path / "books.beancount") == ""
        assert shown.differences == ()
        assert shown.entries_count == len(books.journal)
        closing = closing_of(written)
        credit = books.credit
        assert closing["Deferred-Revenue"] == -sum(lot.remaining_micros for lot in credit.lots)
        assert closing["Unbilled-Receivables"] == credit.receivable_micros
        assert closing["Call-Revenue"] == -sum(books.costs.values())
        assert closing["Breakage-Revenue"] == -sum(lot.expired_micros for lot in credit.lots)
        assert sum(closing.values()) == 0

    holds()


def test_any_period_and_any_detail_is_accepted_too_and_goes_on_where_the_one_before_ended(
    app: App, tmp_path: Path
) -> None:
    numbers = count(1)

    @FEW
    @given(MOVEMENTS, st.sampled_from(ZONES), st.sampled_from(Clock), st.sampled_from(Detail), st.integers(0, 400))
    def holds(operations: list[tuple[object, ...]], zone: str, clock: Clock, detail: Detail, days: int) -> None:
        number = next(numbers)
        books = RandomBooks(Organization(number, f"Acme {number}", "GB", "GBP", ZoneInfo(zone), "az"))
        books.do([("grant", 1_000_000, 5_000, Account.CASH_CLEARING, 19), *operations])
        app.run(books.save, None)
        cut = date(2026, 3, 29) + timedelta(days=days)
        whole = Scope(books.organization.name, clock=clock)
        path = tmp_path / "part.beancount"

        for scope in (replace(whole, ends_on=cut), replace(whole, starts_on=cut + timedelta(days=1))):
            shown = beancount(app, path, scope, detail)
            assert bean_check(path) == ""
            assert shown.differences == ()

        together = [
            *ledger_csv(app, replace(whole, ends_on=cut)),
            *ledger_csv(app, replace(whole, starts_on=cut + DAY)),
        ]
        assert [unbalanced(row) for row in together] == [unbalanced(row) for row in ledger_csv(app, whole)]

    holds()


def test_debits_are_credits_and_balances_run_to_the_closing_ones(charged: App) -> None:
    rows = ledger_csv(charged, EVERYTHING)

    debited = sum(Decimal(row["debit"] or 0) for row in rows)
    credited = sum(Decimal(row["credit"] or 0) for row in rows)
    ran: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        whose = row["organization"], row["account_number"]
        ran[whose] = ran.get(whose, Decimal(0)) + Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        assert Decimal(row["balance"]) == ran[whose]
    by_account: Counter[str] = Counter()
    for (_, number), balance in ran.items():
        by_account[number] += balance  # type: ignore[assignment]
    (trial,) = charged.read(show_balances, EVERYTHING).trial_balances
    assert debited == credited == Decimal("55.8442")
    assert dict(by_account) == {
        line.account.number: Decimal(format_micros(line.closing_micros)) for line in trial.lines
    }


# ── a real history ──────────────────────────────────────────────────────────────────────────────────────────


def test_real_calls_are_exported_as_they_were_charged(charged: App, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"

    shown = beancount(charged, path)

    assert bean_check(path) == ""
    assert shown.differences == ()
    assert (shown.organizations_count, shown.entries_count) == (2, 35)
    assert '"Call paid from credit; Call that no credit covered, United Kingdom London"' in path.read_text("utf-8")
    assert '"Credit expired, order-1"' in path.read_text("utf-8")


def test_the_same_books_give_the_same_bytes_on_either_database(charged: App, tmp_path: Path) -> None:
    here, again, on_sqlite = (tmp_path / name for name in ("here.beancount", "again.beancount", "sqlite.beancount"))
    with App(Settings(database=f"sqlite:///{tmp_path / 'other.db'}")) as other:
        Books.charged(other)
        beancount(other, on_sqlite)

    beancount(charged, here)
    beancount(charged, again)

    assert here.read_bytes() == again.read_bytes() == on_sqlite.read_bytes()


def test_purchases_and_refunds_name_their_documents(app: App, tmp_path: Path) -> None:
    buyers = Buyers(app, tmp_path, funded=0)
    buyers.attach()
    bought = buyers.buy()
    buyers.agree()
    buyers.tick(days=1)
    app.run(refund_credit, RefundCredit(NAME, bought.purchase.lot_id or 0, "R-1", "not needed", buyers.at))
    buyers.spend(60)
    buyers.close()
    path = tmp_path / "books.beancount"

    shown = beancount(app, path)

    written = path.read_text("utf-8")
    assert bean_check(path) == ""
    assert shown.differences == ()
    assert "^TT-000001-0001" in written


# ── damage ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("a lot is a micro larger", "UPDATE credit_lots SET granted_micros = granted_micros + 1 WHERE lot_id = 2"),
        (
            "a micro less is owed",
            "UPDATE organizations SET receivable_micros = receivable_micros - 1 WHERE name = 'Fabrikam'",
        ),
        (
            "a call costs a micro more",
            "UPDATE usage_rows SET cost_micros = cost_micros + 1 WHERE call_key = 'sbc1||cut'",
        ),
        (
            "less has expired",
            "UPDATE credit_lots SET expired_micros = expired_micros - 1 WHERE organization_id = 1 AND lot_id = 1",
        ),
        ("a posting was added", ADDED_POSTING),
    ],
)
def test_books_that_were_tampered_with_fail(charged: App, tmp_path: Path, what: str, statement: str) -> None:
    path = tmp_path / "books.beancount"
    charged.run(execute, statement)

    shown = beancount(charged, path)

    assert "Balance failed" in bean_check(path), what
    assert shown.differences != ()
    assert charged.read(show_balances, EVERYTHING).differences == shown.differences


def test_an_amount_that_is_a_micro_off_in_the_file_fails(charged: App, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    beancount(charged, path)
    written = path.read_text("utf-8")
    entry = '  entry: "call:sbc1||cut:0"'
    before, _, after = written.partition(entry)

    path.write_text(before + entry + after.replace("0.026900", "0.026901", 1), "utf-8")
    one_side = bean_check(path)
    path.write_text(before + entry + after.replace("0.026900", "0.026901", 2), "utf-8")
    both_sides = bean_check(path)

    assert "does not balance" in one_side
    assert "does not balance" not in both_sides
    assert "Balance failed" in both_sides


def test_an_account_that_is_none_of_ours_is_refused_by_name(charged: App) -> None:
    charged.run(
        execute,
        "INSERT INTO postings (organization_id, entry_id, line, debit, credit, amount_micros, occurred_at)"
        " VALUES (1, 'x', 0, 'cash', 'revenue', 1, 1)",
    )

    with pytest.raises(Conflict, match="'cash'") as refused:
        charged.read(show_balances, EVERYTHING)

    assert refused.value.code == "books_damaged"


# ── periods ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_period_begins_with_what_was_and_income_begins_at_nothing(charged: App) -> None:
    (trial,) = charged.read(
        show_balances, Scope("Acme", starts_on=date(2026, 4, 1), ends_on=date(2026, 4, 30))
    ).trial_balances

    told = {line.account.name: (line.opening_micros, line.closing_micros) for line in trial.lines}
    assert told["Cash clearing"] == (52_000_000, 52_000_000)
    assert told["Earlier earnings"] == (-2_623_200, -2_623_200)
    assert told["Breakage revenue"] == (0, -1_057_200)
    assert sum(opening for opening, _ in told.values()) == 0


@pytest.mark.parametrize(("clock", "day"), [(Clock.ORGANIZATION, "2026-03-31"), (Clock.UTC, "2026-04-01")])
def test_entries_stand_on_the_day_of_the_clock_that_was_asked_for(app: App, clock: Clock, day: str) -> None:
    books = RandomBooks(Organization(1, "Acme", "US", "USD", ZoneInfo("America/New_York"), "az"))
    books.at = datetime(2026, 4, 1, 3, 59, tzinfo=UTC)
    books.grant(20_000_000, 1_000, Account.CASH_CLEARING, 0)
    app.run(books.save, None)

    rows = ledger_csv(app, Scope(clock=clock))

    assert {row["date"] for row in rows} == {day}
    assert {row["instant_utc"] for row in rows} == {"2026-04-01T03:59:00Z"}


def test_a_month_without_entries_has_the_balances_of_the_one_before(charged: App, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"

    beancount(charged, path, Scope("Acme", ends_on=date(2026, 12, 31)))

    found = asserted(path.read_text("utf-8"))
    deferred = {day: amount for (day, account), amount in found.items() if "Deferred" in account}
    assert bean_check(path) == ""
    assert deferred == {"2026-04-01": "-49.376800", "2027-01-01": "-48.319600"}


@pytest.mark.parametrize(
    "scope",
    [
        Scope(starts_on=date(2026, 4, 2), ends_on=date(2026, 4, 1)),
        Scope(starts_on=date(1, 1, 1)),
        Scope(ends_on=date(9999, 12, 31)),
    ],
)
def test_a_period_that_there_is_not_is_refused(charged: App, scope: Scope) -> None:
    with pytest.raises(Invalid) as refused:
        charged.read(show_balances, scope)

    assert refused.value.code == "period"


def test_an_organization_that_there_is_not_is_refused(charged: App) -> None:
    with pytest.raises(NotFound):
        charged.read(show_balances, Scope("Nobody"))


def test_before_the_first_entry_there_are_no_books(charged: App, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"

    shown = beancount(charged, path, Scope(ends_on=date(2026, 3, 1)))

    assert bean_check(path) == ""
    assert (shown.organizations_count, shown.first_on, shown.trial_balances) == (0, None, ())


@pytest.mark.parametrize("detail", [Detail.DAY, Detail.MONTH])
def test_sums_of_days_and_months_come_to_the_same(charged: App, detail: Detail) -> None:
    one_by_one = ledger_csv(charged, EVERYTHING)

    summed = ledger_csv(charged, EVERYTHING, detail)

    assert len(summed) < len(one_by_one)
    assert totals(summed) == totals(one_by_one)


DAY = timedelta(days=1)


def execute(tx: Transaction, statement: str) -> None:
    tx.credit._connection.execute(text(statement))


def beancount(app: App, path: Path, scope: Scope = EVERYTHING, detail: Detail = Detail.ENTRY) -> LedgerShown:
    def write(ledger: OpenLedger) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_beancount(stream, ledger.ledgers(), ledger.currencies)

    return app.read(export_ledger, ExportLedger(scope, write, detail))


def ledger_csv(app: App, scope: Scope, detail: Detail = Detail.ENTRY) -> list[dict[str, str]]:
    written = StringIO(newline="")
    app.read(export_ledger, ExportLedger(scope, lambda ledger: write_ledger_csv(written, ledger.ledgers()), detail))
    return list(csv.DictReader(StringIO(written.getvalue(), newline="")))


def closing_of(written: str) -> Counter[str]:
    """Return what a file asserts on its last day, in micros, by account."""
    found = asserted(written)
    last = max((day for day, _ in found), default="")
    closing: Counter[str] = Counter()
    for (day, account), amount in found.items():
        if day == last:
            closing[account.split(":")[1]] = int(Decimal(amount).scaleb(6))
    return closing


def unbalanced(row: dict[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name != "balance"}


def totals(rows: list[dict[str, str]]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in rows:
        sums[row["organization"], row["account_number"]][0] += Decimal(row["debit"] or 0)
        sums[row["organization"], row["account_number"]][1] += Decimal(row["credit"] or 0)
    return {key: (debit, credit) for key, (debit, credit) in sums.items()}
