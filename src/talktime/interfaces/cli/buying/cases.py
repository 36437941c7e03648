"""`talktime cases`: purchases that a rule forbids until an operator permits them."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    facts,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.credit.buying.resolve_cases import CaseShown, ResolveCase, list_cases, resolve_case

app = App(name="cases")


@app.default
@app.command(name="list")
def list_(
    *,
    organization: Annotated[str, Parameter(help="Only those of this organization. Default: of all.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """List the cases, the open ones first."""
    with open_app(options.database) as talktime:
        found = talktime.read(list_cases, organization)
    if not found and not options.as_json:
        hint("There is no case: nothing waits for an operator's word.")
        return
    show(options, {"cases": [_document(each) for each in found]}, lambda: _list_view(found))


@app.command
def resolve(
    number: Annotated[str, Parameter(help="The case, such as SC-000042-0001.")],
    *,
    override: Annotated[str, Parameter(help="Why it is permitted; the reason stays with the case.")],
    options: Options = DEFAULTS,
) -> None:
    """Permit what a case is about; the order passes from then on."""
    with open_app(options.database) as talktime:
        shown = talktime.run(resolve_case, ResolveCase(number, override, now()))
    show(options, _document(shown), lambda: _view(shown))
    if not options.as_json:
        hint(
            "The order passes now; it needs a new key. A recharge that was paused goes on by `credit recharge resume`."
        )


def _document(shown: CaseShown) -> dict[str, Any]:
    case = shown.case
    return {
        "case": case.number,
        "organization": shown.organization.name,
        "agreement": case.agreement_number,
        "country": case.country,
        "billing_country": case.billing_country,
        "opened_at": case.opened_at,
        "resolved_at": case.resolved_at,
        "override": case.override_reason or None,
    }


def _list_view(found: list[CaseShown]) -> RenderableType:
    made = table("Case", "Organization", "What", "Opened", "State")
    for shown in found:
        case, zone = shown.case, shown.organization.zone
        is_open = case.resolved_at is None
        state = "open" if case.resolved_at is None else f"permitted {instant(case.resolved_at, zone)}"
        made.add_row(
            case.number,
            shown.organization.name,
            _what(shown),
            instant(case.opened_at, zone),
            state + ("" if is_open else f": {case.override_reason}"),
            style="" if is_open else "dim",
        )
    return made


def _what(shown: CaseShown) -> str:
    case = shown.case
    return (
        f"agreement {case.agreement_number} is billed in {case.billing_country}, the organization is in {case.country}"
    )


def _view(shown: CaseShown) -> RenderableType:
    rows: list[tuple[str, object]] = [
        ("Organization", shown.organization.name),
        ("What", _what(shown)),
        ("Permitted", shown.case.override_reason),
    ]
    return Group(heading(f"Case {shown.case.number}", "resolved"), "", facts(rows))
