import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying import catalog
from talktime.core.credit.buying.catalog import COMMUNICATIONS_CREDITS, BuyingTerms
from talktime.core.values.errors import Invalid
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.core.values.places import currencies


def test_twenty_dollars_are_the_minimum_as_the_source_says() -> None:
    assert catalog.minimum_micros("USD") == 20 * MICROS_PER_UNIT
    assert catalog.confirmed_above_micros("USD") == 10_000 * MICROS_PER_UNIT
    assert catalog.maximum_micros("USD") == 500_000 * MICROS_PER_UNIT


@given(st.sampled_from(sorted(currencies())))
def test_every_currency_has_a_minimum_that_can_be_bought(currency: str) -> None:
    least = catalog.minimum_micros(currency)

    assert least > 0
    assert catalog.is_whole(least)
    assert catalog.fits_currency(least, currency)


@pytest.mark.parametrize(("currency", "units"), [("JPY", 3_000), ("KWD", 6), ("XAF", 2_000), ("ISK", 2_000)])
def test_currencies_without_cents_have_larger_minimums(currency: str, units: int) -> None:
    assert catalog.minimum_micros(currency) == units * MICROS_PER_UNIT


def test_an_operator_s_minimum_replaces_the_table_s() -> None:
    assert catalog.minimum_micros("USD", BuyingTerms({"USD": 50})) == 50 * MICROS_PER_UNIT
    assert catalog.minimum_micros("EUR", BuyingTerms({"USD": 50})) == 20 * MICROS_PER_UNIT


@pytest.mark.parametrize(
    ("amount_micros", "currency", "fits"),
    [
        (20_010_000, "USD", True),
        (20_001_000, "USD", False),
        (20_001_000, "KWD", True),
        (20_000_100, "KWD", False),
        (3_000_000_000, "JPY", True),
        (3_000_500_000, "JPY", False),
    ],
)
def test_an_amount_is_no_finer_than_its_currency(amount_micros: int, currency: str, *, fits: bool) -> None:
    assert catalog.fits_currency(amount_micros, currency) is fits


def test_the_product_is_known_by_both_names() -> None:
    assert COMMUNICATIONS_CREDITS.sku == "MCOPSTNC"
    assert "MCOPSTNPP" in COMMUNICATIONS_CREDITS.aliases


def test_minimums_are_read_as_an_operator_writes_them() -> None:
    assert catalog.read_minimums(" usd=50, EUR = 40 ,") == {"USD": 50, "EUR": 40}
    assert catalog.read_minimums("") == {}


@pytest.mark.parametrize("text", ["USD", "USD=", "USD=-1", "USD=0", "USD=20.5", "NOPE=20"])
def test_a_minimum_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        catalog.read_minimums(text)
