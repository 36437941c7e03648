"""The external party's last digits are hidden by the organization's country, in every layout alike (domain.md 7.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import EMERGENCY, INBOUND, CallKind
from talktime.core.insight.privacy.masking import HIDDEN_DIGITS, MASK, hidden_digits, masked, shown_numbers
from talktime.core.insight.usage import LAYOUTS, ReportedUsage
from tests.usage_of import usage_row

CALLER, CALLED = "442079460999", "4930123456"


@pytest.mark.parametrize(
    ("country", "shown"),
    [
        ("BE", "+442079460***"),
        ("CH", "+44207946****"),
        ("DE", "+442079460***"),
        ("FR", "+44207946****"),
        ("SE", "+442079460***"),
        ("US", "+442079460999"),
        ("", "+442079460999"),
    ],
)
def test_each_country_hides_its_number_of_digits(country: str, shown: str) -> None:
    assert masked("+442079460999", country) == shown


@given(st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True), st.sampled_from([*HIDDEN_DIGITS, "US"]))
def test_a_masked_number_keeps_its_length_and_loses_its_last_digits(number: str, country: str) -> None:
    shown = masked(number, country)

    hidden = min(hidden_digits(country), len(number.removeprefix("+")))
    assert len(shown) == len(number)
    assert shown.count(MASK) == hidden
    assert number.startswith(shown.rstrip(MASK))
    assert masked(shown, country) == shown


def test_what_is_no_number_has_no_digits_to_hide() -> None:
    assert [masked(text, "DE") for text in ("", "anonymous", "+")] == ["", "anonymous", "+"]


@pytest.mark.parametrize("kind", CallKind)
def test_who_calls_in_and_who_is_called_are_masked_and_our_own_number_is_not(kind: CallKind) -> None:
    row = usage_row(kind=kind, caller=CALLER, called=CALLED)

    shown = shown_numbers(row, "DE")

    if kind in EMERGENCY:
        assert shown == (CALLER, CALLED)
    elif kind in INBOUND:
        assert shown == ("442079460***", CALLED)
    else:
        assert shown == (CALLER, "4930123***")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", sorted(set(CallKind) - EMERGENCY, key=lambda kind: kind.value))
def test_no_layout_writes_a_hidden_digit(kind: CallKind, layout: str) -> None:
    reported = ReportedUsage(usage_row(kind=kind, caller=CALLER, called=CALLED), usage_location="DE")
    external = CALLER if kind in INBOUND else CALLED

    hidden, whole = (LAYOUTS[layout].cells(reported, country) for country in ("DE", "US"))

    assert not any(external in str(cell) for cell in hidden)
    # Nothing else changes: where a number is, is told by all of its digits.
    assert [cell for cell in whole if external not in str(cell)] == [cell for cell in hidden if MASK not in str(cell)]
