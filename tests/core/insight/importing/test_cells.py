"""Cells of usage files: what is read, and the reason where it is not."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.core.insight.importing.cells import (
    CellTerms,
    DateOrder,
    DurationUnit,
    read_instant,
    read_micros,
    read_number,
    read_seconds,
    read_text,
)

PLAIN = CellTerms()
DUBLIN = ZoneInfo("Europe/Dublin")
UTC_CLOCK = CellTerms(ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:30:00Z",
        "2026-03-01T09:30:00.0000000Z",
        "2026-03-01T10:30:00+01:00",
        "2026-03-01 09:30:00 +00:00",
        "2026-03-01 09:30:00.0000000 +00:00",
    ],
)
def test_an_instant_with_its_offset_needs_no_clock(text: str) -> None:
    assert read_instant(text, PLAIN) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("01/02/2026 09:30", DateOrder.DAY_FIRST, datetime(2026, 2, 1, 9, 30, tzinfo=UTC)),
        ("01/02/2026 09:30", DateOrder.MONTH_FIRST, datetime(2026, 1, 2, 9, 30, tzinfo=UTC)),
        ("15/10/14 06:58", DateOrder.DAY_FIRST, datetime(2014, 10, 15, 6, 58, tzinfo=UTC)),
        ("1.2.2026 9:30:05", DateOrder.DAY_FIRST, datetime(2026, 2, 1, 9, 30, 5, tzinfo=UTC)),
        ("6/20/2023 5:28:41 PM", DateOrder.MONTH_FIRST, datetime(2023, 6, 20, 17, 28, 41, tzinfo=UTC)),
        ("6/20/2023 12:28:41 AM", DateOrder.MONTH_FIRST, datetime(2023, 6, 20, 0, 28, 41, tzinfo=UTC)),
        ("2026/02/01 09:30", None, datetime(2026, 2, 1, 9, 30, tzinfo=UTC)),
        ("2026-2-1", None, datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_local_date_is_read_in_the_order_that_was_told(
    text: str, order: DateOrder | None, expected: datetime
) -> None:
    assert read_instant(text, CellTerms(ZoneInfo("UTC"), order)) == expected


def test_a_stated_format_is_the_only_one() -> None:
    terms = CellTerms(DUBLIN, date_format="%d/%m/%y %H:%M")

    assert read_instant("15/07/14 06:58", terms) == datetime(2014, 7, 15, 5, 58, tzinfo=UTC)
    with pytest.raises(ValueError, match="not written as"):
        read_instant("2014-07-15T06:58:00Z", terms)


def test_the_year_1_is_no_instant() -> None:
    assert read_instant("0001-01-01T00:00:00Z", PLAIN) is None


@pytest.mark.parametrize(
    ("text", "terms", "reason"),
    [
        ("01/02/2026 09:30", UTC_CLOCK, "two ways; say --dates"),
        ("2026-03-01 09:30:00", PLAIN, "which time zone; say it with --zone"),
        ("31/02/2026", CellTerms(DUBLIN, DateOrder.DAY_FIRST), "no date, read day-first"),
        ("yesterday", UTC_CLOCK, "no instant"),
    ],
)
def test_an_instant_that_could_be_another_is_refused(text: str, terms: CellTerms, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_instant(text, terms)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("65", DurationUnit.SECONDS, 65),
        ("64.2", DurationUnit.SECONDS, 65),
        ("1.5", DurationUnit.MINUTES, 90),
        ("0.5", DurationUnit.HOURS, 1_800),
        ("1:05", DurationUnit.SECONDS, 65),
        ("1:01:05", DurationUnit.MINUTES, 3_665),
        ("604800", DurationUnit.SECONDS, 604_800),
    ],
)
def test_a_duration_is_whole_seconds_and_a_started_one_counts(text: str, unit: DurationUnit, expected: int) -> None:
    assert read_seconds(text, CellTerms(duration_unit=unit)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-5", "negative"),
        ("604801", "longer than a week"),
        ("604800.5", "longer than a week"),
        ("200:00:00", "longer than a week"),
        ("1:2:3:4", "no duration"),
        ("long", "no number"),
    ],
)
def test_a_duration_that_no_call_has_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_seconds(text, PLAIN)


def test_amounts_are_micros_half_up() -> None:
    comma = CellTerms(decimal_comma=True)

    assert read_micros("0.0135", PLAIN) == 13_500
    assert read_micros("0.0000005", PLAIN) == 1
    assert read_micros("0.30000000000000004", PLAIN) == 300_000
    assert read_micros("1.234,56", comma) == 1_234_560_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,25", "--decimal-comma"),
        ("-0.01", "negative"),
        ("1e30", "more than any call"),
        ("NaN", "no number"),
        ("0.0.1", "no number"),
    ],
)
def test_an_amount_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_micros(text, PLAIN)


def test_numbers_are_digits_with_a_star_for_each_hidden_one() -> None:
    germany = CellTerms(country_code="49")

    assert read_number("+44 20 7946 0000", PLAIN) == "442079460000"
    assert read_number("+12345678***", PLAIN) == "12345678***"
    assert read_number("***", PLAIN) == "***"
    assert read_number('="0044207946000"', PLAIN) == "44207946000"
    assert read_number("030 1234567", germany) == "49301234567"
    assert read_number("+44 20 7946 0000", germany) == "442079460000"
    assert read_number("Client1", PLAIN) == "client1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada", "Ada"),
        ("Zoë\u00a0King", "Zoë King"),
        ("'=not run", "=not run"),
        ('="0044"', "0044"),
        ("-", "-"),
        ("'tis", "'tis"),
    ],
)
def test_text_is_read_as_it_was_meant(text: str, expected: str) -> None:
    assert read_text(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=cmd|' /C calc'!A0", "is a formula"),
        ("@SUM(1)", "is a formula"),
        ("+cmd|' /C calc'!A0", "is a formula"),
        ("-HYPERLINK(1)", "is a formula"),
        ("a\x07b", "cannot be printed"),
        ("\ud800", "cannot be printed"),
        ("x" * 1_001, "1,001 characters"),
    ],
)
def test_text_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_text(text)
