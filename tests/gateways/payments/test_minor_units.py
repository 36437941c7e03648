import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.errors import Invalid
from talktime.core.values.money import AMOUNT_MAX_MICROS, MICROS_PER_UNIT
from talktime.core.values.places import currencies
from talktime.gateways.payments.minor_units import from_minor, step_micros, to_minor

NOT_TAKEN = {"IQD", "LYD"}
TAKEN = sorted(currencies() - NOT_TAKEN)
# CLDR writes these without decimals; Stripe counts their hundredths all the same.
HUNDREDTHS_ALTHOUGH_WRITTEN_WHOLE = {
    "AFN", "ALL", "IRR", "ISK", "KPW", "LAK", "LBP", "MMK", "RSD", "SOS", "SYP", "UGX", "YER"
}  # fmt: skip


@given(st.sampled_from(TAKEN), st.integers(0, AMOUNT_MAX_MICROS))
def test_case_49_what_can_be_charged_in_any_currency_comes_back_exactly(currency: str, wanted_micros: int) -> None:
    amount_micros = wanted_micros - wanted_micros % step_micros(currency)

    assert from_minor(to_minor(amount_micros, currency), currency) == amount_micros


@given(st.sampled_from(TAKEN), st.integers(0, AMOUNT_MAX_MICROS))
def test_case_49_an_amount_finer_than_its_currency_is_refused_and_never_rounded(
    currency: str, amount_micros: int
) -> None:
    if amount_micros % step_micros(currency) == 0:
        amount_micros += 1

    with pytest.raises(Invalid) as refused:
        to_minor(amount_micros, currency)

    assert refused.value.code == "amount_too_fine"


@pytest.mark.parametrize(
    ("units", "currency", "minor"),
    [("200", "USD", 20_000), ("500", "JPY", 500), ("5", "ISK", 500), ("5", "UGX", 500), ("10", "HUF", 1_000)],
)
def test_case_49_examples_of_the_gateways_documentation_are_met(units: str, currency: str, minor: int) -> None:
    assert to_minor(int(units) * MICROS_PER_UNIT, currency) == minor


def test_case_49_thousandths_end_in_zero() -> None:
    assert to_minor(5_120_000, "KWD") == 5_120
    with pytest.raises(Invalid, match=r"5\.124 KWD .* in steps of 0\.01"):
        to_minor(5_124_000, "KWD")


def test_case_49_currencies_counted_in_hundredths_but_charged_whole_refuse_cents() -> None:
    with pytest.raises(Invalid, match=r"5\.50 ISK .* in steps of 1"):
        to_minor(5_500_000, "ISK")


@pytest.mark.parametrize("currency", sorted(NOT_TAKEN))
def test_a_currency_whose_count_nobody_documents_is_refused_instead_of_guessed(currency: str) -> None:
    with pytest.raises(Invalid) as refused:
        to_minor(MICROS_PER_UNIT, currency)

    assert refused.value.code == "currency_not_supported"


def test_the_decimals_differ_from_those_people_write_only_where_we_know_it() -> None:
    differing = {
        currency
        for currency in TAKEN
        if to_minor(100 * MICROS_PER_UNIT, currency) != 100 * 10 ** get_currency_precision(currency)
    }

    assert differing == HUNDREDTHS_ALTHOUGH_WRITTEN_WHOLE
