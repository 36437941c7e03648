"""The minute pools of a month, as licenses and meters make them."""

from dataclasses import replace

from talktime.core.calls.counting.meters import Meter
from talktime.core.insight.pool_report import PoolFacts, PoolLine, PoolReport, pool_report
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.organizations.licenses import License

MONTH = "2026-10"
TABLE = CountryTable(
    1,
    {
        "GB": CountryRule("GB", domestic_minutes=3_000, international_minutes=600),
        "US": CountryRule("US", domestic_minutes=3_000, international_minutes=600),
    },
    frozenset({"FR"}),
)
INTERNATIONAL_PLAN = License.DOMESTIC_AND_INTERNATIONAL


def facts(*assigned: tuple[License, str, int], meters: dict[str, Meter] | None = None, **changed: object) -> PoolFacts:
    arrangements = Arrangements(assigned={(license_, country): count for license_, country, count in assigned})
    return PoolFacts(replace(arrangements, **changed), TABLE, "GB", meters or {})  # type: ignore[arg-type]


def report(state: PoolFacts) -> PoolReport:
    return pool_report(MONTH, state, shown_users_max=2)


def told(lines: tuple[PoolLine, ...]) -> list[tuple[str, str, int, int, int, int]]:
    return [
        (
            line.pool.country,
            line.pool.counter,
            line.total_minutes,
            line.used_minutes,
            line.held_minutes,
            line.available_minutes,
        )
        for line in lines
    ]


def test_without_licenses_there_are_no_pools() -> None:
    assert report(facts()) == PoolReport(MONTH, (), None)


def test_a_hundred_licenses_of_120_minutes_are_one_pool_of_12000() -> None:
    state = facts(
        (License.DOMESTIC_120, "GB", 100), meters={"pool/MCOPSTN5/GB/domestic/2026-10": Meter(used=3_000, held=40)}
    )

    (line,) = report(state).lines

    assert (line.plan_name, line.description) == ("Domestic Calling Plan 120", "120 domestic minutes")
    assert (line.total_minutes, line.used_minutes, line.held_minutes) == (12_000, 3_000, 40)
    assert (line.available_minutes, line.used_percent) == (8_960, 25)


def test_the_usa_and_puerto_rico_are_one_pool_and_each_plan_is_its_own() -> None:  # D11
    state = facts((License.DOMESTIC, "US", 2), (License.DOMESTIC, "PR", 1), (License.DOMESTIC_120, "US", 1))

    assert told(report(state).lines) == [
        ("US", "domestic", 9_000, 0, 0, 9_000),
        ("US", "domestic", 120, 0, 0, 120),
    ]


def test_an_international_plan_has_two_rows_and_either_ends_both() -> None:  # D9
    meters = {"pool/MCOPSTN2/GB/international/2026-10": Meter(used=600)}
    ends, independent = (
        facts((INTERNATIONAL_PLAN, "GB", 1), meters=meters, is_plan_ended_by_either_counter=either)
        for either in (True, False)
    )

    assert told(report(ends).lines) == [("GB", "domestic", 3_000, 0, 0, 0), ("GB", "international", 600, 600, 0, 0)]
    assert [line.is_ended for line in report(ends).lines] == [True, False]
    assert told(report(independent).lines)[0] == ("GB", "domestic", 3_000, 0, 0, 3_000)
    assert [line.description for line in report(ends).lines] == ["3,000 domestic minutes", "600 international minutes"]


def test_the_conference_pool_is_the_organizations_and_stands_last() -> None:  # D5
    state = facts(
        (License.DOMESTIC_AND_INTERNATIONAL, "GB", 1),
        (License.AUDIO_CONFERENCING, "GB", 3),
        purchased={License.AUDIO_CONFERENCING: 115},
        meters={"pool/MCOMEETADD///2026-10": Meter(used=70)},
    )

    line = report(state).lines[-1]

    assert (line.pool.country, line.total_minutes, line.used_minutes) == ("", 6_900, 70)
    assert line.description == "outbound calls to Zone A countries (60 minutes)"


def test_a_pool_whose_licenses_were_taken_away_still_shows_what_was_used() -> None:
    state = facts(meters={"pool/MCOPSTN1/GB/domestic/2026-10": Meter(used=70)})

    (line,) = report(state).lines

    assert (line.total_minutes, line.used_minutes, line.available_minutes, line.used_percent) == (0, 70, 0, 0)


def test_a_meter_that_has_counted_nothing_makes_no_pool() -> None:
    assert report(facts(meters={"pool/MCOPSTN1/GB/domestic/2026-10": Meter()})).lines == ()


def test_a_bundle_with_a_plan_counts_as_the_plan() -> None:
    assert told(report(facts((License.PHONE_WITH_CALLING_PLAN, "GB", 1))).lines) == [
        ("GB", "domestic", 3_000, 0, 0, 3_000)
    ]


def test_minutes_that_are_not_pooled_are_summed_up_with_who_used_most_first() -> None:
    used = {1: 30, 2: 120, 3: 5, 4: 130}
    state = facts(
        (License.DOMESTIC_120_NOT_POOLED, "GB", 10),
        meters={f"pool/MCOPSTN8/GB/{user}/2026-10": Meter(minutes, 1) for user, minutes in used.items()},
    )

    shown = report(state)

    own = shown.own
    assert own is not None
    assert shown.lines == ()
    assert (own.plan_name, own.users_count, own.each_minutes) == ("Domestic Calling Plan 120 not pooled", 10, 120)
    assert (own.total_minutes, own.used_minutes, own.held_minutes, own.exhausted_count) == (1_200, 285, 4, 2)
    assert [(line.pool.counter, line.used_minutes) for line in own.most_used] == [("4", 130), ("2", 120)]


def test_whoever_used_minutes_of_his_own_is_shown_after_the_licenses_are_gone() -> None:
    own = report(facts(meters={"pool/MCOPSTN8/GB/2/2026-10": Meter(used=7)})).own

    assert own is not None
    assert (own.users_count, own.total_minutes, own.used_minutes) == (0, 0, 7)
