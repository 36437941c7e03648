"""`talktime calls orphans`: reports of switches that could not be charged, and settling them."""

import getpass
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.calls.afterwards.parking import ParkedCall
from talktime.core.calls.calls import text_of
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, instant, iso, now, open_app, show, table
from talktime.usecases.calls.list_parked import ListParked, ParkedListed, ResolveParked, list_parked, resolve_parked

SHOWN_MAX = 200


def orphans(
    *,
    resolve: Annotated[
        str, Parameter(help="Settle what waits of this call: its id as the switch gave it, or switch|leg|id.")
    ] = "",
    note: Annotated[str, Parameter(help="With --resolve: what was done, kept with the report.")] = "",
    by: Annotated[str, Parameter(help="With --resolve: who did it. Default: your name on this machine.")] = "",
    all_: Annotated[bool, Parameter(name="--all", negative=(), help="Those that were settled, too.")] = False,
    options: Options = DEFAULTS,
) -> None:
    """List reports of switches that could not be charged: why, since when, and what to do; nothing is ever lost."""
    with open_app(options.database) as talktime:
        if resolve:
            request = ResolveParked(resolve, by or getpass.getuser(), note, now())
            key, count = talktime.run(resolve_parked, request)
            show(
                options,
                {"call": text_of(key), "resolved": count, "by": request.by, "resolution": note},
                lambda: heading(f"{count} of {key.call_id} settled", note),
            )
            return
        listed = talktime.read(list_parked, ListParked(all_, SHOWN_MAX))
    if not listed.parked and not options.as_json:
        hint("No report waits: all that switches have told was charged or needed no charge.")
        return
    show(options, _document(listed), lambda: _view(listed))
    if listed.waiting_count and not options.as_json:
        hint("What the switch's own file knows: `talktime calls reconcile FILE --switch NAME`.")
        hint("Settle one by hand: `talktime calls orphans --resolve CALL --note 'what was done'`.")


def _document(listed: ParkedListed) -> dict[str, Any]:
    return {
        "waiting": listed.waiting_count,
        "reports": [
            {
                "switch": each.key.switch,
                "leg": each.key.leg,
                "call_id": each.key.call_id,
                "organization": each.organization or None,
                "reason": each.reason,
                "used_seconds": each.used_seconds,
                "charged_seconds": each.charged_seconds,
                "received_at": iso(each.received_at),
                "what_to_do": None if each.resolved_at else each.remedy,
                "resolved_at": iso(each.resolved_at),
                "resolved_by": each.resolved_by or None,
                "resolution": each.resolution or None,
            }
            for each in listed.parked
        ],
    }


def _view(listed: ParkedListed) -> RenderableType:
    drawn = table("Call", "Since", "Reported", "Charged", "Why", "What to do", numbers=("Reported", "Charged"))
    for each in listed.parked:
        drawn.add_row(
            Text(_name(each), "dim" if each.resolved_at else ""),
            instant(each.received_at),
            f"{each.used_seconds:,} s",
            "–" if each.charged_seconds is None else f"{each.charged_seconds:,} s",
            each.reason,
            _what(each),
        )
    title = heading("Reports that could not be charged", f"{listed.waiting_count:,} wait")
    return Group(title, "", drawn)


def _name(each: ParkedCall) -> str:
    leg = f" · {each.key.leg}" if each.key.leg else ""
    return f"{each.key.switch} · {each.key.call_id}{leg}"


def _what(each: ParkedCall) -> Text:
    if each.resolved_at is None:
        return Text(each.remedy)
    return Text(f"settled {instant(each.resolved_at)} by {each.resolved_by}: {each.resolution}", "dim")
