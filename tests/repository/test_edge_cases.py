"""Each edge case that the house is held to has a test whose name a page says, and each name said is a test's."""

import re
from pathlib import Path

import pytest

# Those of buying, recharging and keeping credit, of calls, and of reports.
CASES = {*range(1, 75)}
_ROW = re.compile(r"^\| (?P<cases>\d+(?:, \d+)*)(?: \(S\d+\))? \| (?P<proof>.*test_.*) \|$", re.MULTILINE)
_NAME = re.compile(r"\btest_\w+(?!\w|\.py)")


@pytest.fixture(scope="module")
def rows(repository: Path) -> list[tuple[set[int], set[str]]]:
    """Which cases are proved by which tests, as the pages of the rules say."""
    return [
        ({int(case) for case in row["cases"].split(", ")}, set(_NAME.findall(row["proof"])))
        for page in sorted(repository.glob("docs/rules/*.md"))
        for row in _ROW.finditer(page.read_text("utf-8"))
    ]


def test_every_case_has_a_test(rows: list[tuple[set[int], set[str]]]) -> None:
    proved = set().union(*(cases for cases, names in rows if names))

    assert sorted(CASES - proved) == []


def test_every_test_that_a_page_names_is_there(rows: list[tuple[set[int], set[str]]], repository: Path) -> None:
    tests = "\n".join(path.read_text("utf-8") for path in repository.glob("tests/**/test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", tests))

    named = set().union(*(names for _, names in rows))

    assert sorted(named - there) == []
