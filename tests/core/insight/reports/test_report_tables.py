"""Reports as tables: sums, shares, budgets, lost calls, and which columns in which order."""

from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.calls.calls import DenialReason
from talktime.core.insight.reports.budgets import BudgetState, by_department, department_costs
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.lost_calls import LostWorth, PrefixCost, lost_worth, refused_table, whole_worth
from talktime.core.insight.reports.report_tables import ReportTable, added_up, columns, sorted_by, with_columns
from talktime.core.insight.reports.usage_sums import (
    NO_DESTINATION,
    NOBODY,
    Person,
    by_destination,
    by_organizer,
    by_user,
)
from talktime.core.insight.tables import ColumnKind
from talktime.core.values.errors import Invalid
from talktime.core.values.periods import Period

MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
MIDDLE = datetime(2026, 11, 16, tzinfo=UTC)
ANNA = Person("anna@acme.example", "Anna Ek", "SE", "Sales")
TABLE = ReportTable(
    "table",
    columns(Name=ColumnKind.TEXT, Used_percent=ColumnKind.WHOLE, Cost=ColumnKind.MONEY, Currency=ColumnKind.TEXT),
    (("b", 1, 20, "EUR"), ("a", None, 30, "EUR"), ("c", 2, 10, "EUR")),
)


def total(group: object, cost: int, *, seconds: int = 90, currency: str = "EUR", calls: int = 2) -> UsageSum:
    return UsageSum(group, currency, calls, calls, seconds, seconds, cost, 0)


def test_destinations_stand_by_cost_with_their_share_and_a_last_line() -> None:
    table = by_destination([total("Japan", 250_000), total("US", 750_000, seconds=100), total("", 0)])

    assert [(row[0], row[4], row[-1]) for row in table.rows] == [
        ("United States", 750_000, 75),
        ("Japan", 250_000, 25),
        (NO_DESTINATION, 0, 0),
    ]
    assert table.totals == ("Total", 6, 6, 280, 1_000_000, 0, "EUR", None)


def test_sums_in_two_currencies_have_no_last_line() -> None:
    table = by_destination([total("Japan", 250_000), total("Japan", 100, currency="USD")])

    assert table.totals is None
    assert [row[-1] for row in table.rows] == [100, 100]


def test_users_are_named_as_they_are_called_today() -> None:
    table = by_user([total(1, 500), total(2, 100), total(None, 50)], {1: ANNA})

    assert [row[:4] for row in table.rows] == [
        ("anna@acme.example", "Anna Ek", "Sales", "SE"),
        ("user 2", "", "", ""),
        (NOBODY, "", "", ""),
    ]


def test_an_organizers_minutes_are_all_of_them_and_those_that_were_included() -> None:
    table = by_organizer([total(1, 900, seconds=600)], [total(1, 900, seconds=240)], {1: ANNA})

    assert table.rows == (("Anna Ek", "anna@acme.example", "SE", 2, 10, 6, 600, 900, "EUR"),)


def test_rows_are_sorted_by_any_column_and_empty_cells_are_last() -> None:
    assert [row[0] for row in sorted_by(TABLE, "used %", is_descending=True).rows] == ["c", "b", "a"]
    assert [row[0] for row in sorted_by(TABLE, "used-%", is_descending=False).rows] == ["b", "c", "a"]


def test_columns_are_chosen_by_name_with_their_totals() -> None:
    chosen = with_columns(added_up(TABLE, ["Cost"]), ["cost", "NAME"])

    assert [column.name for column in chosen.columns] == ["Cost", "Name"]
    assert (chosen.rows[0], chosen.totals) == ((20, "b"), (60, "Total"))
    assert with_columns(TABLE, ()) == TABLE


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(Invalid, match="no column 'price': it has Name, Used %, Cost, Currency"):
        with_columns(TABLE, ["price"])


@pytest.mark.parametrize(
    ("cost", "budget", "at", "state"),
    [
        (100, None, MIDDLE, BudgetState.NO_BUDGET),
        (100, 1_000, MIDDLE, BudgetState.WITHIN),
        (799, 1_000, MONTH.ends_at, BudgetState.WITHIN),
        (800, 1_000, MONTH.ends_at, BudgetState.LOW),
        (999, 1_000, MONTH.ends_at, BudgetState.LOW),
        (1_000, 1_000, MONTH.ends_at, BudgetState.EXCEEDED),
        # Half of the month is over: twice as much is expected.
        (500, 1_000, MIDDLE, BudgetState.WITHIN),
        (501, 1_000, MIDDLE, BudgetState.PACE),
        # Two days tell no pace.
        (501, 1_000, MONTH.starts_at + timedelta(days=2), BudgetState.WITHIN),
        (-5, 1_000, MIDDLE, BudgetState.WITHIN),
    ],
)
def test_a_department_is_warned_of_what_has_happened_then_of_what_will(
    cost: int, budget: int | None, at: datetime, state: BudgetState
) -> None:
    budgets = {} if budget is None else {"Sales": budget}

    (found,) = department_costs([total("Sales", cost)], budgets, "EUR", MONTH, at)

    assert found.state is state


def test_departments_with_a_budget_are_there_without_a_call_and_budgets_are_in_one_currency() -> None:
    sums = [total("Sales", 900), total("", 50), total("Lab", 70, currency="USD")]

    costs = department_costs(sums, {"Sales": 1_000, "Lab": 10, "Idle": 5}, "EUR", MONTH, MIDDLE)

    assert [(cost.department, cost.budget_micros, cost.used_percent, cost.expected_micros) for cost in costs] == [
        ("Sales", 1_000, 90, 1_800),
        ("Lab", None, None, 140),
        ("", None, None, 100),
        ("Idle", 5, 0, None),
    ]
    assert [row[0] for row in by_department(costs).rows] == ["Sales", "Lab", "(no department)", "Idle"]


def test_lost_calls_are_worth_the_average_of_paid_calls_to_the_longest_known_prefix() -> None:
    paid = {"44": PrefixCost(2, 100_000), "4420": PrefixCost(4, 1_000_000), "33": PrefixCost(0, 0)}

    worth = lost_worth({"442079460000": 3, "447911123456": 1, "33140205050": 5, "8613": 1}, paid)

    # 3 × 0.25 + 1 × 0.05; nobody has paid a call to France or China.
    assert worth == LostWorth(10, 4, 800_000)
    assert whole_worth([worth, LostWorth(1, 1, 50_000)]) == LostWorth(11, 5, 850_000)
    assert lost_worth({}, paid) == LostWorth()


def test_an_estimate_is_told_in_cents() -> None:
    assert lost_worth({"44": 1}, {"44": PrefixCost(3, 100_000)}).worth_micros == 30_000


def test_reasons_stand_by_frequency_and_only_those_of_money_are_worth_something() -> None:
    counts = {DenialReason.CREDIT_EXHAUSTED: 2, DenialReason.USER_BLOCKED: 5, DenialReason.CREDIT_NOT_SET_UP: 2}

    table = refused_table(counts, {DenialReason.CREDIT_EXHAUSTED: LostWorth(2, 1, 70_000)}, "EUR")

    assert [row[:6] for row in table.rows] == [
        ("user_blocked", 5, 0, None, "EUR", 0),
        ("credit_exhausted", 2, 2, 70_000, "EUR", 1),
        ("credit_not_set_up", 2, 2, None, "EUR", 0),
    ]
    assert table.totals is not None
    assert table.totals[1:4] == (9, 4, 70_000)
