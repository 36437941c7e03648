"""`talktime switches`: which switches can be told to end calls, and whether they answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cyclopts import App
from rich.console import Group, RenderableType
from rich.text import Text

from talktime.core.calls.cutting import SwitchState
from talktime.gateways.switches.reading import KnownSwitch
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, open_app, show, table

AT_ONCE_MAX = 16

app = App(name="switches")


@app.default
def list_(*, options: Options = DEFAULTS) -> int:
    """List the switches that can be told to end calls, and ask each whether it answers; return 3 where one does not."""
    from talktime.bootstrap import open_switches

    with open_app(options.database) as talktime:
        known = list(open_switches(talktime.settings).values())
        where = talktime.settings.switches or talktime.settings.data_folder / "switches.toml"
    if not known and not options.as_json:
        hint(f"No switch is set up: calls that are cut end with what was granted. Set one up in {where}")
        return 0
    with ThreadPoolExecutor(AT_ONCE_MAX) as at_once:
        states = list(at_once.map(lambda switch: switch.control.look(), known))
    show(options, {"switches": _documents(known, states)}, lambda: _view(known, states))
    return 0 if all(state.is_reached for state in states) else 3


def _documents(known: list[KnownSwitch], states: list[SwitchState]) -> list[dict[str, Any]]:
    return [
        {
            "switch": switch.name,
            "kind": switch.kind,
            "address": switch.address,
            "is_reached": state.is_reached,
            "said": state.said,
        }
        for switch, state in zip(known, states, strict=True)
    ]


def _view(known: list[KnownSwitch], states: list[SwitchState]) -> RenderableType:
    drawn = table("Switch", "Kind", "Address", "")
    for switch, state in zip(known, states, strict=True):
        said = Text(state.said, "green") if state.is_reached else Text(f"not reached: {state.said}", "yellow")
        drawn.add_row(switch.name, switch.kind, switch.address, said)
    return Group(heading("Switches that can be told to end calls"), "", drawn)
