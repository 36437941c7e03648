"""`talktime calls refused`: why calls were refused, and how many were lost because of the balance."""

from datetime import date
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.calls.calls import EXPLANATIONS, LOST_BECAUSE_OF_BALANCE
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, heading, hint, open_app, show, table
from talktime.usecases.insight.show_refused import RefusedShown, ShowRefused, show_refused


def refused(
    *,
    organization: Whose = "",
    starts_on: Annotated[
        date | None,
        Parameter(name="--from", help="The first day, on the organization's clock. Default: the first call."),
    ] = None,
    ends_on: Annotated[
        date | None, Parameter(name="--to", help="The last day, itself included. Default: the last call.")
    ] = None,
    options: Options = DEFAULTS,
) -> None:
    """Count refused calls by reason, and those that were lost because of the balance."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_refused, ShowRefused(organization, starts_on, ends_on))
    if not shown.counts and not options.as_json:
        hint(f"No call of {shown.organization.name} was refused in that period.")
        return
    show(options, _document(shown), lambda: _view(shown))
    if shown.lost_count and not options.as_json:
        hint("Credit lets these through: `talktime credit buy`, or `talktime credit recharge` to never run out.")


def _document(shown: RefusedShown) -> dict[str, Any]:
    return {
        "organization": shown.organization.name,
        "calls": shown.calls_count,
        "lost_because_of_balance": shown.lost_count,
        "reasons": [
            {
                "reason": reason,
                "calls": count,
                "is_lost_because_of_balance": reason in LOST_BECAUSE_OF_BALANCE,
                "explanation": EXPLANATIONS[reason],
            }
            for reason, count in shown.counts.items()
        ],
    }


def _view(shown: RefusedShown) -> RenderableType:
    drawn = table("Refused", "Calls", "Why, and what to do", numbers=("Calls",))
    for reason, count in shown.counts.items():
        style = "yellow" if reason in LOST_BECAUSE_OF_BALANCE else ""
        drawn.add_row(Text(reason.value, style), f"{count:,}", Text(EXPLANATIONS[reason], "dim"))
    lost = f"{shown.lost_count:,} of {shown.calls_count:,} were lost because of the balance"
    title = heading(f"Refused calls of {shown.organization.name}", f"{shown.calls_count:,}")
    return Group(title, "", drawn, "", Text(lost, "yellow" if shown.lost_count else "dim"))
