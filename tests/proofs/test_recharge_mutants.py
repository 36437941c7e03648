"""A recharge without one of its guards is caught by a test that is named here."""

import os
from pathlib import Path

import pytest

from tests.postgresql_cluster import URL_VARIABLE
from tests.proofs.recharge_mutants import (
    ALL_PASSED,
    MUTANTS,
    SOME_FAILED,
    Mutant,
    copied,
    fits,
    mutate,
    run,
)

IDS = [mutant.guard for mutant in MUTANTS]


@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_a_guard_that_is_taken_out_stands_in_the_source(mutant: Mutant) -> None:
    assert fits(mutant)


def test_every_guard_is_on_the_page_of_the_rule(repository: Path) -> None:
    page = (repository / "docs/rules/recharge.md").read_text("utf-8")

    missing = [
        mutant.guard
        for mutant in MUTANTS
        if f"| {mutant.guard} |" not in page or any(test.rpartition("::")[2] not in page for test in mutant.tests)
    ]

    assert missing == []


@pytest.mark.proof
def test_the_tests_pass_on_a_copy_with_all_guards(tmp_path: Path) -> None:
    tests = tuple(sorted({test for mutant in MUTANTS for test in mutant.tests}))

    done = run(tests, copied(tmp_path))

    assert done.returncode == ALL_PASSED, done.stdout


@pytest.mark.proof
@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_mutants_are_killed(mutant: Mutant, tmp_path: Path) -> None:
    if mutant.needs_postgresql and os.environ.get(URL_VARIABLE, "none") == "none":
        pytest.skip("the lock of a row is PostgreSQL's")
    folder = copied(tmp_path)
    mutate(mutant, folder)

    done = run(mutant.tests, folder, needs_postgresql=mutant.needs_postgresql)

    assert done.returncode == SOME_FAILED, f"{mutant.guard} lives: {done.stdout[-2000:]}{done.stderr[-2000:]}"
