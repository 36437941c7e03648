from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.ledger import Account
from talktime.core.insight import statements
from talktime.core.insight.statements import (
    ALWAYS_TOLD,
    BALANCE_ACCOUNTS,
    KINDS,
    MovementKind,
    StatementFacts,
    UsedCredit,
    balance_change,
    statement_of,
)
from talktime.core.values.money import parse_micros
from talktime.core.values.periods import Period

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
AFTERWARDS = OCTOBER.ends_at + timedelta(hours=3)
FACTS = StatementFacts(
    organization_id=1,
    month=date(2026, 10, 1),
    period=OCTOBER,
    currency="PLN",
    time_zone="UTC",
    at=AFTERWARDS,
    opening_micros=100,
    closing_micros=100,
    moved={},
)
accounts = st.sampled_from(Account)
histories = st.dictionaries(st.tuples(accounts, accounts), st.integers(1, 10**15))


def balance_of(moved: dict[tuple[Account, Account], int]) -> int:
    """Return what the postings change the balance by, counted account by account."""
    gained = sum(amount for (_, credit), amount in moved.items() if credit in BALANCE_ACCOUNTS)
    lost = sum(amount for (debit, _), amount in moved.items() if debit in BALANCE_ACCOUNTS)
    return gained - lost


@given(histories, st.integers(-(10**15), 10**15), st.integers(-(10**9), 10**9))
def test_opening_and_movements_come_to_closing_whatever_was_posted(
    moved: dict[tuple[Account, Account], int], opening: int, booked_late: int
) -> None:
    used = balance_of({pair: amount for pair, amount in moved.items() if Account.REVENUE in pair})
    facts = replace(
        FACTS,
        opening_micros=opening + booked_late,
        closing_micros=opening + booked_late + balance_of(moved),
        told_micros=opening,
        moved=moved,
        used=(UsedCredit("", "", is_late=False, calls=0, used_seconds=0, cost_micros=-used),) if used else (),
    )

    statement = statement_of(facts)

    told = sum(movement.amount_micros for movement in statement.movements)
    assert statement.opening_micros == opening
    assert opening + told == statement.closing_micros == facts.closing_micros
    assert statement.amount_micros(MovementKind.CORRECTED) == booked_late


def test_a_statement_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="opening"):
        statement_of(replace(FACTS, closing_micros=101))


def test_a_statement_that_hides_a_call_cannot_be_made() -> None:
    moved = {(Account.LOT, Account.REVENUE): 7}

    with pytest.raises(AssertionError):
        statement_of(replace(FACTS, moved=moved, closing_micros=93))


def test_every_account_says_why_a_balance_changed() -> None:
    assert KINDS.keys() == set(Account) - BALANCE_ACCOUNTS


def test_credit_that_repays_a_debt_changes_no_balance() -> None:
    assert balance_change(Account.LOT, Account.RECEIVABLE) is None
    assert balance_change(Account.CASH_CLEARING, Account.TAX) is None
    assert balance_change(Account.RECEIVABLE, Account.REVENUE) == (MovementKind.USED, -1)
    assert balance_change(Account.PROMOTION, Account.LOT) == (MovementKind.GRANTED, 1)


def test_purchases_calls_and_expiry_are_told_even_where_there_were_none() -> None:
    statement = statement_of(FACTS)

    assert {movement.kind for movement in statement.movements} == ALWAYS_TOLD
    assert not statement.is_preliminary


def test_a_month_that_still_runs_is_preliminary_and_complete_until_now() -> None:  # money.md 72
    statement = statement_of(replace(FACTS, at=OCTOBER.ends_at - timedelta(days=3)))

    assert statement.is_preliminary
    assert statement.is_complete_until == OCTOBER.ends_at - timedelta(days=3)


def test_a_month_is_complete_until_the_first_call_that_is_not_charged_yet() -> None:  # money.md 72
    began_at = OCTOBER.ends_at - timedelta(minutes=9)

    assert statement_of(replace(FACTS, open_since=began_at)).is_complete_until == began_at
    assert statement_of(replace(FACTS, open_since=AFTERWARDS)).is_complete_until == OCTOBER.ends_at


def test_calls_of_earlier_months_are_told_apart() -> None:  # money.md 31
    used = (
        UsedCredit("user_out", "France", is_late=False, calls=2, used_seconds=90, cost_micros=60),
        UsedCredit("user_out", "France", is_late=True, calls=1, used_seconds=5, cost_micros=10),
    )
    facts = replace(FACTS, moved={(Account.LOT, Account.REVENUE): 70}, closing_micros=30, used=used)

    assert statement_of(facts).late_micros == 10


def test_tax_at_use_is_contained_in_what_was_used_by_the_rule_of_the_month() -> None:  # money.md 54
    rule = TaxRule("PL", "VAT", 230_000, TaxedAt.USE, date(2026, 1, 1))
    used_micros = parse_micros("123")
    facts = replace(
        FACTS,
        moved={(Account.LOT, Account.REVENUE): used_micros},
        closing_micros=100 - used_micros,
        used=(UsedCredit("user_out", "France", is_late=False, calls=1, used_seconds=5, cost_micros=used_micros),),
        rule=rule,
    )

    statement = statement_of(facts)

    assert statement.included_tax_micros == parse_micros("23")
    assert (statement.tax.name, statement.tax.rate_ppm) == ("VAT", 230_000)
    assert statement_of(replace(facts, rule=None)).included_tax_micros == 0


def test_the_tax_of_a_month_is_booked_under_the_name_of_the_month() -> None:
    assert statements.tax_entry_id(date(2026, 10, 1)) == "tax:2026-10"
    assert statements.month_before(date(2026, 1, 1)) == date(2025, 12, 1)
