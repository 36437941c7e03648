"""`talktime reports retention`: for how long names and numbers stand in call details."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType

from talktime.core.insight.privacy.retention import retention_of
from talktime.core.insight.usage import country_name
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, heading, hint, now, open_app, show, table
from talktime.usecases.insight.privacy.keep_details import (
    RetentionShown,
    SetRetention,
    anonymize_outdated,
    set_retention,
    show_retention,
)
from talktime.usecases.organizations.manage_organizations import LookAt


def retention(
    *,
    days: Annotated[int | None, Parameter(help="Keep details for so many days, wherever users are.")] = None,
    by_country: Annotated[bool, Parameter(negative=(), help="Keep them as the users' countries want again.")] = False,
    apply: Annotated[
        bool, Parameter(negative=(), help="Take out now what is too old; the worker does it daily.")
    ] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Show or set for how long call details are kept. Costs, seconds and counts of calls stay for ever."""
    if by_country and days is not None:
        message = "choose --days or --by-country, not both"
        raise Invalid(message, code="days")
    at = now()
    forgotten = None
    with open_app(options.database) as talktime:
        if by_country or days is not None:
            talktime.run(set_retention, SetRetention(organization, days))
        if apply:
            forgotten = anonymize_outdated(talktime.run, talktime.read, LookAt(organization, at))
        shown = talktime.read(show_retention, LookAt(organization, at))
    show(options, _document(shown, at, forgotten), lambda: _view(shown))
    if options.as_json:
        return
    if forgotten is not None:
        hint(f"Names and numbers were taken out of {forgotten:,} rows.")
    elif not apply:
        hint("The worker takes out every night what is too old; `--apply` does it now.")


def _document(shown: RetentionShown, at: datetime, forgotten: int | None) -> dict[str, object]:
    return {
        "organization": shown.organization.name,
        "days": shown.days,
        "countries": [
            {"country": country or None, "days": (at - since).days, "kept_since": since}
            for country, since in shown.kept_since.items()
        ],
        "rows_forgotten": forgotten,
    }


def _view(shown: RetentionShown) -> RenderableType:
    zone = shown.organization.zone
    how = "as users' countries want" if shown.days is None else f"{shown.days:,} days, by its own choice"
    drawn = table("Calls of users in", "Days", "Details since", numbers=("Days",))
    for country, since in sorted(shown.kept_since.items(), key=lambda item: (not item[0], item[0])):
        name = country_name(country) or ("all countries" if shown.days is not None else "all others")
        days = shown.days if shown.days is not None else retention_of(country).days
        drawn.add_row(name, f"{days:,}", f"{since.astimezone(zone):%Y-%m-%d}")
    return Group(heading(f"Call details of {shown.organization.name}", how), "", drawn)
