"""Calls whose cost the tests of CGRateS state, restated as facts; the shared file holds them with their sources."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.core.rates.rating import Price, PriceStep, Tariff, TimeProfile, Window, cost_micros
from talktime.core.values.money import Rounding, parse_micros
from tests.core.rates.tariffs import DAY_SECONDS, NANOS

# from second, price, seconds that it is for, increment
Step = tuple[int, str, int, int]
UP, HALF_UP = Rounding.UP, Rounding.HALF_UP


@dataclass(frozen=True)
class Case:
    """One call: segments are (fee, steps, seconds of the call that they apply to)."""

    name: str
    segments: tuple[tuple[str, tuple[Step, ...], int], ...]
    rounding: Rounding
    decimals: int
    start: str
    seconds: int
    exact: str
    in_source: str


def one(name: str, fee: str, steps: tuple[Step, ...], how: tuple[Rounding, int], call: tuple[int, str]) -> Case:
    seconds, cost = call
    return Case(name, ((fee, steps, seconds),), *how, "2016-01-06T18:31:05", seconds, cost, cost)


PER_SECOND: Step = (0, "1", 1, 1)
HALF_PER_SECOND: Step = (0, "0.5", 1, 1)
CENT_PER_SECOND: Step = (0, "0.01", 1, 1)
FALLING: tuple[Step, ...] = ((0, "0.4", 60, 30), (60, "0.2", 60, 10))
CASES = (
    Case(
        "cg-tod-weekday-cross-18h",
        (("1", (PER_SECOND,), 1_800), ("0", (HALF_PER_SECOND,), 1_800)),
        HALF_UP,
        4,
        "2012-02-02T17:30:00",
        3_600,
        "2701",
        "2701",
    ),
    Case(
        "cg-rounding-180s-middle4",
        (("0", ((0, "0.1", 60, 1),), 180),),
        HALF_UP,
        4,
        "2017-02-02T17:30:00",
        180,
        "0.3",
        "0.3001",
    ),
    one("cg-lessthanminute", "0", (HALF_PER_SECOND,), (HALF_UP, 4), (30, "15")),
    one("cg-minutescost", "0", (HALF_PER_SECOND,), (HALF_UP, 4), (110, "55")),
    one("cg-60-then-1-85s", "0", ((0, "1", 1, 60), (60, "1", 1, 1)), (HALF_UP, 4), (85, "85")),
    one("cg-rounding-issue-24s", "0.15", ((0, "0.05", 60, 1),), (UP, 2), (24, "0.17")),
    one("cg-serial-debit-59s", "1", (PER_SECOND,), (HALF_UP, 4), (59, "60")),
    one("cg-costs1-zero", "0", (PER_SECOND,), (UP, 4), (0, "0")),
    one("cg-tut2-60C-45s", "0.1", (CENT_PER_SECOND,), (UP, 4), (45, "0.55")),
    one("cg-tut2-offpeak-45s", "0.1", (CENT_PER_SECOND,), (UP, 4), (45, "0.55")),
    one("cg-tut2-anyday-45s", "0.2", ((0, "1.2", 60, 60), (60, "1.2", 60, 1)), (UP, 4), (45, "1.4")),
    one("cg-tut2-percall-10m45s", "0.1", ((0, "0", 1, 1),), (UP, 4), (645, "0.1")),
    one("cg-combined-1003-60s", "0.2", ((0, "0.1", 60, 60), (60, "0.05", 60, 1)), (UP, 4), (60, "0.3")),
    one("cg-session-round-up-10s", "0", ((0, "0.033", 1, 1),), (UP, 1), (10, "0.4")),
    one("cg-old-1002-20s", "0.4", ((0, "0.2", 60, 60), (60, "0.1", 60, 1)), (UP, 4), (20, "0.6")),
    one("cg-old-1003-20s", "0.8", FALLING, (UP, 4), (20, "1")),
    one("cg-old-1007-50s", "0", (CENT_PER_SECOND,), (UP, 4), (50, "0.5")),
    one("cg-old-1007-70s-disconnect", "0", (CENT_PER_SECOND,), (UP, 4), (70, "0.7")),
    one("cg-old-peak-90s", "0.8", FALLING, (UP, 4), (90, "1.3")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_call_costs_what_its_tariff_says_exactly(case: Case) -> None:
    assert charged(case) == parse_micros(case.exact)


def test_where_the_source_differs_it_rounds_every_second_and_we_round_the_call() -> None:
    (case,) = (each for each in CASES if each.in_source != each.exact)
    per_second = Fraction("0.1") / 60
    rounded_each_second = Fraction(round(per_second * 10**6), 10**6) * case.seconds

    # 180 × 0.001667 = 0.30006, which is shown as 0.3001; three minutes of 0.10 are 0.30 all the same.
    assert round(rounded_each_second, 4) == Fraction(case.in_source)
    assert charged(case) == 300_000


def test_the_shared_file_states_the_same_cases(shared_data: Path) -> None:
    shared = json.loads((shared_data / "rating_cases/rating_cases.json").read_text("utf-8"))["cases"]

    found = [as_case(each) for each in shared]

    assert {each.name for each in found} == {each.name for each in CASES}
    assert sum(each.in_source == each.exact for each in found) == len(found) - 1
    for case in found:
        assert charged(case) == parse_micros(case.exact), case.name


def charged(case: Case) -> int:
    start = datetime.fromisoformat(case.start).replace(tzinfo=UTC)
    profiles = windows_of(case, start)
    prices = tuple(
        Price(
            nanos(fee), tuple(PriceStep(first, inc, nanos(price) * 60 // per) for first, price, per, inc in steps), own
        )
        for (fee, steps, _), own in zip(case.segments, profiles, strict=True)
    )
    return cost_micros(Tariff(prices, case.decimals, case.rounding, ZoneInfo("UTC")), start, case.seconds)


def windows_of(case: Case, start: datetime) -> tuple[TimeProfile, ...]:
    """Two segments become time profiles that change where the first segment ends, every day."""
    if len(case.segments) == 1:
        return (TimeProfile(""),)
    (_, _, applies), _ = case.segments
    change = start + timedelta(seconds=applies)
    edge = change.hour * 3_600 + change.minute * 60 + change.second
    return (
        TimeProfile("until", tuple(Window(weekday, 0, edge) for weekday in range(7))),
        TimeProfile("from", tuple(Window(weekday, edge, DAY_SECONDS) for weekday in range(7))),
    )


def nanos(amount: str) -> int:
    return int(Fraction(amount) * NANOS)


def as_case(shared: dict[str, object]) -> Case:
    tariff, call = shared["tariff"], shared["input"]
    assert isinstance(tariff, dict)
    assert isinstance(call, dict)
    segments = tuple(
        (
            segment["connect_fee"],
            tuple((step["from_s"], step["rate"], step["per_s"], step["increment_s"]) for step in segment["groups"]),
            segment["applies_to_first_s"],
        )
        for segment in tariff["segments"]
    )
    rounding = UP if tariff["rounding"]["method"] == "up" else HALF_UP
    start = (call["start"] or "2016-01-06T18:31:05Z").removesuffix("Z")
    costs = str(shared["exact_cost_rounded_once"]), str(shared["expected_cost_source"])
    return Case(
        str(shared["id"]), segments, rounding, tariff["rounding"]["decimals"], start, call["duration_s"], *costs
    )
