"""`talktime calls cut`: end calls now, and say of each whether its switch has hung up or when it ends by itself."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.bootstrap import App as Talktime
from talktime.core.calls.calls import CallState
from talktime.core.calls.cutting import HangUp, ends_within_seconds
from talktime.interfaces.cli.calls.live import live_document, talked
from talktime.interfaces.cli.terminal import DEFAULTS, Options, Whose, heading, hint, now, open_app, show, table
from talktime.usecases.calls.cut_calls import (
    ChooseCalls,
    CutShown,
    ShowCut,
    choose_calls,
    hang_up,
    refuse_more,
    show_cut,
)

# Some calls go on until their grant ends: whoever must not wait may repeat the command.
EXIT_NOT_ALL = 3
# What lets a call end later than now.
_LATER = frozenset({HangUp.RINGING, HangUp.REFUSED, HangUp.UNREACHED, HangUp.NOT_SET_UP})


class _Told(NamedTuple):
    """What became of a call, as a word for programs, a sentence for people, and a color."""

    word: str
    sentence: str
    style: str


def cut(
    *call: Annotated[str, Parameter(help="Call ids as the switch gave them, or switch|leg|id where several bear it.")],
    user: Annotated[str, Parameter(help="All calls of this user.")] = "",
    all_: Annotated[bool, Parameter(name="--all", negative=(), help="All calls of the organization.")] = False,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> int:
    """End calls now. Nothing more is granted to them, and their switches are told to hang up.

    A switch that cannot be told lets its call go on to the end of what was granted before, and no longer. Calls for
    help are never cut. Return 0, or 3 where a call goes on.
    """
    with open_app(options.database) as talktime:
        told = cut_chosen(talktime, ChooseCalls(call, organization, user, all_))
    at = now()
    if not told and not options.as_json:
        hint("No call of theirs is in progress: there is nothing to cut.")
        return 0
    show(options, {"calls": cut_documents(told, at)}, lambda: cut_view(told, at))
    goes_on = any(_goes_on(each) for each in told)
    if not options.as_json:
        _next_steps(told)
    return EXIT_NOT_ALL if goes_on else 0


def cut_chosen(talktime: Talktime, request: ChooseCalls) -> tuple[CutShown, ...]:
    """Cut calls: choose, refuse more and commit, then tell the switches outside any transaction."""
    from talktime.bootstrap import open_statements, open_switches

    known = open_switches(talktime.settings)
    chosen = talktime.read(choose_calls, request)
    if not chosen:
        return ()
    with closing(open_statements(talktime.settings.database_url)) as statements:
        refuse_more(statements, talktime.settings.charging_terms, chosen, now())
    results = hang_up({name: switch.control for name, switch in known.items()}, chosen)
    return talktime.read(show_cut, ShowCut(chosen, results))


def cut_documents(told: Sequence[CutShown], at: datetime) -> list[dict[str, Any]]:
    """Return what became of calls, for programs."""
    return [
        {
            **live_document(each.live),
            "outcome": _told(each, at).word,
            "switch_was_told": None if each.result is None else each.result.outcome,
            "switch_said": None if each.result is None else each.result.said,
            "ends_within_seconds": ends_within_seconds(each.live.call, at) if _goes_on(each) else None,
        }
        for each in told
    ]


def cut_view(told: Sequence[CutShown], at: datetime) -> RenderableType:
    """Return what became of calls, for people."""
    drawn = table("Call", "Who", "Whom", "What became of it")
    for each in told:
        setup, said = each.live.call.setup, _told(each, at)
        who = each.live.user or setup.caller
        drawn.add_row(setup.key.call_id, who, setup.called, Text(said.sentence, said.style))
    ended = sum(not _goes_on(each) for each in told)
    noun = "call" if len(told) == 1 else "calls"
    return Group(heading(f"{ended:,} of {len(told):,} {noun} ended"), "", drawn)


def _goes_on(shown: CutShown) -> bool:
    """Tell whether people may still talk: the switch has neither hung up nor reported the end."""
    return shown.live.call.state is CallState.OPEN and shown.result is not None and shown.result.outcome in _LATER


def _told(shown: CutShown, at: datetime) -> _Told:
    call, result = shown.live.call, shown.result
    if result is None:
        return _Told("over", "was over already", "dim")
    if result.outcome is HangUp.DONE:
        return _Told("cut", f"cut: {result.said}", "green")
    if call.state is not CallState.OPEN:
        return _Told("over", "has ended meanwhile", "green")
    if result.outcome is HangUp.NOT_THERE:
        return _Told("gone", f"its switch has no such call any more ({result.said}); its end is awaited", "green")
    ends = f"{talked(ends_within_seconds(call, at))} min"
    when = f"{ends} after it is answered" if call.answered_at is None else f"within {ends}"
    return _Told("ends_by_itself", f"ends by itself {when}: {result.said}", "yellow")


def _next_steps(told: Sequence[CutShown]) -> None:
    outcomes = {each.result.outcome for each in told if each.result is not None and _goes_on(each)}
    if HangUp.NOT_SET_UP in outcomes:
        hint("Say how the switch is reached, in switches.toml: `talktime switches` shows what is known.")
    if outcomes & {HangUp.UNREACHED, HangUp.REFUSED}:
        hint("Mend that, and cut again; whether switches answer: `talktime switches`")
    if HangUp.RINGING in outcomes:
        hint("What rings can be cut once it is answered: cut again then.")
