from datetime import UTC, datetime
from typing import Any

import pytest

from talktime.core.rates.rate_decks import Direction, Rate, RateDeck
from talktime.core.rates.rating import ANY_TIME, cost_micros, covers_week
from talktime.core.values.errors import Invalid
from tests.core.rates.sheets.reading import CENT, PEAK, ROME, keys, per_minute, read, refused


def test_a_repeated_row_is_kept_once_and_pointed_at() -> None:
    sheet = read("prefix|destination|rate", "1808|Hawaii|0.01", "1808, 1809, 1810|USA|0.01", "1809,1810|x|0.01")

    assert keys(sheet) == [("1808", ""), ("1809", ""), ("1810", "")]
    assert sheet.rates[0].destination == "Hawaii"
    assert [(warning.line, warning.message) for warning in sheet.warnings] == [
        (3, "1808: priced the same in line 2; kept once"),
        (4, "1809 and 1 more: priced the same in line 3; kept once"),
    ]


def test_a_row_that_contradicts_an_earlier_one_is_refused_whole() -> None:
    sheet = read("prefix|origin|rate", "43|1|0.01", "44,43|1|0.02", "43||0.03", "43|1|Blocked")

    assert keys(sheet) == [("43", "1"), ("43", "")]
    assert [(each.line, each.column, each.value, each.reason) for each in sheet.rejections] == [
        (3, "prefix", "43 from 1", "has another price in line 2"),
        (5, "prefix", "43 from 1", "has another price in line 2"),
    ]


def test_profiles_of_one_prefix_become_one_rate_that_covers_the_week() -> None:
    sheet = read(
        "prefix|rate|time slot", "44|0.10|peak", "44|0.05|off_peak", "39|0.01|flat", zone=ROME, profiles={"peak": PEAK}
    )

    uk, italy = sheet.rates
    assert [(price.profile.name, price.steps[0].nanos_per_minute) for price in uk.prices] == [
        ("offpeak", 5 * CENT),
        ("peak", 10 * CENT),
    ]
    assert covers_week([price.profile for price in uk.prices])
    assert italy.prices == (per_minute(CENT),)
    assert sheet.terms.zone == ROME
    tariff = RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates).match(Direction.OUTBOUND, "4420", "1")
    assert tariff is not None
    # 2027-01-04 is a Monday; 07:59:30 in Rome is before the peak, which begins inside the call.
    assert cost_micros(tariff.tariff, datetime(2027, 1, 4, 6, 59, 30, tzinfo=UTC), 120) == 150_000


@pytest.mark.parametrize(
    ("rows", "lines", "said"),
    [
        (["44|0.1|peak"], [2], "44 (line 2) does not have exactly one price at every hour"),
        (["44|0.1|peak", "44|0.2|"], [2, 3], "44 (lines 2, 3) has a price for any time and another"),
        (["44|0.1|peak", "44|Blocked|offpeak"], [2, 3], "is blocked at some hours and priced at others"),
        (["44,45|0.1|peak", "44|0.2|offpeak"], [2, 3], "45 (line 2) does not have exactly one price"),
    ],
)
def test_rows_that_leave_hours_unpriced_are_refused_naming_their_lines(
    rows: list[str], lines: list[int], said: str
) -> None:
    sheet = read("prefix|rate|time slot", *rows, "39|0.1|", "40|0.1|offpeak", zone=ROME, profiles={"peak": PEAK})

    after = len(rows) + 3
    assert [rejection.line for rejection in sheet.rejections] == [*lines, after]
    assert said in sheet.rejections[0].reason
    assert keys(sheet) == [("39", "")]


def test_a_destination_blocked_at_all_hours_is_blocked() -> None:
    sheet = read("prefix|rate|time slot", "44|Blocked|peak", "44|Blocked|offpeak", zone=ROME, profiles={"peak": PEAK})

    assert sheet.rates == (Rate(Direction.OUTBOUND, "44", "", "", (), blocked=True),)


def test_a_profile_that_stands_alone_means_any_time() -> None:
    sheet = read("prefix|rate|time slot", "44|0.1|peak", "45|0.1|Peak", "a footnote")

    assert sheet.rates[0].prices[0].profile == ANY_TIME
    assert sheet.warnings[0].message == "'peak' is the only time profile: its prices hold at any time"
    assert refused(sheet) == [(4, "prefix", "a footnote")]


def test_a_footnote_below_prices_by_the_hour_is_refused_alone() -> None:
    sheet = read("rate|prefix|time slot", "0.1|44|peak", "0.2|44|offpeak", "|45", zone=ROME, profiles={"peak": PEAK})

    assert refused(sheet) == [(4, "time slot", "")]


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "'offpeak', which has no hours"), ({"profiles": {"peak": PEAK}}, "state the time zone of its hours")],
)
def test_prices_by_the_hour_need_hours_and_a_zone(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read("prefix|rate|time slot", "44|0.1|peak", "44|0.1|offpeak", **options)
