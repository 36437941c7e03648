"""Statements of real books, and of random ones, on both databases."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from talktime.bootstrap import App
from talktime.core.calls.requests import AnswerCall, EndCall, StartCall
from talktime.core.credit.billing.taxes import TaxedAt
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.insight.books import Rule
from talktime.core.insight.statements import BALANCE_ACCOUNTS, MovementKind, Statement
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.money import parse_micros
from talktime.store.instants import from_micros
from talktime.store.schema import postings
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.billing.issue_statements import (
    OfMonth,
    issue_statement,
    list_statements,
    show_statement,
    statements_due,
)
from talktime.usecases.credit.billing.set_taxes import SetTax, set_tax
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.real_books import ACME, ADA, LONDON, Books, key

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
# London's summer time began in March.
MARCH_ENDS_AT = datetime(2026, 3, 31, 23, tzinfo=UTC)
AFTERWARDS = datetime(2026, 5, 2, 6, tzinfo=UTC)
FRENCH = "33140205050"


def issued(app: App, month: date, organization: str = "Acme", at: datetime = AFTERWARDS) -> Statement:
    return issue_statement(app.read, app.run, OfMonth(organization, month, at))


def audited(app: App) -> AuditReport:
    return app.read(audit_books, AuditBooks(AFTERWARDS))


def test_a_statement_tells_what_came_and_what_went(charged_app: App) -> None:
    statement = issued(charged_app, MARCH)

    report = charged_app.read(_usage_of, ("Acme", MARCH))
    assert statement.opening_micros == 0
    assert [(bought.reference, bought.amount_micros) for bought in statement.purchased] == [
        ("order-1", 2_000_000),
        ("order-2", 50_000_000),
    ]
    assert statement.amount_micros(MovementKind.PURCHASED) == 52_000_000
    assert {(used.destination, used.calls, used.cost_micros) for used in statement.used} == report
    assert statement.closing_micros == 52_000_000 - sum(cost for _, _, cost in report)
    assert statement.late_micros == 0


def test_months_follow_each_other_without_a_gap_and_end_at_the_balance(charged_app: App) -> None:
    march, april = issued(charged_app, MARCH), issued(charged_app, APRIL)

    credit = charged_app.read(_balance, ACME)
    assert april.opening_micros == march.closing_micros
    assert april.amount_micros(MovementKind.EXPIRED) < 0
    assert april.closing_micros == credit


def test_a_debt_is_a_balance_below_zero(charged_app: App) -> None:
    statement = issued(charged_app, MARCH, "Fabrikam")

    assert statement.closing_micros == charged_app.read(_balance, 2) < 0


def test_a_call_across_the_months_end_is_told_as_late_where_it_was_charged(charged_app: App) -> None:  # money.md 31
    _late_call(charged_app)

    march, april = issued(charged_app, MARCH), issued(charged_app, APRIL)

    late = [used for used in april.used if used.is_late]
    assert [(used.destination, used.calls, used.used_seconds) for used in late] == [("France", 1, 600)]
    assert april.late_micros == late[0].cost_micros == parse_micros("0.36")
    assert march.late_micros == 0


def test_a_month_is_complete_until_the_call_that_still_runs(charged_app: App) -> None:  # money.md 72
    still_open_since = charged_app.read(_open_since, ACME)

    shown = charged_app.read(show_statement, OfMonth("Acme", APRIL, AFTERWARDS))

    assert shown.statement.is_complete_until == still_open_since < shown.statement.ends_at
    assert not shown.is_issued


def test_what_was_issued_is_told_again_to_the_byte_whatever_is_booked_later(charged_app: App) -> None:  # money.md 72
    march = issued(charged_app, MARCH)
    backdated = AddCredit(
        "Acme", parse_micros("7"), "found in a drawer", AFTERWARDS, purchased_at=MARCH_ENDS_AT - timedelta(days=9)
    )

    charged_app.run(add_credit, backdated)

    april = issued(charged_app, APRIL)
    assert issued(charged_app, MARCH, at=AFTERWARDS + timedelta(days=99)) == march
    assert charged_app.read(show_statement, OfMonth("Acme", MARCH, AFTERWARDS)).statement == march
    assert april.opening_micros == march.closing_micros
    assert april.amount_micros(MovementKind.CORRECTED) == parse_micros("7")


def test_a_month_that_runs_is_shown_and_not_issued_and_one_to_come_is_neither(charged_app: App) -> None:
    running = OfMonth("Acme", MAY, AFTERWARDS)

    assert charged_app.read(show_statement, running).statement.is_preliminary
    with pytest.raises(Invalid, match="not over"):
        issue_statement(charged_app.read, charged_app.run, running)
    with pytest.raises(Invalid, match="not begun"):
        charged_app.read(show_statement, OfMonth("Acme", date(2026, 6, 1), AFTERWARDS))


def test_months_are_issued_in_their_order(charged_app: App) -> None:
    with pytest.raises(Conflict, match="March 2026 was not issued"):
        issued(charged_app, APRIL)


def test_months_before_the_first_booking_need_no_statement(charged_app: App) -> None:
    february = issued(charged_app, date(2026, 2, 1))

    assert (february.opening_micros, february.closing_micros) == (0, 0)
    assert issued(charged_app, MARCH).opening_micros == 0


def test_a_document_that_could_be_changed_is_found_by_the_audit(
    charged_app: App, charged_database_url: str, database_engine: str
) -> None:
    name = "invoices_no_update" if database_engine == "sqlite" else "invoices_insert_only"
    where = "" if database_engine == "sqlite" else " ON invoices"
    charged_app.run(_execute, f"DROP TRIGGER {name}{where}")

    (finding,) = audited(charged_app).violations

    assert (finding.rule, finding.row) == (Rule.JOURNAL_INSERT_ONLY, f"trigger {name}")


def test_every_month_that_is_over_is_due_once(charged_app: App) -> None:
    due = charged_app.read(statements_due, AFTERWARDS)
    for each in due:
        issue_statement(charged_app.read, charged_app.run, each)

    assert [(each.organization, each.month) for each in due] == [
        ("Acme", MARCH),
        ("Acme", APRIL),
        ("Fabrikam", MARCH),
        ("Fabrikam", APRIL),
    ]
    assert charged_app.read(statements_due, AFTERWARDS) == []
    told = charged_app.read(list_statements, LookAt("Acme", AFTERWARDS))[1]
    assert [(each.month, each.statement is not None) for each in told] == [(MAY, False), (APRIL, True), (MARCH, True)]


def test_tax_at_use_is_booked_once_with_the_statement_and_the_audit_agrees(charged_app: App) -> None:  # money.md 54
    charged_app.run(set_tax, SetTax("GB", "VAT", 200_000, TaxedAt.USE, date(2026, 1, 1)))

    with ThreadPoolExecutor(4) as threads:
        statements = list(threads.map(lambda _: issued(charged_app, MARCH), range(4)))

    statement = statements[0]
    used_micros = -statement.amount_micros(MovementKind.USED)
    assert statements == [statement] * 4
    assert statement.included_tax_micros == (used_micros // 6 + 5_000) // 10_000 * 10_000 > 0
    booked = charged_app.read(_postings, "tax:2026-03")
    assert booked == [("tax:2026-03", Posting(Account.REVENUE, Account.TAX, statement.included_tax_micros))]
    assert audited(charged_app).violations == ()


def test_revenue_that_becomes_tax_without_a_statement_is_found(charged_app: App, charged_database_url: str) -> None:
    statement = "INSERT INTO postings VALUES (1, 'gift', 0, 'revenue', 'tax', NULL, 1, 0)"
    charged_app.run(_execute, statement)

    assert Rule.TRIAL_BALANCE in {finding.rule for finding in audited(charged_app).violations}


@pytest.mark.parametrize("seed", range(8))
def test_random_books_add_up_month_by_month(charged_app: App, seed: int) -> None:
    """Postings of all kinds at random instants; the balance of every month end is counted here by hand."""
    entries = charged_app.run(_random_entries, seed)
    ends = {MARCH: MARCH_ENDS_AT, APRIL: datetime(2026, 4, 30, 23, tzinfo=UTC)}
    before = {month: charged_app.read(_told_balance, (ACME, ends_at)) for month, ends_at in ends.items()}

    told = {month: issued(charged_app, month) for month in ends}

    for month, statement in told.items():
        by_hand = before[month]
        assert statement.closing_micros == by_hand == _counted(charged_app, ends[month])
        moved = sum(movement.amount_micros for movement in statement.movements)
        assert statement.opening_micros + moved == statement.closing_micros
    assert told[APRIL].opening_micros == told[MARCH].closing_micros
    assert any(entry.occurred_at < MARCH_ENDS_AT for entry in entries)


def test_a_statement_asks_for_sums_and_not_for_calls(charged_app: App) -> None:
    """However many calls there were, what is read is as large as there are destinations."""
    statement = issued(charged_app, MARCH)

    assert sum(used.calls for used in statement.used) > 3 * len(statement.used)


def _late_call(app: App) -> None:
    books = Books(app)
    started_at = MARCH_ENDS_AT - timedelta(minutes=5)
    books.one(StartCall(key("across"), started_at, ADA, FRENCH))
    books.one(AnswerCall(key("across"), started_at, started_at))
    books.one(EndCall(key("across"), started_at + timedelta(minutes=10), 600))
    books.close()


def _usage_of(tx: Transaction, wanted: tuple[str, date]) -> set[tuple[str, int, int]]:
    """Add up a month's usage rows one by one, by the report's own way to read them."""
    organization = tx.organizations.named(wanted[0])
    starts_at = datetime(wanted[1].year, wanted[1].month, 1, tzinfo=LONDON)
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for reported in tx.insight.usage(organization.organization_id, starts_at, MARCH_ENDS_AT):
        row = reported.row
        if row.cost_micros:
            calls, cost = sums.get((row.kind.value, row.destination), (0, 0))
            sums[row.kind.value, row.destination] = calls + 1, cost + row.cost_micros
    return {(destination, calls, cost) for (_, destination), (calls, cost) in sums.items()}


def _balance(tx: Transaction, organization_id: int) -> int:
    return tx.credit.credit(organization_id).balance_micros


def _told_balance(tx: Transaction, wanted: tuple[int, datetime]) -> int:
    return tx.documents.journal.balance(*wanted)


def _counted(app: App, ends_at: datetime) -> int:
    balance = 0
    for debit, credit, amount_micros, occurred_at in app.read(_all_postings, ACME):
        if occurred_at < ends_at:
            balance += amount_micros * ((credit in BALANCE_ACCOUNTS) - (debit in BALANCE_ACCOUNTS))
    return balance


def _all_postings(tx: Transaction, organization_id: int) -> list[tuple[Account, Account, int, datetime]]:
    found = tx.insight._connection.execute(select(postings).where(postings.c.organization_id == organization_id))
    return [(Account(row.debit), Account(row.credit), row.amount_micros, from_micros(row.occurred_at)) for row in found]


def _open_since(tx: Transaction, organization_id: int) -> datetime | None:
    return tx.documents.journal.open_since(organization_id)


def _postings(tx: Transaction, entry_id: str) -> list[tuple[str, Posting]]:
    return tx.insight.postings(ACME, [entry_id])


def _execute(tx: Transaction, statement: str) -> None:
    tx.insight._connection.exec_driver_sql(statement)


def _random_entries(tx: Transaction, seed: int) -> list[JournalEntry]:
    chance = random.Random(seed)
    tx.organizations.lock("Acme")
    entries = []
    for number in range(60):
        debit, credit = chance.sample(list(Account), 2)
        lot_id = 1 if Account.LOT in (debit, credit) else None
        at = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(minutes=chance.randrange(58 * 24 * 60))
        # Ids as calls, grants and people make them, some of which look like a call's and are none.
        entry_id = chance.choice(["adjust:{}", "call:sbc1||ghost-{}:0", "call:{}", "{}", "call::{}"]).format(number)
        entry = JournalEntry(ACME, entry_id, at, (Posting(debit, credit, chance.randrange(1, 10**9), lot_id),))
        tx.credit.post(entry)
        entries.append(entry)
    return entries
