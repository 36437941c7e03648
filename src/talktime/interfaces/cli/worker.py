"""`talktime worker`: do what happens later — recharges, mails, statements — and see what waits."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.interfaces.cli.supervising import stop_with_parent
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)

if TYPE_CHECKING:
    from talktime.interfaces.worker.status import ChoreShown, WorkShown
    from talktime.interfaces.worker.worker import Did

EXIT_NOT_DONE = 1
SECONDS_PER = {"day": 86_400, "hour": 3_600, "minute": 60}
WAITING_NAMES = {
    "purchases": "purchases to charge",
    "refunds": "refunds to pay",
    "held_back_recharges": "recharges to look at again",
    "events": "events to tell of",
    "deliveries": "mails and webhooks to send",
}

app = App(name="worker")


@app.default
def worker(
    *,
    once: Annotated[bool, Parameter(negative=(), help="Do every chore that is due, tell what was done, and end.")] = (
        False
    ),
    parent: Annotated[int, Parameter(show=False, help="End when this process is not the parent any more.")] = 0,
    options: Options = DEFAULTS,
) -> int:
    """Charge what is due, deliver, issue statements: until it is stopped (Ctrl-C, SIGTERM), or once.

    Several workers may run on one database, on one machine or on many; each thing is done once. What is logged goes
    to standard error: a line for people in a terminal, one JSON object a line elsewhere and with --json.
    """
    if once:
        return _once(options)
    _until_stopped(options, parent)
    return 0


@app.command
def status(*, options: Options = DEFAULTS) -> int:
    """Show which workers are alive, when each chore was done last, and what is due or overdue.

    The exit code is 1 where something is overdue, so that a monitor can ask.
    """
    from talktime.interfaces.worker.status import show_work

    at = now()
    with open_app(options.database) as talktime:
        shown = talktime.read(show_work, at)
    show(options, _status_document(shown), lambda: _status_view(shown))
    if not shown.alive and not options.as_json:
        hint("Nobody is at work: start `talktime worker`, or `talktime serve`, which brings a worker along.")
    return EXIT_NOT_DONE if shown.overdue else 0


def _until_stopped(options: Options, parent: int) -> None:
    from talktime.interfaces.worker.worker import work_until_stopped
    from talktime.telemetry import configure_log

    configure_log(for_people=sys.stderr.isatty() and not (options.as_json or parent))
    with open_app(options.database) as talktime, _stopped_by_signals() as stop:
        if parent:
            stop_with_parent(parent, stop.set)
        work_until_stopped(talktime, stop)


def _once(options: Options) -> int:
    from talktime.interfaces.worker.worker import do_once
    from talktime.telemetry import configure_log

    configure_log(for_people=sys.stderr.isatty() and not options.as_json)
    with open_app(options.database) as talktime:
        did = list(do_once(talktime))
    show(options, {"chores": [_did_document(each) for each in did]}, lambda: _did_view(did))
    return EXIT_NOT_DONE if any(each.error for each in did) else 0


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Set the event at the first signal; a second one ends at once."""
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ── what was done ───────────────────────────────────────────────────────────────────────────────────────────


def _did_document(did: "Did") -> dict[str, Any]:
    done = [{"what": each.what, **each.facts} for each in did.done]
    return {"chore": did.chore, "done": done, "error": did.error or None}


def _did_view(did: "list[Did]") -> RenderableType:
    done = [(each.chore, one) for each in did for one in each.done]
    parts: list[RenderableType] = [heading("Worker", f"{len(did)} chores, {len(done)} things done")]
    if done:
        drawn = table("Chore", "Done", "Facts")
        for chore, one in done:
            facts = "  ".join(f"{name}={value}" for name, value in one.facts.items())
            drawn.add_row(chore, one.what.replace("_", " "), Text(facts))
        parts.append(drawn)
    parts += [Text.assemble(("✗ ", "bold red"), f"{each.chore}: {each.error}") for each in did if each.error]
    return Group(*parts)


# ── how it stands ───────────────────────────────────────────────────────────────────────────────────────────


def _status_document(shown: "WorkShown") -> dict[str, Any]:
    return {
        "at": shown.at,
        "workers": [
            {
                "slot": slot.slot,
                "holder": slot.holder,
                "since": slot.taken_at,
                "lease_until": slot.lease_until,
                "alive": slot.is_held(shown.at),
            }
            for slot in shown.slots
        ],
        "chores": [
            {
                "name": chore.name,
                "every_seconds": int(chore.every.total_seconds()),
                "last_done_at": chore.state.last_done_at,
                "next_at": chore.next_at,
                "running_in_slot": chore.by_slot,
                "overdue": chore.is_overdue,
                "error": chore.state.last_error or None,
            }
            for chore in shown.chores
        ],
        "waiting": {
            name: {"due": each.rows_count, "since": each.since, "overdue": shown.is_overdue(each)}
            for name, each in shown.waiting.items()
        },
        "overdue": list(shown.overdue),
    }


def _status_view(shown: "WorkShown") -> RenderableType:
    return Group(_workers_view(shown), Text(), _waiting_view(shown), Text(), _chores_view(shown))


def _workers_view(shown: "WorkShown") -> RenderableType:
    alive = len(shown.alive)
    head = heading("Workers", f"{alive} alive" if alive else "none alive", instant(shown.at))
    if not shown.slots:
        return head
    drawn = table("Slot", "Holder", "Since", "Heard of", numbers=["Slot"])
    for slot in shown.slots:
        assert slot.lease_until is not None
        is_alive = slot.is_held(shown.at)
        heard = Text("alive", "green") if is_alive else Text(f"silent since {instant(slot.lease_until)}", "bold red")
        drawn.add_row(str(slot.slot), slot.holder, instant(slot.taken_at), heard)
    return Group(head, drawn)


def _waiting_view(shown: "WorkShown") -> RenderableType:
    drawn = table("Due now", "Rows", "Longest since", numbers=["Rows"])
    for name, each in shown.waiting.items():
        since = Text("–") if each.since is None else Text(instant(each.since), _style(is_bad=shown.is_overdue(each)))
        drawn.add_row(WAITING_NAMES[name], f"{each.rows_count:,}", since)
    return drawn


def _chores_view(shown: "WorkShown") -> RenderableType:
    drawn = table("Chore", "Every", "Last done", "Next", "For")
    for chore in shown.chores:
        is_looking = chore.next_at is None
        last = "" if is_looking else "never" if chore.state.last_done_at is None else instant(chore.state.last_done_at)
        drawn.add_row(chore.name, _every(chore.every), last, _next(chore), Text(chore.about, "dim"))
    failed = [Text(f"{each.name}: {each.state.last_error}", "red") for each in shown.chores if each.state.last_error]
    return Group(drawn, *failed)


def _next(chore: "ChoreShown") -> Text:
    if chore.by_slot is not None:
        return Text(f"running in slot {chore.by_slot}", "green")
    if chore.next_at is None:
        return Text("")
    return Text("overdue" if chore.is_overdue else instant(chore.next_at), _style(is_bad=chore.is_overdue))


def _style(*, is_bad: bool) -> str:
    return "bold red" if is_bad else ""


def _every(every: timedelta) -> str:
    seconds = int(every.total_seconds())
    for unit, length in SECONDS_PER.items():
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} s"
