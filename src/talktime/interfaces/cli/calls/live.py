"""`talktime calls live`: the calls in progress, what each was granted, and what is held for it."""

from datetime import timedelta
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.calls.calls import Call, PaysFrom, text_of
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    hint,
    instant,
    money,
    now,
    open_app,
    show,
    table,
)
from talktime.usecases.calls.list_live_calls import ListLiveCalls, LiveCall, LiveCalls, list_live_calls

SHOWN_MAX = 50
SECOND = timedelta(seconds=1)
SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3_600
_PAYS = {
    PaysFrom.CREDIT: "credit",
    PaysFrom.FREE: "nothing: free",
    PaysFrom.MINUTES: "minutes",
    PaysFrom.INCLUDED: "the license",
    PaysFrom.OVERAGE: "the bill",
}


def live(
    *,
    organization: Annotated[str, Parameter(help="Whose calls; without it everybody's.")] = "",
    user: Annotated[str, Parameter(help="Only those that this user pays or makes.")] = "",
    most: Annotated[int, Parameter(help="How many to list at most.")] = SHOWN_MAX,
    options: Options = DEFAULTS,
) -> None:
    """List the calls in progress: who, whom, since when, granted, held, and what pays."""
    with open_app(options.database) as talktime:
        found = talktime.read(list_live_calls, ListLiveCalls(organization, user, now(), most))
    if not found.calls and not options.as_json:
        hint("No call is in progress. Those that are over: `talktime usage export`, `talktime calls refused`")
        return
    show(options, _document(found), lambda: _view(found))
    if not options.as_json:
        hint("End one now: `talktime calls cut CALL`")


def live_document(live: LiveCall) -> dict[str, Any]:
    """Return an open call for programs; money as decimal strings."""
    call, setup = live.call, live.call.setup
    return {
        "key": text_of(setup.key),
        "switch": setup.key.switch,
        "call_id": setup.key.call_id,
        "leg": setup.key.leg,
        "switch_ref": setup.switch_ref,
        "organization": live.organization.name,
        "user": live.user or None,
        "kind": setup.kind,
        "state": call.state,
        "caller": setup.caller,
        "called": setup.called,
        "destination": setup.destination,
        "started_at": setup.started_at,
        "answered_at": call.answered_at,
        "granted_seconds": call.granted_seconds,
        "is_final": call.is_final,
        "cut_at": call.cut_at,
        "valid_until": call.valid_until,
        "pays_from": setup.pays_from,
        "held": format_micros(call.hold.amount_micros),
        "held_minutes": call.hold.included_minutes,
        "held_overage": format_micros(call.hold.overage_micros),
        "currency": live.organization.currency,
    }


def talked(seconds: int) -> str:
    """Write how long a call lasts, as telephones show it."""
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    minutes, seconds = divmod(rest, SECONDS_PER_MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _document(found: LiveCalls) -> dict[str, Any]:
    return {"at": found.at, "calls_in_progress": found.count, "calls": [live_document(each) for each in found.calls]}


def _view(found: LiveCalls) -> RenderableType:
    drawn = table(
        "Call", "Who", "Whom", "Since", "Talked", "Granted", "Held", "Pays", numbers=("Talked", "Granted", "Held")
    )
    for each in found.calls:
        call, setup = each.call, each.call.setup
        drawn.add_row(
            f"{setup.key.call_id}\n{setup.key.switch}",
            "\n".join(filter(None, (each.user or setup.caller, each.organization.name))),
            "\n".join(filter(None, (setup.called, setup.destination))),
            instant(setup.started_at, each.organization.zone),
            _talked(call, found),
            _granted(call),
            _held(each),
            _pays(call),
        )
    noun = "call" if found.count == 1 else "calls"
    parts: list[RenderableType] = [heading(f"{found.count:,} {noun} in progress"), "", drawn]
    if found.count > len(found.calls):
        parts.append(Text(f"… and {found.count - len(found.calls):,} more: --most {found.count}", "dim"))
    return Group(*parts)


def _talked(call: Call, found: LiveCalls) -> Text:
    if call.answered_at is None:
        return Text("rings", "dim")
    return Text(talked(max(0, (found.at - call.answered_at) // SECOND)))


def _granted(call: Call) -> Text:
    if call.cut_at is not None:
        return Text(f"{talked(call.granted_seconds)}\ncut", "yellow")
    return Text(talked(call.granted_seconds) + ("\nfinal" if call.is_final else ""))


def _held(live: LiveCall) -> str:
    hold = live.call.hold
    amounts = [
        money(amount, live.organization.currency) for amount in (hold.amount_micros, hold.overage_micros) if amount
    ]
    minutes = [f"{hold.included_minutes} min"] if hold.included_minutes else []
    return "\n".join([*minutes, *amounts]) or "–"


def _pays(call: Call) -> str:
    """Say what pays, and what pays on where included minutes have come to their end."""
    sources = [_PAYS[call.setup.pays_from]]
    if call.setup.pays_from is PaysFrom.MINUTES:
        sources += ["credit"] if call.hold.slices else []
    if call.hold.overage_micros and call.setup.pays_from is not PaysFrom.OVERAGE:
        sources.append(_PAYS[PaysFrom.OVERAGE])
    return ", then ".join(sources)
