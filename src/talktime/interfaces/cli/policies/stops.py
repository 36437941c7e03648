"""`talktime stops`: what ends abuse before it costs much."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_nanos, parse_nanos
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, facts, heading, hint, open_app, show
from talktime.usecases.organizations.policies.set_arrangements import (
    Arranged,
    SetStops,
    Stop,
    set_stops,
    show_arrangements,
)

app = App(name="stops")


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show what stops users' calls."""
    with open_app(options.database) as talktime:
        arranged = talktime.read(show_arrangements, organization)
    show(options, _document(arranged), lambda: _view(arranged))
    stops = arranged.arrangements.stops
    if stops.calls_per_hour is None and stops.highest_nanos_per_minute is None and not options.as_json:
        hint("Set them: `talktime stops set --calls-per-hour 60 --high-cost 1.50`")


@app.command(name="set")
def set_(
    *,
    calls_per_hour: Annotated[
        int | None, Parameter(help="How many calls one user may begin in a clock hour; the next ones are refused.")
    ] = None,
    high_cost: Annotated[
        str, Parameter(help="Calls that cost more than this a minute are refused, in the organization's currency.")
    ] = "",
    off: Annotated[tuple[Stop, ...], Parameter(help="Switch a stop off; repeatable.")] = (),
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Set what stops users' calls, or switch it off; it holds for calls that start from now on."""
    nanos = _price(high_cost) if high_cost else None
    if calls_per_hour is None and nanos is None and not off:
        raise Invalid("say what: --calls-per-hour, --high-cost, or --off with one of them", code="stops")
    request = SetStops(organization, calls_per_hour, nanos, frozenset(off))
    with open_app(options.database) as talktime:
        arranged = talktime.run(set_stops, request)
    show(options, _document(arranged), lambda: _view(arranged))


def _price(text: str) -> int:
    try:
        return parse_nanos(text)
    except ValueError as failure:
        raise Invalid(f"{failure}: write it as 1.50, without a currency", code="high_cost") from failure


def _document(arranged: Arranged) -> dict[str, Any]:
    stops = arranged.arrangements.stops
    nanos = stops.highest_nanos_per_minute
    return {
        "organization": arranged.organization.name,
        "calls_per_hour": stops.calls_per_hour,
        "high_cost_per_minute": None if nanos is None else format_nanos(nanos),
        "currency": arranged.organization.currency,
    }


def _view(arranged: Arranged) -> Group:
    stops, currency = arranged.arrangements.stops, arranged.organization.currency
    calls, nanos = stops.calls_per_hour, stops.highest_nanos_per_minute
    rows = [
        ("Calls of one user in an hour", "any number" if calls is None else f"at most {calls:,}"),
        ("Price of a minute", "any" if nanos is None else f"at most {format_nanos(nanos)} {currency}"),
    ]
    return Group(heading(f"Stops of {arranged.organization.name}"), "", facts(rows))
