"""`talktime pools`: the included minutes of a month, pool by pool."""

from datetime import date
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.calls.counting.pools import INTERNATIONAL
from talktime.core.insight.pool_report import OwnMinutes, PoolLine
from talktime.core.insight.usage import country_name
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.insight.show_pools import PoolsShown, ShowPools, show_pools

BAR_CHARACTERS = 12
LOW_PERCENT, EXHAUSTED_PERCENT = 80, 100
_NUMBERS = ("Total", "Used", "Held", "Available", "Percent")

app = App(name="pools")


@app.default
def pools(
    *,
    month: Annotated[
        str, Parameter(help="The month on the organization's clock: 2026-10. Default: the current one.")
    ] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Show what minutes licenses include in a month, what calls have used of them, and what is left."""
    first_day = _first_day(month) if month else None
    with open_app(options.database) as talktime:
        shown = talktime.read(show_pools, ShowPools(organization, now(), first_day))
    show(options, _document(shown), lambda: _view(shown))
    if not shown.report.lines and shown.report.own is None and not options.as_json:
        hint(
            f"{shown.organization.name} has no included minutes. A calling plan brings some for its user's country,"
            " Audio Conferencing some for conferences to dial out: `talktime licenses assign`. Until then each call"
            " is paid."
        )


def _first_day(month: str) -> date:
    try:
        return date.fromisoformat(f"{month.strip()}-01")
    except ValueError as failure:
        message = f"{month!r} is no month: write 2026-10"
        raise Invalid(message, code="month") from failure


def _document(shown: PoolsShown) -> dict[str, Any]:
    own = shown.report.own
    return {
        "organization": shown.organization.name,
        "month": shown.report.month,
        "time_zone": shown.organization.zone.key,
        "renews_on": shown.renews_on.isoformat(),
        "pools": [_line_document(line) for line in shown.report.lines],
        "own_minutes": None
        if own is None
        else {
            "plan": own.plan_name,
            "users": own.users_count,
            "minutes_each": own.each_minutes,
            "total_minutes": own.total_minutes,
            "used_minutes": own.used_minutes,
            "held_minutes": own.held_minutes,
            "users_exhausted": own.exhausted_count,
            "most_used": [
                {"user": shown.user_names.get(int(line.pool.counter), line.pool.counter)} | _line_document(line)
                for line in own.most_used
            ],
        },
    }


def _line_document(line: PoolLine) -> dict[str, Any]:
    return {
        "country": line.pool.country or None,
        "plan": line.plan_name,
        "description": line.description,
        "capability": line.pool.capability,
        "counter": line.pool.counter or None,
        "total_minutes": line.total_minutes,
        "used_minutes": line.used_minutes,
        "held_minutes": line.held_minutes,
        "available_minutes": line.available_minutes,
        "used_percent": line.used_percent,
        "ended_by_other_counter": line.is_ended,
    }


def _view(shown: PoolsShown) -> RenderableType:
    whose = "by the licenses of now" if not shown.is_current else f"renewed on {shown.renews_on}"
    title = f"Minute pools of {shown.organization.name}, {shown.first_day:%B %Y}"
    parts: list[RenderableType] = [heading(title, shown.organization.zone.key, whose), ""]
    if shown.report.lines:
        drawn = table("Country", "Plan", "Each license", *_NUMBERS, "", numbers=_NUMBERS)
        for line in shown.report.lines:
            country = country_name(line.pool.country) or "all countries"
            drawn.add_row(country, line.plan_name, _each(line), *_amounts(line), _bar(line))
        parts.append(drawn)
    ended = [line for line in shown.report.lines if line.is_ended and line.used_minutes < line.total_minutes]
    parts += [Text(f"! {_ended(line)}", "yellow") for line in ended]
    if shown.report.own is not None:
        parts += ["", *_own_view(shown.report.own, shown)]
    return Group(*parts)


def _own_view(own: OwnMinutes, shown: PoolsShown) -> list[RenderableType]:
    rows = [
        ("Users", f"{own.users_count:,}, each with {own.each_minutes:,} minutes of their own"),
        ("Used", f"{own.used_minutes:,} of {own.total_minutes:,} minutes; {own.held_minutes:,} held by open calls"),
        ("Used up", f"{own.exhausted_count:,} of the users"),
    ]
    parts: list[RenderableType] = [heading(own.plan_name, "not pooled"), facts(rows)]
    if own.most_used:
        drawn = table("Most used by", *_NUMBERS, "", numbers=_NUMBERS)
        for line in own.most_used:
            drawn.add_row(_user(line, shown), *_amounts(line), _bar(line))
        parts += ["", drawn]
    return parts


def _user(line: PoolLine, shown: PoolsShown) -> str:
    return shown.user_names.get(int(line.pool.counter), f"user {line.pool.counter}")


def _each(line: PoolLine) -> str:
    return f"{line.each_minutes:,} {line.pool.counter or 'to Zone A'}"


def _amounts(line: PoolLine) -> tuple[str, ...]:
    amounts = (line.total_minutes, line.used_minutes, line.held_minutes, line.available_minutes)
    return (*(f"{amount:,}" for amount in amounts), f"{line.used_percent} %")


def _bar(line: PoolLine) -> Text:
    """Draw what is used, then what open calls hold, then what is left."""
    total = max(line.total_minutes, 1)
    used = min(BAR_CHARACTERS, line.used_minutes * BAR_CHARACTERS // total)
    held = min(BAR_CHARACTERS, (line.used_minutes + line.held_minutes) * BAR_CHARACTERS // total) - used
    color = "green" if line.used_percent < LOW_PERCENT else "yellow"
    if line.used_percent >= EXHAUSTED_PERCENT or line.is_ended:
        color = "red"
    rest = BAR_CHARACTERS - used - held
    return Text.assemble(("█" * used, color), ("▒" * held, color), ("░" * rest, "dim"))


def _ended(line: PoolLine) -> str:
    other = "domestic" if line.pool.counter == INTERNATIONAL else "international"
    return f"{line.plan_name} {line.pool.country}: its {other} minutes are used up, and either counter ends the plan."
