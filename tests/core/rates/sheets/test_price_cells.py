from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates.rating import ANY_TIME, Price, PriceStep, Tariff, billed_seconds
from talktime.core.rates.sheets.price_cells import (
    Standing,
    is_currency,
    price_of,
    read_change,
    read_effective_at,
    read_increments,
    read_no_included_seconds,
    read_price,
    read_status,
    read_yes,
)
from talktime.core.values.errors import Invalid
from talktime.core.values.money import NANOS_PER_UNIT, Rounding, format_nanos

CENT = NANOS_PER_UNIT // 100
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0.2093", 209_300_000),
        (".5", 500_000_000),
        ("5", 5 * NANOS_PER_UNIT),
        ("0", 0),
        ("0.31135104", 311_351_040),
        ("0.123456789", 123_456_789),
        ("0,2093", 209_300_000),
        ("0,123", 123_000_000),
        ("1,25", 1_250_000_000),
        ("1.234", 1_234_000_000),
        ("1,000.00", 1_000 * NANOS_PER_UNIT),
        ("1.000,00", 1_000 * NANOS_PER_UNIT),
        ("$0.05", 5 * CENT),
        ("US$ 0.05", 5 * CENT),
        ("0.05 USD", 5 * CENT),
        ("usd 0.05", 5 * CENT),
        ("0.05\xa0$", 5 * CENT),
        ("+0.05", 5 * CENT),
        ("2.5 ct", 25 * CENT // 10),
        ("2.5¢", 25 * CENT // 10),
    ],
)
def test_a_price_is_read_exactly(text: str, nanos: int) -> None:
    assert read_price(text, currency="USD", cents=False) == nanos


def test_cents_are_hundredths() -> None:
    assert read_price("2.5", currency="USD", cents=True) == 25_000_000
    assert read_price("2.5 cents", currency="USD", cents=True) == 25_000_000


@pytest.mark.parametrize(("text", "currency"), [("0,05 €", "EUR"), ("CA$0.05", "CAD"), ("$0.05", "CAD")])
def test_a_sign_may_repeat_the_currency(text: str, currency: str) -> None:
    assert read_price(text, currency=currency, cents=False) == 5 * CENT


@pytest.mark.parametrize("text", ["Blocked", " BLOCKED ", "forbidden", "barred"])
def test_a_price_may_say_that_calls_are_blocked(text: str) -> None:
    assert read_price(text, currency="USD", cents=False) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no price"),
        ("N/A", "not offered: the price is 'N/A'"),
        ("-", "not offered"),
        ("-0.05", "negative"),
        ("(0.05)", "negative"),
        ("$-0.05", "negative"),
        ("$0.377-$0.604", "a range of prices"),
        ("0.1 to 0.2", "a range of prices"),
        ("0.1/0.2", "a range of prices"),
        ("1,234", "may be 1.234 or 1234"),
        ("1,23,4.5", "no amount"),
        ("1.2.3", "no amount"),
        ("1,234,567", "no amount"),
        (".", "no amount"),
        ("1E-05", "a spreadsheet has rounded this price"),
        ("0.1234567891", "more than 9 decimals"),
        ("1,000.01", "no call costs that"),
        ("€0.05", "does not mean USD"),
        ("0.05 EUR", "does not mean USD"),
        ("0.05/min", "does not mean USD"),
        ("free", "is no price"),
        ("٠", "is no price"),
    ],
)
def test_what_is_no_price_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_price(text, currency="USD", cents=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("$2.5", "is in \\$, and its column in cents"), ("0.12345678", "more than 7 decimals of a cent")],
)
def test_a_price_in_cents_is_refused_where_it_contradicts_itself_or_is_too_fine(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_price(text, currency="USD", cents=True)


@given(st.integers(0, 999 * NANOS_PER_UNIT))
def test_what_a_price_says_is_what_is_read(nanos: int) -> None:
    text = format_nanos(nanos)

    assert read_price(text, currency="USD", cents=False) == nanos


@given(st.integers(0, 999 * NANOS_PER_UNIT))
def test_a_decimal_comma_is_read_unless_it_may_part_thousands(nanos: int) -> None:
    text = format_nanos(nanos, decimals_min=4).replace(".", ",")

    assert read_price(text, currency="EUR", cents=False) == nanos


@pytest.mark.parametrize(
    ("text", "increments"),
    [
        ("60/60", (60, 60)),
        ("30/6", (30, 6)),
        ("1/1", (1, 1)),
        ("60/1", (60, 1)),
        ("6", (6, 6)),
        (" 30s / 6s ", (30, 6)),
    ],
)
def test_increments_are_first_and_next(text: str, increments: tuple[int, int]) -> None:
    assert read_increments(text) == increments


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("60/60/1", "three parts, whose order vendors do not agree on: ask the vendor"),
        ("2027-06-06", "turned these increments into a date"),
        ("2027-06-30T00:00:00", "turned these increments into a date"),
        ("0/60", "1 to 3600 seconds"),
        ("60/0", "1 to 3600 seconds"),
        ("3601", "1 to 3600 seconds"),
        ("per minute", "are no increments"),
        ("6.5", "are no increments"),
        ("-6", "are no increments"),
    ],
)
def test_increments_that_may_mean_something_else_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_increments(text)


