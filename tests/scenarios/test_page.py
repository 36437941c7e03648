"""The page about entitlement says what the procedure does: its tables and examples are read, and compared."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from talktime.core.calls.calls import EXPLANATIONS, SUBCODES, DenialReason
from talktime.core.calls.entitlement.procedure import MONEY_STEPS, STEPS
from talktime.core.calls.explaining.explanations import explain
from talktime.core.calls.requests import ChargingTerms
from talktime.interfaces.charging.writing import REFUSALS
from tests.oracle import entitlement
from tests.oracle.worlds import ORACLES_TABLE, realizable, world_of
from tests.scenarios.reading import FOLDER, scenarios_in

STATES = 2_500
LAST = STEPS[-1][0]
# An end, not a start, is answered with these.
OF_OTHER_REQUESTS = {
    DenialReason.CALL_CUT,
    DenialReason.CALL_UNKNOWN,
    DenialReason.CALL_ENDED,
    DenialReason.CALL_ID_TAKEN,
}
_STEP = re.compile(r"^\| `(?P<name>\w+)` \| (?P<asks>.+) \|(?P<reasons>[`\w ]*)\| (?P<scenario>.+) \|$", re.MULTILINE)
_REASON = re.compile(r"`(\w+)`")
_EXAMPLE = re.compile(r"^```\n(scenario .+?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/rules/entitlement.md").read_text("utf-8")


def steps_of(page: str) -> list[re.Match[str]]:
    """Return the rows of the tables of steps."""
    return list(_STEP.finditer(page.partition("## Refusals")[0]))


def reasons_of(page: str) -> dict[str, set[str]]:
    """Return which refusals the page says each step can give."""
    return {row["name"]: set(_REASON.findall(row["reasons"])) for row in steps_of(page)}


def refusals_of_states() -> Iterator[tuple[str, str]]:
    """Walk the procedure in many states; yield which step, or part of the last one, refused with which reason."""
    for seed in range(STATES):
        dice = random.Random(seed)
        facts, request = world_of(realizable(entitlement.states(dice), ORACLES_TABLE), ORACLES_TABLE, dice)
        # The oracle knows neither strangers nor what cannot be dialed.
        if seed % 50 == 0:
            request = replace(request, called="1234")
        if seed % 50 == 1:
            facts = replace(facts, identities={})
        for step in explain(facts, request, ChargingTerms()).steps:
            parts = step.parts if step.name == LAST else (step,)
            for each in parts:
                if each.reason is not None:
                    yield "limits" if each.name == each.reason.value else each.name, each.reason.value


def test_the_page_has_the_steps_in_their_order(page: str) -> None:
    expected = [name for name, _ in STEPS] + ["pool"] + [name for name, _ in MONEY_STEPS] + ["limits"]

    assert list(reasons_of(page)) == expected


def test_each_step_refuses_with_the_reasons_that_the_page_names_and_with_no_others(page: str) -> None:
    found: dict[str, set[str]] = {name: set() for name in reasons_of(page)}
    for name, reason in refusals_of_states():
        found[name].add(reason)

    assert found == reasons_of(page)


def test_every_reason_belongs_to_one_step(page: str) -> None:
    """Overage that is off is seen at once where no credit is left, and by the limits where too little is (S41)."""
    told = [reason for reasons in reasons_of(page).values() for reason in reasons]

    once = [reason.value for reason in set(DenialReason) - OF_OTHER_REQUESTS]
    assert sorted(told) == sorted([*once, DenialReason.OVERAGE_OFF.value])


def test_every_refusal_stands_on_the_page_with_its_codes_and_what_changes_it(page: str) -> None:
    rows = [
        " | ".join(
            (
                f"| `{reason.value}`",
                f"{said.sip_code} {said.sip_reason}",
                str(SUBCODES.get(reason, "–")),
                f"{EXPLANATIONS[reason]} |",
            )
        )
        for reason, said in REFUSALS.items()
    ]

    assert [row for row in rows if row not in page] == []


def test_every_scenario_that_a_step_names_is_there(page: str) -> None:
    titles = {scenario.title for path in FOLDER.glob("*.txt") for scenario in scenarios_in(path)}
    named = [row["scenario"] for row in steps_of(page)]

    assert [title for title in named if title not in titles] == []


def test_the_worked_examples_are_scenarios_that_run(page: str) -> None:
    scenarios = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.txt"))

    examples = _EXAMPLE.findall(page)

    assert len(examples) >= 2
    assert [example for example in examples if example not in scenarios] == []
