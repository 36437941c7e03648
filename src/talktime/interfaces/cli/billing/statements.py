"""`talktime statements`: an organization's months, one by one: what it had, bought, used and lost."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.insight.statements import MovementKind, Statement, UsedCredit
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.exports.csv import write_csv
from talktime.exports.documents.tables import STATEMENT_COLUMNS, percent, statement_rows
from talktime.interfaces.cli.billing.documents import CsvPath, InLanguage, Language, PdfPath
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream, write_whole
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    show,
    table,
    warn,
)
from talktime.usecases.credit.billing.issue_statements import (
    MonthTold,
    OfMonth,
    StatementShown,
    issue_statement,
    list_statements,
    show_statement,
)
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

app = App(name="statements")

Month = Annotated[str, Parameter(help="The month on the organization's clock: 2026-10.")]
# So many destinations fit a screen; the CSV has them all.
DESTINATIONS_SHOWN_MAX = 25
_LABELS = {
    MovementKind.CORRECTED: "Booked for earlier months",
    MovementKind.PURCHASED: "Purchased",
    MovementKind.GRANTED: "Promotional credit",
    MovementKind.USED: "Calls",
    MovementKind.EXPIRED: "Expired",
    MovementKind.REFUNDED: "Refunded",
    MovementKind.ADJUSTED: "Adjusted",
    MovementKind.DISPUTED: "Disputed",
    MovementKind.TRANSFERRED: "Transferred",
    MovementKind.OTHER: "Other",
}


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List an organization's months, the newest first."""
    with open_app(options.database) as talktime:
        owner, months = talktime.read(list_statements, LookAt(organization, now()))
    if not months and not options.as_json:
        hint(f"{owner.name} has no books yet: a month is told once something was bought or used in it.")
        return
    document = {"organization": owner.name, "months": [_month_document(each) for each in months]}
    show(options, document, lambda: _list_view(owner, months))


