"""Cost by department beside its monthly budget: what is used, what it will be at this pace, what to be warned of."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum

from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.report_tables import ReportTable, added_up, columns
from talktime.core.insight.reports.usage_sums import minutes_of
from talktime.core.insight.tables import ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.money import Rounding, divide
from talktime.core.values.periods import Period

WARNING_PERCENT, EXCEEDED_PERCENT = 80, 100
NO_DEPARTMENT = "(no department)"
# A pace that is taken from fewer days than these says nothing.
PACE_DAYS_MIN = 3
_DAY_SECONDS = 86_400
_TEXT, _WHOLE, _MONEY = ColumnKind.TEXT, ColumnKind.WHOLE, ColumnKind.MONEY


class BudgetState(Enum):
    """How a department stands in its month."""

    NO_BUDGET = "no budget"
    WITHIN = "within"
    LOW = "almost used"
    PACE = "will exceed"
    EXCEEDED = "exceeded"


@frozen
class DepartmentCost:
    """A department's month in a currency: what it cost so far, and what it is expected to cost at this pace."""

    department: str
    currency: str
    calls: int
    used_seconds: int
    cost_micros: int
    budget_micros: int | None
    expected_micros: int | None

    @property
    def used_percent(self) -> int | None:
        """Return how much of the budget is used, rounded down; None without a budget."""
        return None if self.budget_micros is None else max(self.cost_micros, 0) * 100 // self.budget_micros

    @property
    def state(self) -> BudgetState:
        """Tell what is worth a warning: first what has happened, then what will."""
        used = self.used_percent
        if used is None or self.budget_micros is None:
            return BudgetState.NO_BUDGET
        if used >= EXCEEDED_PERCENT:
            return BudgetState.EXCEEDED
        if used >= WARNING_PERCENT:
            return BudgetState.LOW
        is_too_fast = self.expected_micros is not None and self.expected_micros > self.budget_micros
        return BudgetState.PACE if is_too_fast else BudgetState.WITHIN


def department_costs(
    sums: Iterable[UsageSum], budgets: Mapping[str, int], currency: str, month: Period, now: datetime
) -> tuple[DepartmentCost, ...]:
    """Return every department that spent or may spend, the dearest first; budgets are in its own currency."""
    costs = []
    seen = set()
    for each in sums:
        department = str(each.group)
        budget = budgets.get(department) if each.currency == currency else None
        seen.add(department)
        costs.append(
            DepartmentCost(
                department,
                each.currency,
                each.calls,
                each.used_seconds,
                each.cost_micros,
                budget,
                _expected(each.cost_micros, month, now),
            )
        )
    idle = [DepartmentCost(name, currency, 0, 0, 0, budgets[name], None) for name in budgets if name not in seen]
    return tuple(sorted([*costs, *idle], key=lambda cost: (-cost.cost_micros, cost.department, cost.currency)))


def by_department(costs: Iterable[DepartmentCost]) -> ReportTable:
    """Return departments as a table."""
    head = columns(
        Department=_TEXT,
        Calls=_WHOLE,
        Minutes=_WHOLE,
        Cost=_MONEY,
        Currency=_TEXT,
        Budget=_MONEY,
        Used_percent=_WHOLE,
        Expected=_MONEY,
        State=_TEXT,
    )
    rows = tuple(
        (
            cost.department or NO_DEPARTMENT,
            cost.calls,
            minutes_of(cost.used_seconds),
            cost.cost_micros,
            cost.currency,
            cost.budget_micros,
            cost.used_percent,
            cost.expected_micros,
            cost.state.value,
        )
        for cost in costs
    )
    return added_up(ReportTable("departments", head, rows), ("Calls", "Minutes", "Cost", "Budget", "Expected"))


def _expected(cost_micros: int, month: Period, now: datetime) -> int | None:
    """Return the month's cost at the pace so far; None for a month that is over, begins or has just begun."""
    passed = int((now - month.starts_at).total_seconds())
    whole = int((month.ends_at - month.starts_at).total_seconds())
    if passed < PACE_DAYS_MIN * _DAY_SECONDS or now >= month.ends_at or cost_micros < 0:
        return None
    return divide(cost_micros * whole, passed, Rounding.HALF_UP)
