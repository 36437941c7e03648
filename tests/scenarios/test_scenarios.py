from pathlib import Path

import pytest

from tests.scenarios.reading import ScenarioError, run

FOLDER = Path(__file__).parent
SCENARIOS = sorted(FOLDER.glob("*.scenario"))


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 10


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_it_comes_as_the_scenario_says(path: Path) -> None:
    run(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nlot A ten",
            r"wrong\.scenario:2: 'lot' is no word of a scenario, or something is missing after it: lot A ten",
        ),
        ("# a comment\nlott A 10", r"wrong\.scenario:2: 'lott' is no word"),
        ("lot A 10\navailable 9.99", r"wrong\.scenario:2: available is 10\.00: available 9\.99"),
        ("start C1 +33123456789 → granted 60s", r"wrong\.scenario:1: start .* → denied .*, not granted 60s"),
        ("start C1 +33123456789", r"not nothing"),
        ("lot A 1.0000001", r"more than 6 decimals"),
        ("lot A 5\nspent B 0", r"wrong\.scenario:2: 'B'"),
        ("events balance_exhausted", r"wrong\.scenario:1: events are none"),
    ],
)
def test_an_error_names_the_file_and_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.scenario"
    path.write_text(text, "utf-8")

    with pytest.raises(ScenarioError, match=message):
        run(path)
