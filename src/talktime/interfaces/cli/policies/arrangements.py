"""`talktime arrangements`: what charging lets an organization choose."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, facts, heading, open_app, show
from talktime.usecases.organizations.policies.set_arrangements import (
    Arranged,
    SetChoices,
    set_choices,
    show_arrangements,
)

app = App(name="arrangements")


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show what the organization has chosen."""
    with open_app(options.database) as talktime:
        arranged = talktime.read(show_arrangements, organization)
    show(options, _document(arranged), lambda: _view(arranged))


@app.command(name="set")
def set_(
    *,
    calling_plan_required: Annotated[
        bool | None,
        Parameter(
            negative="--calling-plan-optional",
            help="Whether a phone without a calling plan may not call out, as where the carrier sells plans.",
        ),
    ] = None,
    either_counter_ends_plan: Annotated[
        bool | None,
        Parameter(
            negative="--counters-apart",
            help="Whether an international plan ends when its domestic or its international minutes do.",
        ),
    ] = None,
    plan_after_conference_minutes: Annotated[
        bool | None,
        Parameter(
            negative="--credit-after-conference-minutes",
            help="Whether the organizer's calling plan pays before credit when the conferencing minutes are used up.",
        ),
    ] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Choose; what is not named stays. It holds for calls that start from now on."""
    request = SetChoices(organization, calling_plan_required, either_counter_ends_plan, plan_after_conference_minutes)
    if request == SetChoices(organization):
        raise Invalid("say what to choose: `talktime arrangements set --help` shows what there is", code="choices")
    with open_app(options.database) as talktime:
        arranged = talktime.run(set_choices, request)
    show(options, _document(arranged), lambda: _view(arranged))


def _document(arranged: Arranged) -> dict[str, object]:
    chosen = arranged.arrangements
    return {
        "organization": arranged.organization.name,
        "is_calling_plan_required": chosen.is_calling_plan_required,
        "is_plan_ended_by_either_counter": chosen.is_plan_ended_by_either_counter,
        "uses_plan_after_conference_minutes": chosen.uses_plan_after_conference_minutes,
    }


def _view(arranged: Arranged) -> Group:
    chosen = arranged.arrangements
    plan = "needs a calling plan" if chosen.is_calling_plan_required else "needs no calling plan"
    ends = "either of its counters does" if chosen.is_plan_ended_by_either_counter else "never: each counter is its own"
    then = "the organizer's calling plan, then credit" if chosen.uses_plan_after_conference_minutes else "credit"
    rows = [
        ("A phone that calls out", plan),
        ("An international plan ends when", ends),
        ("After the conferencing minutes pays", then),
    ]
    return Group(heading(f"Arrangements of {arranged.organization.name}"), "", facts(rows))
