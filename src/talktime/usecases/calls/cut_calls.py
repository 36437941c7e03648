"""Cut calls in progress: nothing more is granted to them, then their switches are told to hang up.

Three parts, for no switch is spoken to within a transaction: `choose_calls`, `refuse_more` and `hang_up`, all of which
may be repeated. What a switch could not be told is told to whoever asked, and nobody repeats it for him: such a call
ends by itself with what it was granted.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from talktime.core.calls.calls import EMERGENCY, Call, CallKey, CallState, text_of
from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult
from talktime.core.calls.requests import ChargingTerms, CutCall, Request
from talktime.core.values.errors import Forbidden, Invalid, NotFound, Unavailable
from talktime.core.values.frozen import frozen
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingStatements, ChargingTransaction
from talktime.store.transaction import Transaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.calls.list_live_calls import LiveCall, whose, with_names
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.ports import SwitchControl

# As many as group commit takes at once; live calls wait no longer than these take.
BATCH_MAX = 512
# More open calls than anybody has: whoever has more asks again.
CHOSEN_MAX = 100_000
# Another transaction may hold an organization for as long as a statement of an operator takes.
ATTEMPTS_MAX = 1_000
HELD_PAUSE_SECONDS = 0.01


@frozen
class ChooseCalls:
    """Which calls: by their ids (or `switch|leg|id`), all of a user, or all of an organization."""

    calls: tuple[str, ...] = ()
    organization: str = ""
    user: str = ""
    is_all: bool = False


@frozen
class CutShown:
    """What became of a call: as it stands now, and what its switch was told; None where that was not needed."""

    live: LiveCall
    result: HangUpResult | None


def choose_calls(tx: Transaction, request: ChooseCalls) -> tuple[LiveCall, ...]:
    """Return the calls, those of ids even where they are over.

    Raise Invalid where not exactly one way of choosing was used, NotFound for what is unknown, Forbidden for a call for
    help: such calls are never cut, and left out of all others.
    """
    ways = [bool(request.calls), bool(request.user), request.is_all]
    if sum(ways) != 1:
        message = "name calls by their ids, or --user, or --all of an organization: one of these"
        raise Invalid(message, code="calls_not_chosen")
    if request.calls:
        return with_names(tx, [call for each in request.calls for call in _named(tx, each)])
    owner = find_organization(tx, request.organization)
    _, user_id = whose(tx, owner.name, request.user)
    found = tx.live_calls.calls(owner.organization_id, user_id, most=CHOSEN_MAX)
    return with_names(tx, [call for call in found if call.setup.kind not in EMERGENCY])


def _named(tx: Transaction, name: str) -> list[Call]:
    """Return the calls of an id, the open ones where there are any."""
    found = [tx.insight.call(name)] if "|" in name else []
    legs = [call for call in found if call is not None] or _legs(tx, name)
    if not legs:
        message = f"no call is known as {name!r}: `talktime calls live` shows those in progress"
        raise NotFound(message, code="call_not_found")
    if any(call.setup.kind in EMERGENCY for call in legs):
        raise Forbidden(f"{name} is a call for help: such a call is never cut", code="call_for_help")
    return [call for call in legs if call.state is CallState.OPEN] or legs


def _legs(tx: Transaction, call_id: str) -> list[Call]:
    return [call for call in map(tx.insight.call, tx.insight.call_keys(call_id)) if call is not None]


def refuse_more(
    statements: ChargingStatements,
    terms: ChargingTerms,
    calls: Sequence[LiveCall],
    at: datetime,
    *,
    batch_max: int = BATCH_MAX,
    attempts_max: int = ATTEMPTS_MAX,
) -> None:
    """Grant nothing more to open calls; committed when this returns. Raise Unavailable."""
    waiting: list[Request] = [CutCall(each.call.setup.key, at) for each in calls if each.call.state is CallState.OPEN]
    tx = ChargingTransaction(statements, Memory())
    held_times = 0
    while waiting:
        batch, others = waiting[:batch_max], waiting[batch_max:]
        with statements.transaction():
            answers = charge(tx, batch, terms)
        held = [request for request, answer in zip(batch, answers, strict=True) if answer is None]
        waiting = [*held, *others]
        held_times = held_times + 1 if len(held) == len(batch) else 0
        if held_times > attempts_max:
            raise Unavailable("another transaction holds the organization for too long; cut the calls again")
        if held_times:
            time.sleep(HELD_PAUSE_SECONDS)


def hang_up(switches: Mapping[str, SwitchControl], calls: Sequence[LiveCall]) -> dict[CallKey, HangUpResult]:
    """Tell each switch its open calls, one switch after the other; never in a transaction."""
    by_switch: dict[str, list[CallOnSwitch]] = {}
    for each in calls:
        if each.call.state is CallState.OPEN:
            setup = each.call.setup
            by_switch.setdefault(setup.key.switch, []).append(CallOnSwitch(setup.key, setup.switch_ref))
    results: dict[CallKey, HangUpResult] = {}
    for name, told in by_switch.items():
        control = switches.get(name)
        said = [_not_set_up(name)] * len(told) if control is None else control.hang_up(told)
        results |= {each.key: result for each, result in zip(told, said, strict=True)}
    return results


def _not_set_up(switch: str) -> HangUpResult:
    return HangUpResult(HangUp.NOT_SET_UP, f"how {switch or 'a switch without a name'} is told is not set up")


@frozen
class ShowCut:
    """Which calls were cut, and what their switches said."""

    calls: tuple[LiveCall, ...]
    results: Mapping[CallKey, HangUpResult]


def show_cut(tx: Transaction, request: ShowCut) -> tuple[CutShown, ...]:
    """Return what became of the calls, as they stand now: the switch may have reported their end already."""
    now = [tx.insight.call(text_of(each.call.setup.key)) or each.call for each in request.calls]
    return tuple(CutShown(live, request.results.get(live.call.setup.key)) for live in with_names(tx, now))
