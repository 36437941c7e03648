"""`talktime reports departments`, and `talktime budgets`: what departments cost, beside what they may."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.insight.reports.budgets import NO_DEPARTMENT, BudgetState, DepartmentCost, by_department
from talktime.core.insight.reports.report_tables import sorted_by, with_columns
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.credit.arguments import read_amount
from talktime.interfaces.cli.files import STANDARD_OUTPUT
from talktime.interfaces.cli.insight.reports.arguments import (
    AS_ALWAYS,
    EVERYTHING,
    Layout,
    Which,
    check_outputs,
    column_names,
    conditions_of,
    month_of,
)
from talktime.interfaces.cli.insight.reports.views import (
    complete_line,
    report_document,
    say_why_empty,
    warn_of_parked,
    write_table,
)
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    money,
    now,
    open_app,
    show,
    table,
    warn,
)
from talktime.usecases.insight.reports.asking import Conditions
from talktime.usecases.insight.reports.budget_departments import (
    BudgetSet,
    DepartmentsReported,
    ReportDepartments,
    SetBudget,
    report_departments,
    set_budget,
)

app = App(name="budgets")

_BAR_CHARACTERS = 16
_NUMBERS = ("Calls", "Cost", "Budget", "Used %", "Expected")
_STYLES = {BudgetState.EXCEEDED: "bold red", BudgetState.LOW: "yellow", BudgetState.PACE: "yellow"}
Month = Annotated[str, Parameter(help="The month on the organization's clock: 2026-10. Default: the current one.")]


def departments(
    *, which: Which = EVERYTHING, month: Month = "", layout: Layout = AS_ALWAYS, options: Options = DEFAULTS
) -> None:
    """Add up what a month's calls cost, by department, beside the departments' budgets."""
    check_outputs(layout, options)
    if which.starts_on is not None or which.ends_on is not None:
        message = "budgets are of months: choose one with --month 2026-10, instead of days"
        raise Invalid(message, code="period")
    _report(conditions_of(which, now()), month, layout, options)


@app.default
@app.command(name="show")
def show_(*, month: Month = "", organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show what departments have used of their monthly budgets."""
    _report(Conditions(organization, now()), month, AS_ALWAYS, options)


@app.command(name="set")
def set_(
    department: Annotated[str, Parameter(help="The department, as users have it.")],
    amount: Annotated[str, Parameter(help="What its calls may cost in a month before people are warned: 500.")] = "",
    *,
    remove: Annotated[bool, Parameter(negative=(), help="Take the budget away instead.")] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set a department's monthly budget. It warns; a cap, which refuses calls, is set by `talktime caps set`."""
    if bool(amount) == remove:
        message = "say either what the budget is, such as 500, or --remove"
        raise Invalid(message, code="budget")
    request = SetBudget(organization, department, None if remove else read_amount(amount), now())
    with open_app(options.database) as talktime:
        changed = talktime.run(set_budget, request)
    show(options, _set_document(changed), lambda: _set_view(changed))


def _report(conditions: Conditions, month: str, layout: Layout, options: Options) -> None:
    with open_app(options.database) as talktime:
        reported = talktime.read(report_departments, ReportDepartments(conditions, month_of(month)))
    if layout.csv:
        shown = by_department(reported.costs)
        if layout.sort:
            shown = sorted_by(shown, layout.sort.removeprefix("-"), is_descending=layout.sort.startswith("-"))
        write_table(with_columns(shown, column_names(layout.columns)), layout.csv)
    if layout.csv != STANDARD_OUTPUT:
        show(options, _document(reported), lambda: _view(reported))
    if not options.as_json:
        _warn(reported)


def _document(reported: DepartmentsReported) -> dict[str, Any]:
    return report_document(reported.asked, reported.snapshot) | {
        "month": f"{reported.first_day:%Y-%m}",
        "departments": [
            {
                "department": cost.department or None,
                "calls": cost.calls,
                "used_seconds": cost.used_seconds,
                "cost": format_micros(cost.cost_micros),
                "currency": cost.currency,
                "budget": _decimal(cost.budget_micros),
                "used_percent": cost.used_percent,
                "expected": _decimal(cost.expected_micros),
                "state": cost.state.value,
            }
            for cost in reported.costs
        ],
    }


def _view(reported: DepartmentsReported) -> RenderableType:
    asked = reported.asked
    title = f"Cost by department of {asked.organization.name}, {reported.first_day:%B %Y}"
    drawn = table("Department", *_NUMBERS, "", "", numbers=_NUMBERS)
    for cost in reported.costs:
        style = _STYLES.get(cost.state, "")
        drawn.add_row(
            cost.department or Text(NO_DEPARTMENT, "dim"),
            f"{cost.calls:,}",
            money(cost.cost_micros, cost.currency),
            "–" if cost.budget_micros is None else money(cost.budget_micros),
            "–" if cost.used_percent is None else Text(f"{cost.used_percent:,}", style),
            "–" if cost.expected_micros is None else money(cost.expected_micros),
            _bar(cost, style or "green"),
            Text(cost.state.value if cost.budget_micros is not None else "", style or "dim"),
        )
    parts: list[RenderableType] = [heading(title, asked.organization.zone.key)]
    parts += ["", drawn] if reported.costs else []
    return Group(*parts, "", complete_line(asked, reported.snapshot))


def _bar(cost: DepartmentCost, style: str) -> Text:
    if cost.used_percent is None:
        return Text()
    used = min(_BAR_CHARACTERS, cost.used_percent * _BAR_CHARACTERS // 100)
    return Text.assemble(("█" * used, style), ("░" * (_BAR_CHARACTERS - used), "dim"))


def _warn(reported: DepartmentsReported) -> None:
    for cost in reported.costs:
        name = cost.department or NO_DEPARTMENT
        if cost.state is BudgetState.EXCEEDED:
            warn(
                f"{name} has used {cost.used_percent:,} % of its budget. To refuse what costs money: talktime caps set"
            )
        elif cost.state is BudgetState.LOW:
            warn(f"{name} has used {cost.used_percent} % of its budget.")
        elif cost.state is BudgetState.PACE:
            assert cost.expected_micros is not None
            warn(f"{name} will exceed its budget at this pace: {money(cost.expected_micros, cost.currency)} expected.")
    warn_of_parked(reported.asked.watermark)
    if not reported.costs:
        say_why_empty(reported.asked)
    elif all(cost.budget_micros is None for cost in reported.costs):
        hint("No department has a budget yet: `talktime budgets set Sales 500` warns when its calls come near it.")


def _set_document(changed: BudgetSet) -> dict[str, Any]:
    return {
        "organization": changed.organization.name,
        "department": changed.department,
        "before": _decimal(changed.before_micros),
        "after": _decimal(changed.after_micros),
        "currency": changed.organization.currency,
    }


def _set_view(changed: BudgetSet) -> RenderableType:
    currency = changed.organization.currency
    before = "no budget" if changed.before_micros is None else money(changed.before_micros, currency)
    after = "no budget" if changed.after_micros is None else f"{money(changed.after_micros, currency)} a month"
    return Text.assemble((changed.department, "bold"), f"  {before} → {after}")


def _decimal(micros: int | None) -> str | None:
    return None if micros is None else format_micros(micros)
