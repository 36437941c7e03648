import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.numbers import (
    NumberClass,
    class_of,
    country_codes,
    country_of,
    is_e164,
    is_emergency,
    normalize,
)


@pytest.mark.parametrize(
    "raw",
    [
        "442079460000",
        "+442079460000",
        "00442079460000",
        "+44 20 7946 0000",
        "+44 (20) 7946-0000",
        "+44.20.7946.0000",
        "sip:+442079460000@proxy.example.com",
        "sip:+442079460000@10.0.0.1:5060;user=phone",
        "sips:442079460000;npdi@host",
        "tel:+44-20-7946-0000;phone-context=+44",
        "SIP:+442079460000@host",
        "sip:+442079460000:secret@host",
        " +442079460000 ",
    ],
)
def test_a_number_is_read_in_every_form_that_switches_write(raw: str) -> None:
    assert normalize(raw) == "442079460000"


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("alice", "alice"),
        ("sip:alice@example.com", "alice"),
        ("Ada@Example.com", "ada@example.com"),
        ("1001@pbx.example.com", "1001"),
        ("anonymous", "anonymous"),
        ("", ""),
        ("911", "911"),
        ("tel:911", "911"),
        ("0012", "0012"),
        ("002", "002"),
        ("*97", "*97"),
        ("sip:", ""),
        ("٤٤٢٠٧٩٤٦٠٠٠٠", "٤٤٢٠٧٩٤٦٠٠٠٠"),
    ],
)
def test_what_is_no_number_is_left_as_it_stands(raw: str, read: str) -> None:
    assert normalize(raw) == read


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_reading_a_number_twice_changes_nothing(digits: str) -> None:
    assert normalize(digits) == normalize(f"+{digits}") == normalize(f"sip:+{digits}@host") == digits


@pytest.mark.parametrize(
    ("digits", "possible"),
    [
        ("442079460000", True),
        ("1234567", True),
        ("123456", False),
        ("123456789012345", True),
        ("1234567890123456", False),
        ("0442079460000", False),
        ("+442079460000", False),
        ("44207946000a", False),
        ("٤٤٢٠٧٩٤٦٠٠٠٠", False),
        ("", False),
    ],
)
def test_an_international_number_has_seven_to_fifteen_digits_and_no_leading_zero(
    digits: str, *, possible: bool
) -> None:
    assert is_e164(digits) is possible


@pytest.mark.parametrize("digits", ["112", "911", "999", "000", "110", "17", "10111", "90000", "320221"])
def test_emergency_numbers_of_all_countries_are_known(digits: str) -> None:
    assert is_emergency(digits)


@pytest.mark.parametrize("digits", ["", "1", "1234567", "442079460000", "9911", "alice", "100000"])
def test_other_numbers_are_no_emergency(digits: str) -> None:
    assert not is_emergency(digits)


def test_an_operator_may_narrow_emergencies_to_the_countries_served() -> None:
    assert is_emergency("999", frozenset({"GB"}))
    assert is_emergency("112", frozenset({"GB", "DE"}))
    assert not is_emergency("999", frozenset({"US"}))
    assert not is_emergency("10111", frozenset({"GB"}))


@pytest.mark.parametrize(
    ("digits", "country", "number_class"),
    [
        ("442079460000", "GB", NumberClass.GEOGRAPHIC),
        ("447400123456", "GB", NumberClass.MOBILE),
        ("448001111111", "GB", NumberClass.TOLL_FREE),
        ("449098790000", "GB", NumberClass.PREMIUM),
        ("12125550100", "US", NumberClass.GEOGRAPHIC),
        ("14165550100", "CA", NumberClass.GEOGRAPHIC),
        ("4930123456", "DE", NumberClass.GEOGRAPHIC),
        ("33810123456", "FR", NumberClass.SHARED_COST),
        # International freephone and an unassigned calling code belong to no country.
        ("80012345678", "", NumberClass.TOLL_FREE),
        ("9991234567", "", NumberClass.OTHER),
        ("12", "", NumberClass.OTHER),
        # Not assigned, but only Germany has 49.
        ("4900000000", "DE", NumberClass.OTHER),
        # Not assigned, and 44 is shared with Jersey.
        ("440000000000", "", NumberClass.OTHER),
    ],
)
def test_a_number_has_a_country_and_a_class(digits: str, country: str, number_class: NumberClass) -> None:
    assert country_of(digits) == country
    assert class_of(digits) is number_class


def test_the_main_country_of_a_calling_code_stands_first() -> None:
    codes = country_codes()

    assert codes["1"][0] == "US"
    assert codes["44"][0] == "GB"
    assert codes["49"] == ("DE",)
    assert codes["800"] == ()


@given(st.from_regex(r"[0-9]{0,18}", fullmatch=True))
def test_every_row_of_digits_has_an_answer(digits: str) -> None:
    assert isinstance(country_of(digits), str)
    assert isinstance(class_of(digits), NumberClass)
