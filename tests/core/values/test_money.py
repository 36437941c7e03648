from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.money import (
    AMOUNT_MAX_MICROS,
    Rounding,
    divide,
    format_micros,
    format_nanos,
    parse_micros,
    parse_nanos,
    round_micros,
)


@given(st.integers(-AMOUNT_MAX_MICROS, AMOUNT_MAX_MICROS), st.integers(0, 6))
def test_an_amount_that_is_written_is_read_again_exactly(amount_micros: int, decimals_min: int) -> None:
    written = format_micros(amount_micros, decimals_min=decimals_min)

    assert parse_micros(written) == amount_micros
    assert Decimal(written) * 10**6 == amount_micros


@given(st.integers(-(10**18), 10**18))
def test_a_price_that_is_written_is_read_again_exactly(nanos: int) -> None:
    assert parse_nanos(format_nanos(nanos)) == nanos


@pytest.mark.parametrize(
    ("amount_micros", "written"),
    [(0, "0.00"), (13_500, "0.0135"), (200_000_000, "200.00"), (-500_000, "-0.50"), (1, "0.000001"), (-1, "-0.000001")],
)
def test_an_amount_is_written_with_at_least_two_decimals(amount_micros: int, written: str) -> None:
    assert format_micros(amount_micros) == written


def test_an_amount_is_written_without_a_point_where_no_decimals_are_asked() -> None:
    assert format_micros(200_000_000, decimals_min=0) == "200"
    assert format_micros(200_500_000, decimals_min=0) == "200.5"


@pytest.mark.parametrize(
    ("text", "amount_micros"),
    [("200", 200_000_000), (" 0.0135 ", 13_500), ("+1", 1_000_000), (".5", 500_000), ("5.", 5_000_000), ("1e-05", 10)],
)
def test_an_amount_is_read_as_people_and_spreadsheets_write_it(text: str, amount_micros: int) -> None:
    assert parse_micros(text) == amount_micros


@pytest.mark.parametrize("text", ["0.0000001", "1e-7", "1.00000000000000000000000000001", "0." + "9" * 30])
def test_an_amount_finer_than_a_micro_is_refused_not_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="more than 6 decimals"):
        parse_micros(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "-", "abc", "1,5", "1_000", "1 000", "0x10", "NaN", "Infinity", "-inf", "٣", "1.2.3", "€5", "e5"],
)
def test_what_is_no_decimal_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal amount"):
        parse_micros(text)


@pytest.mark.parametrize("text", ["1e999999", "1e100000", "9" * 5_000, "0." + "0" * 5_000 + "1"])
def test_an_absurd_amount_is_refused_before_it_fills_memory(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal amount"):
        parse_micros(text)


def test_a_large_amount_is_read_to_its_last_digit() -> None:
    assert parse_nanos("123456789012345678901234567.123456789") == 123456789012345678901234567123456789


@given(st.integers(0, 10**20), st.integers(1, 10**12))
def test_half_up_is_the_nearest_and_up_never_below(numerator: int, denominator: int) -> None:
    half_up = divide(numerator, denominator, Rounding.HALF_UP)
    up = divide(numerator, denominator, Rounding.UP)

    assert -denominator < 2 * (numerator - half_up * denominator) <= denominator or (
        2 * (half_up * denominator - numerator) == denominator
    )
    assert 0 <= up * denominator - numerator < denominator


@given(amount_micros=st.integers(-(10**12), 10**12), decimals=st.integers(0, 6))
def test_a_refund_is_rounded_as_the_mirror_of_its_charge(amount_micros: int, decimals: int) -> None:
    rounded, unit = round_micros(amount_micros, decimals), 10 ** (6 - decimals)

    assert rounded == -round_micros(-amount_micros, decimals)
    assert rounded % unit == 0
    assert 2 * abs(rounded - amount_micros) <= unit
    assert round_micros(-125_000, 2) == -130_000


def test_a_half_is_rounded_up() -> None:
    assert [divide(half, 2, Rounding.HALF_UP) for half in (1, 3, 5)] == [1, 2, 3]