@pytest.mark.parametrize(
    ("notation", "used", "billed"),
    [
        ("30/6", 0, 0),
        ("30/6", 1, 30),
        ("30/6", 30, 30),
        ("30/6", 31, 36),
        ("30/6", 32, 36),
        ("30/6", 57, 60),
        ("30/6", 60, 60),
        ("30/6", 75, 78),
        ("60/60", 61, 120),
        ("60/1", 61, 61),
        ("60/1", 1, 60),
        ("1/1", 7, 7),
        ("6/6", 7, 12),
        ("6", 7, 12),
    ],
)
def test_a_call_is_billed_in_started_increments(notation: str, used: int, billed: int) -> None:
    price = price_of(first_nanos=1, next_nanos=1, fee_nanos=0, increments=read_increments(notation), profile=ANY_TIME)

    assert billed_seconds(Tariff((price,), 4, Rounding.HALF_UP, ZoneInfo("UTC")), NOON, used) == billed


def test_like_increments_at_one_price_are_one_step() -> None:
    price = price_of(first_nanos=5, next_nanos=5, fee_nanos=7, increments=(60, 60), profile=ANY_TIME)

    assert price == Price(7, (PriceStep(0, 60, 5),))


@pytest.mark.parametrize(("increments", "next_nanos"), [((30, 6), 5), ((60, 60), 4)])
def test_unlike_increments_or_prices_are_two_steps(increments: tuple[int, int], next_nanos: int) -> None:
    price = price_of(first_nanos=5, next_nanos=next_nanos, fee_nanos=0, increments=increments, profile=ANY_TIME)

    assert price.steps == (PriceStep(0, increments[0], 5), PriceStep(increments[0], increments[1], next_nanos))


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("", Standing.OFFERED),
        ("Active", Standing.OFFERED),
        ("forbidden", Standing.BLOCKED),
        ("Discontinued", Standing.DISCONTINUED),
        ("stashed", Standing.DISCONTINUED),
    ],
)
def test_a_status_says_whether_a_row_is_sold(text: str, standing: Standing) -> None:
    assert read_status(text, is_astpp=False) is standing


def test_a_number_is_a_status_only_where_its_meaning_is_known() -> None:
    assert read_status("0", is_astpp=True) is Standing.OFFERED
    assert read_status("1", is_astpp=True) is Standing.DISCONTINUED
    with pytest.raises(ValueError, match="'1' is not known"):
        read_status("1", is_astpp=False)


def test_a_change_informs_unless_the_row_is_gone() -> None:
    assert read_change("increase") is Standing.OFFERED
    assert read_change("Removed") is Standing.DISCONTINUED
    assert read_change("blocked") is Standing.BLOCKED


def test_yes_and_no_are_read_and_nothing_else() -> None:
    assert [read_yes(text) for text in ("Yes", "1", "true", "no", "0", "")] == [True, True, True, False, False, False]
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_yes("maybe")


@pytest.mark.parametrize("text", ["", "0", "0.0", "0.00000", "-"])
def test_no_included_seconds_are_accepted(text: str) -> None:
    read_no_included_seconds(text)


@pytest.mark.parametrize("text", ["30", "5", "10", "0.5", "x"])
def test_included_seconds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="would be free"):
        read_no_included_seconds(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("", None),
        ("2027-07-01", datetime(2027, 6, 30, 22, tzinfo=UTC)),
        ("2027-07-01 00:00:00", datetime(2027, 6, 30, 22, tzinfo=UTC)),
        ("2027-07-01T12:00Z", datetime(2027, 7, 1, 12, tzinfo=UTC)),
        ("2027-07-01T12:00:00+05:30", datetime(2027, 7, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_date_begins_on_the_clock_of_the_deck(text: str, instant: datetime | None) -> None:
    assert read_effective_at(text, ZoneInfo("Europe/Rome")) == instant


def test_a_date_without_a_zone_is_refused_saying_how_to_state_one() -> None:
    assert read_effective_at("2027-07-01T12:00Z", None) == datetime(2027, 7, 1, 12, tzinfo=UTC)
    with pytest.raises(Invalid, match="--time-zone"):
        read_effective_at("2027-07-01", None)


@pytest.mark.parametrize("text", ["01/02/2027", "1 July 2027", "20270701", "2027-13-01", "0001-01-01", "9999-12-31"])
def test_a_date_that_may_be_another_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"2027|month|no date"):
        read_effective_at(text, ZoneInfo("UTC"))


def test_currencies_are_those_of_iso_4217() -> None:
    assert is_currency("USD")
    assert not is_currency("usd")
    assert not is_currency("XYZ")
