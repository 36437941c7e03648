from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.reading import FOLDER, Scenario, ScenarioError, run, scenarios_in
from tests.scenarios.worlds import CoreWorld, StoreWorld

SCENARIOS = [scenario for path in sorted(FOLDER.glob("*.txt")) for scenario in scenarios_in(path)]
REQUIREMENTS = {f"S{number}" for number in (*range(1, 21), 30, 31, 32, 41, *range(50, 60), 63)}
CASES = {f"case {number}" for number in (61, 62, 63, 69)}


def name_of(scenario: Scenario) -> str:
    return f"{scenario.path.stem}: {scenario.title}"


@pytest.fixture
def store(migrated_database_url: str) -> Iterator[StoreWorld]:
    """Give the product on a database of its own."""
    world = StoreWorld(migrated_database_url)
    yield world
    world.close()


def test_every_requirement_and_edge_case_of_entitlement_has_a_scenario_with_its_number_in_the_title() -> None:
    told = frozenset[str]().union(*(scenario.requirements for scenario in SCENARIOS))

    assert sorted((REQUIREMENTS | CASES) - told) == []


def test_no_scenario_is_empty_and_every_one_expects_something() -> None:
    silent = [name_of(each) for each in SCENARIOS if not any(line.expected for line in each.lines)]

    assert silent == []
    assert len({name_of(each) for each in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if not each.needs_database], ids=name_of)
def test_it_comes_as_the_scenario_says(scenario: Scenario) -> None:
    run(scenario, CoreWorld())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_it_comes_as_the_scenario_says_on_a_database(scenario: Scenario, store: StoreWorld) -> None:
    run(scenario, store)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nlot A ten",
            r"wrong\.txt:2: 'lot' is no word of a scenario, or something is missing after it: lot A ten",
        ),
        ("# a comment\nlott A 10", r"wrong\.txt:2: 'lott' is no word"),
        ("lot A 10\navailable 9.99", r"wrong\.txt:2: available is 10\.00: available 9\.99"),
        ("start C1 +33123456789 → granted 60s", r"wrong\.txt:1: start .* → denied .*, not granted 60s"),
        ("start C1 +33123456789", r"not nothing"),
        ("lot A 1.0000001", r"more than 6 decimals"),
        ("lot A 5\nspent B 0", r"wrong\.txt:2: 'B'"),
        ("events balance_exhausted", r"wrong\.txt:1: events are none"),
        ("user ada has a bicycle", r"wrong\.txt:1: 'a bicycle' is no license"),
        ("policy ada DialoutNowhere", r"wrong\.txt:1: 'DialoutNowhere' is no dial-out policy"),
        ("left 60 conference minutes", r"wrong\.txt:1: 0 of 0 minutes are left"),
        ("talktime countries", r"wrong\.txt:1: talktime countries needs a database"),
    ],
)
def test_an_error_names_the_file_and_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(text, "utf-8")
    (scenario,) = scenarios_in(path)

    with pytest.raises(ScenarioError, match=message):
        run(scenario, CoreWorld())


def test_what_pays_need_not_be_said_but_is_checked_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text("rate +33 0.60 1/1\nlot A 5\nstart C1 +33123456789 → granted 60s from minutes", "utf-8")
    (scenario,) = scenarios_in(path)

    with pytest.raises(ScenarioError, match=r"wrong\.txt:3: .* granted 60s from credit, not granted 60s from minutes"):
        run(scenario, CoreWorld())
