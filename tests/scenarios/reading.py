"""Scenarios in text: a line says what happens, and after an arrow what must come of it; README.md has the words."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talktime.core.values.errors import TalktimeError
from tests.scenarios.words import WORDS, Scene
from tests.scenarios.worlds import World

FOLDER = Path(__file__).parent
_TITLE = re.compile(r"scenario (?P<title>.+)")
_NUMBERED = re.compile(r"\b(?:S\d+|case \d+)\b")
# What need not be repeated in every line: what pays, and the subcode of a refusal.
_OPTIONAL = re.compile(r" from [a-z]+$| \d{6}$")


class ScenarioError(Exception):
    """A line that cannot be read, or that did not come true; the message names file and line."""


@dataclass(frozen=True)
class Line:
    """What is done, and what must come of it, empty where nothing is said."""

    number: int
    text: str
    does: str
    expected: str


@dataclass(frozen=True)
class Scenario:
    """A title, and the lines below it."""

    path: Path
    title: str
    lines: tuple[Line, ...]

    @property
    def requirements(self) -> frozenset[str]:
        """Return which requirements (`S8`) and edge cases of money.md (`case 61`) the title names."""
        return frozenset(_NUMBERED.findall(self.title))

    @property
    def needs_database(self) -> bool:
        """Tell whether it runs a command."""
        return any(line.does.startswith("talktime ") for line in self.lines)


def scenarios_in(path: Path) -> list[Scenario]:
    """Read a file: scenarios each with a title, or a single one whose title is the first comment."""
    found: list[tuple[str, list[Line]]] = []
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        does, _, expected = (part.strip() for part in text.partition("#")[0].replace("->", "→").partition("→"))
        titled = _TITLE.fullmatch(does)
        if titled is not None:
            found.append((titled["title"], []))
        elif does:
            if not found:
                found.append((path.read_text("utf-8").splitlines()[0].lstrip("# "), []))
            found[-1][1].append(Line(number, text.strip(), does, expected))
    return [Scenario(path, title, tuple(lines)) for title, lines in found]


def run(scenario: Scenario, world: World) -> None:
    """Run a scenario; raise ScenarioError at the first line that does not come true."""
    scene = Scene(world)
    for line in scenario.lines:
        place = f"{scenario.path.name}:{line.number}"
        try:
            came = _do(scene, line)
        except (ValueError, KeyError, AssertionError, TalktimeError) as failure:
            raise ScenarioError(f"{place}: {failure}: {line.text}") from failure
        if line.expected not in {came, _OPTIONAL.sub("", came)}:
            raise ScenarioError(f"{place}: {line.does} → {came or 'nothing'}, not {line.expected or 'nothing'}")


def _do(scene: Scene, line: Line) -> str:
    if line.does.startswith("talktime "):
        return _found(scene.command(line.does.split()[1:]), line.expected)
    for pattern, action in WORDS:
        if (found := pattern.fullmatch(line.does)) is not None:
            stated = {name: text for name, text in found.groupdict().items() if text is not None}
            act: Callable[..., str] = action
            return act(scene, **stated)
    raise ValueError(f"{line.does.split(maxsplit=1)[0]!r} is no word of a scenario, or something is missing after it")


def _found(document: str, expected: str) -> str:
    """Say of a command's JSON what the line says, where it is true: `rule.premium none, rule.is_zone_a true`."""
    said = []
    for part in filter(None, expected.split(", ")):
        path, _, _ = part.partition(" ")
        value: Any = json.loads(document)
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        said.append(f"{path} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    return ", ".join(said)
