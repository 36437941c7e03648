"""Budget departments: what each may cost in a month before people are warned, and how each stands."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from talktime.core.insight.reports.budgets import DepartmentCost, department_costs
from talktime.core.insight.reports.groups import GroupBy
from talktime.core.insight.reports.watermarks import snapshot_id
from talktime.core.insight.usage import BY_MONEY
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS
from talktime.core.values.periods import add_months, month_of
from talktime.store.transaction import Transaction
from talktime.usecases.insight.reports.asking import Asked, Conditions, ask
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class ReportDepartments:
    """Whose departments, in which month by its first day; without one, the month that `at` is in."""

    conditions: Conditions
    month: date | None = None


@frozen
class DepartmentsReported:
    """What each department spent in the month beside its budget, the dearest first."""

    asked: Asked
    first_day: date
    costs: tuple[DepartmentCost, ...]
    snapshot: str


@frozen
class SetBudget:
    """A department's budget for every month from now on, in micros; None takes it away."""

    organization: str
    department: str
    monthly_micros: int | None
    at: datetime


@frozen
class BudgetSet:
    """What was changed: before and after, None where there was or is none."""

    organization: Organization
    department: str
    before_micros: int | None
    after_micros: int | None


def report_departments(tx: Transaction, request: ReportDepartments) -> DepartmentsReported:
    """Return the month's cost by department: what credit paid and what is on the bill; raise as `ask` does."""
    at = request.conditions.at
    found = ask(tx, request.conditions)
    organization = found.organization
    first_day = request.month or at.astimezone(organization.zone).date().replace(day=1)
    last_day = add_months(first_day, 1) - timedelta(days=1)
    asked = ask(tx, replace(request.conditions, starts_on=first_day, ends_on=last_day))
    shown = asked.shown if asked.shown.paid_by else replace(asked.shown, paid_by=BY_MONEY)
    owner = organization.organization_id
    sums = tx.insight.usage_pages.sums(owner, shown, GroupBy.DEPARTMENT)
    budgets = tx.insight.reporting.budgets(owner)
    if shown.departments:
        budgets = {name: micros for name, micros in budgets.items() if name in shown.departments}
    month = month_of(asked.shown.period.starts_at, organization.zone)
    return DepartmentsReported(
        replace(asked, shown=shown),
        first_day,
        department_costs(sums, budgets, organization.currency, month, at),
        snapshot_id(owner, shown, asked.watermark, tx.insight.usage_pages.sums(owner, shown, None)),
    )


def set_budget(tx: Transaction, request: SetBudget) -> BudgetSet:
    """Write a department's budget; raise NotFound for a department that nobody is in, Invalid for no amount."""
    organization = lock_organization(tx, request.organization)
    owner, department = organization.organization_id, request.department.strip()
    before = tx.insight.reporting.budgets(owner).get(department)
    if request.monthly_micros is not None:
        _check(tx, organization, department, request.monthly_micros)
    elif before is None:
        message = f"{department!r} of {organization.name} has no budget that could be taken away"
        raise NotFound(message, code="budget_not_found")
    tx.insight.reporting.set_budget(owner, department, request.monthly_micros, request.at)
    return BudgetSet(organization, department, before, request.monthly_micros)


def _check(tx: Transaction, organization: Organization, department: str, monthly_micros: int) -> None:
    if not 0 < monthly_micros <= AMOUNT_MAX_MICROS:
        message = "a budget is more than nothing: to forbid calls that cost money, set a cap with `talktime caps set`"
        raise Invalid(message, code="budget")
    known = tx.insight.reporting.departments(organization.organization_id)
    if department not in known:
        there = ", ".join(sorted(known)) or "none; `talktime users import` reads them from a column named department"
        message = f"{organization.name} has no department {department!r}; there are: {there}"
        raise NotFound(message, code="department_not_found")