@app.command(name="show")
def show_(*, month: Month, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show a month: as it was issued, or as the books stand now."""
    shown = _shown(organization, month, options)
    show(options, _document(shown), lambda: _view(shown))
    _warn(shown, options)


@app.command
def issue(*, month: Month, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Issue the statement of a month that is over; the worker does it by itself, and it is done once."""
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        statement = issue_statement(talktime.read, talktime.run, OfMonth(owner.name, _first_day(month), now()))
    shown = StatementShown(owner, statement, is_issued=True)
    show(options, _document(shown), lambda: _view(shown))


@app.command
def pdf(
    *,
    month: Month,
    output: PdfPath = None,
    language: InLanguage = Language.EN,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Print the statement of a month as PDF; once issued, it has the same bytes always."""
    # Typst is asked for only by who prints.
    from talktime.exports.documents.statements import statement_paper
    from talktime.exports.documents.typesetting import set_pdf

    shown = _shown(organization, month, options)
    path = output or Path(f"statement-{shown.organization.organization_id:06}-{shown.statement.month:%Y-%m}.pdf")
    write_whole(path, set_pdf(statement_paper(shown.statement, language.value)))
    document = {"month": month, "language": language.value, "is_issued": shown.is_issued, "file": str(path)}
    show(options, document, lambda: facts([("Written", path)]))
    _warn(shown, options)


@app.command
def csv(
    *, month: Month, output: CsvPath = STANDARD_OUTPUT, organization: Whose = "", options: Options = DEFAULTS
) -> None:
    """Write the statement of a month as CSV, every destination of it."""
    shown = _shown(organization, month, options)
    with text_stream(output, as_json=options.as_json) as stream:
        count = write_csv(stream, STATEMENT_COLUMNS, statement_rows(shown.statement))
    if output != STANDARD_OUTPUT:
        document = {"month": month, "is_issued": shown.is_issued, "file": output, "rows": count}
        show(options, document, lambda: facts([("Written", output), ("Rows", count)]))
    _warn(shown, options)


def _shown(organization: str, month: str, options: Options) -> StatementShown:
    with open_app(options.database) as talktime:
        return talktime.read(show_statement, OfMonth(organization, _first_day(month), now()))


def _first_day(month: str) -> date:
    try:
        return date.fromisoformat(f"{month.strip()}-01")
    except ValueError as failure:
        message = f"{month!r} is no month: write 2026-10"
        raise Invalid(message, code="month") from failure


def _warn(shown: StatementShown, options: Options) -> None:
    if shown.is_issued or options.as_json:
        return
    if shown.statement.is_preliminary:
        warn(f"{shown.statement.month:%B %Y} is not over: this is how its books stand now.")
    else:
        hint(
            f"It was not issued yet, and may change: `talktime statements issue --month {shown.statement.month:%Y-%m}`"
        )


def _list_view(owner: Organization, months: list[MonthTold]) -> RenderableType:
    columns = ("Opening", "Purchased", "Calls", "Expired", "Closing")
    drawn = table("Month", *columns, numbers=columns)
    for each in months:
        told = each.statement
        if told is None:
            drawn.add_row(f"{each.month:%Y-%m}", "not issued yet", *("–" for _ in columns[1:]), style="dim")
            continue
        kinds = (MovementKind.PURCHASED, MovementKind.USED, MovementKind.EXPIRED)
        amounts = (told.opening_micros, *(told.amount_micros(kind) for kind in kinds), told.closing_micros)
        drawn.add_row(f"{each.month:%Y-%m}", *(money(amount) for amount in amounts))
    return Group(heading(f"Statements of {owner.name}", owner.currency, owner.zone.key), "", drawn)


def _view(shown: StatementShown) -> RenderableType:
    statement = shown.statement
    zone = shown.organization.zone
    balance = table("", "Amount", numbers=("Amount",))
    balance.add_row(f"Balance on {statement.month:%Y-%m-%d}", money(statement.opening_micros))
    for movement in statement.movements:
        balance.add_row(f"  {_LABELS[movement.kind]}", money(movement.amount_micros))
    closing = Text(money(statement.closing_micros), "bold")
    balance.add_row("Balance now" if statement.is_preliminary else "Balance at its end", closing)
    lines: list[RenderableType] = [
        heading(f"{statement.month:%B %Y} of {shown.organization.name}", statement.currency, zone.key),
        "",
        balance,
    ]
    if statement.purchased:
        lines += ["", _purchases_view(shown)]
    for title, is_late in (("Calls by destination", False), ("Calls of earlier months, charged in this one", True)):
        used = [each for each in statement.used if each.is_late is is_late]
        if used:
            lines += ["", _used_view(title, used)]
    if statement.accrued:
        title = f"Billed after use: {money(statement.accrued_micros, statement.currency)}"
        lines += ["", _used_view(title, list(statement.accrued))]
    if statement.included_tax_micros:
        label = f"{statement.tax.name} {percent(statement.tax)} %"
        lines += ["", f"The calls contain {label} of {money(statement.included_tax_micros, statement.currency)}."]
    lines += ["", heading("", f"Every call that began before {instant(statement.is_complete_until, zone)} is told.")]
    return Group(*lines)


def _purchases_view(shown: StatementShown) -> RenderableType:
    drawn = table("Purchased", "Reference", "Invoice", "Expires", "Amount", numbers=("Amount",))
    zone = shown.organization.zone
    for bought in shown.statement.purchased:
        drawn.add_row(
            instant(bought.purchased_at, zone),
            bought.reference,
            bought.invoice_number or "–",
            instant(bought.expires_at, zone),
            money(bought.amount_micros),
        )
    return drawn


def _used_view(title: str, used: list[UsedCredit]) -> RenderableType:
    numbers = ("Calls", "Seconds", "Amount")
    drawn = table("Destination", "Kind", *numbers, numbers=numbers, title=title)
    for each in used[:DESTINATIONS_SHOWN_MAX]:
        drawn.add_row(
            each.destination or "–",
            each.kind or "–",
            f"{each.calls:,}",
            f"{each.used_seconds:,}",
            money(each.cost_micros),
        )
    rest = used[DESTINATIONS_SHOWN_MAX:]
    if rest:
        drawn.add_row(
            f"{len(rest)} more, in the CSV",
            "",
            f"{sum(each.calls for each in rest):,}",
            f"{sum(each.used_seconds for each in rest):,}",
            money(sum(each.cost_micros for each in rest)),
            style="dim",
        )
    return drawn


def _month_document(told: MonthTold) -> dict[str, Any]:
    statement = told.statement
    return {
        "month": f"{told.month:%Y-%m}",
        "is_issued": statement is not None,
        "opening": None if statement is None else format_micros(statement.opening_micros),
        "closing": None if statement is None else format_micros(statement.closing_micros),
    }


def _document(shown: StatementShown) -> dict[str, Any]:
    statement: Statement = shown.statement
    return {
        "organization": shown.organization.name,
        "month": f"{statement.month:%Y-%m}",
        "is_issued": shown.is_issued,
        "is_preliminary": statement.is_preliminary,
        "is_complete_until": statement.is_complete_until,
        "time_zone": statement.time_zone,
        "currency": statement.currency,
        "opening": format_micros(statement.opening_micros),
        "movements": {movement.kind.value: format_micros(movement.amount_micros) for movement in statement.movements},
        "closing": format_micros(statement.closing_micros),
        "purchases": [
            {
                "purchased_at": bought.purchased_at,
                "reference": bought.reference,
                "invoice": bought.invoice_number,
                "amount": format_micros(bought.amount_micros),
                "expires_at": bought.expires_at,
            }
            for bought in statement.purchased
        ],
        "usage": [_used_document(used) for used in statement.used],
        "billed_after_use": [_used_document(used) for used in statement.accrued],
        "tax_name": statement.tax.name,
        "tax_percent": percent(statement.tax),
        "included_tax": format_micros(statement.included_tax_micros),
    }


def _used_document(used: UsedCredit) -> dict[str, Any]:
    return {
        "destination": used.destination,
        "kind": used.kind,
        "is_late": used.is_late,
        "calls": used.calls,
        "used_seconds": used.used_seconds,
        "cost": format_micros(used.cost_micros),
    }
