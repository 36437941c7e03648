"""Each dependency was chosen: docs/decisions/0005 says why, from which version, and under which licence."""

import re
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def required(repository: Path) -> dict[str, str]:
    """What pyproject.toml asks for: name → floor."""
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    groups = [*project["dependency-groups"].values(), *project["project"]["optional-dependencies"].values()]
    wanted = [*project["project"]["dependencies"], *(line for group in groups for line in group)]
    return dict(re.match(r"([a-z0-9-]+)(?:\[[^\]]*\])?>=([0-9.]+)", line).groups() for line in wanted)


@pytest.fixture(scope="session")
def explained(repository: Path) -> dict[str, list[str]]:
    """What the decision explains: name → the other cells of its row."""
    page = (repository / "docs/decisions/0005-dependencies.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_dependency_is_explained_and_nothing_else_is(
    required: dict[str, str], explained: dict[str, list[str]]
) -> None:
    assert set(explained) == set(required)


def test_the_floors_agree(required: dict[str, str], explained: dict[str, list[str]]) -> None:
    assert {name: cells[0] for name, cells in explained.items()} == required


def test_every_dependency_has_a_licence_and_a_reason(explained: dict[str, list[str]]) -> None:
    incomplete = [name for name, cells in explained.items() if len(cells) != 3 or not all(cells)]

    assert incomplete == []


def test_what_running_needs_is_locked(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    lock = (repository / "requirements.lock").read_text("utf-8")
    names = [re.split(r"[\[><=]", line)[0] for line in project["project"]["dependencies"]]

    assert [name for name in names if not re.search(rf"^{name}==", lock, re.MULTILINE)] == []
